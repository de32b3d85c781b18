"""A run under another name where people read it: executed notebook, report, reviews."""

import json

import pytest
from nbformat import v4, write
from plain_runs import make_plain

from reid_lib.core import files
from reid_lib.core.names import REPORT_HTML, TRAIN_NOTEBOOK
from reid_lib.core.paths import reviews_root
from reid_lib.pages.run_report import write_report
from reid_lib.pipeline import review_folder
from reid_lib.pipeline.renaming import rename_everywhere
from reid_lib.runs.folder import load_run


@pytest.fixture
def run(clean_dirs):
    """A finished run with the notebook that made it, its report, and two reviews, one of another run."""
    made = make_plain("old", dataset="demo", lr=0.5)
    said = v4.new_output("stream", name="stdout", text=f"run 'old' on cpu: {made.folder}\n{made.folder}er is not it\n")
    cells = [v4.new_code_cell("print()", outputs=[said], execution_count=1)]
    write(v4.new_notebook(cells=cells), made.path(TRAIN_NOTEBOOK))
    write_report(made)
    for name, of in (("mine", "old"), ("other", "else")):
        told = {"format": 1, "key": {"run": of, "split": "s"}, "decisions": "", "left_out": 0}
        files.write_checked_json(reviews_root() / name / review_folder.REVIEW_JSON, told)
    return made


def test_notebook_report_and_review_say_the_new_name(run, clean_dirs):
    told = rename_everywhere("old", "new")
    assert told == [f"old is new now: {clean_dirs / 'runs' / 'new'}", "review mine is of new now"]
    new = load_run("new")
    text = json.loads(new.path(TRAIN_NOTEBOOK).read_text())["cells"][0]["outputs"][0]["text"]
    assert "".join(text) == f"run 'new' on cpu: {new.folder}\n{run.folder}er is not it\n"
    page = new.path(REPORT_HTML).read_text()
    assert "<title>new" in page and "run 'new' on cpu" in page.replace("&#39;", "'")
    assert review_folder.run_of("mine") == "new" and review_folder.run_of("other") == "else"


def test_a_report_that_cannot_be_made_again_is_a_note(run, monkeypatch, capsys):
    monkeypatch.setattr("reid_lib.pipeline.renaming.write_report", lambda run: (_ for _ in ()).throw(OSError("full")))
    rename_everywhere("old", "new")
    assert "the report of new still has the old name" in capsys.readouterr().out and load_run("new").finished
