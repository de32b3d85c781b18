"""Where things lie: the project, the runs, the galleries, the reviews, the cache, and a data root as the user typed it.

Four environment variables move them: REID_DATA, REID_RUNS, REID_GALLERIES, REID_CACHE.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from reid_lib.core.errors import CatalogueError, ReidError, is_text
from reid_lib.core.names import TRAIN_NOTEBOOK

SOURCE = Path(__file__).resolve().parents[2]  # the checkout; of a wheel, the folder that packages are installed in
PACKAGED = SOURCE / "reid_lib"  # a wheel puts notebooks and variants in here
NOTEBOOKS, VARIANTS = "notebooks", "variants"
_SURROGATES = re.compile(r"[\udc80-\udcff]")  # bytes of a name that are not UTF-8 (PEP 383)
# What a table would not give back: its reader turns a backslash into a slash, and strips blanks at both ends.
_NOT_KEPT = re.compile(r"\\|^\s+|\s+$")
_LOOKS_ESCAPED = re.compile(r"%(?=[0-9A-Fa-f]{2})")


def project_root() -> Path:
    """The folder of notebooks, variants and runs.

    That is the checkout this library lies in. Where it was installed from a wheel, it is the folder that `reid init`
    made, found from the working folder upwards; without one, the working folder.
    """
    if in_checkout():
        return SOURCE
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / NOTEBOOKS / TRAIN_NOTEBOOK).is_file()), here)


def in_checkout() -> bool:
    """Does the library lie in a checkout, with notebooks and variants beside it?"""
    return (SOURCE / "pyproject.toml").is_file()


def notebooks_root() -> Path:
    """Folder of the notebooks: the project's, else the copies in the installed package."""
    own = project_root() / NOTEBOOKS
    return own if (own / TRAIN_NOTEBOOK).is_file() else PACKAGED / NOTEBOOKS


def runs_root() -> Path:
    """Folder of the run folders: `REID_RUNS`, else `runs/` of the project."""
    return Path(os.environ.get("REID_RUNS") or project_root() / "runs").expanduser().absolute()


def galleries_root() -> Path:
    """Folder of the galleries: `REID_GALLERIES`, else `galleries/` beside the folder of the runs."""
    return Path(os.environ.get("REID_GALLERIES") or runs_root().parent / "galleries").expanduser().absolute()


def reviews_root() -> Path:
    """Folder of the reviews: `reviews/` beside the folder of the runs."""
    return runs_root().parent / "reviews"


def check_folder_name(name: str, *, kind: str, longest: int, error: type[ReidError]) -> str:
    """`name`, if it may name a run, a gallery or a review, whose folder is called like it.

    Args:
        name: as the user gave it.
        kind: what it names ("run"), for the message.
        longest: letters that are allowed.
        error: class of the error to raise.

    Raises:
        error: it is empty, too long, or holds other signs than letters, digits, ".", "_" and "-" (a "/", for one,
            would lead to another folder).
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name) or len(name) > longest:
        raise error(
            f"{kind} name {name!r}: expected letters, digits, '.', '_' and '-', at most {longest}, the first a letter, "
            "digit or '_'"
        )
    return name


def cache_root() -> Path:
    """Folder for what can be made again (drawn images, decoded pixels): `REID_CACHE`, else `~/.cache/reid-lab`."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "reid-lab"
    return Path(os.environ.get("REID_CACHE") or default).expanduser().absolute()


@contextmanager
def writing(folder: Path, variable: str, kind: type[ReidError]) -> Iterator[None]:
    """Within the block, an OSError becomes an error that says how to move `folder` elsewhere.

    Args:
        folder: that the block writes into.
        variable: the environment variable that moves it.
        kind: class of the error to raise.

    Raises:
        kind: the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise kind(
            f"{folder} cannot be written ({error.strerror or repr(error)}): make room or give rights there, or set "
            f"{variable} to a folder elsewhere"
        ) from error


def find_data(data_root: str) -> Path:
    """The existing file or folder that `data_root` means.

    Empty means `REID_DATA`. A relative path is tried as typed, then from the project root.

    Raises:
        CatalogueError: nothing is there; the message lists every place that was tried.
    """
    typed = data_root or os.environ.get("REID_DATA", "")
    if not typed:
        raise CatalogueError(
            "data_root is empty and REID_DATA is not set: pass the folder of your photographs, "
            "e.g. -p data_root path/to/photos"
        )
    if "\0" in typed:
        raise CatalogueError(f"data_root {typed!r} holds a NUL byte, which no name of a file does: remove it")
    path = Path(typed).expanduser()
    tried = [path.absolute()] if path.is_absolute() else [Path.cwd() / path, project_root() / path]
    for candidate in tried:
        try:
            if candidate.is_dir() or candidate.is_file():
                return _named_in_utf8(candidate.resolve())
            there = candidate.exists()
        except (OSError, ValueError) as error:  # no path at all
            shown = typed if len(typed) < 200 else f"{typed[:100]}... ({len(typed)} characters)"
            raise CatalogueError(
                f"data_root {shown!r} cannot be looked for: {getattr(error, 'strerror', error)}"
            ) from error
        if there:
            raise CatalogueError(f"data_root {typed!r} is neither a folder nor a file that can be read: {candidate}")
    places = " and ".join(str(p) for p in dict.fromkeys(tried))
    raise CatalogueError(f"data_root {typed!r} does not exist: looked for {places}")


def escape_path(path: str) -> str:
    """A path as text that any table holds and gives back: bytes that are not UTF-8 as "%E9", a backslash in a name as
    "%5C", blanks before and behind as "%20". `locate` finds the file by it.

    Args:
        path: as Python gives it, with such bytes as lone surrogates (PEP 383); with forward slashes.
    """
    if not _SURROGATES.search(path) and not _NOT_KEPT.search(path):
        return path
    kept = _NOT_KEPT.sub(lambda found: quote(found[0], safe=""), _LOOKS_ESCAPED.sub("%25", path))
    return _SURROGATES.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", kept)


def readable_path(path: str) -> str:
    """A path for a person to read: names in it that are not UTF-8 are taken for Windows-1252, as most of them are."""
    raw = (os.fsencode(part) if not is_text(part) else part for part in path.split("/"))
    return "/".join(part if isinstance(part, str) else _from_windows(part) for part in raw)


def locate(root: Path, path: str) -> Path:
    """The file of a path below a folder, as tables hold it; see `escape_path`."""
    file = root / path
    if "%" not in path or os.path.lexists(file):
        return file
    other = root / os.fsdecode(unquote_to_bytes(path))
    return other if os.path.lexists(other) else file


def _from_windows(name: bytes) -> str:
    try:
        return name.decode("cp1252")
    except UnicodeDecodeError:  # Windows-1252 leaves five bytes undefined
        return name.decode("latin-1")


def _named_in_utf8(path: Path) -> Path:
    if not is_text(str(path)):
        raise CatalogueError(f"{path} has a name that is not UTF-8, which no run can note: rename that folder")
    return path
