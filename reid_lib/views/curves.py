"""Views of curves: histories of the chosen runs, and figures of metrics and parameters."""

import ipywidgets as w

from reid_lib.figures import impact, performance, planes
from reid_lib.figures.labels import MAIN_METRICS, history_column, metric_word
from reid_lib.figures.saving import render_png
from reid_lib.openset.measures import METRICS
from reid_lib.pages.comparison_page import draw_curves
from reid_lib.runs.table import PARAM
from reid_lib.views.base import FITTING, WIDE, RunPicker, View, offer

COLUMNS = ("loss", "val_score", "val_top1", "lr", "images_per_s")  # of the histories
SCREEN_DPI = 100


class Curves(View):
    """What happened while training, several runs together; those still in training, too."""

    FOLLOWS = (*View.FOLLOWS, "training", "epochs")

    def __init__(self, picker: RunPicker):
        self.column = w.Dropdown(
            options=[(history_column(name).word, name) for name in COLUMNS], description="curve", layout=FITTING
        )
        self.image = w.Image(format="png", layout=WIDE)
        super().__init__(picker, [self.column], [self.image])

    @property
    def names(self) -> tuple[str, ...]:
        """Those chosen, and those in training."""
        return tuple(dict.fromkeys((*self.chosen.runs, *self.chosen.training)))

    def refresh(self) -> None:
        self.image.value = render_png(
            draw_curves(self.comparison, self.names, self.column.value), dpi=SCREEN_DPI, close=True
        )


class Figures(View):
    """The figures the replaced system drew: performance, heat map, impact of a parameter, embeddings side by side."""

    FOLLOWS = (*View.FOLLOWS, "table")
    KINDS = ("performance", "heat map", "impact of a parameter", "embeddings side by side")

    def __init__(self, picker: RunPicker):
        self.kind = w.Dropdown(options=self.KINDS, description="figure", layout=FITTING)
        self.parameter = w.Dropdown(description="parameter", layout=FITTING)
        self.metric = w.Dropdown(description="metric", layout=FITTING)
        self.image = w.Image(format="png", layout=WIDE)
        super().__init__(picker, [self.kind, self.parameter, self.metric], [self.image])

    def refresh(self) -> None:
        table = self.comparison.table
        params = (c for c in table if c.startswith(PARAM) and table[c].nunique(dropna=False) > 1)
        offer(self.parameter, tuple(sorted(c.removeprefix(PARAM) for c in params)) or ("lr",))
        offer(self.metric, tuple((metric_word(name), name) for name in METRICS if name in table))
        self.parameter.disabled = self.kind.value != "impact of a parameter"
        self.metric.disabled = self.kind.value not in ("performance", "impact of a parameter")
        self.image.value = render_png(self._draw(), dpi=SCREEN_DPI, close=True)

    def _draw(self):
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
