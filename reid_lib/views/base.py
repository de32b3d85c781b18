"""What the views of compare.ipynb share: which runs are chosen, and that every view follows the choice.

All views share one `Chosen`: choosing other runs in the picker changes every view. Their state lives in Python, so it
can be set and read without a browser.
"""

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager

import ipywidgets as w
import pandas as pd

from reid_lib.compare.comparison import Comparison
from reid_lib.core.errors import ReidError, RunError
from reid_lib.figures.labels import metric_word
from reid_lib.openset.measures import METRICS
from reid_lib.pages import html
from reid_lib.runs import filtering
from reid_lib.runs.folder import RUNNING
from reid_lib.runs.remarks import Remarks
from reid_lib.runs.table import PARAM
from reid_lib.views.chosen import Chosen
from reid_lib.views.following import Follow

OWN = "the reference"  # of each run: the promoted one, or that it names itself
WRAPPED = w.Layout(flex_flow="row wrap")
WIDE = w.Layout(width="auto")
FITTING = w.Layout(width="max-content", min_width="300px", max_width="100%")  # of a dropdown: what it offers is whole
WHOLE = w.Layout(width="max-content")  # of a button: ipywidgets' own width cuts its words


class RunPicker(w.VBox):
    """Choose runs: search, filter by an expression, sort, several at once (Ctrl or Shift click), or all that match.

    The reference carries a star; all are compared with another one where it is chosen. Of a run that is not finished
    the curves can be looked at. `look` finds what is new in the folder.
    """

    def __init__(self, comparison: Comparison):
        self.comparison, self.chosen = comparison, Chosen()
        self.search = w.Text(placeholder="part of a name or of a parameter", description="search")
        self.order = w.Dropdown(description="sort by", layout=FITTING)
        self.filter = w.Text(
            placeholder=filtering.EXAMPLE, description="filter", continuous_update=False, layout=w.Layout(width="430px")
        )
        self.filter.tooltip = "Parameters and metrics by their names; == < > in, and, or, not"
        self.take = w.Button(description="choose all that match", layout=FITTING, icon="check")
        self.runs = w.SelectMultiple(
            description="runs", layout=w.Layout(width="auto", max_width="100%", height="170px")
        )
        style = {"description_width": "auto"}
        self.baseline = w.Dropdown(options=[(OWN, "")], description="compare with", style=style, layout=FITTING)
        self.note = w.HTML()
        self.chosen.runs, self._met, self._setting = tuple(comparison.default_choice()), set(), False
        self.chosen.training = self._new_in_training()
        self.follow = Follow(self.look, by_itself=bool(self.chosen.training))
        rows = [w.HBox(row, layout=WRAPPED) for row in ([self.search, self.order], [self.filter, self.take])]
        super().__init__([*rows, self.runs, self.baseline, self.follow, self.note])
        self._list()
        for control in (self.search, self.order, self.filter):
            control.observe(self._list, "value")
        self.take.on_click(lambda _: self.choose(*self._matching()))
        self.runs.observe(self._choose, "value")
        self.baseline.observe(self._compare_with, "value")

    def choose(self, *names: str) -> None:
        """Look at these runs; of those in training at their curves."""
        training = self.comparison.training
        for name in names:
            if name not in training:
                self.comparison.run(name)
        self._set_chosen(names)
        self._list()

    def look(self) -> str:
        """Look for what is new in the folder: lists and views follow. Returns it in words, "" for nothing."""
        before = set(self.comparison.names)
        changes = self.comparison.reload()
        if not changes:
            return ""
        there, training, chosen = set(self.comparison.names), self.comparison.training, self.chosen
        runs = tuple(name for name in chosen.runs if name in there) or tuple(self.comparison.default_choice())
        kept = tuple(name for name in chosen.training if name in there or name in training)
        anew = runs == chosen.runs and not changes.runs.isdisjoint(runs)
        with chosen.hold_trait_notifications():
            chosen.training = kept + self._new_in_training()
            chosen.runs, chosen.anew = runs, chosen.anew + anew
            chosen.table += changes.reference or bool(changes.remarks) or not changes.runs.isdisjoint(before | there)
            chosen.epochs += not changes.histories.isdisjoint(kept)
        self._list()
        further = {*changes.histories, *changes.runs} & set(training)
        return _say_changes(there - before, before - there, there & before & changes.runs, further, changes.remarks)

    def _new_in_training(self) -> tuple[str, ...]:
        """Runs in training that were not there before: they are looked at from the start."""
        running = {name for name, state in self.comparison.training.items() if state == RUNNING}
        new, self._met = running - self._met, self._met | running
        return tuple(sorted(new))

    def _set_chosen(self, names: Sequence[str]) -> None:
        training = self.comparison.training
        with self.chosen.hold_trait_notifications():
            self.chosen.training = tuple(name for name in names if name in training)
            self.chosen.runs = tuple(name for name in names if name not in training)

    def _list(self, _=None) -> None:
        """Runs that match search and filter, and those chosen, whatever these say."""
        if self._setting:  # by itself
            return
        table = self.comparison.table
        columns = [(metric_word("val_geometric_mean"), "val_geometric_mean"), ("name", "run")]
        columns += [(metric_word(name), name) for name in METRICS if name in table]
        with self._by_itself():
            offer(self.order, tuple(columns))
            chosen, matching = set(self.chosen.all), self._matching()
            shown = [name for name in self._ordered() if name in chosen or name in matching]
            labels = self.comparison.labels(shown)
            options = tuple((self._describe(name, labels[name]), name) for name in shown)
            if options != tuple(self.runs.options):  # a list that is set anew scrolls to its top
                self.runs.options = options
            self.runs.value = tuple(name for name in shown if name in chosen)
            self._tell(matching)

    @contextmanager
    def _by_itself(self) -> Iterator[None]:
        """What is set in the block was set by no person."""
        before, self._setting = self._setting, True
        try:
            yield
        finally:
            self._setting = before

    def _tell(self, matching: list[str]) -> None:
        """What stands below the list, and the runs that can be compared with."""
        self.take.disabled = bool(self._wrong)
        self.note.value = self._notes(sum(name in self.comparison.table.index for name in matching))
        offered = [*self.chosen.runs, self.comparison.baseline]
        names = [name for name in dict.fromkeys(offered) if name]
        labels = self.comparison.labels(names)
        with self._by_itself():
            self.baseline.options = [(OWN, ""), *((labels[name], name) for name in names)]
            self.baseline.value = self.comparison.baseline

    def _compare_with(self, change) -> None:
        if self._setting:
            return
        self.comparison.compare_with(change["new"])
        self._list()
        self.chosen.table += 1

    def _ordered(self) -> list[str]:
        """All that can be listed: those in training first."""
        return [*self.comparison.training, *self.comparison.ordered(self.order.value)]

    def _matching(self) -> list[str]:
        """Runs that match search and filter, in the order of the list; a wrong filter is told, and leaves none out."""
        words, self._wrong = self.search.value.lower().split(), ""
        table = self.comparison.rows(self._ordered())
        found = [name for name in table.index if _holds(table.loc[name], words)]
        try:
            kept = set(filtering.filter_runs(table, self.filter.value))
        except RunError as error:
            self._wrong = html.failure(error)
            return found
        return [name for name in found if name in kept]

    def _choose(self, change) -> None:
        if self._setting:
            return
        self._set_chosen(change["new"])
        self._tell(self._matching())

    def _describe(self, name: str, label: str) -> str:
        """A line of the list: what tells the run apart, and its numbers, or its state."""
        table, said = self.comparison.table, self.comparison.remarks.get(name, Remarks()).hashed
        if name not in table.index:
            return f"{label}   ({self.comparison.unfinished[name]}: curves)   {said}".rstrip()
        star = "★ " if name == self.comparison.reference else ""
        numbers = [
            f"{label} {table.loc[name, c]:.3f}"
            for label, c in (("val", "val_geometric_mean"), ("test", "geometric_mean"))
            if c in table
        ]
        return f"{star}{label}   ({', '.join(numbers)})   {said}".rstrip()

    def _notes(self, n_matching: int) -> str:
        total = len(self.comparison.names)
        if not total and not self.comparison.unreadable:
            return html.muted(f"No finished run in {self.comparison.root}: make the first one with 'make train'.")
        star = "the run that is compared with" if self.comparison.baseline else "the reference"
        words = f"{n_matching} of {total} finished runs match; ★ is {star}. "
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


def _holds(row: pd.Series, words: list[str]) -> bool:
    """Does each word stand in the name, a parameter or a tag of a run?"""
    values = [f"{c.removeprefix(PARAM)}={row[c]}" for c in row.index if c.startswith(PARAM)]
    searched = " ".join([str(row["run"]), *values, *(f"#{tag}" for tag in row["tags"])]).lower()
    return all(word in searched for word in words)


def _say_changes(new: Set[str], gone: Set[str], anew: Set[str], further: Set[str], said: Set[str]) -> str:
    """What has changed, in words."""
    told = {"finished": new, "made anew": anew, "in training": further, "gone": gone, "tags or note": said}
    parts = [f"{word}: {', '.join(sorted(names))}" for word, names in told.items() if names]
    return "; ".join(parts) or "another reference, or state of a run"


class View(w.VBox):
    """A view of the chosen runs: `refresh` draws it anew, an error is shown where the view would be.

    `FOLLOWS` names what of `Chosen` it is drawn from.
    """

    FOLLOWS = ("runs", "anew")

    def __init__(self, picker: RunPicker, controls: list[w.Widget], body: list[w.Widget]):
        self.comparison, self.chosen, self.trouble = picker.comparison, picker.chosen, w.HTML()
        self._busy = False
        super().__init__([w.HBox(controls, layout=WRAPPED), self.trouble, *body])
        for control in controls:
            control.observe(self._refresh, "value")
        self.chosen.observe(lambda _: self.chosen.in_turn(self._refresh), list(self.FOLLOWS))
        self._refresh()

    def refresh(self) -> None:
        """Draw the view for the runs that are chosen now; each view has its own."""
        raise NotImplementedError

    @property
    def names(self) -> tuple[str, ...]:
        """The runs that are shown."""
        return self.chosen.runs

    @property
    def called(self) -> dict[str, str]:
        """The runs that are shown -> what tells them apart."""
        return self.comparison.labels(self.names)

    def offer_runs(self, dropdown: w.Dropdown) -> None:
        """The chosen runs by their labels; the whole name of the one that is taken where the pointer stays on it."""
        offer(dropdown, tuple((label, name) for name, label in self.called.items()))
        dropdown.tooltip = dropdown.value

    def _refresh(self, _=None) -> None:
        if self._busy:  # by itself: offering other choices changes the controls
            return
        self.trouble.value = ""
        if not self.names:
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
