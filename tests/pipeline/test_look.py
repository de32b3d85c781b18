"""A data set looked at before training: read and split as a training would, whatever is the matter with it."""

import shutil

import matplotlib
import pytest
from PIL import Image
from pipeline_cases import write_photos

from reid_lib import figures
from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import ROLE
from reid_lib.figures.saving import render_png
from reid_lib.params.fields import TrainParams
from reid_lib.params.look import LookParams
from reid_lib.pipeline import data, look

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("no_figure_is_left", "clean_dirs")


def look_at(root, **given):
    return look.look_at(LookParams(dataset="folder", data_root=str(root), image_size=32, **given))


def draw_all(seen):
    """Every figure of data.ipynb."""
    for draw, *arguments in (
        (figures.counts_panels, seen.rows),
        (figures.sighting_calendar, seen.rows),
        (figures.photographs, seen.rows, seen.photo),
        (figures.quality_panels, seen.quality, 32),
        (figures.suspects, seen.suspects, seen.photo),
        (figures.split_roles, seen.rows),
    ):
        assert render_png(draw(*arguments), close=True)
    for cards in (seen.odd, seen.found):
        assert render_png(figures.photo_cards(cards, seen.photo, title="x", n=24), close=True)


def test_roles_are_those_that_a_training_gives(tmp_path):
    root = write_photos(tmp_path / "photos", {f"tier {k} ä": 6 for k in range(8)})
    seen = look_at(root)
    training = TrainParams(dataset="folder", data_root=str(root), image_size=32)
    split = data.split(data.read(training), training)
    assert seen.split.fingerprint == split.fingerprint and len(seen.tables()) == 2
    assert seen.summary()["seen more than once"].tolist() == [8]
    draw_all(seen)
    assert not (tmp_path / "runs").exists()


def test_bad_files_copies_and_two_names_are_findings_and_stop_nothing(tmp_path, caplog):
    root = write_photos(tmp_path / "photos", {f"tier {k}": 6 for k in range(8)})
    (root / "tier 0" / "leer.jpg").write_bytes(b"")
    (root / "tier 0" / "film.mp4").write_bytes(b"")  # passed over: no training stops at it
    shutil.copy(root / "tier 1" / "0.jpg", root / "tier 1" / "copy.jpg")
    shutil.copy(root / "tier 2" / "0.jpg", root / "tier 3" / "two.jpg")
    Image.open(root / "tier 4" / "1.jpg").resize((64, 64)).save(root / "tier 5" / "again.jpg")
    seen = look_at(root)
    kinds = seen.findings.groupby("kind").size().to_dict()
    assert kinds == {
        "unreadable image": 1,
        "the same photograph twice": 2,
        "the same photograph under two identities": 2,
    }
    pairs = seen.suspects[["identity_1", "identity_2"]].to_numpy().tolist()
    assert [sorted(pair) for pair in pairs] == [["tier 4", "tier 5"]]
    told = str(seen.verdict)
    assert "3 files cannot be used" in told and "1 pair looks like one photograph under two animals" in told
    draw_all(seen)
    assert seen.photo("tier 2/0.jpg").shape == (40, 40, 3)  # left out, but it can be shown
    assert "run folder" not in caplog.text and "suspected_label_errors" not in caplog.text


def test_what_cannot_be_split_is_looked_at_all_the_same(tmp_path):
    seen = look_at(write_photos(tmp_path / "photos", {"Einzig": 4}))
    assert seen.split is None and seen.tables() == [] and set(seen.rows[ROLE]) == {"unused"}
    assert str(seen.verdict).startswith("Is there enough? No: the data have one individual")
    draw_all(seen)


def test_where_nothing_can_be_used_the_message_says_why(tmp_path):
    root = write_photos(tmp_path / "photos", {"a": 0, "b": 0})
    (root / "a" / "x.jpg").write_bytes(b"")
    with pytest.raises(CatalogueError, match="no usable labelled image"):
        look_at(root)


def test_a_photograph_as_shown_carries_no_exif(tmp_path):
    root = write_photos(tmp_path / "photos", {"a": 2, "b": 2})
    notes = Image.Exif()
    notes.get_ifd(0x8825)[1] = "N"  # GPS
    Image.open(root / "a" / "0.jpg").save(root / "a" / "0.jpg", exif=notes)
    shown = Image.fromarray(look_at(root).photo("a/0.jpg"))
    assert not shown.getexif() and "exif" not in shown.info


def test_a_figure_that_fails_costs_itself_alone(caplog):
    look.show_figure(lambda: 1 / 0)
    assert "not drawn: ZeroDivisionError" in caplog.text
