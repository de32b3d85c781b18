"""A plan, and stand-ins for papermill that end as they are told to, for the tests of sweeps."""

import subprocess
import sys
import textwrap
import time
from pathlib import Path

from reid_lib.core.paths import runs_root
from reid_lib.sweep.plan import make_plan
from reid_lib.sweep.runner import Sweep
from reid_lib.sweep.status import tabulate_status

# Behaves as the words in the run's `script` file say, one word for each time it is started.
STAND_IN = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from reid_lib import runs
    name, folder = sys.argv[1], Path(sys.argv[2])
    times = folder / "times"
    count = int(times.read_text()) if times.exists() else 0
    times.write_text(str(count + 1))
    words = (folder / "script").read_text().split() if (folder / "script").exists() else ["finish"]
    word = words[min(count, len(words) - 1)]
    if word == "nothing":
        sys.exit("papermill could not begin")
    run = runs.Run.open(name, params={"num_epochs": 7}, key={"a": 1}, provenance={})
    run.add_epoch({"epoch": 0, "val_score": 0.25, "seconds": 1.0})
    run.add_epoch({"epoch": 1, "val_score": 0.125, "seconds": 1.0})
    if word == "hang":
        (folder / "hangs").touch()
        time.sleep(300)
    if word == "fail":
        with run.guard():
            raise ValueError("the loss exploded\\nin detail")
    time.sleep(0.2 if word == "slow" else 0)
    run.path("report.html").write_text("</html>")
    run.finish()
""")


def made_plan(dirs, *, n=3):
    values = ",".join(str(m) for m in range(5, 5 + n))
    return make_plan([f"m={values}"], with_base=False, root=dirs / "variants")


def stand_in(plan, variant, folder):
    return [sys.executable, "-c", STAND_IN, variant.run, str(folder)]


PAPERMILL = """
import signal, subprocess, sys
kernel = subprocess.Popen(sys.argv[1:], start_new_session=True)
signal.signal(signal.SIGTERM, lambda number, frame: kernel.send_signal(number))
sys.exit(kernel.wait())
"""


def with_kernel(plan, variant, folder):
    """As papermill's engine does it: a child in a session of its own does the work, and hears what papermill hears."""
    return [sys.executable, "-c", PAPERMILL, *stand_in(plan, variant, folder)]


def script(run: str, *words: str) -> None:
    folder = runs_root() / run
    folder.mkdir(parents=True)
    (folder / "script").write_text(" ".join(words))


def times(run: str) -> int:
    path = runs_root() / run / "times"
    return int(path.read_text()) if path.exists() else 0


def sweep(made, **options):
    return Sweep(made, command=stand_in, poll_s=0.05, **options)


def states(made) -> list[str]:
    return tabulate_status(made)["state"].tolist()


def wait_for(path: Path, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert path.exists()


# A sweep in a process of its own; `command` is one of the stand-ins here.
RUNNER = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from sweep_cases import deaf, stand_in, late, with_kernel
from reid_lib.sweep.plan import load_plan
from reid_lib.sweep.runner import Sweep
Sweep(load_plan(root=Path({variants!r})), command={command}, poll_s=0.05).run()
"""


def deaf(plan, variant, folder):
    """As `with_kernel`, with a kernel that heeds no signal but the last."""
    command = with_kernel(plan, variant, folder)
    ignoring = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    return [ignoring + part if part == STAND_IN else part for part in command]


def late(plan, variant, folder):
    """Takes a while before it claims the run, as a notebook does that reads its photographs first."""
    begin = (
        "import sys, time, uuid, pathlib\npathlib.Path(sys.argv[2], f'begun-{uuid.uuid4()}').touch()\ntime.sleep(2)\n"
    )
    return [sys.executable, "-c", begin + STAND_IN, variant.run, str(folder)]


def runner(dirs, command: str) -> subprocess.Popen:
    code = RUNNER.format(tests=str(Path(__file__).parent), variants=str(dirs / "variants"), command=command)
    # Tests may be run in the background, where Ctrl-C and hanging up are ignored and children inherit that.
    heard = "import signal; signal.signal(2, signal.default_int_handler); signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    return subprocess.Popen([sys.executable, "-c", f"{heard}\n{code}"], stderr=subprocess.DEVNULL)
