"""Lines between two photographs, read back from the artists."""

from dataclasses import fields

import numpy as np
import pytest
from drawn import by_gid, photo, texts

from reid_lib.figures.match_lines import MOST_CELLS, MOST_LINES, MOST_OUTLIERS, MatchedPair, choose_spread, match_lines
from reid_lib.figures.style import COLOURS, GREY

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def pair(n=6, n_outliers=2, verdict="right", seed=0):
    rng = np.random.default_rng(seed)
    inlier = np.arange(n + n_outliers) < n
    places = rng.random((2, n + n_outliers, 2))
    return MatchedPair("q", "g", "named Ada", verdict, *places, rng.random(n + n_outliers), inlier)


def lines(ax, gid):
    return [line for line in ax.lines if line.get_gid() == gid]


def test_each_match_is_a_line_outliers_are_grey_and_thin():
    ax = match_lines([pair()], photo)
    assert (len(lines(ax, "match")), len(lines(ax, "outlier"))) == (6, 2)
    assert {line.get_color() for line in lines(ax, "outlier")} == {GREY}
    assert max(line.get_linewidth() for line in lines(ax, "outlier")) < 0.5
    assert {line.get_color() for line in lines(ax, "match")} == {COLOURS["right"]}
    assert "named Ada" in texts(ax)


def test_lines_end_where_the_photographs_match():
    """A spot in the middle of the query and the lower right corner of the candidate."""
    one = MatchedPair(
        "q", "g", "", "wrong", np.array([[0.5, 0.5]]), np.array([[1.0, 1.0]]), np.ones(1), np.ones(1, bool)
    )
    ax = match_lines([one], photo)
    left, right = by_gid(ax, "frame")
    (x, other_x), (y, other_y) = lines(ax, "match")[0].get_data()
    assert (x, y) == pytest.approx((left.get_x() + left.get_width() / 2, left.get_y() + left.get_height() / 2))
    assert (other_x, other_y) == pytest.approx((right.get_x() + right.get_width(), right.get_y() + right.get_height()))


def test_of_many_matches_few_are_drawn_and_they_are_spread():
    ax = match_lines([pair(n=400, n_outliers=300)], photo)
    assert (len(lines(ax, "match")), len(lines(ax, "outlier"))) == (MOST_LINES, MOST_OUTLIERS)
    places = np.concatenate([np.zeros((50, 2)) + np.linspace(0, 0.01, 50)[:, None], [[1.0, 1.0], [0.0, 1.0]]])
    worth = np.concatenate([np.full(50, 0.9), [0.3, 0.3]])
    assert {50, 51} <= set(choose_spread(places, worth, 5))


def test_the_surer_match_is_darker():
    places = np.array([[0.1, 0.1], [0.9, 0.9]])
    one = MatchedPair("q", "g", "", "right", places, places, np.array([0.2, 0.9]), np.ones(2, bool))
    found = sorted(lines(match_lines([one], photo), "match"), key=lambda line: line.get_xdata()[0])
    assert found[0].get_alpha() < found[1].get_alpha()


def test_a_pair_without_matches_and_no_pairs_at_all_are_drawn():
    nothing = MatchedPair("q", "g", "called new", "unlabelled", *np.empty((2, 0, 2)), np.empty(0), np.empty(0, bool))
    ax = match_lines([nothing], photo)
    assert not lines(ax, "match") and "called new" in texts(ax)
    assert "no pairs" in texts(match_lines([], photo))


def test_cells_are_outlined_at_both_ends_and_only_the_strongest():
    one = pair(n=20, n_outliers=0)
    cells = MatchedPair(*(getattr(one, f.name) for f in fields(one) if f.name != "cell"), cell=(0.25, 0.5))
    ax = match_lines([cells], photo, title="Alike")
    assert ax.get_title(loc="left") == "Alike" and "cells of the network's last map" in " ".join(texts(ax))
    assert len(lines(ax, "match")) == MOST_CELLS and len(by_gid(ax, "cell")) == 2 * MOST_CELLS
    (x, _), (y, _) = lines(ax, "match")[0].get_data()
    cell = by_gid(ax, "cell")[0]
    left = by_gid(ax, "frame")[0]
    assert (cell.get_width(), cell.get_height()) == pytest.approx((left.get_width() / 4, left.get_height() / 2))
    assert (cell.get_x() + cell.get_width() / 2, cell.get_y() + cell.get_height() / 2) == pytest.approx((x, y))
