"""Counts, calendar and roles of a data set, read back from the artists."""

import matplotlib
import pandas as pd
import pytest

from reid_lib.figures.sightings import MOST_NAMED, counts_panels, sighting_calendar, split_roles

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def catalogue(n_animals, *, names=None, sets=("newts",), dates=True):
    """Animal k is seen in 1 + k % 4 encounters of two photographs each, a week apart."""
    seen = [(k, e) for k in range(n_animals) for e in range(1 + k % 4) for _ in range(2)]
    table = pd.DataFrame(seen, columns=["k", "e"])
    table["identity"] = table["k"].map(lambda k: names[k] if names else f"a{k}")
    table["dataset"] = table["k"].map(lambda k: sets[k % len(sets)])
    table["individual"] = table["dataset"] + "/" + table["identity"]
    table["encounter"] = table["identity"] + "-" + table["e"].astype(str)
    table["image_id"] = [f"i{k}" for k in range(len(table))]
    if dates:
        table["date"] = (pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * table["e"] + table["k"], "D")).astype(str)
    return table.drop(columns=["k", "e"])


def drawn(artist):
    (artist if hasattr(artist, "canvas") else artist.figure).canvas.draw()
    return artist


def heights(ax, gid):
    return [bar.get_height() for bar in ax.patches if bar.get_gid() == gid]


def names_on(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def boxes_of_names(ax):
    """Extents of the names on the y-axis, from top to bottom."""
    ax.figure.canvas.draw()
    return sorted((t.get_window_extent() for t in ax.get_yticklabels() if t.get_text()), key=lambda box: -box.y0)


def test_animals_are_counted_by_encounters_those_seen_once_in_orange():
    left, right = drawn(counts_panels(catalogue(8))).axes
    assert heights(left, "animals") == [2, 2, 2, 2]
    assert left.get_title(loc="left") == "8 animals, 2 of them seen once (orange)"
    colours = [bar.get_facecolor() for bar in left.patches]
    assert colours[0] != colours[1] == colours[2]
    assert [bar.get_width() for bar in right.patches] == [8, 8, 6, 6, 4, 4, 2, 2]
    assert names_on(right.yaxis)[0] in ("a3", "a7")


def test_of_many_animals_no_names_are_drawn_and_long_tails_are_one_bar():
    rows = catalogue(300)
    more = pd.concat([rows[rows["identity"] == "a3"].assign(encounter=f"x{k}") for k in range(15)])
    rows = pd.concat([rows, more], ignore_index=True)
    left, right = drawn(counts_panels(rows)).axes
    assert sum(heights(left, "animals")) == 300 and names_on(left.xaxis)[-1] == "10+"
    assert len([bar for bar in right.patches if bar.get_gid() == "photographs"]) == 300
    assert not any(name.startswith("a") for name in names_on(right.yaxis))


def test_the_calendar_has_a_marker_for_each_animal_and_day_by_data_set():
    ax = drawn(sighting_calendar(catalogue(8, sets=("newts", "owls"))))
    points = [c for c in ax.collections if c.get_gid() == "sightings"]
    assert [c.get_label() for c in points] == ["newts", "owls"]
    assert sum(len(c.get_offsets()) for c in points) == 2 * (1 + 2 + 3 + 4)
    assert names_on(ax.yaxis) == [f"a{k}" for k in range(8)]  # by first day


def test_what_has_no_date_is_counted_and_without_any_a_sentence_says_so():
    rows = catalogue(4)
    rows.loc[:2, "date"] = None
    assert "3 photographs without a date" in drawn(sighting_calendar(rows)).get_title(loc="left")
    ax = drawn(sighting_calendar(catalogue(4, dates=False)))
    assert any("no photograph has a date" in text.get_text() for text in ax.texts)


def test_one_day_alone_and_three_hundred_animals_are_drawn():
    drawn(sighting_calendar(catalogue(1)))
    ax = drawn(sighting_calendar(catalogue(300)))
    assert "300" in ax.get_ylabel() and ax.figure.get_size_inches()[1] < 10


def test_long_names_with_umlauts_stay_apart_and_in_the_figure():
    names = [f"Über-große Schildkröte mit sehr langem Namen Nr. {k}" for k in range(MOST_NAMED)]
    rows = catalogue(MOST_NAMED, names=names)
    for ax in (counts_panels(rows).axes[1], sighting_calendar(rows)):
        boxes = boxes_of_names(ax)
        assert len(boxes) == MOST_NAMED
        assert all(upper.y0 >= lower.y1 - 1 for upper, lower in zip(boxes, boxes[1:], strict=False))
        assert all(box.x0 >= 0 for box in boxes)


def test_roles_of_known_and_unknown_animals_have_bars_of_their_own():
    rows = catalogue(4)
    rows["role"] = ["test"] * 2 + ["gallery", "gallery", "val", "test"] + ["val"] * 6 + ["gallery"] * 8
    rows["known"] = pd.array([False] * 2 + [pd.NA, pd.NA, True, True] + [False] * 6 + [pd.NA] * 8, dtype="boolean")
    ax = drawn(split_roles(rows))
    widths = {}
    for bar in ax.patches:
        widths.setdefault(bar.get_gid(), []).append(int(bar.get_width()))
    # in the order of the animals: a3 and a1 are trained on, a2 is asked in val alone, a0 in test alone
    assert names_on(ax.yaxis) == ["a3", "a1", "a2", "a0"]
    assert widths["gallery: trained on"] == [8, 2, 0, 0]
    assert widths["val, known"] == widths["test, known"] == [0, 1, 0, 0]
    assert widths["val, unknown"] == [0, 0, 6, 0] and widths["test, unknown"] == [0, 0, 0, 2]


def test_without_a_single_name_each_figure_says_so():
    rows = catalogue(2).assign(individual=None, identity=None, role="test", known=None)
    axes = *drawn(counts_panels(rows)).axes, drawn(split_roles(rows)), drawn(sighting_calendar(rows))
    told = [text.get_text() for ax in axes for text in ax.texts if text.get_text()]
    assert told == ["no photograph has the name of an animal"] * 4
