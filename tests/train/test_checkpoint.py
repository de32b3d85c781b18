"""last.ckpt: read only when it is whole and of the same run; what does not fit changes nothing."""

import numpy as np
import pytest
import torch

from reid_lib.core.errors import TrainingError
from reid_lib.train import checkpoint


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
    content, whole, rng = path.read_bytes(), checkpoint.read(path, "mine"), np.random.default_rng(0)
    noticed = 0
    for place in rng.integers(0, len(content), 200):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
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
        checkpoint.put_back(parts, state, path)
    assert torch.equal(parts["net"].weight, before)


def test_what_was_there_before_can_be_restored(path):
    parts = {"net": torch.nn.Linear(40, 30), "head": torch.nn.Linear(30, 2)}
    first = parts["head"].weight.clone()
    before = checkpoint.put_back(parts, checkpoint.read(path, "mine"), path)
    assert not torch.equal(parts["head"].weight, first)
    checkpoint.restore(parts, before)
    assert torch.equal(parts["head"].weight, first)
