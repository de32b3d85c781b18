"""papermill as a user types it: what went wrong is its last words, and nothing that is not the user's stands before."""

import os
import subprocess
import sys
import tomllib

import nbformat
import pytest

from reid_lib.core.paths import project_root

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


def papermill(environment, tmp_path, cell: str, *arguments, source="in.ipynb"):
    """Executes the first two cells of train.ipynb and another one."""
    notebook = nbformat.read(project_root() / "notebooks/train.ipynb", as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    notebook.cells = [*code[:2], nbformat.v4.new_code_cell(cell)]
    nbformat.write(notebook, tmp_path / "in.ipynb")
    command = [sys.executable, "-m", "papermill", source, "out.ipynb", *arguments]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)


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
    assert "TrainParams.from_notebook()" in done.stderr and "ParameterError: lr: expected a number" in done.stderr


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


def test_a_notebook_that_ends_well_says_nothing_of_its_kernel(installed, tmp_path):
    done = papermill(installed, tmp_path, "print('well')", "--no-progress-bar", "--log-output")
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr and "well" in done.stderr
