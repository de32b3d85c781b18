"""What the run of given parameters is called; one that is there under the longer name of before keeps it."""

from pathlib import Path

from reid_lib.core.paths import runs_root
from reid_lib.params.base import NotebookParams


def name_of(params: NotebookParams, *, root: Path | None = None) -> str:
    """The name a person gave, or the one that is made from the parameters.

    Args:
        params: of a training or an evaluation.
        root: of the runs; None means `runs/`.
    """
    return params.run_name or that_is_there(params.default_name(), params.name_before(), root=root)


def that_is_there(name: str, before: str, *, root: Path | None = None) -> str:
    """`name`, or what it was before where a run is called so: the same command continues, and opens, that run."""
    return before if ((root or runs_root()) / before).is_dir() else name
