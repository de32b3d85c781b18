"""Answers decided in identify.ipynb, without a browser: what is pressed stands in answers.csv as `accept` reads it."""

import numpy as np
import pandas as pd
import pytest

from reid_lib.core import frames
from reid_lib.core.errors import CatalogueError
from reid_lib.data.accepted import read_accepted
from reid_lib.data.readers.table_file import read_cells
from reid_lib.pages.answers_page import Shown, render_card, write_answers
from reid_lib.views.accepting import ALL, DOUBTFUL_ONES, AcceptAnswers

# image, decision, doubtful, problem
ROWS = [
    ("sure.jpg", "Anna", False, None),
    ("a <b>.jpg", "Berta", True, None),
    ("c.jpg", "new_individual", True, None),
    ("broken.jpg", None, None, "cannot be read"),
]


@pytest.fixture
def folder(tmp_path):
    """Answers to three photographs, of which two are doubtful, and to one that could not be used."""
    table = pd.DataFrame(ROWS, columns=["image_id", "decision", "doubtful", "problem"]).astype(object)
    table["path"], table["dataset"], table["accepted"], table["probability"] = table["image_id"], "d", None, 1 / 3
    for rank in range(1, 6):
        table[f"identity_{rank}"] = ["Anna", "Berta", "1", "Dora", None][rank - 1]
    frames.write_csv(tmp_path / "answers.csv", table)
    picture = np.full((40, 60, 3), 90, np.uint8)
    shown = [
        Shown(name, str(decision), "perhaps", 0.4, bool(doubtful), "", "", "", picture)
        for name, decision, doubtful, problem in ROWS
        if not problem
    ]
    write_answers(tmp_path / "answers.html", ["three"], map(render_card, shown), [], "")
    return tmp_path


def words(folder) -> dict:
    return frames.read_csv(folder / "answers.csv").set_index("image_id")["accepted"].dropna().to_dict()


def listed(view) -> list[str]:
    return [image for _, image in view.photographs.options]


def test_doubtful_answers_are_gone_through_with_their_pictures(folder):
    view = AcceptAnswers(folder)
    assert listed(view) == ["a <b>.jpg", "c.jpg"] and view.photographs.value == "a <b>.jpg"
    assert "a &lt;b&gt;.jpg" in view.card.value and view.card.value.count("<section") == 1
    assert "data:image/jpeg" in view.card.value
    view.take.click()
    assert words(folder) == {"a <b>.jpg": "yes"} and view.photographs.value == "c.jpg"
    view.leave.click()
    assert listed(view) == [] and "None of these is left" in view.card.value and view.take.disabled
    view.which.value = ALL
    assert listed(view) == ["a <b>.jpg", "c.jpg", "sure.jpg"] and "2 of 3 decided, 0 doubtful" in view.said.value
    view.photographs.value = "c.jpg"
    assert "Left out." in view.card.value


def test_what_is_pressed_is_what_accept_reads(folder):
    view = AcceptAnswers(folder)
    view.which.value = ALL
    for image, press in (("sure.jpg", view.take), ("a <b>.jpg", view.give), ("c.jpg", view.take)):
        view.photographs.value = image
        view.name.value = "1"  # an animal of this name is among the candidates
        press.click()
    answers = read_cells(folder / "answers.csv")[0]
    animals = {("d", name) for name in ("Anna", "Berta", "1", "Dora")}
    said = read_accepted(answers.astype(object).where(answers.notna(), None), animals)[0]
    assert said["identity"].tolist()[:2] == ["Anna", "1"] and said["is_new"].tolist() == [False, False, True, False]
    assert said["said"].tolist() == [True, True, True, False]
    view.photographs.value = "c.jpg"
    assert "Decided: a new animal." in view.card.value
    view.undo.click()
    assert "c.jpg" not in words(folder)


def test_a_name_that_only_another_answer_has_is_shown_as_that_name(folder):
    answers = frames.read_csv(folder / "answers.csv").astype(object)
    answers.loc[answers["image_id"] == "a <b>.jpg", "identity_3"] = "Fritz"
    frames.write_csv(folder / "answers.csv", answers)
    view = AcceptAnswers(folder)
    view.name.value = "1"
    view.give.click()
    view.which.value = ALL
    view.photographs.value = "a <b>.jpg"
    assert words(folder) == {"a <b>.jpg": "1"} and "Decided: 1." in view.card.value


def test_all_else_in_the_table_stays_as_it_was_and_what_others_wrote_meanwhile_too(folder):
    before = frames.read_csv(folder / "answers.csv")
    view = AcceptAnswers(folder)
    meanwhile = before.assign(accepted=["no", None, None, None])
    (folder / "answers.csv").write_bytes(meanwhile.to_csv(index=False, sep=";").encode("utf-8-sig"))  # a spreadsheet
    view.new.click()
    assert words(folder) == {"sure.jpg": "no", "a <b>.jpg": "new"}
    after = frames.read_csv(folder / "answers.csv")
    pd.testing.assert_frame_equal(after.drop(columns="accepted"), before.drop(columns="accepted"), check_exact=True)


def test_a_name_that_would_be_read_otherwise_is_refused(folder):
    view = AcceptAnswers(folder)
    for name, said in (("No", "would be read as"), ("  ", "no name is given")):
        view.decide_name(name)
        assert said in view.trouble.value and words(folder) == {}
    view.decide_name(" Zoë ")
    assert words(folder) == {"a <b>.jpg": "Zoë"} and view.trouble.value == ""


def test_a_table_that_cannot_be_read_is_told_where_the_answers_are_and_by_whom_it_is_opened(folder):
    view = AcceptAnswers(folder)
    view.which.value = DOUBTFUL_ONES
    (folder / "answers.csv").write_bytes(b"PK\x03\x04 a workbook")
    view.take.click()
    assert "is a workbook" in view.trouble.value and view.photographs.value == "a <b>.jpg"
    (folder / "answers.csv").write_text("image_id\nx\n")
    with pytest.raises(CatalogueError, match="no column 'path'"):
        AcceptAnswers(folder)
    (folder / "answers.csv").unlink()
    with pytest.raises(CatalogueError, match="expected the folder of answers"):
        AcceptAnswers(folder)


def test_answers_without_their_page_can_be_decided(folder):
    (folder / "answers.html").unlink()
    view = AcceptAnswers(folder)
    assert "no picture of it" in view.card.value
    view.take.click()
    assert words(folder) == {"a <b>.jpg": "yes"}
