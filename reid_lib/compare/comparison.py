"""A comparison: finished runs, read from their folders and joined by run name and image_id. No torch, no widgets.

`Comparison` answers the questions that compare.ipynb asks: which runs there are, in what they differ, what any
threshold would give, where they err, and what a photograph looks like. Files are read when they are first asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.compare.changes import Changes, Look, take_look
from reid_lib.compare.finished import FinishedRun
from reid_lib.core.errors import RunError
from reid_lib.core.names import (
    BBOX,
    DATASET,
    HISTORY_CSV,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    N_RANKS,
    PATH,
    ROLE,
    SCORE,
    VAL,
    ranked_column,
)
from reid_lib.core.paths import locate, runs_root
from reid_lib.data.pixels import load_image
from reid_lib.openset.outcomes import OUTCOME, sort_mistakes
from reid_lib.params.loss_units import LOSS_DEFAULTS, LossDefaults
from reid_lib.runs import table as runtable
from reid_lib.runs.folder import RunFolder, is_there, list_runs
from reid_lib.runs.labels import label_runs
from reid_lib.runs.pairing import Pair
from reid_lib.runs.remarks import Remarks, remarks_if_readable
from reid_lib.runs.table import PARAM

# Names that never explain a difference: every run has its own.
LABELS_ONLY = ("run_name", "reference", "data_root", "mirror")
NO_LOSS = "none"  # of an evaluation
JUDGED = ("table", "pairs", "reference")  # what is known of all runs together, by the reference


@dataclass
class Comparison:
    """All runs of a folder.

    Args:
        root: the folder of the runs; None means `runs/` (or REID_RUNS).
        baseline: a run that all are compared with, in place of the promoted one and of those that they name themselves.

    Raises:
        RunError: the baseline is no finished run.
    """

    root: Path | None = None
    baseline: str = ""
    _runs: dict[str, FinishedRun] = field(default_factory=dict, repr=False)
    _seen: Look = field(default_factory=Look, repr=False)

    def __post_init__(self):
        self.root = Path(self.root or runs_root())
        self._seen = take_look(self.root)
        if self.baseline:
            self.run(self.baseline)

    def reload(self) -> Changes:
        """Look at the folder again: what has changed is read anew when it is next asked for.

        Raises:
            RunError: the folder may not be read.
        """
        now = take_look(self.root, self._seen)
        changes, self._seen = now.since(self._seen), now
        for name in changes.runs | changes.histories:
            self._runs.pop(name, None)
        if changes.runs:
            known = {name: run for name, run in self.all_runs.finished.items() if name not in changes.runs}
            self.all_runs = runtable.read_runs(self.root, known=known)
        if changes.runs or changes.reference:
            self._forget("unreadable", *JUDGED)
        self._forget("remarks")
        if self.baseline not in ("", *self.names):
            self.compare_with("")
        return changes

    def compare_with(self, baseline: str) -> None:
        """Compare all runs with this one from now on; "" for the reference again.

        Raises:
            RunError: it is no finished run.
        """
        if baseline:
            self.run(baseline)
        self.baseline = baseline
        self._forget(*JUDGED)

    def _forget(self, *cached: str) -> None:
        for name in cached:
            self.__dict__.pop(name, None)

    @cached_property
    def all_runs(self) -> runtable.AllRuns:
        """All runs, the finished ones with what their table is made of: each is read once as long as it is the same."""
        return runtable.read_runs(self.root)

    @cached_property
    def table(self) -> pd.DataFrame:
        """`table.tabulate_metrics` of the runs that can be looked at: one row per finished run, by run name."""
        table = (
            runtable.tabulate_metrics(self.root, baseline=self.baseline, runs=self.all_runs)
            .set_index(runtable.RUN, drop=False)
            .rename_axis(None)
        )
        return table.loc[[name for name in table.index if name not in self.unreadable]]

    @cached_property
    def pairs(self) -> dict[str, Pair]:
        """Run name -> the run it is compared with, as in `table`."""
        return runtable.find_pairs(self.root, baseline=self.baseline, runs=self.all_runs)

    @cached_property
    def unreadable(self) -> dict[str, str]:
        """Run name -> why it cannot be read. It is left out, and stops nothing."""
        troubles = {name: self._of(name).trouble for name in self.all_runs.finished}
        return self.all_runs.unreadable | {name: why for name, why in troubles.items() if why}

    @cached_property
    def reference(self) -> str | None:
        """The baseline, else the promoted run, when it is among the finished ones."""
        if self.baseline:
            return self.baseline
        try:
            name = runtable.read_reference(self.root)
        except RunError:  # damaged: `runs` says so
            return None
        return name if name in self.table.index else None

    @property
    def names(self) -> list[str]:
        """The finished runs that can be read, in the order of `table`."""
        return self.table.index.tolist()

    @property
    def unfinished(self) -> dict[str, str]:
        """Run name -> state of the runs that cannot be compared yet."""
        return self.all_runs.unfinished

    @cached_property
    def remarks(self) -> dict[str, Remarks]:
        """Run name -> its tags and note, of all runs."""
        return {run.name: remarks_if_readable(run) for run in list_runs(self.root)}

    def run(self, name: str) -> FinishedRun:
        """A finished run, by its name.

        Raises:
            RunError: no finished run has this name, or it cannot be read.
        """
        if name in self.unreadable:
            raise RunError(f"run {name!r} cannot be read: {self.unreadable[name]}")
        if name not in self.table.index:
            raise RunError(f"there is no finished run {name!r} in {self.root}; there are: {', '.join(self.names)}")
        return self._of(name)

    def _of(self, name: str) -> FinishedRun:
        read = self.all_runs.finished.get(name)
        return self._runs.setdefault(name, FinishedRun(RunFolder(self.root / name), read.metrics if read else None))

    @property
    def training(self) -> dict[str, str]:
        """Run name -> state of the runs that are not finished, and have a history to look at."""
        states = self.unfinished.items()
        return {name: state for name, state in states if is_there(self.root / name / HISTORY_CSV)}

    def history(self, name: str) -> pd.DataFrame:
        """One row per epoch, of a finished run or one in training.

        Raises:
            RunError: there is no such run, or its history is damaged.
        """
        return (self._of(name) if name in self.training else self.run(name)).history

    def default_choice(self, n: int = 4) -> list[str]:
        """The reference and the runs best on val beside it: what a person most likely wants to look at first."""
        order = self.ordered("val_geometric_mean")
        return ([self.reference] if self.reference else []) + [name for name in order if name != self.reference][
            : n - (self.reference is not None)
        ]

    def ordered(self, column: str) -> list[str]:
        """Run names by a column of `table`, text ascending, numbers from the highest; undefined ones last."""
        if column not in self.table:
            return sorted(self.names)
        ascending = not pd.api.types.is_numeric_dtype(self.table[column])
        by_name = self.table.sort_index()
        return by_name.sort_values(column, ascending=ascending, kind="stable", na_position="last").index.tolist()

    def differing(self, names: list[str]) -> pd.DataFrame:
        """Parameters in which these runs differ: one row per run, one column each; missing where a run has none."""
        chosen = self.table.loc[names, [c for c in self.table if c.startswith(PARAM)]]
        chosen = chosen.rename(columns=lambda c: c.removeprefix(PARAM))
        differs = [c for c in chosen if c not in LABELS_ONLY and chosen[c].nunique(dropna=False) > 1]
        return chosen[differs]

    def labels(self, names: Sequence[str]) -> dict[str, str]:
        """Run name -> what tells it apart among these, in few words (`label_runs`)."""
        return label_runs(self._rows(names))

    def rows(self, names: Sequence[str]) -> pd.DataFrame:
        """Rows of `table`, with `tags` (several words) and `note`; of runs that are not finished parameters alone."""
        said = [self.remarks.get(name, Remarks()) for name in names]
        return self._rows(names).assign(tags=[own.tags for own in said], note=[own.note for own in said])

    def _rows(self, names: Sequence[str]) -> pd.DataFrame:
        finished = [name for name in names if name in self.table.index]
        if len(finished) == len(names):
            return self.table.loc[finished]
        others = [name for name in names if name not in self.table.index]
        rows = self.table.loc[finished].to_dict("records")
        rows += [runtable.describe_params(RunFolder(self.root / name)) for name in others]
        return pd.DataFrame(rows).set_index(runtable.RUN, drop=False).rename_axis(None).loc[list(names)]

    def comparable(self, a: str, b: str) -> bool:
        """Were both asked the same test queries?"""
        asked = self._rows(list({a: None, b: None}))[runtable.ASKED]
        return asked[a] == asked[b]

    def loss(self, name: str) -> str:
        """The loss that a run minimised, with the margin and scale that were in force: "arcface, margin 0.3, scale 30".

        Two runs compare by their losses only where this is the same; "none" for an evaluation.
        """
        row = self._rows([name]).loc[name]
        loss = row.get(f"{PARAM}loss")
        if not isinstance(loss, str):
            return NO_LOSS
        own, said = LOSS_DEFAULTS.get(loss, LossDefaults()), [loss]
        for what in ("margin", "scale"):
            given = row.get(f"{PARAM}{what}")
            value = getattr(own, what) if pd.isna(given) else given
            said += [f"{what} {value:g}"] if value is not None else []
        return ", ".join(said)

    def mistakes(self, name: str, kind: str, *, role: str = VAL, dataset: str = "", text: str = "") -> pd.DataFrame:
        """Queries answered in one wrong way, the most confident mistake first.

        Args:
            kind: a key of `MISTAKES`; see `outcomes.sort_mistakes`.
            role: `val`, on which everything is decided; `test` where it is asked for.
            dataset: only this one; empty: all.
            text: only individuals (true or answered) whose name contains it, upper or lower case alike.
        """
        rows = self.run(name).predictions
        rows = rows[(rows[OUTCOME] == kind) & (rows[ROLE] == role)]
        if dataset:
            rows = rows[rows[DATASET].astype(str) == dataset]
        if text:
            involved = [rows[column].astype(str) for column in (IDENTITY, ranked_column(IDENTITY, 1))]
            rows = rows[
                np.logical_or(*(c.str.contains(text, case=False, regex=False).to_numpy(bool) for c in involved))
            ]
        return sort_mistakes(rows, kind)

    def neighbours(self, name: str, image_id: str) -> pd.DataFrame:
        """The five best individuals of a query: rank, image_id (their most similar image), identity, score, right."""
        query = self.run(name).predictions.loc[image_id]
        rows = [
            {
                "rank": rank,
                IMAGE_ID: query[ranked_column("image", rank)],
                IDENTITY: query[ranked_column(IDENTITY, rank)],
                SCORE: query[ranked_column(SCORE, rank)],
                "right": bool(query[KNOWN] is not pd.NA and query[KNOWN])
                and str(query[ranked_column(IDENTITY, rank)]) == str(query[IDENTITY]),
            }
            for rank in range(1, N_RANKS + 1)
            if pd.notna(query[ranked_column("image", rank)])
        ]
        return pd.DataFrame(rows, columns=["rank", IMAGE_ID, IDENTITY, SCORE, "right"])

    def photo(self, name: str, image_id: str, *, max_side_px: int = 240) -> np.ndarray | None:
        """The photograph of an image, uint8 (height, width, 3); None where its file is not on this machine."""
        run = self.run(name)
        row = run.images.loc[image_id]
        path = locate(Path(run.folder.described()["root"]), row[PATH])
        box = row.get(BBOX)
        try:
            return load_image(path, bbox=box if isinstance(box, str) else None, max_side_px=max_side_px)
        except (OSError, ValueError):
            return None

    def about(self, name: str, image_id: str) -> dict:
        """What the catalogue says of an image, missing values left out."""
        row = self.run(name).images.loc[image_id]
        return {key: value for key, value in row.items() if key != INDIVIDUAL and pd.notna(value)}
