"""Why a file that a table names is missing: perhaps it is there under a name that looks the same to a person."""

import os
from pathlib import Path

from reid_lib.core.errors import printable
from reid_lib.data.spellings import fold_spelling


class Lookalikes:
    """Finds files below a folder by names that only look like theirs: blanks, capitals and Unicode form do not matter,
    nor whether a slash between folders was meant as a backslash within a name. Each folder is listed once.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path):
        self.root = root
        self._listed: dict[Path, dict[str, str]] = {}

    def find(self, path: str) -> str:
        """The path of the file that `path` may mean; "" where there is none.

        Args:
            path: of a missing file, below the root, with forward slashes.
        """
        parts, here = path.split("/"), []
        while parts:
            folder = self.root.joinpath(*here)
            whole = self._names(folder).get(fold_spelling("\\".join(parts)))
            if len(parts) > 1 and whole is not None:
                return "/".join([*here, whole])
            name = parts.pop(0)
            found = name if os.path.lexists(folder / name) else self._names(folder).get(fold_spelling(name))
            if found is None:
                return ""
            here.append(found)
        return "/".join(here)

    def explain(self, path: str) -> str:
        """What a missing file may be called instead, with the cure; "" where nothing looks like it."""
        found = self.find(path)
        told = printable(repr(found))
        return f"there is {told}, which reads alike: write the one as the other" if found and found != path else ""

    def _names(self, folder: Path) -> dict[str, str]:
        if folder not in self._listed:
            try:
                names = sorted(os.listdir(folder))
            except OSError:  # no folder, or one that may not be read
                names = []
            self._listed[folder] = {fold_spelling(name): name for name in names}
        return self._listed[folder]
