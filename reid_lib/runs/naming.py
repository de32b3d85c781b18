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
    return params.run_name or choose_name(params.default_name(), params.name_before(), root=root)


def choose_name(name: str, before: str, *, root: Path | None = None) -> str:
    """`name`; where a run is called `before`, the longer name that earlier versions made, that one.

    So the same command continues, and opens, a run of before.
    """
    return before if ((root or runs_root()) / before).is_dir() else name
