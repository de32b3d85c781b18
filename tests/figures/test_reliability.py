"""The reliability diagram, read back from the artists."""

import numpy as np
import pytest
from drawn import texts
from scipy.stats import binomtest

from reid_lib.core.names import TEST, VAL
from reid_lib.figures.reliability import reliability
from reid_lib.match.reliability import bin_reliability, summarise_reliability

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def drawn_of(**roles):
    bins = {role: bin_reliability(*pairs) for role, pairs in roles.items()}
    return reliability(bins, {role: summarise_reliability(*pairs) for role, pairs in roles.items()})


def pairs(seed, n=2000):
    rng = np.random.default_rng(seed)
    probability = rng.random(n)
    return probability, rng.random(n) < probability


def curves(ax):
    return {c.get_gid(): c for c in ax.containers} or ax.containers


def test_points_are_what_was_predicted_and_what_happened():
    probability, happened = pairs(0)
    ax = drawn_of(**{VAL: (probability, happened)})
    x, y = ax.containers[0].lines[0].get_data()
    first = probability <= 1 / 15
    assert (x[0], y[0]) == pytest.approx((probability[first].mean(), happened[first].mean()))
    low, high = binomtest(int(happened[first].sum()), int(first.sum())).proportion_ci(method="wilson")
    segment = ax.containers[0].lines[2][0].get_segments()[0]
    assert segment[:, 1] == pytest.approx([low, high])
    assert f"{first.sum():,}" in texts(ax)


def test_both_roles_have_their_own_colour_marker_and_error():
    ax = drawn_of(**{VAL: pairs(0), TEST: pairs(1)})
    first, second = (container.lines[0] for container in ax.containers)
    assert first.get_color() != second.get_color() and first.get_marker() != second.get_marker()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(labels) == 2 and all("calibration error 0.0" in label for label in labels)


def test_nothing_labelled_is_said():
    assert "no labelled pairs" in texts(reliability({}, {}))
