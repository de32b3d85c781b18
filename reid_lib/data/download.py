"""Download what a run needs beforehand, for machines without a network: `reid download ...`.

An interrupted download is resumed, by this call or the next. Archives of wildlife-datasets come from the addresses that
its classes name, Kaggle's through Kaggle's command line.
"""

import os
import shutil
import subprocess
import time
import urllib.error
from http.client import HTTPException
from pathlib import Path

from reid_lib.core.errors import CatalogueError
from reid_lib.core.logs import LOGGER
from reid_lib.core.paths import find_data
from reid_lib.data.archives import check_names, unpack_within
from reid_lib.data.readers.registry import DEMO_SIZES, OWN, WILDLIFE, make_unknown_error
from reid_lib.data.readers.wildlife import find_wildlife_class
from reid_lib.data.transfer import PART, can_continue, continue_transfer, drop_part, finish_transfer

ATTEMPTS, PAUSE_S = 6, 2.0
# Parameter `dataset` -> kind and name at Kaggle.
KAGGLE = {
    "animalclef2025": ("competitions", "animal-clef-2025"),
    "animalclef2026": ("competitions", "animal-clef-2026"),
    "wildlifereid10k": ("datasets", "wildlifedatasets/wildlifereid-10k"),
}
MARK = "already_downloaded"  # the empty file by which wildlife-datasets knows that it has unpacked a data set


def fetch_dataset(dataset: str, data_root: str) -> None:
    """Download a data set into `data_root`, unless something is there. Nothing to do for demo data and the user's own.

    Args:
        dataset: one of `registry.READERS`.
        data_root: the folder; empty: `REID_DATA`.

    Raises:
        CatalogueError: no folder is named, the data set is unknown, or it cannot be downloaded or unpacked.
    """
    if dataset in DEMO_SIZES or dataset in OWN:
        return
    if dataset not in KAGGLE and not dataset.startswith(WILDLIFE):
        raise make_unknown_error(dataset)
    typed = data_root or os.environ.get("REID_DATA", "")
    if not typed:
        raise CatalogueError("where to? Pass the folder that the data set is to lie in: -p data_root path/to/it")
    try:
        root = find_data(typed)
    except CatalogueError:  # not there yet
        root = Path(typed).expanduser().absolute()
    kind = find_wildlife_class(dataset.removeprefix(WILDLIFE)) if dataset.startswith(WILDLIFE) else None
    archives = _archives(kind, dataset)
    begun = any((root / name).exists() or (root / (name + PART)).exists() for name in archives)
    mark = root / MARK
    if mark.exists() or (root.is_dir() and any(root.iterdir()) and not begun):
        print(f"data: {root} is there already")  # the audit finds what may be missing
        return
    root.mkdir(parents=True, exist_ok=True)
    if kind is None:
        _from_kaggle(*KAGGLE[dataset], root)
    elif hasattr(kind, "kaggle_url"):
        _from_kaggle(kind.kaggle_type, kind.kaggle_url, root)
    elif archives:
        for name, url in archives.items():
            fetch_file(url, root / name)
        _unpack(kind, root)
    else:
        with unpack_within(root):
            kind.get_data(str(root))  # the class downloads in a way of its own
    mark.touch()


def _archives(kind, dataset: str) -> dict[str, str]:
    """Name of each archive -> its address; empty where a class of wildlife-datasets has a way of its own."""
    if kind is None or hasattr(kind, "kaggle_url"):
        name = KAGGLE[dataset][1] if kind is None else kind.kaggle_url
        return {f"{name.split('/')[-1]}.zip": ""}
    own = {kind.archive: kind.url} if getattr(kind, "url", None) else {}
    return own | {archive: url for url, archive in getattr(kind, "downloads", [])}


def _unpack(kind, root: Path) -> None:
    """Let the class unpack its archives; where one is damaged all are deleted, to be fetched anew.

    Raises:
        CatalogueError: an archive is damaged, or would write outside of the folder.
    """
    for name in _archives(kind, ""):
        check_names(root / name)
    try:
        with unpack_within(root):
            kind.extract(str(root))
    except (shutil.ReadError, OSError, EOFError) as error:
        for name in _archives(kind, ""):
            (root / name).unlink(missing_ok=True)
        raise CatalogueError(f"an archive in {root} cannot be unpacked ({error}): fetch again") from error


def fetch_file(url: str, target: Path) -> Path:
    """Download a file to `target`, which appears only when it is whole; an interrupted download is resumed.

    Raises:
        CatalogueError: it cannot be downloaded; the part that arrived stays, unless it is damaged.
    """
    if target.exists():
        return target
    part = target.with_name(target.name + PART)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            continue_transfer(url, part)
            finish_transfer(part, target)
            return target
        except urllib.error.HTTPError as error:
            if error.code == 416:  # the range is not satisfiable: the file is shorter now, so begin anew
                drop_part(part)
            problem = error
            if error.code in (401, 403, 404):
                break
        except (OSError, HTTPException) as error:
            problem = error
        if attempt < ATTEMPTS:
            LOGGER.warning(f"{target.name} broke off ({problem}); going on ({attempt + 1} of {ATTEMPTS})")
            time.sleep(PAUSE_S * attempt)
    kept = "check the network and run the same command again"
    if can_continue(url, part):
        kept = f"{part.stat().st_size} bytes arrived and stay in {part}; {kept}, it goes on there"
    raise CatalogueError(f"{url} cannot be had ({problem}): {kept}")


def _from_kaggle(kind: str, name: str, root: Path) -> None:
    """Download and unpack by Kaggle's own command line, which resumes its downloads itself."""
    kaggle = shutil.which("kaggle")
    if kaggle is None:
        raise CatalogueError(f"Kaggle's command line is missing, which fetches {name}: pip install -e '.[wildlife]'")
    done = subprocess.run([kaggle, kind, "download", "-c" if kind == "competitions" else "-d", name, "-p", str(root)])
    archive = root / f"{name.split('/')[-1]}.zip"
    if done.returncode or not archive.exists():
        raise CatalogueError(
            f"Kaggle gave no {archive.name} (exit code {done.returncode}): put your token into ~/.kaggle, and accept "
            f"the rules on kaggle.com/{kind if kind == 'datasets' else 'competitions'}/{name}"
        )
    check_names(archive)
    try:
        with unpack_within(root):
            shutil.unpack_archive(archive, root)
    except (shutil.ReadError, OSError, EOFError) as error:
        archive.unlink()
        raise CatalogueError(f"{archive} cannot be unpacked ({error}): fetch it again") from error
    archive.unlink()
