"""Figures of several runs: what is drawn, read back from the artists; hand-made tables whose answer is plain."""

import numpy as np
import pandas as pd
import pytest
from drawn import plane_of, predictions_of, texts, words

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import GALLERY, INDIVIDUAL, KNOWN, ROLE
from reid_lib.figures import planes

LONG = "dataset-demo-small_num_epochs-1_loss-triplet_margin-0.3_seed-"


# -- projections


def projection(n=6):
    rows = [("gallery", True), ("test", True), ("test", False), ("test", None), ("val", True), ("val", False)]
    frame = pd.DataFrame(rows[:n], columns=["role", "known"]).astype({"known": "boolean"})
    frame = frame.assign(image_id=[f"i{k}" for k in range(n)], x=np.arange(n) * 1.0, y=0.0)
    return frame.assign(individual=["n/a", "n/a", "n/b", None, "n/a", "n/c"][:n])


def points(ax):
    return {c.get_gid(): c.get_offsets()[:, 0].tolist() for c in ax.collections}


def test_one_panel_per_run_with_the_same_groups():
    figure = planes.projections({"one": projection(), LONG: projection().iloc[::-1]})
    figure.canvas.draw()
    first, second = figure.axes
    expected = {"gallery": [0], "known, queried": [1, 4], "unknown, queried": [2, 5], "not labelled": [3]}
    assert points(first) == expected
    assert {gid: sorted(x) for gid, x in points(second).items()} == expected
    assert first.get_title("left") == "one" and "…" in second.get_title("left")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(expected)


def test_outcomes_are_joined_by_image():
    answers = {"i5": ("c", "c"), "i1": ("a", "a"), "i2": ("b", "new_individual"), "i4": ("a", "b")}
    known = {"i1": True, "i2": False, "i4": True, "i5": False}
    predictions = predictions_of([(i, "newts", a, known[i], a, 0.5, b) for i, (a, b) in answers.items()])
    figure = planes.projections({"one": projection()}, {"one": predictions}, colour_by="outcome")
    assert points(figure.axes[0]) == {
        "gallery, or not asked": [0, 3],
        "known, named rightly": [1],
        "unknown, called new": [2],
        "known, named wrongly": [4],
        "unknown, named": [5],
    }
    with pytest.raises(ParameterError, match="'one' are missing"):
        planes.projections({"one": projection()}, colour_by="outcome")


def test_an_individual_has_one_colour_in_all_runs():
    figure = planes.projections({"one": projection(), "two": projection().iloc[[2, 5]]}, colour_by="individual")
    colours = [{c.get_gid(): tuple(c.get_facecolor()[0][:3]) for c in ax.collections} for ax in figure.axes]
    assert colours[0].keys() == {"without a name", "n/a", "n/b", "n/c"}
    assert colours[1].keys() == {"n/b", "n/c"}
    assert {name: colours[0][name] for name in colours[1]} == colours[1]


@pytest.mark.parametrize("n", [0, 1, 4, 14])
def test_any_number_of_runs(n):
    figure = planes.projections({f"r{i}": projection() for i in range(n)})
    figure.canvas.draw()
    assert sum(ax.get_visible() for ax in figure.axes) == max(1, min(n, 12))
    if n == 14:
        assert "(12 of 14 runs)" in figure.legends[0].get_title().get_text()


def test_a_run_without_photographs_says_so():
    figure = planes.projections({"one": projection(), "empty": projection(0)})
    assert texts(figure.axes[1]) == ["no photographs"]


pytestmark = pytest.mark.usefixtures("no_figure_is_left")


# --- Projection -------------------------------------------------------------------------------------------------------


def plane_points(ax):
    """Drawn points by group name."""
    drawn = {}
    for collection in ax.collections:
        drawn.setdefault(collection.get_gid().rsplit(" (", 1)[0], []).extend(collection.get_offsets().tolist())
    return drawn


@pytest.mark.parametrize("n", [30, 5001])
def test_every_photograph_is_one_point_of_its_group(n):
    frame = plane_of(n)
    drawn = plane_points(planes.projection(frame))
    gallery = frame[ROLE] == GALLERY
    masks = {
        "gallery": gallery,
        "known, queried": ~gallery & frame[KNOWN],
        "unknown, queried": ~gallery & ~frame[KNOWN],
    }
    assert set(drawn) == set(masks)
    for name, mask in masks.items():
        assert sorted(drawn[name]) == sorted(frame.loc[mask, ["x", "y"]].to_numpy().tolist())


def test_individuals_with_most_photographs_are_coloured_and_the_others_counted():
    frame = plane_of(300)
    counts = frame[INDIVIDUAL].value_counts()
    drawn = plane_points(planes.projection(frame, colour_by=INDIVIDUAL))
    named = {name: len(xy) for name, xy in drawn.items() if name != "12 others"}
    assert len(named) == 8 and all(counts[name] == n for name, n in named.items())
    assert min(named.values()) >= max(counts.drop(list(named)))
    assert len(drawn["12 others"]) == 300 - sum(named.values())


def test_projection_of_nothing_says_so():
    assert "no photographs" in words(planes.projection(plane_of(0)))


def test_the_name_of_each_data_set_stands_among_its_photographs():
    frame = pd.DataFrame({"x": [0.0, 2, 1, 11, 13, 12], "y": [0.0, 0, 3, 5, 5, 8], "image_id": list("abcdef")})
    frame = frame.assign(role="test", known=True, dataset=["newts"] * 3 + ["seals"] * 3)
    for ax in (planes.projection(frame), planes.projections({"one": frame}).axes[0]):
        named = {text.get_text(): text.get_position() for text in ax.texts if text.get_gid() == "data set"}
        assert named == {"newts": (1.0, 0.0), "seals": (12.0, 5.0)}
    assert not [text for text in planes.projection(frame, colour_by="dataset").texts if text.get_gid() == "data set"]
    assert not [text for text in planes.projection(frame.head(3)).texts if text.get_gid() == "data set"]
