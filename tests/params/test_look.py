"""Parameters of data.ipynb: those of a training, checked in the same words."""

import nbformat
import pytest

from reid_lib.core.errors import ParameterError
from reid_lib.core.paths import project_root
from reid_lib.params.fields import TrainParams
from reid_lib.params.look import SHARED, LookParams
from reid_lib.params.papermill import refused_parameters


def test_a_training_takes_every_one_of_them():
    given = LookParams.checked({"dataset": "folder", "data_root": "photos", "val_split": "0.1"})
    training = TrainParams(**given.model_dump())
    assert all(getattr(training, name) == getattr(given, name) for name in SHARED)
    assert given.differences() == {"dataset": "folder", "data_root": "photos", "val_split": 0.1}


def test_defaults_are_those_of_a_training_but_for_a_small_data_set():
    assert LookParams().dataset == "demo:small" and TrainParams().dataset == "demo"
    rest = [name for name in SHARED if name != "dataset"]
    assert all(getattr(LookParams(), name) == getattr(TrainParams(), name) for name in rest)


def test_what_belongs_to_a_training_alone_and_a_bad_value_are_refused():
    with pytest.raises(ParameterError, match="unknown parameter 'lr'"):
        LookParams.checked({"lr": 1})
    with pytest.raises(ParameterError, match="val_split: expected at least 0 and at most 0.5; got 0.9"):
        LookParams.checked({"val_split": 0.9})


def test_what_is_wrong_is_told_before_a_kernel_starts():
    notebook = nbformat.read(project_root() / "notebooks" / "data.ipynb", as_version=4)
    assert refused_parameters(notebook) is None
    notebook.cells.insert(2, nbformat.v4.new_code_cell("# Parameters\nlr = 0.1\n"))
    index, error = refused_parameters(notebook)
    assert "unknown parameter 'lr'" in str(error) and "from_notebook" in notebook.cells[index].source
