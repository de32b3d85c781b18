"""Versions: edits apply to the segments that were there, in their order."""

import pytest
from gallery_cases import photographs

from reid_lib.core.errors import GalleryError
from reid_lib.gallery import versions
from reid_lib.gallery.versions import Edit


def with_edits(*edits):
    first = versions.make_next_version(None, segments=[{"id": "a"}, {"id": "b"}], images=3, animals=2, what="made")
    return versions.make_next_version(first, edits=list(edits), what="edited")


def test_an_edit_leaves_later_segments_alone():
    rename = Edit(kind="rename", segments=1, dataset="d", identity="Anna", to="Clara")
    rows, version = photographs({"Anna": 2}).rows, with_edits(rename)
    assert version.apply(rows, 0)["identity"].tolist() == ["Clara", "Clara"]
    assert version.apply(rows, 1)["identity"].tolist() == ["Anna", "Anna"]


def test_edits_apply_in_their_order_and_to_their_data_set():
    one = Edit(kind="rename", segments=2, dataset="d", identity="Anna", to="Berta")
    two = Edit(kind="rename", segments=2, dataset="d", identity="Berta", to="Clara")
    other = Edit(kind="rename", segments=2, dataset="another", identity="Clara", to="Dora")
    gone = Edit(kind="remove", segments=2, images=["p0.jpg"])
    rows = photographs({"Anna": 1, "Berta": 1}).rows
    assert with_edits(one, two, other).apply(rows, 0)["identity"].tolist() == ["Clara", "Clara"]
    assert with_edits(gone).apply(rows, 0).index.tolist() == [1]


def test_a_version_is_read_as_it_was_written(tmp_path):
    version = with_edits(Edit(kind="remove", segments=1, images=["x"]))
    versions.write_version(tmp_path, version)
    assert versions.read_version(tmp_path, 2) == version
    assert version.previous == 1 and version.number == version.state_of == 2
    (tmp_path / "versions" / "000002.json").write_text("{}")
    with pytest.raises(GalleryError, match="is damaged"):
        versions.read_version(tmp_path, 2)
