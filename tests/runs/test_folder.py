"""Run folders: claimed, described, continued, refused, never half understood."""

import pytest
from claimed import open_run, state

from reid_lib.core.errors import RunError
from reid_lib.core.names import PARAMS_JSON, STATUS_JSON
from reid_lib.runs.folder import check_name, list_runs, load_run


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../x", "", "a/b", "..", ".hidden", "-p", "a b", "x" * 121, "a\n", "ä", "a\\b"])
def test_a_name_that_could_leave_the_folder_is_refused(name):
    with pytest.raises(RunError, match="expected letters, digits"):
        check_name(name)


def test_a_folder_with_only_a_notebook_is_not_a_run_and_can_become_one(root):
    (root / "r").mkdir(parents=True)
    (root / "r" / "train.ipynb").write_text("{}")
    assert list_runs(root) == []
    open_run()
    assert state(root) == "running"


@pytest.mark.parametrize(
    "name, text",
    [
        (PARAMS_JSON, "{"),
        (PARAMS_JSON, '{"format": 0}'),
        (PARAMS_JSON, "[]"),
        (STATUS_JSON, "{}"),
        (STATUS_JSON, ""),
        (STATUS_JSON, None),
    ],
)
def test_a_half_copied_or_older_run_is_shown_as_unreadable(root, name, text):
    open_run().finish()
    path = root / "r" / name
    path.unlink() if text is None else path.write_text(text)
    status = list_runs(root)[0].status()
    assert status["state"] == "unreadable" and status["error"]


def test_an_unknown_run_names_those_there_are(root):
    open_run("first").finish()
    open_run("second")
    with pytest.raises(RunError, match="there is no run 'third'.*finished runs: first"):
        load_run("third")
    with pytest.raises(RunError, match="'second' is running, not finished: wait for its end, `reid stop second`"):
        load_run("second")
    open_run("second")._fail(ValueError("no such backbone"))
    with pytest.raises(
        RunError, match="'second' is failed, not finished: run its notebook again.*ValueError: no such backbone"
    ):
        load_run("second")
    assert load_run("first").params == {"lr": 0.1}


def test_a_run_that_went_while_it_is_looked_at_is_told_as_gone_not_as_damaged(root):
    open_run("old").finish()
    run = load_run("old")
    (root / "old").rename(root / "new")
    with pytest.raises(RunError, match="'old' is not in .* any more: it was removed or renamed"):
        run.look_at("predictions.csv", ("image_id",))
