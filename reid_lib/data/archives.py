"""Safe unpacking: an archive is written into one folder and nowhere else, whichever library unpacks it."""

import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from reid_lib.core.errors import CatalogueError


@contextmanager
def unpack_within(folder: Path) -> Iterator[None]:
    """Within the block, every tar archive that this process unpacks goes through Python's data filter (PEP 706): it
    refuses files outside of the folder, links that lead out of it, and devices. This holds for libraries that name no
    filter, too; from Python 3.14 on it is the default.

    Args:
        folder: where the archives lie, for the message.

    Raises:
        CatalogueError: a member of an archive was refused, or this Python has no such filter.
    """
    if not hasattr(tarfile, "data_filter"):
        raise CatalogueError("archives are unpacked by Python 3.11.4 or newer: older ones write outside of the folder")
    before = vars(tarfile.TarFile)["extraction_filter"]  # the attribute would unwrap a static method
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
    try:
        yield
    except tarfile.FilterError as error:
        raise CatalogueError(
            f"an archive in {folder} is not unpacked to its end ({error}): it would write outside of its folder, as no "
            "archive of photographs has to. Look where it comes from, and remove it there"
        ) from error
    finally:
        tarfile.TarFile.extraction_filter = before


def check_names(archive: Path) -> None:
    """Check that all members of a zip archive would lie below the folder it is unpacked in.

    `shutil.unpack_archive` would leave such members out without a word; other programs may write them.

    Args:
        archive: the file; one of another kind is not checked.

    Raises:
        CatalogueError: a member would lie outside; the first one is named.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            names = opened.namelist()
    except (OSError, zipfile.BadZipFile):  # of another kind, or damaged: unpacking it fails with its own message
        return
    bad = next((name for name in names if _leads_out(name)), None)
    if bad is not None:
        raise CatalogueError(
            f"{archive} holds {bad!r}, which would lie outside of the folder it is unpacked in: nothing of it is "
            "unpacked. Look where it comes from, and remove it"
        )


def _leads_out(name: str) -> bool:
    paths = PurePosixPath(name), PureWindowsPath(name)
    return any(path.is_absolute() or path.anchor or ".." in path.parts for path in paths)
