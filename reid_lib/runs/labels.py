"""Labels of runs: what tells those shown apart, in few words ("lr 3e-4, seed 1")."""

from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd

from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.params.run_names import say_number
from reid_lib.runs.dependents import EVALUATED
from reid_lib.runs.table import PARAM, RUN

LONGEST = 60  # characters of a label that is longer than the name it stands for
MANY = 3  # of more parameters than these, those at their default are left out
NEVER = {"run_name", "reference", "mirror"}  # they say nothing of a result
FOLDER, EPOCHS = "data_root", "num_epochs"
CALLED = {EPOCHS: "epochs", FOLDER: "photographs", EVALUATED: "of"}
DEFAULTS = "the defaults"


def label_runs(table: pd.DataFrame) -> dict[str, str]:
    """Run name -> the parameters in which it differs from the other runs of the table, with their values.

    No two labels are alike. The whole name is the label where a run is alone, where its parameters are those of
    another one, and where the label would be the longer of the two.

    Args:
        table: the runs that are shown, a row each: `run`, `param_<name>`, as `table.tabulate_metrics` has them.

    Example:
        >>> label_runs(pd.DataFrame({"run": ["a", "b"], "param_lr": [1e-3, 3e-4], "param_seed": [1, 1]}))
        {'a': 'lr 1e-3', 'b': 'lr 3e-4'}
    """
    runs = {str(row[RUN]): _read_params(row) for row in table.to_dict("records")}
    trainings = {run: params for run, params in runs.items() if EVALUATED not in params}
    evaluations = {run: params for run, params in runs.items() if EVALUATED in params}
    labels = _label_kind(trainings) | _label_kind(evaluations)
    if trainings and evaluations:
        labels = {run: _with_kind(label, runs[run]) for run, label in labels.items()}
    return _make_unique({run: labels[run] if 0 < len(labels[run]) <= max(LONGEST, len(run)) else run for run in runs})


def _label_kind(runs: dict[str, dict]) -> dict[str, str]:
    """Labels of trainings, or of evaluations; empty where they do not differ."""
    names = dict.fromkeys(name for params in runs.values() for name in params)
    differing = [n for n in names if n not in NEVER and len({p[n] for p in runs.values() if n in p}) > 1]
    labels = {run: _say_all(params, differing) for run, params in runs.items()}
    if len(differing) > MANY:
        fewer = {run: _say_all(params, _not_default(params, differing)) or DEFAULTS for run, params in runs.items()}
        labels = fewer if len(set(fewer.values())) == len(fewer) else labels
    return labels


def _make_unique(labels: dict[str, str]) -> dict[str, str]:
    """The labels, those that several runs have (or that are another's name) replaced by the runs' names."""
    given = list(labels.values())
    return {run: run if given.count(own) > 1 or (own in labels and own != run) else own for run, own in labels.items()}


def _read_params(row: dict[str, Any]) -> dict[str, Any]:
    """The parameters that a run of its kind has; a run of before has the later ones at their default.

    Of `data_root` the last folder: the same photographs may lie elsewhere on another machine.
    """
    params = {column.removeprefix(PARAM): value for column, value in row.items() if column.startswith(PARAM)}
    kind = EvaluateParams if EVALUATED in params and _is_missing(params.get(EPOCHS)) else TrainParams
    other = (TrainParams if kind is EvaluateParams else EvaluateParams).model_fields.keys() - kind.model_fields.keys()
    known = {name: field.default for name, field in kind.model_fields.items()}
    values = {n: known.get(n) if _is_missing(v) else v for n, v in params.items() if n not in other}
    if isinstance(root := values.get(FOLDER), str):
        values[FOLDER] = PurePath(root).name
    return {name: _as_python(value) for name, value in values.items()}


def _as_python(value: Any) -> Any:
    """numpy's values as Python's, whole numbers whole: a column with a missing entry holds floats."""
    value = value.item() if isinstance(value, np.generic) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))


def _with_kind(label: str, params: dict[str, Any]) -> str:
    """With what it is before it: "training, lr 3e-4", "evaluation of mine"."""
    if EVALUATED not in params:
        return f"training, {label}" if label else "training"
    own = _say(EVALUATED, params[EVALUATED])
    return " ".join(["evaluation", label if label.startswith(own) else ", ".join(filter(None, (own, label)))])


def _not_default(params: dict[str, Any], names: list[str]) -> list[str]:
    fields = (EvaluateParams if EVALUATED in params else TrainParams).model_fields
    return [n for n in names if n in params and (n not in fields or params[n] != fields[n].default)]


def _say_all(params: dict[str, Any], names: list[str]) -> str:
    return ", ".join(_say(name, params[name]) for name in names if name in params)


def _say(name: str, value: Any) -> str:
    """ "lr 3e-4", "flip on", "own margin" (None: the loss's own), "no data root"."""
    words = CALLED.get(name, name.replace("_", " "))
    if isinstance(value, bool):
        return f"{words} {'on' if value else 'off'}"
    if value is None:
        return f"own {words}"
    if value == "":
        return "of the backbone alone" if name == EVALUATED else f"no {words}"
    return f"{words} {say_number(value) if isinstance(value, float) else value}"
