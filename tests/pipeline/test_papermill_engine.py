"""papermill as a user types it: what went wrong is its last words, and nothing that is not the user's stands before."""

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import nbformat
import papermill as papermill_library
import psutil
import pytest

from reid_lib.core.kernel import ENGINE, PROGRESS
from reid_lib.core.paths import project_root
from reid_lib.pipeline import papermill_engine

pytestmark = pytest.mark.slow
ENTRY = tomllib.loads((project_root() / "pyproject.toml").read_text())["project"]["entry-points"]["papermill.engine"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """Environment of a papermill that finds the entry point of pyproject.toml, as after `make setup`."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "reid_lab-0.1.0.dist-info").mkdir()
    lines = [f"{name} = {place}" for name, place in ENTRY.items()]
    text = "\n".join(["[papermill.engine]", *lines, ""])
    (folder / "reid_lab-0.1.0.dist-info" / "entry_points.txt").write_text(text)
    (folder / "reid_lab-0.1.0.dist-info" / "METADATA").write_text("Name: reid-lab\nVersion: 0.1.0\n")
    path = os.pathsep.join([str(folder), str(project_root()), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path}


def start(environment, tmp_path, *cells: str, arguments=(), source="in.ipynb") -> subprocess.Popen:
    """papermill executes the first two cells of train.ipynb and others."""
    notebook = nbformat.read(project_root() / "notebooks/train.ipynb", as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    notebook.cells = [*code[:2], *map(nbformat.v4.new_code_cell, cells)]
    nbformat.write(notebook, tmp_path / "in.ipynb")
    command = [sys.executable, "-m", "papermill", source, "out.ipynb", *arguments]
    return subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment | {"REID_RUNS": str(tmp_path / "runs")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests may be run in the background, where Ctrl-C is ignored and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def papermill(environment, tmp_path, cell: str, *arguments, source="in.ipynb"):
    process = start(environment, tmp_path, cell, arguments=arguments, source=source)
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def executed(tmp_path):
    return nbformat.read(tmp_path / "out.ipynb", as_version=4)


def begun(tmp_path, process: subprocess.Popen) -> psutil.Process:
    """The kernel of a papermill whose last cell has written the file `begun`, with its own process in it."""
    deadline = time.monotonic() + 120
    while not (tmp_path / "begun").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    return psutil.Process(int((tmp_path / "begun").read_text()))


def end_of(process: subprocess.Popen, kernel: psutil.Process) -> list[str]:
    """What papermill said; neither it nor its kernel is left."""
    try:
        _, err = process.communicate(timeout=180)
    finally:
        process.kill()
        left = psutil.wait_procs([kernel], timeout=10)[1]
        for one in left:
            one.kill()
    assert not left
    return err.splitlines()


def test_a_mistake_is_the_last_line_and_the_only_one_about_it(installed, tmp_path):
    done = papermill(installed, tmp_path, "1", "--no-progress-bar", "-p", "lr", "fast")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[-1] == "error: lr: expected a number; got 'fast' (learning rate of the backbone)"
    assert all(line.startswith(("Input Notebook", "Output Notebook", "Executing notebook")) for line in lines[:-1])
    out = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    error = next(o for c in out.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "error")
    assert (error.ename, len(error.traceback)) == ("ParameterError", 1)


def test_the_traceback_comes_on_request(installed, tmp_path):
    done = papermill(installed, tmp_path, "1", "-p", "lr", "fast", "--log-level", "DEBUG")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "ParameterError: lr: expected a number" in done.stderr


def test_an_error_that_is_no_users_has_its_traceback(installed, tmp_path):
    done = papermill(installed, tmp_path, "1 / 0")
    assert done.returncode == 1 and "Traceback" in done.stderr and "ZeroDivisionError: division by zero" in done.stderr


def test_a_file_that_is_not_there_is_one_message(installed, tmp_path):
    for arguments, options in ((["-f", "no.yaml"], {}), ([], {"source": "no.ipynb"})):
        done = papermill(installed, tmp_path, "1", *arguments, **options)
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert (
            done.stderr.splitlines()[-1]
            == f"error: {'no.yaml' if arguments else 'no.ipynb'}: No such file or directory"
        )


def test_a_notebook_that_ends_well_says_nothing_of_its_kernel_and_logs_a_line_of_progress_a_minute(installed, tmp_path):
    cell = f"import os\nprint('well, a line each', os.environ['{PROGRESS}'], 's')"
    done = papermill(installed, tmp_path, cell, "--no-progress-bar", "--log-output")
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr and "well, a line each 60 s" in done.stderr


BEGIN = "import os, pathlib, time\npathlib.Path('begun').write_text(str(os.getpid()))\n"
LOADING = "import reid_lib\n" + BEGIN


def test_an_unknown_parameter_is_refused_before_a_kernel_starts(installed, tmp_path):
    notebook = nbformat.read(project_root() / "notebooks/train.ipynb", as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(BEGIN))
    nbformat.write(notebook, tmp_path / "own.ipynb")
    arguments = ("-p", "learning_rate", "1e-4", "-p", "num_epochs", "1")
    done = papermill(installed, tmp_path, "1", *arguments, source="own.ipynb")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: unknown parameter 'learning_rate'; did you mean 'lr'?"
    assert not (tmp_path / "begun").exists(), "a kernel ran the first cell"
    cells = [c for c in executed(tmp_path).cells if c.cell_type == "code"]
    wrong = [c for c in cells if any(o.output_type == "error" for o in c.outputs)]
    assert len(wrong) == 1 and "from_notebook()" in wrong[0].source
    assert any("An Exception was encountered" in c.source for c in executed(tmp_path).cells)


def test_a_signal_reaches_the_kernel_which_ends_in_its_own_time(installed, tmp_path):
    cell = (
        "from reid_lib.core.signals import stop_on_signal\nfrom reid_lib.core.errors import TrainingInterrupted\n"
        "with stop_on_signal() as asked:\n    "
        + BEGIN.strip().replace("\n", "\n    ")
        + "\n    while not asked(): time.sleep(0.05)\nprint('a checkpoint')\nraise TrainingInterrupted('asked to stop')"
    )
    process = start(installed, tmp_path, cell, "print('too late')", arguments=["--no-progress-bar"])
    kernel = begun(tmp_path, process)
    process.send_signal(signal.SIGUSR1)  # Slurm's warning; the test of steps sends SIGTERM, too
    said = end_of(process, kernel)
    assert (process.returncode, said[-1]) == (128 + signal.SIGUSR1, "stopped: asked to stop")
    printed = "".join(o.text for c in executed(tmp_path).cells for o in c.get("outputs", []) if "text" in o)
    assert "a checkpoint" in printed and "too late" not in printed


def test_ctrl_c_ends_the_cell_as_the_stop_button_does_and_is_told_in_one_line(installed, tmp_path):
    process = start(installed, tmp_path, LOADING + "time.sleep(100)", arguments=["--no-progress-bar"])
    kernel = begun(tmp_path, process)
    process.send_signal(signal.SIGINT)
    said = end_of(process, kernel)
    assert (process.returncode, said[-1]) == (130, "stopped: by Ctrl-C")
    assert not any("Traceback" in line or "zmq" in line.lower() for line in said), said
    errors = [o.ename for c in executed(tmp_path).cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert errors == ["KeyboardInterrupt"]


def test_ctrl_c_in_a_training_that_has_a_checkpoint_says_how_it_goes_on(installed, tmp_path):
    kept = "run.path('last.ckpt').write_bytes(b'kept')\n"
    process = start(installed, tmp_path, OPENS + kept + LOADING + "time.sleep(100)", arguments=["--no-progress-bar"])
    kernel = begun(tmp_path, process)
    process.send_signal(signal.SIGINT)
    said = end_of(process, kernel)[-1]
    assert said == "stopped: by Ctrl-C. Run the same command again: it continues from the last checkpoint"


def test_a_second_ctrl_c_ends_a_kernel_that_heeds_none(installed, tmp_path):
    deaf = "\nwhile True:\n    try:\n        time.sleep(100)\n    except KeyboardInterrupt:\n        pass"
    process = start(installed, tmp_path, LOADING + deaf, arguments=["--no-progress-bar"])
    kernel = begun(tmp_path, process)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said = end_of(process, kernel)
    assert (process.returncode, said[-1]) == (130, "stopped: by Ctrl-C")


OPENS = """
from reid_lib.runs.run import Run
from reid_lib.params import TrainParams
run = Run.open("mine", params=TrainParams().model_dump(), key={}, provenance={})
print("run 'mine' on cpu: there")
"""


def test_a_run_that_failed_has_a_report_that_says_so(installed, tmp_path):
    cells = (
        OPENS,
        "with run.guard():\n    print('so far')\n    raise ValueError('no <such> thing')",
        "print('too late')",
    )
    process = start(installed, tmp_path, *cells, arguments=["--no-progress-bar"])
    _, err = process.communicate(timeout=240)
    assert process.returncode == 1 and "ValueError: no <such> thing" in err
    report = (tmp_path / "runs/mine/report.html").read_text()
    assert "This run failed: ValueError: no &lt;such&gt; thing" in report
    assert "so far" in report and "too late" not in report and report.rstrip().endswith("</html>")


def test_the_report_of_a_finished_run_holds_the_last_cell_and_is_left_once(installed, tmp_path):
    code = (Path(__file__).parents[1] / "made_metrics.py").read_text()
    finish = "from types import SimpleNamespace\nfrom reid_lib.pipeline import steps\n"
    finish += (
        "steps.finish(SimpleNamespace(run=run, device='cpu', seconds={}), SimpleNamespace(metrics=run.metrics()))\n"
    )
    last = finish + "print('a report by then:', run.path('report.html').exists())"
    process = start(installed, tmp_path, OPENS, code + "run.write_json('metrics.json', metrics())", last)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    report = (tmp_path / "runs/mine/report.html").read_text()
    assert "geometric mean 0.500" in report and "a report by then: False" in report


def test_a_notebook_of_somebody_else_runs_as_without_the_engine(tmp_path, monkeypatch):
    monkeypatch.delenv(ENGINE, raising=False)
    seen = []
    plain = papermill_library.engines.NBClientEngine.execute_notebook.__func__
    monkeypatch.setattr(
        papermill_library.engines.NBClientEngine,
        "execute_notebook",
        classmethod(lambda cls, nb, *a, **o: (seen.append(sorted(o)), plain(cls, nb, *a, **o))[1]),
    )
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(f"import os; print(os.environ.get('{ENGINE}'))")]
    )
    done = papermill_engine.Engine.execute_notebook(
        papermill_library.iorw.load_notebook_node(write(notebook, tmp_path)), "python3", progress_bar=False
    )
    assert done.cells[0].outputs[0].text == "None\n" and seen == [["progress_bar"]]


def write(notebook, tmp_path) -> str:
    nbformat.write(notebook, tmp_path / "in.ipynb")
    return str(tmp_path / "in.ipynb")


def test_what_was_typed_is_known_before_papermill_reads_numbers_in_it(tmp_path):
    """Its command line makes 10 of 1_0; of what calls papermill from elsewhere nothing was typed."""
    from papermill.cli import papermill as command

    assert papermill_engine._typed() == {}
    arguments = ["in.ipynb", "out.ipynb", "-p", "num_epochs", "1_0", "-p", "m", "4", "-r", "m", "8", "-y", "lr: 1_0"]
    with command.make_context("papermill", arguments):
        assert papermill_engine._typed() == {"num_epochs": "1_0", "lr": "1_0"}
