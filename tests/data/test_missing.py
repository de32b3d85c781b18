"""Files that are there under a name that reads the same."""

import pytest

from reid_lib.data.missing import Lookalikes


def touch(root, path):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).touch()


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        (" anna/1.jpg", "anna/1.jpg"),
        ("Anna/1.JPG", "anna/1.jpg"),
        ("Zoe\u0308/1.jpg", "Zo\u00eb/1.jpg"),
        ("a\\b.jpg", "a/b.jpg"),
        ("herd/a\\b\\c.jpg", "herd/a/b/c.jpg"),
        ("x/y/old  tom.jpg", "x/y/old tom.jpg"),
    ],
)
def test_a_name_that_reads_alike_is_told(tmp_path, there, asked):
    touch(tmp_path, there)
    if (tmp_path / asked).exists():
        pytest.skip("this file system takes both for one")
    found = Lookalikes(tmp_path)
    assert found.find(asked) == there
    assert found.explain(asked).startswith("there is ") and "write the one as the other" in found.explain(asked)


@pytest.mark.parametrize("asked", ["berta/1.jpg", "anna/2.jpg", "anna", "anna/1.jpg/more"])
def test_where_nothing_reads_alike_nothing_is_told(tmp_path, asked):
    touch(tmp_path, "anna/1.jpg")
    assert Lookalikes(tmp_path).explain(asked) == ""


def test_a_folder_is_listed_once(tmp_path, monkeypatch):
    from reid_lib.data import missing

    touch(tmp_path, "anna/1.jpg")
    listed, original = [], missing.os.listdir
    monkeypatch.setattr(missing.os, "listdir", lambda folder: [listed.append(folder), original(folder)][1])
    found = Lookalikes(tmp_path)
    assert [found.find(f"ANNA/{k}.jpg") for k in range(50)].count("") == 49 and len(listed) == 2
