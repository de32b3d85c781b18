"""Every file of runs, caches, a gallery, a review and answers damaged in turn: is it noticed, is the result right?

    python benchmarks/damaged_files.py --flips 3           # all of it; --only cache: a part

A finished training, an evaluation of it with local scores and masks, a training that was stopped, the caches they
filled, a gallery, a review with decisions, and answers to new photographs are made once, of small drawn patterns. In a
copy of them one file is damaged: a bit flipped at random places, cut in half, emptied, replaced by a folder, removed.
Then come the commands that a user would type next, within this process, and what they say and leave is compared with
what they say and leave where nothing is damaged. Printed: a table, and each case that went unseen or ended in a
traceback.
"""

import argparse
import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the order of sums, and so the last bit, is that of one thread
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import numpy as np
import pandas as pd
import torch
from damage_cases import cut, delete, empty, flip_at_random, make_runs, parameters, replace_by_folder
from review_cases import write_patterns
from whole_runs import run_all

from reid_lib.cli.main import main as command
from reid_lib.compare.comparison import Comparison
from reid_lib.compare.verdicts import tabulate_differences
from reid_lib.core.errors import ReidError
from reid_lib.core.files import read_json
from reid_lib.core.names import ANSWERS_CSV, HISTORY_CSV, INDIVIDUAL, PARAMS_JSON, PATH, REPORT_HTML
from reid_lib.pages.run_report import has_report
from reid_lib.params.fields import EvaluateParams
from reid_lib.pipeline import galleries, takeover
from reid_lib.pipeline.review import open_review
from reid_lib.runs.folder import UNREADABLE, RunFolder

AGAIN, REFUSED, SAME, UNSEEN, WRONG, TRACEBACK = OUTCOMES = (
    "told, made again or done without", "told, refused with what to do", "nothing to tell, result the same",
    "another result, unseen", "another result, told", "traceback",
)  # fmt: skip
TO_MEND = UNSEEN, WRONG, TRACEBACK
PATIENCE_S = 600.0  # of one case
# What differs from one time to the next where nothing is damaged.
TIMES = ("seconds", "images_per_s")
CHANGING = re.compile(r"\d+ images/s|\d{4}-\d\d-\d\d[ T]?(\d\d:\d\d(:\d\d)?(\.\d+)?)?|[0-9a-f]{32}|\d+(\.\d+)? s\b")


BAR = re.compile(r"\d%\|")  # of progress


@dataclass
class Said:
    """What commands said and left.

    Attributes:
        notes: lines that tell of something wrong.
        shown: what else was printed, by command, without what changes each time.
        left: file -> digest of its content.
        refused: a command ended in a message.
        traceback: of an error that is none of the library's own.
    """

    notes: set[str] = field(default_factory=set)
    shown: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    refused: bool = False
    traceback: str = ""


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


RUN_RESULTS = (
    "*.csv",
    "*.html",
    "metrics.json",
    "params.json",
    "model*",
    "calibration.json",
    "embeddings/*",
    "scores/*",
)
LOOKING = {"Runs": type_in("runs"), "Compare": compare}
GROUPS = {
    "finished run": Group(
        "runs/mine",
        LOOKING
        | {
            "Show": type_in("show", "mine"),
            "Identify": type_in("identify", "mine", "new"),
            "train": train("mine"),
            "Show again": type_in("show", "mine"),
        },
        tuple(f"runs/mine/{name}" for name in RUN_RESULTS),
    ),
    "evaluation": Group(
        "runs/fused",
        LOOKING
        | {
            "Show": type_in("show", "fused"),
            "Identify": type_in("identify", "fused", "new"),
            "evaluate": evaluate,
            "Show again": type_in("show", "fused"),
        },
        tuple(f"runs/fused/{name}" for name in RUN_RESULTS),
    ),
    "unfinished run": Group(
        "runs/broken",
        {"Runs": type_in("runs"), "train": train("broken"), "Show": type_in("show", "broken")},
        tuple(f"runs/broken/{name}" for name in RUN_RESULTS),
    ),
    "cache": Group(
        "cache",
        {"evaluate": evaluate_anew, "Compare": compare, "Show": type_in("show", "fused")},
        tuple(f"runs/fused/{name}" for name in RUN_RESULTS),
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


def observe(group: Group, root: Path) -> Said:
    """Do what a user would do next, to the end, whatever single commands say."""
    said = Said()
    with within(root):
        for name, do in group.commands.items():
            printed = io.StringIO()
            try:
                with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                    do(root)
            except ReidError as error:
                said.refused = True
                said.notes.add(_same_each_time(f"{name}: {error}", root))
            except Exception:
                said.traceback = traceback.format_exc()
                break
            lines = [_same_each_time(line, root) for line in printed.getvalue().splitlines() if not BAR.search(line)]
            said.notes |= {line for line in lines if line.startswith(("note:", "error:"))}
            if name[0].isupper():
                said.shown.append("\n".join(line for line in lines if not line.startswith(("note:", "error:"))))
        for pattern in group.results:
            said.left |= {str(path.relative_to(root)): _digest(path) for path in sorted(root.glob(pattern))}
    return said


def _same_each_time(text: str, root: Path) -> str:
    return CHANGING.sub("...", text.replace(str(root), "ROOT")).rstrip()


def _digest(path: Path) -> str:
    if not path.is_file():
        return "no file"
    if path.name == HISTORY_CSV:  # a training that was done again took another time
        with contextlib.suppress(ValueError):
            return pd.read_csv(path).drop(columns=list(TIMES), errors="ignore").to_csv()
    if path.name == PARAMS_JSON:
        with contextlib.suppress(ValueError, AttributeError):  # when a run began is another time
            told = {k: v for k, v in read_json(path).items() if k != "environment"}
            return json.dumps(told, sort_keys=True)
    if path.name == REPORT_HTML:  # which has ids drawn at random
        return "whole" if has_report(RunFolder(path.parent)) else "damaged"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def observe_apart(group: Group, root: Path) -> Said:
    """`observe` in a process of its own, as a user's next command is: nothing is remembered of what it read."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    process = fork.Process(target=lambda: theirs.send(observe(group, root)))
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(PATIENCE_S) else Said(traceback=f"not after {PATIENCE_S} s")
    except EOFError:
        return Said(traceback="the process died")
    finally:
        process.kill()
        process.join()


def judge(whole: Said, found: Said) -> str:
    """What became of a damage."""
    if found.traceback:
        return TRACEBACK
    listed = any(
        UNREADABLE in now and UNREADABLE not in was for now, was in zip(found.shown, whole.shown, strict=False)
    )
    told = bool(found.notes - whole.notes) or found.refused or listed
    if found.left == whole.left and (told or found.shown == whole.shown):
        return AGAIN if told else SAME
    if found.refused:
        return REFUSED
    return WRONG if told else UNSEEN


def files_of(group: Group, root: Path) -> list[Path]:
    """All but locks, and the table of answers, which is a person's to change."""
    place = root / group.folder
    every = (path for path in ([place] if place.is_file() else sorted(place.rglob("*"))) if path.is_file())
    return [p for p in every if ".lock" not in p.name and ".locks" not in p.parts and p.name != ANSWERS_CSV]


def damages(flips: int) -> dict[str, Callable[[Path], None]]:
    every = {"cut": cut, "emptied": empty, "a folder": replace_by_folder, "removed": delete}
    return {f"flip {k}": flip_at_random(k) for k in range(flips)} | every


def copy_everything(root: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    return Path(shutil.copytree(root, to))


def damage_all(name: str, root: Path, flips: int) -> tuple[Counter, list[str]]:
    """Counts of outcomes, and in words the cases that are to be mended."""
    group, case = GROUPS[name], root.with_name("case")
    baseline = copy_everything(root, case)
    whole = observe_apart(group, baseline)
    if whole.traceback or whole.refused:
        raise SystemExit(f"{name}: fails undamaged\n{whole.traceback or sorted(whole.notes)}")
    counts, bad = Counter(), []
    for file in files_of(group, root):
        for what, damage in damages(flips).items():
            copy_everything(root, case)
            path = case / file.relative_to(root)
            if not path.stat().st_size and what not in ("a folder", "removed"):
                continue
            damage(path)
            found = observe_apart(group, case)
            outcome = judge(whole, found)
            counts[outcome] += 1
            told = "; ".join(sorted(found.notes - whole.notes))[:300]
            if outcome in TO_MEND:
                differing = [n for n in {*whole.left, *found.left} if whole.left.get(n) != found.left.get(n)]
                last = found.traceback.strip().splitlines()[-3:]
                bad.append(f"{name}: {path.relative_to(case)}, {what}: {outcome} {differing[:4]} {told} {last}")
            print(f"{outcome:25} {path.relative_to(case)}, {what}: {told}", file=sys.stderr, flush=True)
    return counts, bad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=list(GROUPS), help="a kind of files; may be repeated")
    parser.add_argument("--flips", type=int, default=3, help="random places of a flipped bit in each file (3)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    begun, rows, every = sum(os.times()[:4]), [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "case"  # the same place for all: paths are part of what is compared
        root.mkdir()
        make_everything(root)
        whole = root.rename(root.with_name("whole"))
        for name in options.only or GROUPS:
            counts, bad = damage_all(name, whole, options.flips)
            rows.append([name, len(files_of(GROUPS[name], whole)), *(counts[outcome] for outcome in OUTCOMES)])
            every += bad
    rows.append(["all", *(sum(row[k] for row in rows) for k in range(1, len(rows[0])))])
    print("\n".join(f"| {' | '.join(map(str, row))} |" for row in [["", "files", *OUTCOMES], ["---"] * 8, *rows]))
    n_cases, seconds = sum(rows[-1][2:]), sum(os.times()[:4]) - begun
    print(f"\n{n_cases} cases, {seconds:.0f} s of processor time")
    print("\n".join(every) or "nothing is to be mended")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
