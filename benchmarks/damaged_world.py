"""What damaged_files.py damages, and what a user does next: runs, caches, a gallery, a review, answers."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import pandas as pd
from damage_cases import make_runs, parameters
from review_cases import write_patterns

from reid_lib.cli.main import main as command
from reid_lib.compare.comparison import Comparison
from reid_lib.compare.verdicts import tabulate_differences
from reid_lib.core.errors import ReidError
from reid_lib.core.names import INDIVIDUAL, PATH
from reid_lib.params.fields import EvaluateParams
from reid_lib.pipeline import galleries, takeover
from reid_lib.pipeline.review import open_review
from reid_lib.pipeline.whole_run import run_all


@dataclass(frozen=True)
class Group:
    """Files of one kind, and what a user does next.

    Attributes:
        folder: below the folder of everything.
        commands: name -> what is done; the names of those whose output is compared begin with a capital.
        results: patterns of the files that are compared.
    """

    folder: str
    commands: dict[str, Callable[[Path], None]]
    results: tuple[str, ...]


def type_in(*words: str) -> Callable[[Path], None]:
    """A command of `python -m reid_lib`."""

    def call(_: Path) -> None:
        if code := command(list(words)):
            raise ReidError(f"exit code {code}")

    return call


def compare(_: Path) -> None:
    """The tables of compare.ipynb."""
    comparison = Comparison()
    print(comparison.table.drop(columns=["param_run_name"]).to_string(), comparison.unreadable)
    names = [name for name in ("whole", "mine", "fused") if name in comparison.table.index]
    print(tabulate_differences(comparison, names, "geometric_mean").to_string())


def train(name: str) -> Callable[[Path], None]:
    return lambda root: run_all(parameters(root, name, data_root=str(photographs(root)))) and None


def evaluation(root: Path) -> EvaluateParams:
    given = {"run": "mine", "run_name": "fused", "scores": "embedding+local", "shortlist": 3, "mask": "u2netp"}
    return takeover.settle_params(EvaluateParams.checked(given | {"clusters": "average", "batch_size": 16}))


def evaluate(root: Path) -> None:
    run_all(evaluation(root))


def evaluate_anew(root: Path) -> None:
    """As if there were no evaluation yet: everything comes from the caches."""
    shutil.rmtree(root / "runs" / "fused")
    evaluate(root)


RUN_RESULTS = "*.csv *.html metrics.json params.json model* calibration.json embeddings/* scores/*".split()
LOOKING = {"Runs": type_in("runs"), "Compare": compare}


def results_of(name: str) -> tuple[str, ...]:
    return tuple(f"runs/{name}/{pattern}" for pattern in RUN_RESULTS)


def of_finished(name: str, again: Callable[[Path], None]) -> Group:
    """A finished run: looked at, asked, and its notebook run again."""
    show, ask = type_in("show", name), type_in("identify", name, "new")
    return Group(
        f"runs/{name}", LOOKING | {"Show": show, "Identify": ask, "again": again, "Show again": show}, results_of(name)
    )


GROUPS = {
    "finished run": of_finished("mine", train("mine")),
    "evaluation": of_finished("fused", evaluate),
    "unfinished run": Group(
        "runs/broken",
        {"Runs": type_in("runs"), "train": train("broken"), "Show": type_in("show", "broken")},
        results_of("broken"),
    ),
    "cache": Group(
        "cache",
        {"evaluate": evaluate_anew, "Compare": compare, "Show": type_in("show", "fused")},
        results_of("fused"),
    ),
    "reference": Group("runs/reference.json", LOOKING, ()),
    "gallery": Group(
        "galleries",
        {
            "List": type_in("gallery", "list"),
            "Log": type_in("gallery", "show", "herd", "--log"),
            "Identify": type_in("identify", "--gallery", "herd", "new"),
            "Undo": type_in("gallery", "undo", "herd"),
            "Show": type_in("gallery", "show", "herd"),
        },
        ("runs/answers/herd_*/answers.csv", "galleries/herd/gallery.json"),
    ),
    "review": Group(
        "reviews",
        {
            "List": type_in("review", "list"),
            "Show": type_in("review", "show", "fused"),
            "Apply": type_in("review", "apply", "fused"),
        },
        ("reviews/fused/applied/*.csv",),
    ),
    "answers": Group(
        "runs/answers/asked",
        {"Identify": type_in("identify", "fused", "new", "--answers", "asked")},
        tuple(f"runs/answers/asked/{name}" for name in ("answers.csv", "answers.html", "summary.txt")),
    ),
}


def make_everything(root: Path) -> None:
    """Photographs beside `root`; below it what is damaged afterwards: runs, caches, a gallery, a review, answers."""
    names = [f"a{k // 6}" for k in range(60)]
    rows = pd.DataFrame({INDIVIDUAL: names, PATH: [f"{name}/{k}.png" for k, name in enumerate(names)]})
    for name in set(names):
        (photographs(root) / name).mkdir(parents=True, exist_ok=True)
    write_patterns(rows, photographs(root), side=120)
    new = pd.DataFrame({INDIVIDUAL: ["a1", "a2", "b1"], PATH: ["x.png", "y.png", "z.png"]})
    write_patterns(new, root.parent / "new", side=120)
    make_runs(root, data_root=str(photographs(root)))
    with within(root):
        evaluate(root)
        type_in("runs", "promote", "whole")(root)
        compare(root)
        galleries.export_run("fused", "herd")
        type_in("gallery", "rename", "herd", "a1", "Anna")(root)
        type_in("identify", "fused", "new", "--answers", "asked")(root)
        review = open_review("fused", who="Ana")
        for decision in ("same", "different", "cannot tell"):
            review.answer(review.next(1)[0], decision)


def photographs(root: Path) -> Path:
    """They are not copied: caches know them by their times of change."""
    return root.parent / "photos"


@contextlib.contextmanager
def within(root: Path) -> Iterator[None]:
    """All folders of the library below one; new photographs lie beside it, in the working directory."""
    before, here = dict(os.environ), Path.cwd()
    for name in ("RUNS", "CACHE", "GALLERIES"):
        os.environ[f"REID_{name}"] = str(root / name.lower())
    os.chdir(root.parent)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)
