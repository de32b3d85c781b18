"""last.ckpt: read only when it is whole and of the same run; what does not fit changes nothing."""

import errno
import resource
from pathlib import Path

import psutil
import pytest
import torch
from claimed import open_run
from flipped import flip_bits
from small_disk import needs_root, small_disk

from reid_lib.core.errors import RunError, TrainingError
from reid_lib.core.names import CHECKPOINT
from reid_lib.core.temporaries import TEMPORARY
from reid_lib.train import checkpoint

LARGE = {"weights": torch.zeros(2**20)}  # 4 MB


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    state = {"net": torch.nn.Linear(40, 30).state_dict(), "head": torch.nn.Linear(30, 2).state_dict(), "epoch": 3}
    checkpoint.write(tmp_path / "last.ckpt", state, "mine")
    return tmp_path / "last.ckpt"


def test_what_was_written_is_read(path):
    state = checkpoint.read(path, "mine")
    torch.manual_seed(0)
    assert state["epoch"] == 3 and torch.equal(state["net"]["weight"], torch.nn.Linear(40, 30).weight)


def test_one_of_another_run_is_refused(path):
    with pytest.raises(checkpoint.UnusableCheckpoint, match="belongs to another run"):
        checkpoint.read(path, "theirs")


@pytest.mark.parametrize("where", [0.25, 0.5, 0.75])
def test_one_flipped_bit_is_noticed(path, where):
    """torch's own reader takes such weights without a word."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * where)] ^= 1
    path.write_bytes(content)
    with pytest.raises(checkpoint.UnusableCheckpoint, match="last.ckpt is damaged"):
        checkpoint.read(path, "mine")


def test_no_flipped_bit_passes_or_raises_another_error(path):
    """200 at random, in weights, names and what the archive says of itself: told, or in what nobody reads (padding)."""
    whole, noticed = checkpoint.read(path, "mine"), 0
    for place in flip_bits(path, 200):
        try:
            state = checkpoint.read(path, "mine")
        except checkpoint.UnusableCheckpoint:
            noticed += 1
        else:
            assert state["epoch"] == whole["epoch"], place
            assert all(
                torch.equal(state[part][name], value) for part in ("net", "head") for name, value in whole[part].items()
            )
    assert noticed > 120


def test_one_that_may_not_be_read_is_not_lost(path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checkpoint.zipfile, "ZipFile", refuse)
    with pytest.raises(
        TrainingError, match="last.ckpt may not be read.*run the same command again, which continues"
    ) as told:
        checkpoint.read(path, "mine")
    assert not isinstance(told.value, checkpoint.UnusableCheckpoint)


def test_one_cut_off_is_refused(path):
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(checkpoint.UnusableCheckpoint, match="last.ckpt is damaged"):
        checkpoint.read(path, "mine")


def test_parts_are_put_back_together_or_not_at_all(path):
    state = checkpoint.read(path, "mine")
    parts = {"net": torch.nn.Linear(40, 30), "head": torch.nn.Linear(30, 5)}  # another number of classes
    before = parts["net"].weight.clone()
    with pytest.raises(checkpoint.UnusableCheckpoint, match="does not fit this network"):
        checkpoint.load_parts(parts, state, path)
    assert torch.equal(parts["net"].weight, before)


def test_what_was_there_before_can_be_restored(path):
    parts = {"net": torch.nn.Linear(40, 30), "head": torch.nn.Linear(30, 2)}
    first = parts["head"].weight.clone()
    before = checkpoint.load_parts(parts, checkpoint.read(path, "mine"), path)
    assert not torch.equal(parts["head"].weight, first)
    checkpoint.restore_parts(parts, before)
    assert torch.equal(parts["head"].weight, first)


# --- a disk without room ---------------------------------------------------------------------------------------------


def test_a_write_that_fails_is_the_systems_error_and_leaves_the_file_closed(tmp_path):
    """torch's own writer raises a RuntimeError that does not say why, and keeps its file, with the room it takes."""
    with pytest.raises(OSError) as caught:
        checkpoint.write(Path("/dev/full"), LARGE, "mine")
    assert caught.value.errno == errno.ENOSPC
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    try:
        with pytest.raises(OSError) as caught:  # in the middle of a tensor
            checkpoint.write(tmp_path / "last.ckpt", LARGE, "mine")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG and (tmp_path / "last.ckpt").stat().st_size == 2**20
    held = [Path(file.path).name for file in psutil.Process().open_files()]
    assert "last.ckpt" not in held and "full" not in held


def test_a_run_whose_checkpoint_finds_no_room_says_so_and_has_failed(clean_dirs):
    run = open_run()
    with run.write(CHECKPOINT) as path:
        checkpoint.write(path, {"epoch": 1}, "mine")
    with pytest.raises(RunError, match="no room left in .*for last.ckpt .*the file before it is kept"), run.guard():
        with run.write(CHECKPOINT) as path:
            path.symlink_to("/dev/full")
            checkpoint.write(path, LARGE, "mine")
    status = run.status()
    assert status["state"] == "failed" and "no room left" in status["error"]
    assert checkpoint.read(run.path(CHECKPOINT), "mine")["epoch"] == 1
    assert not list(run.folder.glob(f"*{TEMPORARY}*"))


@needs_root
def test_on_a_disk_that_is_full_the_state_can_still_be_written(tmp_path, monkeypatch):
    with small_disk(tmp_path, "2m") as disk:
        monkeypatch.setenv("REID_RUNS", str(disk))
        run = open_run()
        with pytest.raises(RunError, match="no room left"), run.guard(), run.write(CHECKPOINT) as path:
            checkpoint.write(path, LARGE, "mine")
        assert run.status()["state"] == "failed"
        (disk / "executed.ipynb").write_bytes(bytes(2**20))  # room for the notebook, too


# --- another torch ---------------------------------------------------------------------------------------------------


def test_a_checkpoint_of_another_torch_is_told_and_read(path, monkeypatch):
    assert checkpoint.describe_other_torch(checkpoint.read(path, "mine")) == ""
    assert checkpoint.describe_other_torch({}) == ""  # versions before did not tell
    monkeypatch.setattr(torch, "__version__", "99.0")
    told = checkpoint.describe_other_torch(checkpoint.read(path, "mine"))
    assert "this is torch 99.0" in told and "may differ" in told
