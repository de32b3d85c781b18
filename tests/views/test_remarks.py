"""Tags and notes in compare.ipynb: written for the chosen runs, shown in every list, filtered by."""

import shutil

import pytest
from widgets_cases import words

from reid_lib.compare.comparison import Comparison
from reid_lib.runs.remarks import Remarks, note_run, remarks_of
from reid_lib.views import base, numbers
from reid_lib.views.remarks import TagsAndNotes


@pytest.fixture
def picker(folder, tmp_path):
    return base.RunPicker(Comparison(shutil.copytree(folder, tmp_path / "runs")))


def test_tags_of_all_chosen_and_a_note_of_one(picker):
    picker.choose("plain", "wide")
    table, view, root = numbers.MetricsTable(picker), TagsAndNotes(picker), picker.comparison.root
    view.tag.value = "paper #x"
    view.add.click()
    assert remarks_of("wide", root=root).tags == ("paper", "x") and view.tag.value == ""
    view.run.value = "wide"
    view.note.value = "with <b>masks</b>"
    view.write.click()
    assert remarks_of("wide", root=root) == Remarks(("paper", "x"), "with <b>masks</b>")
    table.wait()
    for shown in (view.said.value, table.html.value):
        assert "#paper #x" in words(shown) and "with &lt;b&gt;masks" in shown
    lines = dict((value, line) for line, value in picker.runs.options)
    assert lines["plain"].endswith("#paper #x") and "#" not in lines["triplet"]
    picker.filter.value = '"paper" in tags and "masks" in note'
    assert "1 of 3 finished runs match" in picker.note.value
    picker.filter.value, picker.search.value = "", "#paper"
    assert "2 of 3 finished runs match" in picker.note.value
    view.run.value = "plain"
    assert view.note.value == ""
    view.tag.value = "paper"
    view.remove.click()
    assert remarks_of("plain", root=root).tags == ("x",)


def test_what_cannot_be_a_tag_is_told_and_what_others_write_is_found(picker):
    picker.choose("plain")
    view, root = TagsAndNotes(picker), picker.comparison.root
    view.tag.value = "a,b"
    view.add.click()
    assert "expected one word" in view.trouble.value and view.tag.value == "a,b"
    note_run("plain", "of a colleague", root=root)
    assert picker.look() == "tags or note: plain" and "of a colleague" in view.said.value
