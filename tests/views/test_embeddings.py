"""The views of compare.ipynb without a browser: choose runs, move the slider, select a point; what is shown follows."""

import numpy as np
import pytest
from widgets_cases import ROWS, words

from reid_lib.core.names import IMAGE_ID, ROLE, SCORE, UNIT
from reid_lib.views import embeddings
from reid_lib.views.embedding_panel import KIND, NO_PHOTO, PHOTO


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


def test_the_photograph_lies_beside_its_point_when_the_plot_asks_for_it(picker):
    panel = embeddings.EmbeddingView(picker).panels[0]
    asked = panel.scatter.widget
    assert asked.tooltip_enable and asked.tooltip_preview == PHOTO and asked.tooltip_preview_type == "image"
    assert (panel.frame[PHOTO] == NO_PHOTO).all()
    asked.hovering = 3
    assert asked.data[PHOTO].iat[3].startswith("data:image/jpeg") and asked.data[PHOTO].iat[3] != NO_PHOTO


def test_plots_and_their_titles_are_as_high_as_they_are_shown(picker):
    picker.choose("plain", "wide")
    view = embeddings.EmbeddingView(picker, height_px=300)
    assert len(view.plots.children) == 2
    for box in view.plots.children:
        title, plot = box.children
        assert plot.height == 300 and plot.layout.height == "300px"
        assert box.layout.overflow == title.layout.overflow == plot.layout.overflow == "hidden"


def test_of_a_selection_as_many_photographs_are_shown_as_fit_and_the_rest_is_counted(picker, monkeypatch):
    view = embeddings.EmbeddingView(picker)
    image_ids = view.panels[0].frame[IMAGE_ID].tolist()
    view.select(*image_ids[:4])
    assert "4 photographs selected" in words(view.selected.value) and "left out" not in view.selected.value
    assert all(f'alt="{image_id}"' in view.selected.value for image_id in image_ids[:4])
    monkeypatch.setattr(embeddings, "MOST_TILES", 5)
    view.select(*image_ids[:12])
    said = words(view.selected.value)
    assert "12 photographs selected" in said and "5 of them are shown" in said and "7 are left out" in said
    assert sum(f'alt="{image_id}"' in view.selected.value for image_id in image_ids[:12]) == 5
    view.select(image_ids[0])
    assert "photographs selected" not in view.selected.value  # one is not a grid


def test_known_and_unknown_differ_in_size_whatever_the_colour_says(picker):
    view = embeddings.EmbeddingView(picker)
    for label in ("known / unknown", "individual", "score"):
        view.colour.value = label
        panel = view.panels[0]
        kinds = list(panel.frame[KIND].cat.categories)
        sizes = dict(zip(kinds, panel.scatter.size()["map"], strict=True))
        assert sizes["gallery"] < sizes["known"] < sizes["unknown"] / 1.5
        assert {"gallery", "known", "unknown"} <= set(words(view.key.value).replace(":", "").split())


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
