"""The checkpoint last.ckpt: written with what it belongs to, and used only if it is undamaged and of the same run."""

import io
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

from reid_lib.core.errors import TrainingError, first_line

ORIGIN = "origin"  # digest of the run's key (`core.files.digest`)
TORCH = "torch"  # version that wrote it


class UnusableCheckpoint(TrainingError):
    """A checkpoint that is damaged, or that belongs to another run."""


def write(path: Path, state: dict, origin: str) -> None:
    """Write a checkpoint.

    Args:
        path: a temporary name, which the caller renames.
        state: of tensors, numbers, text, lists and dictionaries, which `torch.load` reads without pickle.
        origin: digest of the run's key.

    Raises:
        OSError: it cannot be written (for example, the disk is full); the file is closed, so that its room is free as
            soon as it is deleted.
    """
    with open(path, "wb", buffering=0) as file:
        sink = _Sink(file)
        torch.save(state | {ORIGIN: origin, TORCH: str(torch.__version__)}, sink)
    if sink.error is not None:
        raise sink.error


class _Sink:
    """A file for torch's writer that hides failed writes, and keeps the first error.

    On a failed write torch would raise an error of its own that does not say why, and would keep the file open, with
    all the room that it takes.
    """

    def __init__(self, file: io.RawIOBase):
        self.file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        rest = view
        while self.error is None and len(rest):
            try:
                rest = rest[self.file.write(rest) :]
            except OSError as error:
                self.error = error
        return len(view)

    def flush(self) -> None:
        """Nothing is held back."""


def read(path: Path, origin: str) -> dict:
    """What `write` wrote, on the CPU.

    The file is a zip archive with a checksum for every tensor. torch does not compare them, so it is done here (0.7 s
    for 1 GB).

    Args:
        path: of the checkpoint.
        origin: digest of the run's key; "" for any run.

    Raises:
        UnusableCheckpoint: it is damaged, or of another run.
        TrainingError: the user has no right to read it, so nothing is lost.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if broken := archive.testzip():
                raise ValueError(f"{broken} fails its checksum")
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = state.get(ORIGIN, origin)  # earlier versions wrote none
    except PermissionError as error:
        raise TrainingError(
            f"{path} may not be read (no permission): give the right to read it, and run the same command again, which "
            "continues there; or move the file away to train from the start"
        ) from error
    except MemoryError:  # nothing is wrong with the file
        raise
    except Exception as error:  # zipfile, pickle and torch each have errors of their own for a file that is damaged
        raise UnusableCheckpoint(f"{path.name} is damaged ({first_line(error)})") from error
    if origin and found != origin:
        raise UnusableCheckpoint(f"{path.name} belongs to another run")
    return state


def describe_other_torch(state: dict) -> str:
    """A note on a checkpoint that another version of torch has written; "" for one of this version."""
    was = state.get(TORCH, torch.__version__)  # earlier versions of this library did not write it
    if was == torch.__version__:
        return ""
    return (
        f"the checkpoint was written under torch {was}, and this is torch {torch.__version__}: training continues, but "
        "its numbers may differ from those of a run that was not interrupted. For exactly those, continue it under "
        f"torch {was}"
    )


def load_parts(parts: dict, state: dict, path: Path) -> dict:
    """Load the state of every part, or of none.

    Args:
        parts: name -> object with `state_dict` and `load_state_dict`.
        state: name -> state, from `read`.
        path: of the checkpoint, for the message.

    Returns:
        The states as they were, for `restore_parts`.

    Raises:
        UnusableCheckpoint: a state does not fit; all parts are as they were.
    """
    before = {name: deepcopy(part.state_dict()) for name, part in parts.items()}
    try:
        for name, part in parts.items():
            part.load_state_dict(state[name])
    except Exception as error:
        restore_parts(parts, before)
        raise UnusableCheckpoint(f"{path.name} does not fit this network ({first_line(error)})") from error
    return before


def restore_parts(parts: dict, states: dict) -> None:
    """Load the states that `load_parts` has returned."""
    for name, part in parts.items():
        part.load_state_dict(states[name])
