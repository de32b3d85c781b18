"""Tags and notes on runs: kept, told, and apart from everything that a run is or that is decided."""

import pytest
from plain_runs import make_plain

from reid_lib.core.errors import RunError
from reid_lib.runs import seals, table
from reid_lib.runs.folder import RunFolder
from reid_lib.runs.inspection import find_lost_files
from reid_lib.runs.listing import describe_runs, tabulate_runs
from reid_lib.runs.remarks import Remarks, note_run, read_remarks, remarks_if_readable, remarks_of, tag_run
from reid_lib.runs.renaming import rename_run


@pytest.fixture(autouse=True)
def run(clean_dirs) -> RunFolder:
    return make_plain("a")


def test_tags_are_added_once_removed_and_kept_in_order():
    assert tag_run("a", add=["paper", "#final", "paper"]) == Remarks(("paper", "final"), "")
    assert tag_run("a", add=["x"], remove=["#paper", "none"]).hashed == "#final #x"
    note_run("a", " of 2024\nand 2025 ")
    assert remarks_of("a") == Remarks(("final", "x"), "of 2024\nand 2025")
    assert note_run("a", "") == Remarks(("final", "x"), "")


@pytest.mark.parametrize("tag", ["", "#", "two words", "a,b", "<b>", "x" * 41, "-x"])
def test_a_tag_is_one_word(run, tag):
    with pytest.raises(RunError, match="expected one word"):
        tag_run("a", add=["good", tag])
    assert not run.path("remarks.json").exists()


def test_a_note_that_is_too_long_or_of_no_run_is_refused():
    with pytest.raises(RunError, match="2,000 are the most"):
        note_run("a", "x" * 2001)
    with pytest.raises(RunError, match="there is no run 'nobody'"):
        tag_run("nobody", add=["x"])


def test_nothing_that_a_run_is_changes_and_the_table_of_all_runs_stays_as_it_is(run):
    make_plain("b", 0.7, lr=0.2)
    table.promote("a")
    kept = {path: path.read_bytes() for path in run.folder.parent.rglob("*") if path.is_file()}
    tag_run("b", add=["bad"])
    note_run("a", "the best of all")
    assert {path: path.read_bytes() for path in kept} == kept
    told = table.rewrite_table()
    assert told.read_bytes() == kept[told] and find_lost_files(run) == {}
    seals.seal(run.folder)
    assert "metrics.json" in seals.read_seal(run.folder) and "remarks.json" not in seals.read_seal(run.folder)
    tag_run("a", add=["later"])
    assert find_lost_files(run) == {} and run.finished


def test_they_stay_with_a_run_that_is_renamed_or_in_training():
    tag_run("a", add=["paper"])
    rename_run("a", "c")
    assert remarks_of("c").tags == ("paper",)
    make_plain("busy", finish=False)
    assert tag_run("busy", add=["x"]).tags == ("x",)
    make_plain("busy")
    assert remarks_of("busy").tags == ("x",)


def test_lists_have_them_and_are_filtered_by_them():
    make_plain("b")
    tag_run("b", add=["paper"])
    note_run("b", "with masks, " + "long " * 20)
    told = {one["run"]: (one["tags"], one["note"][:10]) for one in describe_runs()}
    assert told == {"a": ([], ""), "b": (["paper"], "with masks")}
    assert [one["run"] for one in describe_runs(where='"paper" in tags and "masks" in note')] == ["b"]
    assert "paper" in tabulate_runs() and "with masks, long" in tabulate_runs()


def test_a_damaged_file_is_told_where_it_is_written_and_stops_no_list(run):
    run.path("remarks.json").write_text("{")
    with pytest.raises(RunError, match="remarks.json cannot be read"):
        tag_run("a", add=["x"])
    assert run.path("remarks.json").read_text() == "{" and remarks_if_readable(run) == Remarks()
    assert describe_runs()[0]["tags"] == []
    run.path("remarks.json").write_text("[]")
    with pytest.raises(RunError, match="mend it or delete it"):
        read_remarks(run)
