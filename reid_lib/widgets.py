"""The views of compare.ipynb that look at several runs: which runs, their numbers, curves and figures.

All views share one `Chosen`: choosing other runs in the picker changes every view. Their state lives in Python, so it
can be set and read without a browser.
"""

import asyncio
import threading

import ipywidgets as w
import traitlets

from reid_lib import cards, plotcompare, verdicts
from reid_lib.compare import PARAM, Comparison
from reid_lib.errors import ReidError
from reid_lib.plots import METRIC_LABELS

WIDE = w.Layout(width="auto")
PATIENCE_S = 0.1  # what a person does not feel as waiting
HISTORY = {
    "loss": "training and validation loss",
    "val_score": "val score",
    "val_top1": "top-1 on val",
    "lr": "learning rate",
    "images_per_s": "images per second",
}
OTHER_QUERIES = "not all were asked the same photographs: only the shapes of the curves compare, not their heights"
HEADLINE = ("geometric_mean", "baks", "baus", "top1", "top5", "mean_average_precision", "auroc")


class Chosen(traitlets.HasTraits):
    """Names of the runs that are looked at, in the order of the list."""

    runs = traitlets.Tuple()

    def __init__(self):
        super().__init__()
        self.waiting: list = []

    def in_turn(self, refresh) -> None:
        """Call `refresh`: at once; in a kernel one view after the other, which answers what is asked meanwhile."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            refresh()
            return
        if refresh not in self.waiting:
            self.waiting.append(refresh)
            if len(self.waiting) == 1:
                loop.call_soon(self._next, loop)

    def _next(self, loop) -> None:
        refresh = self.waiting.pop(0)
        if self.waiting:
            loop.call_soon(self._next, loop)
        refresh()


class RunPicker(w.VBox):
    """Choose runs: search, sort, several at once (Ctrl or Shift click); the reference carries a star."""

    def __init__(self, comparison: Comparison):
        self.comparison, self.chosen = comparison, Chosen()
        columns = {"validation geometric mean": "val_geometric_mean", "name": "run"}
        columns |= {label.split(":")[0]: name for name, label in METRIC_LABELS.items() if name in comparison.table}
        self.search = w.Text(placeholder="part of a name or of a parameter", description="search")
        self.order = w.Dropdown(options=list(columns.items()), description="sort by")
        self.runs = w.SelectMultiple(description="runs", layout=w.Layout(width="760px", height="170px"))
        self.note = w.HTML()
        super().__init__([w.HBox([self.search, self.order]), self.runs, self.note])
        self.search.observe(self._list, "value")
        self.order.observe(self._list, "value")
        self.runs.observe(self._choose, "value")
        self.chosen.runs = tuple(comparison.default_choice())
        self._list()

    def choose(self, *names: str) -> None:
        """Look at these runs."""
        for name in names:
            self.comparison.run(name)
        self.chosen.runs = tuple(names)
        self._list()

    def _list(self, _=None) -> None:
        """Runs that match the search, and those chosen, whatever the search says."""
        words = self.search.value.lower().split()
        table, chosen = self.comparison.table, self.chosen.runs
        shown = [
            name
            for name in self.comparison.ordered(self.order.value)
            if name in chosen or all(word in self._described(name) for word in words)
        ]
        self.runs.unobserve(self._choose, "value")
        self.runs.options = [(self._label(name, table), name) for name in shown]
        self.runs.value = tuple(name for name in shown if name in chosen)
        self.runs.observe(self._choose, "value")
        self.note.value = self._notes(len(shown))

    def _choose(self, change) -> None:
        self.chosen.runs = tuple(change["new"])

    def _described(self, name: str) -> str:
        row = self.comparison.table.loc[name]
        values = [f"{c.removeprefix(PARAM)}={row[c]}" for c in self.comparison.table if c.startswith(PARAM)]
        return " ".join([name, *values]).lower()

    def _label(self, name: str, table) -> str:
        star = "★ " if name == self.comparison.reference else ""
        numbers = [
            f"{label} {table.loc[name, c]:.3f}"
            for label, c in (("val", "val_geometric_mean"), ("test", "geometric_mean"))
            if c in table
        ]
        return f"{star}{name}   ({', '.join(numbers)})"

    def _notes(self, n_shown: int) -> str:
        total = len(self.comparison.names)
        if not total and not self.comparison.unreadable:
            return cards.muted(f"No finished run in {self.comparison.root}: make the first one with 'make train'.")
        words = f"{n_shown} of {total} finished runs; ★ is the reference. Numbers: geometric mean of BAKS and BAUS."
        if self.comparison.reference is None:
            words += " No reference yet: python -m reid_lib runs promote RUN."
        if self.comparison.unfinished:
            others = ", ".join(f"{name} ({state})" for name, state in list(self.comparison.unfinished.items())[:8])
            words += f" Not finished: {others}."
        lost = [cards.muted(f"{name} is left out: {why}") for name, why in self.comparison.unreadable.items()]
        return "<br>".join([cards.muted(words), *lost])


class View(w.VBox):
    """A view of the chosen runs: `refresh` draws it anew, an error is shown where the view would be."""

    def __init__(self, picker: RunPicker, controls: list[w.Widget], body: list[w.Widget]):
        self.comparison, self.chosen, self.trouble = picker.comparison, picker.chosen, w.HTML()
        self._busy = False
        super().__init__([w.HBox(controls, layout=w.Layout(flex_flow="row wrap")), self.trouble, *body])
        for control in controls:
            control.observe(self._refresh, "value")
        self.chosen.observe(lambda _: self.chosen.in_turn(self._refresh), "runs")
        self._refresh()

    def refresh(self) -> None:
        raise NotImplementedError

    def _refresh(self, _=None) -> None:
        if self._busy:  # by itself: offering other choices changes the controls
            return
        self.trouble.value = ""
        if not self.chosen.runs:
            self.trouble.value = cards.muted("Choose a run above.")
            return
        self._busy = True
        try:
            self.refresh()
        except ReidError as error:
            self.trouble.value = f"<b>{cards.text(error)}</b>"
        finally:
            self._busy = False


class MetricsTable(View):
    """Metrics with their intervals, the paired difference to the reference with a plain verdict, what differs."""

    def __init__(self, picker: RunPicker):
        here = [(METRIC_LABELS[name].split(":")[0], name) for name in HEADLINE if name in picker.comparison.table]
        self.judged = w.Dropdown(options=here, description="difference in", style={"description_width": "auto"})
        self.html = w.HTML()
        self._turn, self._asked, self._shown = threading.Lock(), None, None
        super().__init__(picker, [self.judged], [self.html])

    def refresh(self) -> None:
        """The numbers at once; differences that take longer follow, from a thread of their own."""
        self._asked = asked = (list(self.chosen.runs), self.judged.value)
        self._work = threading.Thread(target=self._judge, args=(asked,), daemon=True)
        self._work.start()
        self._work.join(PATIENCE_S)
        with self._turn:
            if self._shown is not asked:
                self.html.value = verdicts.html_table(self.comparison, asked[0], None, metric=asked[1])

    def wait(self) -> None:
        """Until the differences are there."""
        self._work.join()

    def _judge(self, asked: tuple) -> None:
        names, metric = asked
        try:
            found = verdicts.differences(self.comparison, names, metric)
            table = verdicts.html_table(self.comparison, names, found, metric=metric)
        except (ReidError, OSError) as error:
            table = f"<b>{cards.text(error)}</b>"
        with self._turn:
            if asked is self._asked:  # nothing else has been asked for meanwhile
                self._shown, self.html.value = asked, table


class Curves(View):
    """What happened while training, several runs together."""

    def __init__(self, picker: RunPicker):
        self.column = w.Dropdown(options=[(label, name) for name, label in HISTORY.items()], description="curve")
        self.image = w.Image(format="png", layout=WIDE)
        super().__init__(picker, [self.column], [self.image])

    def refresh(self) -> None:
        self.image.value = cards.png(draw_curves(self.comparison, self.chosen.runs, self.column.value))


def draw_curves(comparison: Comparison, names, column: str):
    histories = {name: comparison.run(name).history for name in names}
    if column == "loss":
        return plotcompare.loss_comparison(histories, losses={name: comparison.loss(name) for name in names})
    others = column.startswith("val_") and not all(comparison.comparable(name, names[0]) for name in names)
    return plotcompare.history_lines(histories, column, note=OTHER_QUERIES if others else "")


class Figures(View):
    """The figures the replaced system drew: performance, heat map, impact of a parameter, embeddings side by side."""

    KINDS = ("performance", "heat map", "impact of a parameter", "embeddings side by side")

    def __init__(self, picker: RunPicker):
        table = picker.comparison.table
        self.kind = w.Dropdown(options=self.KINDS, description="figure")
        params = sorted(
            c.removeprefix(PARAM) for c in table if c.startswith(PARAM) and table[c].nunique(dropna=False) > 1
        )
        self.parameter = w.Dropdown(options=params or ["lr"], description="parameter")
        metrics = [(label.split(":")[0], name) for name, label in METRIC_LABELS.items() if name in table]
        self.metric = w.Dropdown(options=metrics, description="metric")
        self.image = w.Image(format="png", layout=WIDE)
        super().__init__(picker, [self.kind, self.parameter, self.metric], [self.image])

    def refresh(self) -> None:
        self.parameter.disabled = self.kind.value != "impact of a parameter"
        self.metric.disabled = self.kind.value not in ("performance", "impact of a parameter")
        self.image.value = cards.png(self._draw())

    def _draw(self):
        names, comparison, kind = list(self.chosen.runs), self.comparison, self.kind.value
        table = comparison.table.reset_index(drop=True)
        chosen = table[table["run"].isin(names)]
        if kind == "performance":
            return plotcompare.performance_bars(chosen, [self.metric.value])
        if kind == "heat map":
            return plotcompare.performance_heatmap(chosen, [name for name in HEADLINE if name in table])
        if kind == "impact of a parameter":  # of all runs: the chosen ones seldom differ in one parameter alone
            return plotcompare.parameter_impact(
                table, self.parameter.value, self.metric.value, reference=comparison.reference
            )
        return plotcompare.projections({name: comparison.run(name).places for name in names})
