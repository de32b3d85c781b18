"""Parameters read from a notebook: the cell, papermill's cell after it, a typo, a cell run again."""

from pathlib import Path

import nbformat
import papermill
import pytest
from IPython.core.interactiveshell import InteractiveShell

from reid_lib.core.errors import ParameterError
from reid_lib.core.paths import project_root
from reid_lib.params.fields import EvaluateParams, IdentifyParams, ReviewParams, TrainParams
from reid_lib.params.look import LookParams

NOTEBOOKS = project_root() / "notebooks"
KINDS = {
    "train.ipynb": TrainParams,
    "evaluate.ipynb": EvaluateParams,
    "identify.ipynb": IdentifyParams,
    "review.ipynb": ReviewParams,
    "data.ipynb": LookParams,
}


def parameters_cell(notebook="train.ipynb") -> str:
    cells = nbformat.read(NOTEBOOKS / notebook, as_version=4).cells
    return next(cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))


@pytest.fixture
def shell():
    """IPython in this process: cells are run as a kernel would run them."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def run(shell, *cells):
    for cell in cells:
        shell.run_cell(cell, store_history=True)


def test_the_cell_as_committed_gives_the_defaults(shell):
    run(shell, "%config InlineBackend", parameters_cell())
    assert TrainParams.from_notebook() == TrainParams()


def test_papermills_cell_overrides_and_its_paths_are_ignored(shell):
    injected = '# Parameters\nPAPERMILL_INPUT_PATH = "in.ipynb"\nPAPERMILL_OUTPUT_PATH = "out.ipynb"\nlr = 0.0001\n'
    run(shell, parameters_cell(), injected)
    assert TrainParams.from_notebook().differences() == {"lr": 1e-4}


def test_a_mistyped_injected_parameter_is_refused(shell):
    run(shell, parameters_cell(), "# Parameters\nlearning_rate = 0.0001\n")
    with pytest.raises(ParameterError, match="did you mean 'lr'"):
        TrainParams.from_notebook()


def test_a_typo_corrected_and_run_again_is_forgotten(shell):
    cell = parameters_cell()
    run(shell, cell.replace("lr: float", "learning_rate: float"))
    with pytest.raises(ParameterError, match="did you mean 'lr'"):
        TrainParams.from_notebook()
    run(shell, cell.replace("lr: float = 1e-3", "lr: float = 1e-4"))
    assert TrainParams.from_notebook().differences() == {"lr": 1e-4}


def test_names_a_later_cell_uses_change_nothing_when_the_cell_is_run_again(shell):
    run(shell, parameters_cell(), "# Parameters\nm = 2\n", "loss = object(); m = 99; n = None; columns = [1]")
    assert TrainParams.from_notebook().differences() == {"m": 2}


def test_the_parameters_cell_run_again_after_papermills_wins(shell):
    run(shell, parameters_cell(), "# Parameters\nlr = 0.5\n", parameters_cell())
    assert TrainParams.from_notebook() == TrainParams()


def test_a_runner_without_history_finds_the_values_or_says_what_is_missing(shell):
    """nbval runs cells with store_history=False, so `In` stays empty."""
    cell = parameters_cell().replace("\nseed: int = 0", "\nseed: int = 3")
    shell.run_cell(cell.replace("lr: float", "learning_rate: float"), store_history=False)
    with pytest.raises(ParameterError, match="no parameters cell was run"):
        TrainParams.from_notebook()
    shell.run_cell(cell, store_history=False)
    assert TrainParams.from_notebook().differences() == {"seed": 3}


def test_an_expression_typed_by_hand_counts(shell):
    run(shell, parameters_cell().replace("lr: float = 1e-3", "lr: float = 10 * 1e-5"))
    assert TrainParams.from_notebook().lr == pytest.approx(1e-4)


def test_without_a_parameters_cell_it_says_what_to_run(shell):
    run(shell, "x = 1")
    with pytest.raises(ParameterError, match="run the cell tagged 'parameters' first"):
        TrainParams.from_notebook()


def test_outside_a_notebook_it_says_what_to_do():
    InteractiveShell.clear_instance()
    with pytest.raises(ParameterError, match="in a script, pass the parameters"):
        TrainParams.from_notebook()


@pytest.mark.parametrize("name", KINDS)
def test_cell_and_model_agree_on_names_types_defaults_and_meanings(name, caplog):
    """As papermill reads the cell: a line it cannot parse is skipped with a warning, and missing here."""
    inspected = papermill.inspect_notebook(str(NOTEBOOKS / name))
    assert not caplog.records
    fields = KINDS[name].model_fields
    assert set(inspected) == set(fields)
    for parameter, field in fields.items():
        read = inspected[parameter]
        literal = eval(read["default"], {})  # one literal of our own notebook
        assert literal == field.default and type(literal) is type(field.default), parameter
        kind = field.annotation
        expected = kind.__name__ if kind in (str, int, float, bool) else "float" if kind == float | None else "str"
        assert read["inferred_type_name"] == expected, parameter
        assert read["help"] == field.description, parameter


@pytest.mark.parametrize("name", KINDS)
def test_the_next_cell_reads_the_parameters(name):
    code = [c for c in nbformat.read(NOTEBOOKS / name, as_version=4).cells if c.cell_type == "code"]
    assert "parameters" in code[0].metadata["tags"]
    assert f"{KINDS[name].__name__}.from_notebook()" in code[1].source


def write_notebook(folder: Path) -> Path:
    """The parameters cell of train.ipynb and the one after it, and nothing that takes time."""
    notebook = nbformat.read(NOTEBOOKS / "train.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    notebook.cells = [*code[:2], nbformat.v4.new_code_cell("print(params.differences())")]
    path = folder / "small.ipynb"
    nbformat.write(notebook, path)
    return path


def papermill_cli(tmp_path, *arguments):
    import subprocess
    import sys

    command = [sys.executable, "-m", "papermill", str(write_notebook(tmp_path)), str(tmp_path / "out.ipynb")]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_papermill_on_the_command_line_with_a_file_flags_and_paths(tmp_path):
    (tmp_path / "variant.yaml").write_text("lr: 1e-4\nbackbone: resnet50\n")
    done = papermill_cli(
        tmp_path,
        "-f",
        str(tmp_path / "variant.yaml"),
        "-p",
        "pretrained",
        "false",
        "-r",
        "run_name",
        "007",
        "--inject-paths",
    )
    assert done.returncode == 0, done.stderr
    out = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    printed = out.cells[-1].outputs[0].text
    assert eval(printed) == {"run_name": "007", "backbone": "resnet50", "pretrained": False, "lr": 1e-4}


@pytest.mark.slow
def test_papermill_stops_at_a_mistyped_name_with_a_non_zero_exit(tmp_path):
    done = papermill_cli(tmp_path, "-p", "learning_rate", "1e-4")
    assert done.returncode != 0
    assert "unknown parameter 'learning_rate'; did you mean 'lr'?" in done.stderr
    out = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert out.cells[-1].execution_count is None  # stopped before


@pytest.mark.parametrize(
    "line, expected",
    [
        ("lr *= 0.5", {"lr": 5e-4}),
        ("lr, m = 1e-4, 2", {"lr": 1e-4, "m": 2}),
        ("if True:\n    lr = 1e-4", {"lr": 1e-4}),
        ("lr = m = 2", {"lr": 2.0, "m": 2}),
        ("seed: int", {}),
        ("loss = ['triplet' for n in range(3)][0]", {"loss": "triplet"}),
    ],
)
def test_whatever_way_the_cell_sets_a_value_it_counts(shell, line, expected):
    """The last line is not one literal, so only running the cell tells the value; it must never be lost silently."""
    run(shell, f"{parameters_cell()}\n{line}")
    assert TrainParams.from_notebook().differences() == expected


def test_a_cell_of_ones_own_may_begin_with_papermills_comment(shell):
    run(shell, "# Parameters\n" + parameters_cell().replace("lr: float = 1e-3", "lr: float = 1e-4"))
    assert TrainParams.from_notebook().differences() == {"lr": 1e-4}


def test_papermills_cell_with_every_parameter_does_not_stand_for_the_cell_itself(shell):
    every = "\n".join(f"{name} = {value!r}" for name, value in TrainParams(lr=0.5).model_dump().items())
    run(shell, parameters_cell().replace("lr: float", "learning_rate: float"), f"# Parameters\n{every}")
    with pytest.raises(ParameterError, match="'learning_rate'"):
        TrainParams.from_notebook()


def test_a_cell_that_failed_half_way_is_told_and_not_half_read(shell):
    run(shell, parameters_cell().replace("lr: float = 1e-3", "lr: float = no_such_name"))
    with pytest.raises(ParameterError, match="'lr' has no value: the parameters cell"):
        TrainParams.from_notebook()
