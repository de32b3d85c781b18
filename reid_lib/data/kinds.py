"""What a file is by its name: a photograph that is read here, one in a form that is not, a video, or none of them."""

import os
from collections import Counter
from collections.abc import Iterable
from functools import cache

from PIL import Image

EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")
HEIF_EXTENSIONS = (".heic", ".heif", ".hif")
# Pillow opens several of these as TIFF, and would take the small preview in them for the photograph.
RAW_EXTENSIONS = (
    *(".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".dng", ".orf", ".rw2", ".raf", ".pef"),
    *(".srw", ".x3f", ".3fr", ".fff", ".iiq", ".erf", ".mef", ".mos", ".mrw", ".kdc", ".dcr", ".rwl", ".gpr"),
)
VIDEO_EXTENSIONS = (
    *(".mp4", ".mov", ".avi", ".m4v", ".mkv", ".wmv", ".mpg", ".mpeg", ".mts", ".m2ts", ".3gp", ".webm", ".insv"),
)
OTHER_EXTENSIONS = (".avif", ".gif")  # rarely photographs of a camera: passed over, but reported

RAW = "raw data of a camera"
VIDEO = "a video"
HEIC = "a HEIC photograph"
INSTALL_HEIF = "pip install -e '.[heic]' (or pip install pillow-heif)"
_JPEG_OR_PNG = "save it as JPEG or PNG"
ADVICE = {
    RAW: "export it as JPEG with the camera's program, darktable or RawTherapee, or take the JPEG beside it",
    VIDEO: "take its frames out, e.g. ffmpeg -i VIDEO -vf fps=1 frame_%04d.jpg",
    HEIC: f"{INSTALL_HEIF} lets these be read, or {_JPEG_OR_PNG}",
}


def is_photograph(name: str) -> bool:
    """Has the file the extension of a photograph that can be read here (HEIC only where pillow-heif is installed)?"""
    extension = extension_of(name)
    return extension in EXTENSIONS or (extension in HEIF_EXTENSIONS and can_read_heif())


def why_passed_over(name: str) -> str:
    """Why a camera's file is not read here, with the cure; "" for a photograph that is read, and for files that no
    camera makes, such as a text file.
    """
    extension = extension_of(name)
    if extension in OTHER_EXTENSIONS:
        return f"{extension[1:].upper()}: {_JPEG_OR_PNG}"
    kind = refused_kind(name) or (HEIC if extension in HEIF_EXTENSIONS and not can_read_heif() else "")
    return f"{kind}: {ADVICE[kind]}" if kind else ""


def refused_kind(name: str) -> str:
    """`RAW` or `VIDEO` by the file's extension, even where Pillow could open it; "" for all others."""
    extension = extension_of(name)
    return RAW if extension in RAW_EXTENSIONS else VIDEO if extension in VIDEO_EXTENSIONS else ""


def describe_passed(passed: Iterable[tuple[str, str]]) -> str:
    """Files by reason: "3 .cr2, 1 .nef (raw data of a camera: ...); 2 .mp4 (a video: ...)".

    Args:
        passed: pairs of a file's name and the reason why it is passed over.
    """
    by_reason: dict[str, Counter] = {}
    for name, reason in passed:
        by_reason.setdefault(reason, Counter())[extension_of(name)] += 1
    return "; ".join(f"{_counted(kinds)} ({reason})" for reason, kinds in by_reason.items())


def extension_of(name: str) -> str:
    """The end of a file's name in small letters, with its dot: ".jpg"."""
    return os.path.splitext(name)[1].lower()


@cache
def can_read_heif() -> bool:
    """Is pillow-heif installed? The first call registers it with Pillow."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:  # absent, or its libraries do not load
        return False
    register_heif_opener()
    return "HEIF" in Image.OPEN


def _counted(kinds: Counter) -> str:
    return ", ".join(f"{count} {extension or 'without an ending'}" for extension, count in kinds.most_common())
