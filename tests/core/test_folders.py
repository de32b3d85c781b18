"""Folders that are written whole: nothing half, nothing of somebody else touched."""

import pytest

from reid_lib.core.errors import ReidError
from reid_lib.core.folders import write_folder

OWN = ("a.txt", "b.txt")


def write(folder, text="new", **options):
    with write_folder(folder, own=OWN, **options) as new:
        (new / "a.txt").write_text(text)
    return folder


def test_the_folder_is_there_when_the_block_has_ended_and_nothing_else(tmp_path):
    with write_folder(tmp_path / "in" / "it", own=OWN) as new:
        (new / "a.txt").write_text("x")
        assert not (tmp_path / "in" / "it").exists()
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["it"]
    assert (tmp_path / "in" / "it" / "a.txt").read_text() == "x"


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    write(tmp_path / "it", "old")
    with pytest.raises(RuntimeError), write_folder(tmp_path / "it", own=OWN, force=True) as new:
        (new / "a.txt").write_text("half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["it"] and (tmp_path / "it" / "a.txt").read_text() == "old"


def test_an_export_is_replaced_by_force_alone_and_then_whole(tmp_path):
    write(tmp_path / "it", "old")
    (tmp_path / "it" / "b.txt").write_text("of the old one")
    with pytest.raises(ReidError, match="--force"):
        write(tmp_path / "it")
    assert (tmp_path / "it" / "a.txt").read_text() == "old"
    write(tmp_path / "it", force=True)
    assert [path.name for path in (tmp_path / "it").iterdir()] == ["a.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "it").mkdir()
    assert (write(tmp_path / "it") / "a.txt").exists()


def test_what_somebody_else_made_stays_also_by_force(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.doc").write_text("years")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "home")
    for name, message in (("home", "thesis.doc"), ("file", "no folder of its own"), ("link", "no folder of its own")):
        with pytest.raises(ReidError, match=message):
            write(tmp_path / name, force=True)
    assert (tmp_path / "home" / "thesis.doc").read_text() == "years"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "home", "link"]
