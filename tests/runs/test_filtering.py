"""Runs chosen by an expression: what holds for which, what is refused, and that nothing else is ever done."""

import pandas as pd
import pytest

from reid_lib.core.errors import RunError
from reid_lib.runs.filtering import LONGEST, filter_runs

TABLE = pd.DataFrame(
    {
        "run": ["a", "b", "wide"],
        "param_lr": [1e-3, 3e-4, None],
        "param_dataset": ["demo", "demo", "folder"],
        "param_flip": [True, False, None],
        "param_clusters": ["auto", 3, None],
        "tags": [("paper", "x"), (), ("x",)],
        "geometric_mean": [0.5, 0.6, float("nan")],
        "val_geometric_mean": [0.7, 0.6, 0.5],
    }
)


@pytest.mark.parametrize(
    "expression, runs",
    [
        ('lr < 1e-3 and dataset == "demo"', "b"),
        ("1e-4 < lr <= 1e-3", "a b"),
        ("lr == None or not flip", "b wide"),
        ("lr < 1 or lr >= 1", "a b"),  # what is missing is neither
        ("lr != 3e-4", "a wide"),
        ("(lr < 1e-3) | (run == 'wide')", "b wide"),
        ("(lr < 1e-2) & (flip == 1)", "a"),
        ('dataset in ["folder", "csv"]', "wide"),
        ("lr not in (3e-4, None)", "a"),
        ('"wid" in run', "wide"),
        ('"paper" in tags', "a"),
        ('"paper" not in tags', "b wide"),
        ("val_geometric_mean - geometric_mean > 0.1", "a"),
        ("lr / 0 == None", "a b wide"),
        ("-lr < -5e-4", "a"),
        ('param_clusters == "auto"', "a"),  # of several kinds: told only where no row can be compared
        ("clusters == 3", "b"),
        ("", "a b wide"),
    ],
)
def test_runs_for_which_an_expression_holds(expression, runs):
    assert filter_runs(TABLE, expression) == runs.split()


@pytest.mark.parametrize(
    "expression, told",
    [
        ("lr = 3", "equal is written =="),
        ("lr <", "expected something like lr < 1e-3 and dataset"),
        ("datset == 'demo'", "there is no column 'datset'; did you mean 'dataset'?"),
        ("dataset == nyala", "there is no column 'nyala'; text stands in quotation marks: \"nyala\""),
        ('lr < "x"', "lr is a number and 'x' is text"),
        ("lr < 1e-3 & flip == 1", "write 'and' and 'or'"),
        ("lr", "lr alone is neither true nor false"),
        ("tags == 'paper'", "tags holds several words: write 'paper' in tags"),
        ("dataset + 1 > 2", "dataset is no number"),
        ("-" * 900 + "1 < 2", "nested too deeply"),
        ("1 < " + "2" * LONGEST, "characters"),
    ],
)
def test_a_wrong_one_is_told_with_what_to_write(expression, told):
    with pytest.raises(RunError, match="cannot be used") as error:
        filter_runs(TABLE, expression)
    assert told in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('touch there')",
        "open('there', 'w')",
        "run.__class__",
        "run.str.contains('a')",
        "run[0] == 'a'",
        "[run for x in (1, 2)]",
        "(lambda: 1)() == 1",
        "f'{run}' == 'a'",
        "(x := 1) == 1",
        "9 ** 9 ** 9 > 1",
        "1 << 99 > 1",
        "@run == 'a'",
        "b'a' == run",
    ],
)
def test_nothing_is_called_no_attribute_read_and_nothing_computed_without_bounds(expression, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="cannot be used"):
        filter_runs(TABLE, expression)
    assert not list(tmp_path.iterdir())


def test_a_table_without_runs_is_asked_the_same():
    assert filter_runs(TABLE.iloc[:0], "lr < 1") == []
    with pytest.raises(RunError, match="no column 'lr'"):
        filter_runs(pd.DataFrame({"run": []}), "lr < 1")
