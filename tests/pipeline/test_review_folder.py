"""The folder of a review: made once, opened again, refused where it is another's, mended where it is damaged."""

from types import SimpleNamespace

import pandas as pd
import pytest
from flipped import flip_bits

from reid_lib.core import files
from reid_lib.core.errors import ReviewError
from reid_lib.core.names import IMAGE_ID
from reid_lib.pipeline import review_folder
from reid_lib.pipeline.review_pairs import Askable

PHOTOGRAPHS = pd.DataFrame({IMAGE_ID: ["01", "02"], "dataset": "d", "path": ["a.jpg", "b.jpg"], "cluster": "new 0"})
PAIRS = pd.DataFrame(
    {"image_id_1": ["01"], "image_id_2": ["02"], "dataset": "d", "probability": [0.25], "doubt": "cluster"}
)


@pytest.fixture(autouse=True)
def made(tmp_path, monkeypatch):
    """Counts how often the pairs of a run are computed."""
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    made = []

    def list_askable(finished, _):
        made.append(finished.run.name)
        return Askable(PHOTOGRAPHS, PAIRS, 7)

    monkeypatch.setattr(review_folder, "list_askable", list_askable)
    return made


def finished(run="r", weights="w", split="s"):
    return SimpleNamespace(
        run=SimpleNamespace(name=run), split=SimpleNamespace(fingerprint=split), weights_sha256=weights
    )


def open_folder(name="mine", decisions="", **given):
    return review_folder.open_folder(finished(**given), None, name, decisions)


def test_it_is_made_once_and_read_again_as_it_was(made, tmp_path):
    first, again = open_folder(), open_folder()
    assert made == ["r"] and first.path == again.path == tmp_path / "reviews" / "mine"
    for table in ("photographs", "pairs"):
        pd.testing.assert_frame_equal(getattr(first, table), getattr(again, table), check_dtype=False)
    assert again.photographs[IMAGE_ID].tolist() == ["01", "02"]  # text, not numbers
    assert (again.run, again.left_out, again.decisions) == ("r", 7, again.path / "decisions.csv")
    assert review_folder.list_reviews() == ["mine"] and review_folder.run_of("mine") == "r"


@pytest.mark.parametrize("other", [{"run": "q"}, {"weights": "x"}, {"split": "t"}])
def test_a_review_of_another_run_or_of_one_made_anew_is_refused(made, other):
    open_folder()
    with pytest.raises(ReviewError, match="review 'mine' is of run 'r'.*name of its own"):
        open_folder(**other)
    assert made == ["r"]


def test_a_table_of_decisions_is_shared_from_then_on(tmp_path):
    mine = open_folder()
    other = open_folder("other", "mine", run="q")
    assert other.decisions == mine.decisions == open_folder("other", run="q").decisions
    third = open_folder("third", str(tmp_path / "any where" / "table.csv"))
    assert third.decisions == tmp_path / "any where" / "table.csv" == open_folder("third").decisions
    assert open_folder("fourth", "third").decisions == third.decisions
    with pytest.raises(ReviewError, match="there is no review 'nine'; did you mean 'mine'"):
        open_folder("fifth", "nine")


def test_one_whose_making_was_interrupted_is_made_anew(made):
    folder = open_folder().path
    (folder / "review.json").unlink()
    (folder / "pairs.csv").write_text("half of")
    assert len(open_folder().pairs) == 1 and made == ["r", "r"]


@pytest.mark.parametrize("name", ["photographs.csv", "pairs.csv", "review.json"])
def test_a_damaged_file_is_named_with_the_cure(name):
    path = open_folder().path / name
    path.write_bytes(b"\xff\x00 no table, \xfe" if name.endswith("csv") else b"{")
    if name == "photographs.csv":
        path.unlink()
    if name == "pairs.csv":
        path.unlink()
        path.mkdir()
    with pytest.raises(ReviewError, match="decisions.csv is kept"):
        open_folder()


@pytest.mark.parametrize("name", ["photographs.csv", "pairs.csv", "review.json"])
def test_no_flipped_bit_of_what_can_be_asked_passes(name):
    """Another photograph, another probability: another question would be asked, and decided for ever."""
    folder, noticed = open_folder(), 0
    for _ in flip_bits(folder.path / name, 40):
        try:
            found = open_folder()
        except ReviewError as error:
            noticed += "cannot be read" in str(error)
        else:
            assert (found.run, found.left_out, found.decisions) == (folder.run, folder.left_out, folder.decisions)
            pd.testing.assert_frame_equal(found.pairs, folder.pairs, check_dtype=False)
    assert noticed == 40 or (name == "review.json" and noticed > 25)


def test_a_review_of_a_version_before_without_checksums_is_opened():
    path = open_folder().path / "review.json"
    told = files.read_checked_json(path)
    told.pop("tables")
    files.write_json(path, told)
    assert len(open_folder().pairs) == 1


@pytest.mark.parametrize("name", ["", "../runs", "a/b", ".hidden", "x" * 121])
def test_a_name_cannot_lead_elsewhere(name, made):
    with pytest.raises(ReviewError, match="review name"):
        open_folder(name)
    assert not made


def test_one_of_another_version_is_told():
    path = open_folder().path / "review.json"
    files.write_checked_json(path, files.read_checked_json(path) | {"format": 9})
    with pytest.raises(ReviewError, match="of format 9, not 1"):
        open_folder()
