"""Figures: what is drawn, read back from the artists. Pixels only where a file is written."""

import matplotlib
import pytest

from reid_lib.figures.style import percent

matplotlib.use("Agg")

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def test_a_share_is_never_rounded_to_none_or_all():
    assert [percent(x) for x in (0, 0.001, 0.004, 0.5, 0.996, 1)] == ["0 %", "<1 %", "<1 %", "50 %", ">99 %", "100 %"]
