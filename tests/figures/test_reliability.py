"""The reliability diagram, read back from the artists."""

import numpy as np
import pytest
from drawn import texts
from scipy.stats import binomtest

from reid_lib.core.names import TEST, VAL
from reid_lib.figures.reliability import reliability_panels
from reid_lib.match.reliability import bin_reliability, summarise_reliability

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def drawn_of(**roles):
    bins = {role: bin_reliability(*pairs) for role, pairs in roles.items()}
    return reliability_panels(bins, {role: summarise_reliability(*pairs) for role, pairs in roles.items()})


def pairs(seed, n=2000):
    rng = np.random.default_rng(seed)
    probability = rng.random(n)
    return probability, rng.random(n) < probability


def test_points_are_what_was_predicted_and_what_happened():
    probability, happened = pairs(0)
    (ax,) = drawn_of(**{VAL: (probability, happened)}).axes
    x, y = ax.containers[0].lines[0].get_data()
    first = probability <= 1 / 15
    assert (x[0], y[0]) == pytest.approx((probability[first].mean(), happened[first].mean()))
    low, high = binomtest(int(happened[first].sum()), int(first.sum())).proportion_ci(method="wilson")
    segment = ax.containers[0].lines[2][0].get_segments()[0]
    assert segment[:, 1] == pytest.approx([low, high])
    assert f"{first.sum():,}" in texts(ax)


def test_each_role_has_its_panel_with_its_own_error():
    given = {VAL: pairs(0), TEST: pairs(1)}
    for ax, (role, pair) in zip(drawn_of(**given).axes, given.items(), strict=True):
        assert role in ax.get_title(loc="left")
        assert any(f"calibration error {summarise_reliability(*pair)['ece']:.3f}" in text for text in texts(ax))


def test_nothing_labelled_is_said():
    figure = reliability_panels({}, {})
    assert any("nothing to show" in text for ax in figure.axes for text in texts(ax))
