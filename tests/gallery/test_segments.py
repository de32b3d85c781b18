"""Segments: written whole, read as written, damage told."""

import numpy as np
import pytest
from gallery_cases import photographs, same

from reid_lib.core.errors import GalleryError
from reid_lib.gallery import segments


def test_what_is_read_is_what_was_written(tmp_path):
    some = photographs({"Anna": 3, "NA": 1, "007": 1})
    told = segments.write_segment(tmp_path, some)
    assert told["images"] == 5
    assert same(segments.read_segment(tmp_path, told, ["sift"]), some)
    assert segments.read_rows(tmp_path, told)["identity"].tolist() == ["Anna"] * 3 + ["NA", "007"]


def test_nothing_in_a_segment_is_a_pickle(tmp_path):
    told = segments.write_segment(tmp_path, photographs({"Anna": 2}))
    arrays = [file for file in told["files"] if file.endswith(".npy")]
    assert arrays and set(told["files"]) == {segments.ROWS, *arrays}
    for file in arrays:
        assert not np.load(tmp_path / segments.FOLDER / told["id"] / file, allow_pickle=False).dtype.hasobject


@pytest.mark.parametrize("file", [segments.ROWS, segments.FEATURES, "sift.descriptors.npy"])
def test_a_flipped_bit_is_told_with_the_cure(tmp_path, file):
    told = segments.write_segment(tmp_path, photographs({"Anna": 4}))
    path = tmp_path / segments.FOLDER / told["id"] / file
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(GalleryError, match="is damaged.*copy the gallery again"):
        segments.read_segment(tmp_path, told, ["sift"])


def test_a_local_feature_that_was_not_kept_is_told(tmp_path):
    told = segments.write_segment(tmp_path, photographs({"Anna": 2}, features=()))
    with pytest.raises(GalleryError, match="was made without it"):
        segments.read_segment(tmp_path, told, ["sift"])


def test_a_failed_writing_leaves_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError):
        segments.write_segment(tmp_path, photographs({"Anna": 2}))
    assert list((tmp_path / segments.FOLDER).iterdir()) == []


def test_leftovers_are_removed_and_others_kept(tmp_path):
    kept, gone = (segments.write_segment(tmp_path, photographs({"Anna": 1})) for _ in range(2))
    assert segments.remove_leftovers(tmp_path, {kept["id"]}) == 1
    assert len(segments.read_rows(tmp_path, kept)) == 1
    with pytest.raises(FileNotFoundError):
        segments.read_rows(tmp_path, gone)
