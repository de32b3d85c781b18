"""Views of curves: histories of the chosen runs, and figures of metrics and parameters."""

from typing import TYPE_CHECKING

import ipywidgets as w

from reid_lib.figures import impact, performance, planes
from reid_lib.figures.labels import MAIN_METRICS, history_column, metric_word
from reid_lib.figures.pointing import locate_spots
from reid_lib.figures.saving import render_png
from reid_lib.openset.measures import METRICS
from reid_lib.pages import html
from reid_lib.pages.comparison_page import draw_curves
from reid_lib.pages.plots import HINT, plot_curves
from reid_lib.runs.table import PARAM
from reid_lib.views.base import FITTING, WIDE, RunPicker, View, offer
from reid_lib.views.plot import Picture, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = ("loss", "val_score", "val_top1", "lr", "images_per_s")  # of the histories
SCREEN_DPI = 100
AS_PLOT, AS_FIGURE = "with the pointer", "as a figure to keep"


class Curves(View):
    """What happened while training, several runs together, those still in training, too: the pointer says run, epoch
    and value, a box zooms.

    As a figure it is the one that the exported page has beside it, to be copied from the notebook.
    """

    FOLLOWS = (*View.FOLLOWS, "training", "epochs")

    def __init__(self, picker: RunPicker):
        self.column = w.Dropdown(
            options=[(history_column(name).word, name) for name in COLUMNS], description="curve", layout=FITTING
        )
        self.shown = w.Dropdown(options=[AS_PLOT, AS_FIGURE], description="shown", layout=FITTING)
        self.plot, self.hint = Plot(), w.HTML(html.muted(f"{HINT} A click on a run hides it."))
        self.body = w.VBox()
        super().__init__(picker, [self.column, self.shown], [self.body])

    @property
    def names(self) -> tuple[str, ...]:
        """Those chosen, and those in training."""
        return self.chosen.all

    def refresh(self) -> None:
        if self.shown.value == AS_PLOT:
            self.plot.spec = plot_curves(self.comparison, self.names, self.column.value)
            self.body.children = [self.plot, self.hint]
            return
        drawn = draw_curves(self.comparison, self.names, self.column.value)
        self.body.children = [w.Image(value=render_png(drawn, dpi=SCREEN_DPI, close=True), format="png", layout=WIDE)]


class Figures(View):
    """One figure at a time: performance, heat map, or embeddings of the chosen runs; impact of a parameter on all."""

    FOLLOWS = (*View.FOLLOWS, "table")
    KINDS = ("performance", "heat map", "impact of a parameter", "embeddings side by side")

    def __init__(self, picker: RunPicker):
        self.kind = w.Dropdown(options=self.KINDS, description="figure", layout=FITTING)
        self.parameter = w.Dropdown(description="parameter", layout=FITTING)
        self.metric = w.Dropdown(description="metric", layout=FITTING)
        self.image = Picture()
        super().__init__(picker, [self.kind, self.parameter, self.metric], [self.image])

    def refresh(self) -> None:
        table = self.comparison.table
        params = (c for c in table if c.startswith(PARAM) and table[c].nunique(dropna=False) > 1)
        offer(self.parameter, tuple(sorted(c.removeprefix(PARAM) for c in params)) or ("lr",))
        offer(self.metric, tuple((metric_word(name), name) for name in METRICS if name in table))
        self.parameter.disabled = self.kind.value != "impact of a parameter"
        self.metric.disabled = self.kind.value not in ("performance", "impact of a parameter")
        drawn = self._draw()
        spots = locate_spots(drawn, dpi=SCREEN_DPI)
        self.image.show(render_png(drawn, dpi=SCREEN_DPI, close=True), spots, self.kind.value)

    def _draw(self) -> "Axes | Figure":
        names, comparison, kind = list(self.chosen.runs), self.comparison, self.kind.value
        table = comparison.table.reset_index(drop=True)
        chosen = table[table["run"].isin(names)]
        if kind == "performance":
            return performance.performance_bars(chosen, [self.metric.value])
        if kind == "heat map":
            return performance.performance_heatmap(chosen, [name for name in MAIN_METRICS if name in table])
        if kind == "impact of a parameter":  # of all runs: the chosen ones seldom differ in one parameter alone
            return impact.parameter_impact(
                table, self.parameter.value, self.metric.value, reference=comparison.reference
            )
        return planes.projections({label: comparison.run(name).places for name, label in self.called.items()})
