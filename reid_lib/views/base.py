"""What the views of compare.ipynb share: which runs are chosen, and that every view follows the choice.

All views share one `Chosen`: choosing other runs in the picker changes every view. Their state lives in Python, so it
can be set and read without a browser.
"""

import asyncio
from collections.abc import Callable

import ipywidgets as w
import traitlets

from reid_lib.compare.comparison import Comparison
from reid_lib.core.errors import ReidError, RunError
from reid_lib.figures.labels import metric_word
from reid_lib.openset.measures import METRICS
from reid_lib.pages import html
from reid_lib.runs import filtering
from reid_lib.runs.table import PARAM

WRAPPED = w.Layout(flex_flow="row wrap")
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
    """Choose runs: search, filter by an expression, sort, several at once (Ctrl or Shift click), or all that match.

    The reference carries a star.
    """

    def __init__(self, comparison: Comparison):
        self.comparison, self.chosen = comparison, Chosen()
        columns = {metric_word("val_geometric_mean"): "val_geometric_mean", "name": "run"}
        columns |= {metric_word(name): name for name in METRICS if name in comparison.table}
        self.search = w.Text(placeholder="part of a name or of a parameter", description="search")
        self.order = w.Dropdown(options=list(columns.items()), description="sort by", layout=FITTING)
        self.filter = w.Text(
            placeholder=filtering.EXAMPLE, description="filter", continuous_update=False, layout=w.Layout(width="430px")
        )
        self.filter.tooltip = "Parameters and metrics by their names; == < > in, and, or, not"
        self.take = w.Button(description="choose all that match", layout=FITTING, icon="check")
        self.runs = w.SelectMultiple(
            description="runs", layout=w.Layout(width="auto", max_width="100%", height="170px")
        )
        self.note = w.HTML()
        rows = [[self.search, self.order], [self.filter, self.take]]
        super().__init__([*(w.HBox(row, layout=WRAPPED) for row in rows), self.runs, self.note])
        for control in (self.search, self.order, self.filter):
            control.observe(self._list, "value")
        self.take.on_click(lambda _: self.choose(*self._matching()))
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
        """Runs that match search and filter, and those chosen, whatever these say."""
        chosen, matching = self.chosen.runs, self._matching()
        shown = [name for name in self.comparison.ordered(self.order.value) if name in chosen or name in matching]
        self.runs.unobserve(self._choose, "value")
        labels = self.comparison.labels(shown)
        self.runs.options = [(self._describe(name, labels[name]), name) for name in shown]
        self.runs.value = tuple(name for name in shown if name in chosen)
        self.runs.observe(self._choose, "value")
        self.note.value = self._notes(len(matching))

    def _matching(self) -> list[str]:
        """Runs that match search and filter, in the order of the list; a wrong filter is told, and leaves none out."""
        words, self._wrong = self.search.value.lower().split(), ""
        found = [name for name in self.comparison.ordered(self.order.value) if self._holds(name, words)]
        try:
            kept = set(filtering.filter_runs(self.comparison.table, self.filter.value))
        except RunError as error:
            self._wrong = html.failure(error)
            return found
        return [name for name in found if name in kept]

    def _choose(self, change) -> None:
        self.chosen.runs = tuple(change["new"])
        self.note.value = self._notes(len(self._matching()))

    def _holds(self, name: str, words: list[str]) -> bool:
        """Does each word stand in the name or a parameter of a run?"""
        row = self.comparison.table.loc[name]
        values = [f"{c.removeprefix(PARAM)}={row[c]}" for c in self.comparison.table if c.startswith(PARAM)]
        searched = " ".join([name, *values]).lower()
        return all(word in searched for word in words)

    def _describe(self, name: str, label: str) -> str:
        """A line of the list: what tells the run apart, and its numbers."""
        star, table = "★ " if name == self.comparison.reference else "", self.comparison.table
        numbers = [
            f"{label} {table.loc[name, c]:.3f}"
            for label, c in (("val", "val_geometric_mean"), ("test", "geometric_mean"))
            if c in table
        ]
        return f"{star}{label}   ({', '.join(numbers)})"

    def _notes(self, n_matching: int) -> str:
        total = len(self.comparison.names)
        if not total and not self.comparison.unreadable:
            return html.muted(f"No finished run in {self.comparison.root}: make the first one with 'make train'.")
        words = f"{n_matching} of {total} finished runs match; ★ is the reference. "
        words += "Numbers: geometric mean of BAKS and BAUS."
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
        wrong = [self._wrong] if self._wrong else []
        return html.render_part("lines", [*wrong, html.muted(words), *whole, *lost])


class View(w.VBox):
    """A view of the chosen runs: `refresh` draws it anew, an error is shown where the view would be."""

    def __init__(self, picker: RunPicker, controls: list[w.Widget], body: list[w.Widget]):
        self.comparison, self.chosen, self.trouble = picker.comparison, picker.chosen, w.HTML()
        self._busy = False
        super().__init__([w.HBox(controls, layout=WRAPPED), self.trouble, *body])
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
