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
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the order of sums, and so the last bit, is that of one thread

import numpy as np
import pandas as pd
import torch
from damaged_world import GROUPS, Group, make_everything, within  # which puts tests/ on the path

from damage_cases import cut, delete, empty, flip_at_random, replace_by_folder  # isort: skip

from reid_lib.core.errors import ReidError
from reid_lib.core.files import read_json
from reid_lib.core.names import ANSWERS_CSV, HISTORY_CSV, PARAMS_JSON, REPORT_HTML
from reid_lib.pages.run_report import has_report
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


def list_files(group: Group, root: Path) -> list[Path]:
    """All but locks, and the table of answers, which is a person's to change."""
    place = root / group.folder
    every = (path for path in ([place] if place.is_file() else sorted(place.rglob("*"))) if path.is_file())
    return [p for p in every if ".lock" not in p.name and ".locks" not in p.parts and p.name != ANSWERS_CSV]


def list_damages(flips: int) -> dict[str, Callable[[Path], None]]:
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
    for file in list_files(group, root):
        for what, damage in list_damages(flips).items():
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
            rows.append([name, len(list_files(GROUPS[name], whole)), *(counts[outcome] for outcome in OUTCOMES)])
            every += bad
    rows.append(["all", *(sum(row[k] for row in rows) for k in range(1, len(rows[0])))])
    print("\n".join(f"| {' | '.join(map(str, row))} |" for row in [["", "files", *OUTCOMES], ["---"] * 8, *rows]))
    n_cases, seconds = sum(rows[-1][2:]), sum(os.times()[:4]) - begun
    print(f"\n{n_cases} cases, {seconds:.0f} s of processor time")
    print("\n".join(every) or "nothing is to be mended")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
