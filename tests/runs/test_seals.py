"""Checksums of a finished run: any change of a sealed file is told, and only of those."""

import pytest

from reid_lib.core.errors import RunError
from reid_lib.core.names import CHECKPOINT, CHECKSUMS_JSON
from reid_lib.runs import seals


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "loss.png").write_bytes(b"picture")
    (tmp_path / CHECKPOINT).write_bytes(b"weights")
    seals.seal(tmp_path)
    return tmp_path


def test_results_are_sealed_and_the_checkpoint_is_not(folder):
    assert set(seals.read_seal(folder)) == {"metrics.json", "figures/loss.png"}
    assert all(seals.find_damage(folder, name, seals.read_seal(folder)) is None for name in seals.read_seal(folder))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (b"pictuRe", "its checksum differs"),
        (b"", "is empty"),
        (b"pict", "has 4 bytes, and had 7"),
        (None, "is missing"),
    ],
)
def test_what_became_of_a_file_is_said(folder, change, said):
    path = folder / "figures" / "loss.png"
    path.unlink()
    if change is not None:
        path.write_bytes(change)
    assert said in seals.find_damage(folder, "figures/loss.png", seals.read_seal(folder))
    with pytest.raises(ValueError, match=said):
        seals.check(folder, "figures/loss.png")


def test_a_folder_without_a_seal_and_one_of_another_version_check_nothing(folder):
    (folder / CHECKSUMS_JSON).write_text('{"format": 99, "files": {}}')
    assert seals.read_seal(folder) is None
    (folder / CHECKSUMS_JSON).unlink()
    assert seals.read_seal(folder) is None and seals.find_damage(folder, "metrics.json", None) is None


def test_a_damaged_seal_is_told(folder):
    (folder / CHECKSUMS_JSON).write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        seals.read_seal(folder)
