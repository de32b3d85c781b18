"""The checkpoint last.ckpt: it is read only when it is undamaged and belongs to the same run."""

import zipfile
from copy import deepcopy
from pathlib import Path

import torch

from reid_lib.core.errors import TrainingError, first_line

ORIGIN = "origin"  # digest of the run's identity: a checkpoint of another run would continue that one


class UnusableCheckpoint(TrainingError):
    """A checkpoint that is damaged, or that belongs to another run."""


def write(path: Path, state: dict, origin: str) -> None:
    """
    Args:
        path: a temporary name.
        state: what `torch.load` takes without pickle.
        origin: see `ORIGIN`.
    """
    torch.save(state | {ORIGIN: origin}, path)


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
