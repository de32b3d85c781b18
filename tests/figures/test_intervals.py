"""Figures: what is drawn, read back from the artists. Pixels only where a file is written."""

import matplotlib
import numpy as np
import pytest
from drawn import LEAK, by_gid, texts

from reid_lib.figures import intervals

matplotlib.use("Agg")

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


# --- Bars -------------------------------------------------------------------------------------------------------------


def test_bars_reach_their_value_and_carry_the_ends_of_the_interval():
    values = {
        "baks": {"value": 0.5, "low": 0.4, "high": 0.65, "n": 7},
        "auroc": {"value": 0.8, "low": 0.7, "high": 0.9},
    }
    ax = intervals.bars(values, title="t", n_of="individuals")
    assert [patch.get_width() for patch in ax.patches] == [0.5, 0.8]
    (interval,) = by_gid(ax, "interval baks")
    assert interval.get_xdata().tolist() == [0.4, 0.65] and interval.get_ydata().tolist() == [0, 0]
    assert by_gid(ax, "interval auroc")[0].get_ydata().tolist() == [1, 1]
    assert "0.50  (0.40 to 0.65)  n = 7 individuals" in texts(ax)
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first on top


def test_undefined_metric_has_no_bar_and_says_so():
    ax = intervals.bars(
        {"baus": {"value": float("nan"), "n": 0}, "baks": {"value": 0.2}}, title="t", n_of="individuals"
    )
    assert len(ax.patches) == 1
    assert " undefined  n = 0 individuals" in texts(ax)


def test_leak_says_both_results_in_its_title():
    ax = intervals.leak(LEAK)
    assert "90 % (random), 40 % (encounter)" in ax.get_title(loc="left")
    assert by_gid(ax, "interval encounter")[0].get_xdata().tolist() == [0.3, 0.5]


def test_leak_without_a_value_claims_nothing():
    ax = intervals.leak(LEAK.assign(value=[np.nan, 0.4]))
    assert ax.get_title(loc="left") == "The same data, split two ways"
