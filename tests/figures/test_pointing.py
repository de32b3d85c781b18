"""What the pointer says over a figure: at the place in the PNG where it is drawn, whatever was cut off around."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from figure_cases import SWEEP
from PIL import Image

from reid_lib.figures import impact, performance
from reid_lib.figures.pointing import locate_spots, point_out, say_result
from reid_lib.figures.saving import FILE_DPI, render_png

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


@pytest.mark.parametrize("dpi", [100, FILE_DPI])
def test_a_spot_lies_in_the_picture_where_its_point_is_drawn(dpi):
    figure, ax = plt.subplots(figsize=(5, 3))
    ax.set(xscale="log", xlim=(1e-4, 1), ylim=(1, 0), title="a title of two lines\nof which none is cut", xlabel="x")
    ax.plot([3e-3], [0.2], "o", color="#ff0000", markersize=9)
    ax.set_yticks([0.2], ["a-long-name-of-a-run_lr-3e-4_illimitable_" * 3])
    figure.text(0.5, -0.3, "far below the figure, so that it grows")
    point_out(ax, 3e-3, 0.2, ["a", ""], box=(0, 0.1))
    (spot,) = locate_spots(ax, dpi=dpi)
    pixels = np.asarray(Image.open(io.BytesIO(render_png(figure, dpi=dpi))).convert("RGB")).astype(int)
    red = np.argwhere((pixels[..., 0] > 200) & (pixels[..., 1:].max(axis=2) < 60))
    found = red.mean(axis=0) / pixels.shape[:2]
    np.testing.assert_allclose([spot["y"], spot["x"]], found, atol=2 / min(pixels.shape[:2]))
    assert spot["words"] == ["a"] and spot["w"] == 0 and 0.02 < spot["h"] < 0.1


def test_every_run_and_cell_of_the_figures_of_runs_is_told():
    table = SWEEP.assign(baks_low=SWEEP["baks"] - 0.1, baks_high=SWEEP["baks"] + 0.1)
    best = table.loc[table["baks"].idxmax()]
    bars = locate_spots(performance.performance_bars(table, ["baks"], verdicts={best["run"]: "better"}), dpi=100)
    assert len(bars) == len(table) and bars[0]["words"][-2:] == [say_result(best, "baks"), "better"]
    cells = locate_spots(performance.performance_heatmap(table, ["baks", "baus"]), dpi=100)
    assert len(cells) == 2 * len(table) and all(cell["w"] > 0 and cell["h"] > 0 for cell in cells)
    runs = locate_spots(impact.parameter_impact(table, "lr", "baks"), dpi=100)
    assert len(runs) == len(table) and ["lr 0.001" in " ".join(run["words"]) for run in runs].count(True) >= 2
    assert [run["words"][-1] for run in runs].count("differs in more than lr and the seed") == 1


def test_a_result_is_said_with_its_interval_where_it_has_one():
    row = pd.Series({"run": "a", "baks": 0.8134, "baks_low": 0.7, "baks_high": 0.9, "auroc": np.nan, "baus": 0.5})
    assert say_result(row, "baks") == "BAKS 0.813 (95 %: 0.700 to 0.900)"
    assert say_result(row, "baus") == "BAUS 0.500" and say_result(row, "auroc").endswith(": undefined")
