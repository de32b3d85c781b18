"""What the views of compare.ipynb share: which runs are chosen, and that every view follows the choice.

All views share one `Chosen`: choosing other runs in the picker changes every view. Their state lives in Python, so it
can be set and read without a browser.
"""

import asyncio
from collections.abc import Callable

import ipywidgets as w
import traitlets

from reid_lib.compare.comparison import Comparison
from reid_lib.core.errors import ReidError
from reid_lib.figures.labels import metric_word
from reid_lib.openset.measures import METRICS
from reid_lib.pages import html
from reid_lib.runs.table import PARAM

WIDE = w.Layout(width="auto")
FITTING = w.Layout(width="max-content", min_width="300px", max_width="100%")  # of a dropdown: what it offers is whole


class Chosen(traitlets.HasTraits):
    """Names of the runs that are looked at, in the order of the list."""

    runs = traitlets.Tuple()

    def __init__(self):
        super().__init__()
        self.waiting: list = []

    def in_turn(self, refresh: Callable[[], None]) -> None:
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
        columns = {metric_word("val_geometric_mean"): "val_geometric_mean", "name": "run"}
        columns |= {metric_word(name): name for name in METRICS if name in comparison.table}
        self.search = w.Text(placeholder="part of a name or of a parameter", description="search")
        self.order = w.Dropdown(options=list(columns.items()), description="sort by", layout=FITTING)
        self.runs = w.SelectMultiple(
            description="runs", layout=w.Layout(width="auto", max_width="100%", height="170px")
        )
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
        chosen = self.chosen.runs
        shown = [
            name
            for name in self.comparison.ordered(self.order.value)
            if name in chosen or all(word in self._searched(name) for word in words)
        ]
        self.runs.unobserve(self._choose, "value")
        labels = self.comparison.labels(shown)
        self.runs.options = [(self._describe(name, labels[name]), name) for name in shown]
        self.runs.value = tuple(name for name in shown if name in chosen)
        self.runs.observe(self._choose, "value")
        self.note.value = self._notes(len(shown))

    def _choose(self, change) -> None:
        self.chosen.runs = tuple(change["new"])
        self.note.value = self._notes(len(self.runs.options))

    def _searched(self, name: str) -> str:
        row = self.comparison.table.loc[name]
        values = [f"{c.removeprefix(PARAM)}={row[c]}" for c in self.comparison.table if c.startswith(PARAM)]
        return " ".join([name, *values]).lower()

    def _describe(self, name: str, label: str) -> str:
        """A line of the list: what tells the run apart, and its numbers."""
        star, table = "★ " if name == self.comparison.reference else "", self.comparison.table
        numbers = [
            f"{label} {table.loc[name, c]:.3f}"
            for label, c in (("val", "val_geometric_mean"), ("test", "geometric_mean"))
            if c in table
        ]
        return f"{star}{label}   ({', '.join(numbers)})"

    def _notes(self, n_shown: int) -> str:
        total = len(self.comparison.names)
        if not total and not self.comparison.unreadable:
            return html.muted(f"No finished run in {self.comparison.root}: make the first one with 'make train'.")
        words = f"{n_shown} of {total} finished runs; ★ is the reference. Numbers: geometric mean of BAKS and BAUS."
        if self.comparison.reference is None:
            words += " No reference yet: reid runs promote RUN."
        if self.comparison.unfinished:
            others = ", ".join(f"{name} ({state})" for name, state in list(self.comparison.unfinished.items())[:8])
            words += f" Not finished: {others}."
        lost = [html.muted(f"{name} is left out: {why}") for name, why in self.comparison.unreadable.items()]
        # A list shows nothing on hover: the whole names of the chosen runs stand below it.
        whole = [
            f"{label}: {name}" for name, label in self.comparison.labels(self.chosen.runs).items() if label != name
        ]
        whole = [html.muted(f"Chosen: {'; '.join(whole)}")] if whole else []
        return html.render_part("lines", [html.muted(words), *whole, *lost])


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

    @property
    def called(self) -> dict[str, str]:
        """The chosen runs -> what tells them apart."""
        return self.comparison.labels(self.chosen.runs)

    def offer_runs(self, dropdown: w.Dropdown) -> None:
        """The chosen runs by their labels; the whole name of the one that is taken where the pointer stays on it."""
        offer(dropdown, tuple((label, name) for name, label in self.called.items()))
        dropdown.tooltip = dropdown.value

    def _refresh(self, _=None) -> None:
        if self._busy:  # by itself: offering other choices changes the controls
            return
        self.trouble.value = ""
        if not self.chosen.runs:
            self.trouble.value = html.muted("Choose a run above.")
            return
        self._busy = True
        try:
            self.refresh()
        except ReidError as error:
            self.trouble.value = html.failure(error)
        finally:
            self._busy = False


def offer(dropdown: w.Dropdown, options: tuple) -> None:
    """New options, the old value kept where it is still among them."""
    if tuple(dropdown.options) != tuple(options):
        kept = dropdown.value
        dropdown.options = options
        values = [option[1] if isinstance(option, tuple) else option for option in options]
        dropdown.value = kept if kept in values else (values[0] if values else None)
