"""The folder of a review: of which run it is, what can be asked, and which table holds the decisions.

review.json is written last: a folder without it is one whose making was interrupted, and is made anew.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reid_lib.core import files, frames
from reid_lib.core.errors import ReviewError, first_line
from reid_lib.core.files import compute_checksum
from reid_lib.core.locks import hold_lock
from reid_lib.core.names import IMAGE_ID
from reid_lib.core.paths import check_folder_name, reviews_root, writing
from reid_lib.core.suggest import did_you_mean, find_near
from reid_lib.pipeline.experiment import Experiment
from reid_lib.pipeline.recipes import FinishedRun
from reid_lib.pipeline.review_pairs import list_askable

FORMAT = 1
REVIEW_JSON, PHOTOGRAPHS_CSV, PAIRS_CSV, DECISIONS_CSV = "review.json", "photographs.csv", "pairs.csv", "decisions.csv"
APPLIED = "applied"
TABLES = "tables"  # in review.json: checksums of both tables
LONGEST = 120  # characters of a name, as of a run


@dataclass(frozen=True, eq=False)
class ReviewFolder:
    """A review on disk.

    Attributes:
        path: its folder.
        run: name of its run.
        photographs, pairs: what can be asked; see `review_pairs.Askable`.
        decisions: file of the table of decisions.
        left_out: number of pairs that were too many to be asked.
    """

    path: Path
    run: str
    photographs: pd.DataFrame
    pairs: pd.DataFrame
    decisions: Path
    left_out: int


def folder_of(name: str) -> Path:
    """The folder of a review, whether it is there or not.

    Raises:
        ReviewError: the name cannot be one.
    """
    return reviews_root() / check_folder_name(name, kind="review", longest=LONGEST, error=ReviewError)


def open_folder(finished: FinishedRun, experiment: Experiment, name: str, decisions: str) -> ReviewFolder:
    """The review of a run under a name: made now, or as it was made.

    Args:
        experiment: of the run, by `review_pairs.reopen`.
        decisions: name of another review, or a csv file, whose table is shared from now on; "": as it was, or its own.

    Raises:
        ReviewError: a review of this name is of another run, or of other photographs, or is damaged.
    """
    path = folder_of(name)
    key = {"run": finished.run.name, "split": finished.split.fingerprint, "weights": finished.weights_sha256}
    with writing(path, "REID_RUNS", ReviewError):
        path.mkdir(parents=True, exist_ok=True)
        with hold_lock(path / ".lock", waiting=f"another process opens review {name!r}, and is waited for"):
            told = read_review(path) if (path / REVIEW_JSON).is_file() else None
            if told is None:
                askable = list_askable(finished, experiment)
                frames.write_csv(path / PHOTOGRAPHS_CSV, askable.photographs)
                frames.write_csv(path / PAIRS_CSV, askable.pairs)
                told = {"format": FORMAT, "key": key, "decisions": "", "left_out": askable.left_out}
                told[TABLES] = {name: compute_checksum(path / name) for name in (PHOTOGRAPHS_CSV, PAIRS_CSV)}
                files.write_checked_json(path / REVIEW_JSON, told)
            elif told["key"] != key:
                raise ReviewError(
                    f"review {name!r} is of run {told['key']['run']!r}, or of that run before it was made anew: its "
                    "decisions stay as they are. Give this review a name of its own (name), and its decisions "
                    f"(decisions) {name} to take them along"
                )
            shared = _table_of(decisions) if decisions else told["decisions"]
            if shared != told["decisions"]:
                told = told | {"decisions": shared}
                files.write_checked_json(path / REVIEW_JSON, told)
    return load_folder(path, told)


def load_folder(path: Path, told: dict) -> ReviewFolder:
    """What lies in the folder of a review.

    Raises:
        ReviewError: a table is missing or damaged.
    """
    try:
        for name, checksum in told.get(TABLES, {}).items():  # a version before kept none
            if compute_checksum(path / name) != checksum:
                raise ValueError(f"{name} is not as it was written: its checksum differs")
        photographs = frames.read_csv(path / PHOTOGRAPHS_CSV)
        pairs = frames.read_csv(path / PAIRS_CSV)
        photographs[IMAGE_ID]
    except (OSError, ValueError, KeyError) as error:
        raise ReviewError(
            f"{path} cannot be read ({first_line(error)}): delete {REVIEW_JSON} there and open the review again, which "
            f"makes its tables anew; {DECISIONS_CSV} is kept"
        ) from error
    decisions = Path(told["decisions"]) if told["decisions"] else path / DECISIONS_CSV
    return ReviewFolder(path, told["key"]["run"], photographs, pairs, decisions, told["left_out"])


def read_review(path: Path) -> dict:
    """review.json of a folder.

    Raises:
        ReviewError: it is missing, damaged, or of another format.
    """
    try:
        told = files.read_checked_json(path / REVIEW_JSON)
        known, _ = told["format"] == FORMAT, (told["key"]["run"], told["decisions"], told["left_out"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReviewError(
            f"{path / REVIEW_JSON} cannot be read ({first_line(error)}): delete it and open the review again; "
            f"{DECISIONS_CSV} is kept"
        ) from error
    if not known:
        raise ReviewError(f"{path / REVIEW_JSON} is of format {told['format']!r}, not {FORMAT}: of another version")
    return told


def run_of(name: str) -> str:
    """The run that a review of a name is of.

    Raises:
        ReviewError: there is none.
    """
    path = folder_of(name)
    if not (path / REVIEW_JSON).is_file():
        near = did_you_mean(find_near(name, list_reviews()), ": open one with review.ipynb")
        raise ReviewError(f"there is no review {name!r}{near}")
    return read_review(path)["key"]["run"]


def rename_run_of_reviews(old: str, new: str) -> list[str]:
    """Write a run's new name into its reviews; returns their names. Decisions that were taken keep the old name."""
    found = []
    for name in list_reviews():
        path = folder_of(name)
        with hold_lock(path / ".lock"):
            told = read_review(path)
            if told["key"]["run"] == old:
                files.write_checked_json(path / REVIEW_JSON, told | {"key": told["key"] | {"run": new}})
                found.append(name)
    return found


def list_reviews() -> list[str]:
    """Names of all reviews."""
    return sorted(path.parent.name for path in reviews_root().glob(f"*/{REVIEW_JSON}"))


def _table_of(decisions: str) -> str:
    """The file of the table that is shared: of another review, or as it was typed."""
    if decisions.endswith(".csv") or os.sep in decisions:
        return str(Path(decisions).expanduser().absolute())
    run_of(decisions)
    path = folder_of(decisions)
    return read_review(path)["decisions"] or str(path / DECISIONS_CSV)
