"""The views of compare.ipynb without a browser: choose runs, move the slider, select a point; what is shown follows."""

import numpy as np
import pandas as pd
import pytest
from widgets_cases import ROWS, words

from reid_lib.core.names import IMAGE_ID, ROLE, SCORE, UNIT
from reid_lib.figures import style
from reid_lib.views import embeddings


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))


def test_points_of_two_runs_are_linked_by_image_id_even_in_another_order(picker, monkeypatch):
    picker.choose("plain", "wide")
    run = picker.comparison.run("wide")
    run.__dict__["projection"] = run.projection.iloc[::-1]
    view = embeddings.EmbeddingView(picker)
    left, right = view.panels
    image_id = left.frame[IMAGE_ID].iat[7]
    left.scatter.widget.selection = np.array([7])
    assert view.image_ids == [image_id]
    assert right.frame[IMAGE_ID].iloc[list(right.scatter.widget.selection)].tolist() == [image_id]
    left.scatter.widget.hovering = 3
    assert right.frame[IMAGE_ID].iat[right.scatter.widget.hovering] == left.frame[IMAGE_ID].iat[3]


def test_hovering_shows_the_photograph_and_who_it_is(picker):
    view = embeddings.EmbeddingView(picker)
    panel = view.panels[0]
    panel.scatter.widget.hovering = 0
    row = panel.frame.iloc[0]
    assert "data:image/jpeg" in view.hovered.value and row[IMAGE_ID] in words(view.hovered.value)


def test_selecting_a_query_shows_five_neighbours_in_each_run(picker):
    picker.choose("plain", "triplet")
    view = embeddings.EmbeddingView(picker)
    queries = picker.comparison.run("plain").predictions
    image_id = queries.index[queries["known"]][0]
    view.select(image_id)
    assert view.selected.value.count("data:image/jpeg") == 11
    for name in ("plain", "triplet"):
        near = picker.comparison.neighbours(name, image_id)
        for row in near.itertuples():
            assert f"{row.rank}. {'✓' if row.right else '✗'} {row.identity}" in words(view.selected.value).replace(
                "&lt;b&gt;Bo&lt;/b&gt;", "<b>Bo</b>"
            )


def test_selecting_a_gallery_photograph_says_so(picker):
    view = embeddings.EmbeddingView(picker)
    view.select(ROWS.loc[ROWS[ROLE] == "gallery", IMAGE_ID].iloc[0])
    assert "a gallery photograph" in view.selected.value


def test_the_colour_of_scores_is_said_in_their_units(picker):
    picker.choose("plain", "wide")
    picker.comparison.run("wide").metrics[UNIT] = "matches"
    view = embeddings.EmbeddingView(picker)
    view.colour.value = next(label for label, column in embeddings.COLOUR_BY.items() if column == SCORE)
    said = "score of the best individual (cosine similarity) or score of the best individual (matches)"
    assert said in words(view.key.value)


def test_selection_survives_other_colours_and_other_runs(picker):
    picker.choose("plain", "wide")
    view = embeddings.EmbeddingView(picker)
    image_id = view.panels[0].frame[IMAGE_ID].iat[4]
    view.select(image_id)
    view.colour.value = "right / wrong"
    assert view.image_ids == [image_id] and list(view.panels[0].scatter.widget.selection) == [4]
    view.right.value = "triplet" if "triplet" in picker.chosen.runs else "plain"
    assert view.image_ids == [image_id]


def test_names_of_animals_are_shown_not_obeyed(picker):
    view = embeddings.EmbeddingView(picker)
    odd = view.comparison.run("plain").predictions
    view.select(odd.index[odd["identity"] == "<b>Bo</b>"][0])
    assert "&lt;b&gt;Bo&lt;/b&gt;" in view.selected.value and "<b>Bo</b>" not in view.selected.value


@pytest.mark.parametrize("label", list(embeddings.COLOUR_BY))
def test_every_point_has_a_colour(picker, label):
    frame = picker.comparison.run("plain").projection.reset_index(drop=True)
    values, colours = embeddings.colouring(frame, embeddings.COLOUR_BY[label])
    assert len(values) == len(frame) and not values.isna().any()
    if colours:
        assert set(values.astype(str)) == set(colours)


def test_right_and_wrong_are_coloured_as_they_were_answered(picker):
    frame = picker.comparison.run("triplet").projection
    values, _ = embeddings.colouring(frame, "outcome")
    predictions = picker.comparison.run("triplet").predictions
    of_queries = values.set_axis(frame[IMAGE_ID]).loc[predictions.index].astype(str)
    right = (predictions["predicted"] == predictions["identity"]) | (
        ~predictions["known"].astype(bool) & (predictions["predicted"] == "new_individual")
    )
    assert ((of_queries == "right") == right).all() and 0 < right.sum() < len(right)
    assert set(values[(frame[ROLE] == "gallery").to_numpy()].astype(str)) == {"gallery"}


def test_many_data_sets_share_the_last_colour():
    frame = pd.DataFrame({"dataset": [f"d{k:02d}" for k in range(30)], "role": "test"})
    values, colours = embeddings.colouring(frame, "dataset")
    assert len(colours) == len(style.CYCLE) and (values == embeddings.OTHER).sum() == 30 - len(colours) + 1
