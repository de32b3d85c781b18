"""The state of a sweep as a table, on the screen while it runs."""

import os
import sys
from contextlib import suppress
from typing import TextIO

import pandas as pd

from reid_lib.core.errors import RunError
from reid_lib.core.messages import format_duration
from reid_lib.core.paths import runs_root
from reid_lib.params.fields import TrainParams
from reid_lib.runs.folder import FAILED, FINISHED, PLANNED, RUNNING, UNREADABLE, RunFolder, is_run
from reid_lib.sweep.plan import Plan, Variant

ELSEWHERE = "running elsewhere"
DIFFERS = "differs"  # a run of this name is there, with other parameters
COLUMNS = ("run", "state", "epoch", "val_score", "left", "note")


def tabulate_status(plan: Plan) -> pd.DataFrame:
    """One row per variant from the run folders alone: run, state, epoch ("3/8"), val_score (best), left, note."""
    return pd.DataFrame([status_row(variant) for variant in plan.variants], columns=list(COLUMNS))


def status_row(variant: Variant) -> dict:
    """The row of `tabulate_status` for one variant."""
    folder = RunFolder(runs_root() / variant.run)
    row = dict.fromkeys(COLUMNS, "") | {"run": variant.run, "note": variant.why}
    if not is_run(folder.folder):
        return row | {"state": PLANNED}
    told = folder.status()
    row["state"] = told["state"]
    if told["state"] == UNREADABLE:
        return row | {"note": folder.in_short(told["error"])}
    if differing := _differing(folder, variant):
        return row | {"state": DIFFERS, "note": f"a run of this name has {differing}: move it away, or plan anew"}
    # TypeError: a history that is being written may be read with half a line, and its columns are text then.
    with suppress(OSError, ValueError, TypeError, KeyError, RunError):
        history, epochs = folder.history(), int(folder.params["num_epochs"])
        done = int(history["epoch"].max()) if len(history) else 0
        row["epoch"] = f"{done}/{epochs}"
        if "val_score" in history and history["val_score"].notna().any():
            row["val_score"] = f"{history['val_score'].max():.3f}"
        if told["state"] == RUNNING and len(history) > 1:
            # Not the time since it was started: it may have been broken off and continued days later.
            row["left"] = format_duration(history["seconds"].mean() * (epochs - done))
    if told["state"] == FAILED:
        row["note"] = (told.get("error") or "").split("\n")[0]
    return row


def _differing(folder: RunFolder, variant: Variant) -> str:
    """Parameters that change the result, where the run that is there has others."""
    params = TrainParams(**variant.params)
    wanted, stored = params.model_dump(), folder.params
    names = [n for n in wanted if n not in TrainParams.NOT_IDENTITY and n not in params.left]
    return ", ".join(f"{n} {stored[n]!r}, not {wanted[n]!r}" for n in names if n in stored and stored[n] != wanted[n])


class Screen:
    """The table on a terminal, drawn over itself; elsewhere one line whenever a run's state or epoch changes."""

    def __init__(self, out: TextIO | None = None):
        self.out = out or sys.stdout
        self._lines, self._told = 0, {}

    def __call__(self, table: pd.DataFrame) -> None:
        if self.out.isatty():
            width, height = os.get_terminal_size(self.out.fileno())
            if len(table) > (room := max(height - 3, 1)):  # what has scrolled away cannot be drawn over
                quiet = table["state"].isin((PLANNED, FINISHED))
                text = f"{format_table(table[~quiet].head(room) if (~quiet).any() else table.head(room))}\n"
                text += ", ".join(f"{n} {state}" for state, n in table["state"].value_counts().items())
            else:
                text = format_table(table)
            lines = [line[: width - 1] for line in text.splitlines()]
            self.out.write((f"\x1b[{self._lines}F\x1b[J" if self._lines else "") + "\n".join(lines) + "\n")
            self._lines = len(lines)
        else:
            for row in table.itertuples():
                now = (row.state, row.epoch)
                if self._told.get(row.run) != now:
                    score = f", val score {row.val_score}" if row.val_score else ""
                    epoch = f", epoch {row.epoch}" if row.epoch else ""
                    note = f": {row.note}" if row.state == FAILED else ""
                    self.out.write(f"{row.run}: {row.state}{epoch}{score}{note}\n")
                self._told[row.run] = now
        self.out.flush()


def format_table(table: pd.DataFrame) -> str:
    """The table for a terminal, the note cut short."""
    shown = table.assign(note=[note if len(note) <= 70 else note[:67] + "..." for note in table["note"]])
    return shown.rename(columns={"val_score": "val score", "left": "time left"}).to_string(index=False)
