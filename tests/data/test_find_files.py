"""Photographs below a folder. The reader of folders tests links, hidden files and the order of the disk."""

from readers_cases import save

from reid_lib.data.find_files import find_photographs


def test_photographs_at_any_depth_and_what_is_passed_over(tmp_path):
    for name in ("b.jpg", "x/y/z/a.PNG", ".hidden/c.jpg"):
        save(tmp_path / name)
    for name in ("x/clip.mov", "x/raw.NEF", "x/notes.txt", "x/._raw.NEF"):
        (tmp_path / name).write_bytes(b"x")
    found = find_photographs(tmp_path)
    assert found.paths == ["b.jpg", "x/y/z/a.PNG"]
    assert [path for path, _ in found.passed] == ["x/clip.mov", "x/raw.NEF"] and all(why for _, why in found.passed)


def test_an_empty_folder_and_one_that_is_not_there(tmp_path):
    assert find_photographs(tmp_path).paths == [] and find_photographs(tmp_path / "none").passed == []
