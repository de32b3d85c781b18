"""The small command line: the name beforehand, the folder, the result, the table."""

import logging

import nbformat
import pytest
from main_cases import say

from reid_lib.core.errors import ParameterError
from reid_lib.core.paths import project_root
from reid_lib.params.papermill import papermill_params, papermill_values, refused_parameters


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


@pytest.mark.parametrize(
    "arguments, name",
    [
        ([], "default"),
        (["-p", "lr", "1e-4", "-p", "pretrained", "false"], "no-pretrained_lr-1e-4"),
        (["-r", "run_name", "007"], "007"),
        (["-y", "{loss: cosface, lr: 1e-4}"], "cosface_lr-1e-4"),
        (["-y", "lr: 0.5", "-p", "lr", "0.25", "--log-output"], "lr-0.25"),
        (["--notebook", "evaluate", "-p", "run", "mine"], "eval_of-mine"),
    ],
)
def test_name_is_the_one_the_notebook_will_take(capsys, arguments, name):
    assert say(capsys, "name", *arguments) == (0, name, "")


def test_name_reads_files_as_papermill_does(capsys, tmp_path):
    (tmp_path / "v.yaml").write_text("run_name: mine\nlr: 1e-4\n")
    assert say(capsys, "name", "-f", str(tmp_path / "v.yaml"))[:2] == (0, "mine")


def test_reading_arguments_leaves_the_log_of_the_execution_that_follows_to_itself(monkeypatch):
    """papermill sets the root logger up once in a process: at WARNING here, `reid train -p ...` showed no table."""
    monkeypatch.setattr(logging.root, "handlers", [])
    level = logging.root.level
    assert papermill_params(["-p", "lr", "1e-4"]).lr == 1e-4
    assert logging.root.handlers == [] and logging.root.level == level


def edited(path, before, after, notebook="train.ipynb"):
    """A notebook whose first cell was changed in JupyterLab."""
    nb = nbformat.read(project_root() / "notebooks" / notebook, as_version=4)
    cell = next(cell for cell in nb.cells if cell.cell_type == "code")
    assert before in cell.source
    cell.source = cell.source.replace(before, after)
    nbformat.write(nb, path)
    return str(path)


@pytest.mark.parametrize(
    "after, arguments, name",
    [
        ("lr: float = 3e-4", [], "lr-3e-4"),
        ("lr: float = 3e-4", ["-p", "num_epochs", "2"], "lr-3e-4_epochs-2"),
        ("lr: float = 3e-4", ["-p", "lr", "1e-3"], "default"),  # typed on the shell wins, as with papermill
        ("lr: float = 0.5 * 1e-3", [], "lr-5e-4"),
        ("import math\nlr = math.pi", ["-p", "lr", "0.5"], "lr-0.5"),
        ("%config Application.log_level = 30\nlr = 3e-4", [], "lr-3e-4"),
        ("print('hello')\nlr = 2 * 0.25", [], "lr-0.5"),
        ("lr = 1e-3\nrun_name = 'mine'", [], "mine"),
    ],
)
def test_the_name_is_that_of_the_notebook_that_is_executed(capsys, tmp_path, after, arguments, name):
    path = edited(tmp_path / "own.ipynb", "lr: float = 1e-3", after)
    code, out, err = say(capsys, "name", "--notebook", path, *arguments)
    assert (code, out) == (0, name), err


def test_the_name_of_a_notebook_of_an_evaluation_is_an_evaluations(capsys, tmp_path):
    path = edited(tmp_path / "own.ipynb", 'run: str = ""', 'run: str = "mine"', "evaluate.ipynb")
    assert say(capsys, "name", "--notebook", path) == (0, "eval_of-mine", "")


def test_papermills_cell_of_an_earlier_execution_counts_until_it_is_replaced(capsys, tmp_path):
    """An executed copy, run again: papermill puts its new cell in the place of the old one."""
    nb = nbformat.read(project_root() / "notebooks/train.ipynb", as_version=4)
    at = next(i for i, cell in enumerate(nb.cells) if "parameters" in cell.metadata.get("tags", []))
    injected = nbformat.v4.new_code_cell("# Parameters\nm = 2\n", metadata={"tags": ["injected-parameters"]})
    nb.cells.insert(at + 1, injected)
    nbformat.write(nb, tmp_path / "copy.ipynb")
    assert say(capsys, "name", "--notebook", str(tmp_path / "copy.ipynb"))[1] == "m-2"
    assert say(capsys, "name", "--notebook", str(tmp_path / "copy.ipynb"), "-p", "lr", "0.5")[1] == "lr-0.5"


@pytest.mark.parametrize(
    "before, after, message",
    [
        ("lr: float = 1e-3", "lr: float = best_lr", "NameError: name 'best_lr' is not defined"),
        ("lr: float", "learning_rate: float", "did you mean 'lr'?"),
        ("lr: float = 1e-3", "lr: float = 'fast'", "lr: expected a number; got 'fast'"),
        ("lr: float = 1e-3", "lr: float = ", "has no parameters cell"),
    ],
)
def test_a_notebook_that_cannot_be_read_beforehand_is_told(capsys, tmp_path, before, after, message):
    path = edited(tmp_path / "own.ipynb", before, after)
    code, out, err = say(capsys, "name", "--notebook", path)
    assert (code, out) == (1, "") and message in err


def test_what_is_no_notebook_of_runs_is_told(capsys, tmp_path):
    (tmp_path / "empty.ipynb").write_text("")
    for path, message in (
        (tmp_path / "missing.ipynb", "there is no notebook"),
        (tmp_path / "empty.ipynb", "is no notebook that papermill can execute"),
        (project_root() / "notebooks" / "compare.ipynb", "is not known to be a notebook of runs"),
    ):
        code, out, err = say(capsys, "name", "--notebook", str(path))
        assert (code, out) == (1, "") and message in err


@pytest.mark.parametrize(
    "arguments, name, got",
    [
        (["-p", "num_epochs", "1_0"], "num_epochs", "'1_0', read as 10"),
        (["-p", "lr", "1_0e-5"], "lr", "'1_0e-5', read as 0.0001"),
        (["-p", "num_epochs", "\uff11\uff12"], "num_epochs", "'\uff11\uff12', read as 12"),
        (["-r", "num_epochs", "1_0"], "num_epochs", "'1_0'"),
        (["-y", "{num_epochs: 1_0}"], "num_epochs", "'1_0', read as 10"),
        (["-y", "num_epochs: 010"], "num_epochs", "'010', read as 8"),
        (["-b", "bnVtX2Vwb2NoczogMToxMA=="], "num_epochs", "'1:10', read as 70"),
    ],
)
def test_a_number_that_only_a_program_reads_as_one_is_refused(capsys, arguments, name, got):
    code, out, err = say(capsys, "name", *arguments)
    assert (code, out) == (1, "") and f"{name}: expected a number in plain digits, as 10 or 1e-4; got {got}" in err


def test_the_same_in_a_file_and_for_the_base_of_a_sweep(capsys, tmp_path):
    (tmp_path / "v.yaml").write_text("num_epochs: 0x10\nlr: 1.0e-5\nscale: 2e1\n")
    message = "num_epochs: expected a number in plain digits, as 10 or 1e-4; got '0x10', read as 16"
    assert message in say(capsys, "name", "-f", str(tmp_path / "v.yaml"))[2]
    with pytest.raises(ParameterError, match=message):
        papermill_values(["-f", str(tmp_path / "v.yaml")])
    assert papermill_values(["-p", "num_epochs", "1_0", "-r", "num_epochs", "12"]) == {"num_epochs": "12"}


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["-p", "lr", "1e400"], "lr: expected a finite number"),
        (["-p", "scale", "nan"], "scale: expected a finite number"),
        (["-p", "num_epochs", "True"], "num_epochs: expected a number, not True or False"),
        (["-p", "scale", "1e30"], "scale: expected more than 0 and at most 1000"),
        (["-p", "seed", "18446744073709551615"], "seed: expected at least 0 and at most 9223372036854775807"),
        (["-r", "seed", "18446744073709551615"], "seed: expected at least 0 and at most 9223372036854775807"),
    ],
)
def test_numbers_that_no_run_can_have_are_refused_on_the_command_line(capsys, arguments, message):
    code, out, err = say(capsys, "name", *arguments)
    assert (code, out) == (1, "") and message in err


def test_it_is_refused_before_a_kernel_starts():
    notebook = nbformat.read(project_root() / "notebooks" / "train.ipynb", as_version=4)
    notebook.cells.insert(2, nbformat.v4.new_code_cell('# Parameters\nnum_epochs = 10\nrun_name = "mine"\n'))
    assert refused_parameters(notebook, {"num_epochs": "10", "run_name": "mine"}) is None
    _, error = refused_parameters(notebook, {"num_epochs": "1_0", "run_name": "mine"})
    assert str(error).startswith("num_epochs: expected a number in plain digits")
