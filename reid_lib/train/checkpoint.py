"""The checkpoint last.ckpt: it is read only when it is undamaged and belongs to the same run."""

import io
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

from reid_lib.core.errors import TrainingError, first_line

ORIGIN = "origin"  # digest of the run's identity: a checkpoint of another run would continue that one
TORCH = "torch"  # version that wrote it


class UnusableCheckpoint(TrainingError):
    """A checkpoint that is damaged, or that belongs to another run."""


def write(path: Path, state: dict, origin: str) -> None:
    """
    Args:
        path: a temporary name.
        state: what `torch.load` takes without pickle.
        origin: see `ORIGIN`.

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
    """A file for torch's writer, which never hears that a write failed.

    It would raise an error of its own that does not say why, and keep its file open, with all the room that it takes.
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

    torch itself compares no checksums; the file is a zip archive that has one for every tensor (0.7 s for 1 GB).

    Raises:
        UnusableCheckpoint: it is damaged, or of another run.
        TrainingError: it may not be read: what is in it is not lost.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if broken := archive.testzip():
                raise ValueError(f"{broken} fails its checksum")
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = state.get(ORIGIN, origin)  # versions before wrote none
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
    """What to say of a checkpoint that another version of torch has written; "" of one of this version."""
    was = state.get(TORCH, torch.__version__)  # versions before did not tell
    if was == torch.__version__:
        return ""
    return (
        f"the checkpoint was written under torch {was}, and this is torch {torch.__version__}: training continues, but "
        "its numbers may differ from those of a run that was not interrupted. For exactly those, continue it under "
        f"torch {was}"
    )


def put_back(parts: dict, state: dict, path: Path) -> dict:
    """Load each part's state; all of them, or none.

    Returns:
        The states as they were, for `restore`.

    Raises:
        UnusableCheckpoint: one does not fit; the parts are as they were.
    """
    before = {name: deepcopy(part.state_dict()) for name, part in parts.items()}
    try:
        for name, part in parts.items():
            part.load_state_dict(state[name])
    except Exception as error:
        restore(parts, before)
        raise UnusableCheckpoint(f"{path.name} does not fit this network ({first_line(error)})") from error
    return before


def restore(parts: dict, states: dict) -> None:
    for name, part in parts.items():
        part.load_state_dict(states[name])
