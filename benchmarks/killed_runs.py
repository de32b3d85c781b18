"""How sound runs are: train.ipynb through papermill, killed at random moments again and again, then run to its end.

    python benchmarks/killed_runs.py --runs 41 --seed 0

Each run has 1 to 3 epochs of the small drawn animals. It is killed by SIGKILL, SIGTERM or SIGINT, which goes to
papermill, to its kernel, or to both; half of the moments are anywhere in the time that a run takes, the others shortly
after one of its files has appeared; early ones come first, so that a run is not finished after the first. In the end it
is compared with a run of the same parameters that nothing disturbed: metrics, predictions and weights to the last byte,
history but for its times; report there, row in the table of all runs, nothing left over.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psutil

from reid_lib.core import frames
from reid_lib.core.names import (
    ALL_METRICS_CSV,
    CHECKPOINT,
    CHECKSUMS_JSON,
    HISTORY_CSV,
    METRICS_JSON,
    MODEL_WEIGHTS,
    PREDICTIONS_CSV,
    TRAIN_NOTEBOOK,
)
from reid_lib.core.paths import project_root
from reid_lib.core.temporaries import TEMPORARY
from reid_lib.pages.run_report import has_report
from reid_lib.runs.folder import FINISHED, RunFolder
from reid_lib.runs.owner import LOCK

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TARGETS = ("papermill", "kernel", "both")
# Files after which a run is killed, in their order; the last is its state, which has to say that it is finished.
LANDMARKS = (LOCK, MODEL_WEIGHTS, CHECKPOINT, "embeddings/test.npz", METRICS_JSON, CHECKSUMS_JSON, FINISHED)
SAME = (METRICS_JSON, PREDICTIONS_CSV, MODEL_WEIGHTS)
TIMES = ("images_per_s", "seconds")  # columns of the history that no two runs share
EPOCHS = (1, 2, 3)
SHORTLY_S = 1.5
TRIES = 6  # runs to the end: a kernel whose papermill was killed may still own the run for a moment
LONGEST_S = 600.0


@dataclass(frozen=True)
class Blow:
    """One kill: all of it is drawn beforehand, so that a seed means the same kills on every machine.

    Attributes:
        landmark: file (or state) that is waited for; None: only for `share`.
        share: of the time that a run takes; of half of it where the run was finished before.
        then_s: seconds after the landmark.
    """

    landmark: str | None
    share: float
    then_s: float
    number: signal.Signals
    target: str

    @classmethod
    def draw(cls, rng: random.Random) -> "Blow":
        landmark = rng.choice(LANDMARKS) if rng.random() < 0.5 else None
        return cls(landmark, rng.random(), rng.uniform(0, SHORTLY_S), rng.choice(SIGNALS), rng.choice(TARGETS))

    @property
    def place(self) -> float:
        """About where in a run it lies: 0 its start, 1 its end."""
        return self.share if self.landmark is None else (LANDMARKS.index(self.landmark) + 1) / len(LANDMARKS)

    def __str__(self) -> str:
        return f"{self.number.name} to {self.target}"


@dataclass
class Ended:
    """What became of one run."""

    name: str
    epochs: int
    kills: list[str] = field(default_factory=list)
    tries: int = 0
    wrong: list[str] = field(default_factory=list)  # what differs from the undisturbed run
    report: bool = False
    row: bool = False
    left: list[str] = field(default_factory=list)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--runs", type=int, default=41)
    asked.add_argument("--kills", type=int, default=4, help="of each run, about")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--folder", type=Path, help="where the runs stay to be looked at; else nothing of them does")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = (given.folder or Path(temporary)).absolute()
        os.environ |= {"REID_RUNS": str(root / "runs"), "REID_CACHE": str(root / "cache"), "OMP_NUM_THREADS": "1"}
        rng, whole, ended = random.Random(given.seed), {}, []
        for k in range(given.runs):
            epochs = rng.choice(EPOCHS)
            if epochs not in whole:
                whole[epochs] = run_undisturbed(root, epochs)
            one = Ended(f"killed-{k:02d}", epochs)
            blows = [Blow.draw(rng) for _ in range(rng.randint(max(1, given.kills - 1), given.kills + 1))]
            disturb(root, one, whole[epochs], sorted(blows, key=lambda blow: blow.place))
            ended.append(one)
            print(f"{one.name}: {epochs} epochs, {', '.join(one.kills)}; {'; '.join(one.wrong) or 'equal'}", flush=True)
    print(f"\nseed {given.seed}\n{summarise(ended)}")


def start(root: Path, name: str, epochs: int) -> subprocess.Popen:
    """papermill as a user types it, its notebook in the run folder."""
    folder, notebooks = root / "runs" / name, project_root() / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    given = ["-r", "run_name", name, "-p", "num_epochs", str(epochs), "-p", "dataset", "demo:small"]
    given += ["-p", "eval_every", "1", "-p", "device", "cpu", "--no-progress-bar"]
    command = [sys.executable, "-m", "papermill", notebooks / TRAIN_NOTEBOOK, folder / TRAIN_NOTEBOOK, *given]
    with open(root / f"{name}.log", "ab") as log:
        return subprocess.Popen(
            command,
            cwd=notebooks,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Of a command in the background, children ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )


def run_undisturbed(root: Path, epochs: int) -> tuple[RunFolder, float]:
    """A run that nothing disturbs, and how long it took."""
    begun, name = time.monotonic(), f"whole-{epochs}"
    assert start(root, name, epochs).wait(LONGEST_S) == 0, f"see {root / name}.log"
    return RunFolder(root / "runs" / name), time.monotonic() - begun


def disturb(root: Path, one: Ended, whole: tuple[RunFolder, float], blows: list[Blow]) -> None:
    """Kill a run by each of the blows, then run it to its end, and note what became of it."""
    run, (undisturbed, takes) = RunFolder(root / "runs" / one.name), whole
    for blow in blows:
        process = start(root, one.name, one.epochs)
        wait_for_moment(process, run, blow, takes)
        if process.poll() is None:
            kill(process, blow)
            one.kills.append(str(blow))
    for one.tries in range(1, TRIES + 1):
        if start(root, one.name, one.epochs).wait(LONGEST_S) == 0:
            break
        time.sleep(2)
    one.wrong = [] if run.finished else [f"it is {run.status()['state']}"]
    one.wrong += [f"{name} differs" for name in SAME if read_file(run, name) != read_file(undisturbed, name)]
    if not read_history(run).equals(read_history(undisturbed)):
        one.wrong.append(f"{HISTORY_CSV} differs")
    one.report = has_report(run)
    table = root / "runs" / ALL_METRICS_CSV
    one.row = table.exists() and one.name in set(frames.read_csv(table)["run"])
    one.left = [str(path.relative_to(root)) for path in (root / "runs").glob(f"*{TEMPORARY}*")]
    one.left += [str(path.relative_to(root)) for path in run.folder.rglob(f"*{TEMPORARY}*")]
    one.left += [LOCK] if run.path(LOCK).exists() else []


def wait_for_moment(process: subprocess.Popen, run: RunFolder, blow: Blow, takes: float) -> None:
    """Wait until it is time for a kill, or the process has ended."""
    begun, waits = time.time(), blow.landmark is not None and not run.finished
    until = time.monotonic() + takes * (2 if waits else blow.share / 2 if run.finished else blow.share)
    while process.poll() is None and time.monotonic() < until:
        if waits and has_come(run, blow.landmark, begun):
            until = min(until, time.monotonic() + blow.then_s)
            break
        time.sleep(0.01)
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, until - time.monotonic()))


def has_come(run: RunFolder, landmark: str, begun: float) -> bool:
    """Has the file been written since then, or does the run read finished?"""
    if landmark == FINISHED:
        return run.status()["state"] == FINISHED
    try:
        return run.path(landmark).stat().st_mtime >= begun
    except OSError:
        return False


def kill(process: subprocess.Popen, blow: Blow) -> None:
    """Send the signal, and wait until papermill has ended."""
    with suppress(psutil.Error):
        papermill = psutil.Process(process.pid)
        kernels = [child for child in papermill.children() if "ipykernel_launcher" in " ".join(child.cmdline())]
        hit = {"papermill": [papermill], "kernel": kernels, "both": [papermill, *kernels]}[blow.target]
        for one in hit:
            with suppress(psutil.Error):
                one.send_signal(blow.number)
    process.wait(LONGEST_S)


def read_file(run: RunFolder, name: str) -> bytes | None:
    """Content of a file; None where it is not there."""
    return run.path(name).read_bytes() if run.path(name).exists() else None


def read_history(run: RunFolder) -> pd.DataFrame:
    """The history but for its times."""
    return run.history().drop(columns=list(TIMES), errors="ignore")


def summarise(ended: list[Ended]) -> str:
    """The table that is printed."""
    kinds = Counter(kill for one in ended for kill in one.kills)
    table = {
        "runs": len(ended),
        "kills": sum(kinds.values()),
        **{f"  {kind}": n for kind, n in sorted(kinds.items())},
        "ended with equal results": sum(not one.wrong for one in ended),
        "needed more than one command to the end": sum(one.tries > 1 for one in ended),
        "missing reports": sum(not one.report for one in ended),
        "missing rows in the table": sum(not one.row for one in ended),
        "left over": sum(len(one.left) for one in ended),
    }
    wrong = [f"{one.name}: {'; '.join(one.wrong + one.left)}" for one in ended if one.wrong or one.left]
    return "\n".join([*(f"{name:<42}{n:>5}" for name, n in table.items()), *wrong])


if __name__ == "__main__":
    main()
