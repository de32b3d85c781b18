"""A run under another name: its files, whoever names it, the reference; going on after a kill."""

import pandas as pd
import pytest
from plain_runs import make_plain

from reid_lib.core.errors import RunBusyError, RunError
from reid_lib.core.files import digest
from reid_lib.core.names import ALL_METRICS_CSV, PARAMS_JSON
from reid_lib.runs import renaming, table
from reid_lib.runs.folder import RunFolder, load_run
from reid_lib.runs.inspection import find_lost_files
from reid_lib.runs.renaming import rename_run
from reid_lib.runs.run import Run


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


@pytest.fixture
def runs():
    make_plain("old")
    make_plain("eval_old", run="old")
    make_plain("own", reference="old", lr=0.2)
    table.promote("old")


def check_renamed(root):
    new, evaluation, own = (load_run(name) for name in ("new", "eval_old", "own"))
    assert new.described()["run"] == new.params["run_name"] == "new" and not (root / "old").exists()
    assert evaluation.params["run"] == evaluation.described()["identity"]["run"] == "new"
    assert evaluation.read_json("status.json")["identity"] == digest(evaluation.described()["identity"])
    assert own.params["reference"] == "new" and table.read_reference() == "new"
    assert all(find_lost_files(run) == {} for run in (new, evaluation, own)), "what was changed is sealed again"
    rows = pd.read_csv(root / ALL_METRICS_CSV).set_index("run")
    assert rows["reference"].to_dict() == dict.fromkeys(("new", "eval_old", "own"), "new")
    assert not list(root.rglob(".owner"))


def test_whatever_names_it_names_it_anew(root, runs):
    dependents = rename_run("old", "new")
    assert [run.name for run in dependents.all] == ["eval_old", "own"]
    check_renamed(root)


def test_the_run_goes_on_under_its_new_name_and_the_old_one_is_free(runs):
    rename_run("old", "new")
    params = load_run("new").params
    again = Run.open("new", params=params, key={"dataset": "demo", "lr": 0.1}, provenance={})
    assert again.finished
    make_plain("old", 0.9, lr=0.3)


@pytest.mark.parametrize("step", ["_name_in_others", "_rewrite"])
def test_a_kill_between_is_gone_on_from(root, runs, monkeypatch, step):
    with monkeypatch.context() as patch:
        patch.setattr(renaming, step, lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rename_run("old", "new")
    assert RunFolder(root / "new").described()["run"] == "old"
    rename_run("old", "new")
    check_renamed(root)


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("old", "own", "there is a run 'own' already"),
        ("old", "notes", "is there already"),
        ("old", "../x", "expected letters"),
        ("old", "comparisons", "place of something else"),
        ("nobody", "new", "there is no run 'nobody'"),
        ("old", "old", "there is a run 'old' already"),
    ],
)
def test_a_name_that_cannot_be_changes_nothing(root, runs, old, new, words):
    (root / "notes").mkdir()
    with pytest.raises(RunError, match=words):
        rename_run(old, new)
    assert load_run("old").params["run_name"] == "old" and load_run("eval_old").params["run"] == "old"


def test_a_running_run_and_a_damaged_one_keep_their_name(root):
    make_plain("busy", finish=False)
    with pytest.raises(RunBusyError, match="stop it before"):
        rename_run("busy", "new")
    make_plain("damaged").path(PARAMS_JSON).write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        rename_run("damaged", "new")
    assert not (root / "new").exists()
