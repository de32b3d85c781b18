"""What a file is by its name."""

import pytest

from reid_lib.data import kinds
from reid_lib.data.kinds import describe_passed, is_photograph, refused_kind, why_passed_over


@pytest.mark.parametrize("name", ["a.JPG", "a.b.jpeg", "x/y.PNG", "ü ü.tif", "a.webp"])
def test_photographs(name):
    assert is_photograph(name) and why_passed_over(name) == "" == refused_kind(name)


@pytest.mark.parametrize("there", [True, False])
def test_heic_is_one_where_it_can_be_read_and_told_with_the_line_to_install_where_not(monkeypatch, there):
    monkeypatch.setattr(kinds, "can_read_heif", lambda: there)
    for name in ("IMG_1.HEIC", "a.heif", "b.hif"):
        assert is_photograph(name) == there
        assert why_passed_over(name) == "" if there else "pip install -e '.[heic]'" in why_passed_over(name)


@pytest.mark.parametrize("name", ["a.CR2", "a.cr3", "a.nef", "a.ARW", "a.dng", "a.orf", "a.rw2", "a.raf"])
def test_raw_is_told_to_be_exported(name):
    assert not is_photograph(name) and refused_kind(name) == kinds.RAW and "export it as JPEG" in why_passed_over(name)


@pytest.mark.parametrize("name", ["a.mp4", "a.MOV", "a.avi", "a.mts"])
def test_a_video_is_told_to_be_taken_apart(name):
    assert not is_photograph(name) and refused_kind(name) == kinds.VIDEO and "ffmpeg" in why_passed_over(name)


@pytest.mark.parametrize("name", ["notes.txt", "Thumbs.db", "list.csv", "jpg", ".jpg"])
def test_what_no_camera_makes_is_not_worth_a_word(name):
    assert not is_photograph(name) and why_passed_over(name) == ""


def test_kinds_are_counted_for_each_reason():
    passed = [(name, why_passed_over(name)) for name in ("a/1.cr2", "a/2.CR2", "3.nef", "4.avi")]
    assert describe_passed(passed).startswith("2 .cr2, 1 .nef (raw data of a camera: ")
    assert "; 1 .avi (a video: " in describe_passed(passed) and describe_passed([]) == ""


def test_without_pillow_heif_nothing_is_registered(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    assert kinds.can_read_heif.__wrapped__() is False
