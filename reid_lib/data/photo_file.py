"""The file of a photograph: whether it is a file, of a kind that is read here, and whole."""

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from reid_lib.data.kinds import ADVICE, HEIC, VIDEO, can_read_heif, refused_kind

MAX_PIXELS = 200_000_000
# Pillow knows many more; some of those start other programs (Ghostscript for EPS) or are no photographs. MPO opens as
# JPEG, HEIF where pillow-heif has registered it.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "PPM", "AVIF", "HEIF")
# First bytes of other files that are found under a photograph's name.
OTHER_KINDS = {
    b"%PDF": "a PDF",
    b"%!PS": "PostScript (EPS)",
    b"\xc5\xd0\xd3\xc6": "PostScript (EPS)",
    b"8BPS": "a Photoshop file",
    b"PK\x03\x04": "a zip archive",
    b"version https://git-lfs": "a Git LFS pointer (fetch the file itself: git lfs pull)",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"<svg": "an SVG drawing",
}
# First bytes of formats that are read: a file that begins so and cannot be opened is damaged.
_OWN_BEGINNINGS = (b"II*\0", b"MM\0*", b"\x89PNG", b"\xff\xd8", b"RIFF", b"\0\0\0\x0cjP")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1")
_VIDEO_BRANDS = (b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"qt  ", b"M4V ", b"3gp4", b"3gp5", b"MSNV")
_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}
_CUT_OFF = "broken or cut off"
_TAIL_BYTES = 4096  # searched for the end marker, behind which some cameras write a little more
_CHUNK_BYTES = 2**20
_JPEG_END, _PNG_END = b"\xff\xd9", b"IEND"
_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES = 273, 279, 324, 325  # TIFF tags: where the pixels lie

# Pillow warns above this and refuses above twice this; by default it warns from 89 megapixels on.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# Warnings of a damaged EXIF block, which does no harm, and of a size that is refused here with an error of its own.
warnings.filterwarnings("ignore", module=r"PIL\.", category=UserWarning)
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def why_no_file(path: Path | str) -> str:
    """What lies there instead of a file ("a named pipe, not a file"); "" for a file, and where there is nothing.

    Nothing is opened for it: opening a pipe would wait until somebody writes into it.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return ""
    if stat.S_ISREG(mode):
        return ""
    kind = next((name for is_kind, name in _KINDS.items() if is_kind(mode)), "something else")
    return f"{kind}, not a file"


def why_refused(path: Path | str) -> str:
    """Why a file is not opened, by its name alone: raw data of a camera, or a video, with the cure; "" for all others.

    Pillow would open the small preview in some raw data.
    """
    kind = refused_kind(str(path))
    return f"{kind}, which is not read here: {ADVICE[kind]}" if kind else ""


@contextmanager
def open_file(path: Path | str) -> Iterator[tuple[Image.Image, BinaryIO]]:
    """The image (its header is read, its pixels are not) and the file it is in.

    Raises:
        ValueError: it is no regular file, or is refused by its name.
        OSError: it is missing, may not be read, or is of a kind that is not read here (`PIL.UnidentifiedImageError`).
    """
    if reason := why_no_file(path) or why_refused(path):
        raise ValueError(reason)
    with open(path, "rb") as file, open_image(file) as image:
        yield image, file


def open_image(file: BinaryIO) -> Image.Image:
    """The image in an open file: its header is read, its pixels are not.

    Raises:
        OSError: it is of a kind that is not read here (`PIL.UnidentifiedImageError`).
    """
    return Image.open(file, formats=_formats())


def _formats() -> tuple[str, ...]:
    Image.init()  # does nothing the second time
    can_read_heif()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def why_cut_off(image: Image.Image, file: BinaryIO) -> str | None:
    """Why a file is not whole; "" where its end was found, None where only decoding it can tell.

    Reads the file's last kilobytes, the whole file only where these hold no end marker. An end marker of a JPEG may be
    that of a thumbnail within it, so it counts only behind the beginning of the pixels; what follows it (a second
    picture, a video, zeros) does not matter.

    Args:
        image: from `open_image`.
        file: that it is in.
    """
    size = os.fstat(file.fileno()).st_size
    if image.format in ("JPEG", "MPO"):
        begin = _scan_begin(file)
        if begin and _found(file, _JPEG_END, max(begin, size - _TAIL_BYTES)):
            return ""
        if not begin or _found(file, _JPEG_END, begin):
            return None
        return f"{_CUT_OFF} (a JPEG without its end marker)"
    if image.format == "PNG":
        return "" if _found(file, _PNG_END, max(0, size - _TAIL_BYTES)) else None
    if image.format == "TIFF":
        return f"{_CUT_OFF} (its pixels would end behind the file)" if _tiff_end(image) > size else ""
    if image.format == "HEIF":  # libheif checks lengths when it opens one; an interrupted copy may end in zeros
        file.seek(max(0, size - _TAIL_BYTES))
        return "" if any(file.read()) else None
    return "" if image.format == "WEBP" else None  # Pillow checks the length of a WebP when it opens one


def _found(file: BinaryIO, marker: bytes, begin: int) -> bool:
    file.seek(begin)
    last = b""
    while chunk := file.read(_CHUNK_BYTES):
        if marker in last + chunk:
            return True
        last = chunk[1 - len(marker) :]
    return False


def _scan_begin(file: BinaryIO) -> int:
    """Where the pixels of a JPEG begin: behind all segments of its header, thumbnails among them. 0: nowhere."""
    place, size = 2, os.fstat(file.fileno()).st_size
    while place < size:
        file.seek(place)
        head = file.read(4)
        if len(head) < 4:
            return 0
        if head[0] != 0xFF or head[1] == 0xFF or head[1] == 0x00:  # junk or filling between segments
            place += 1
        elif 0xD0 <= head[1] <= 0xD8 or head[1] == 0x01:  # markers that stand alone
            place += 2
        elif head[1] == 0xDA:
            return place + 4
        else:
            place += 2 + max(2, int.from_bytes(head[2:], "big"))
    return 0


def _tiff_end(image: Image.Image) -> int:
    """Bytes a TIFF needs for the pixels of its first picture."""
    tags = image.tag_v2
    for places, lengths in ((_STRIPS, _STRIP_BYTES), (_TILES, _TILE_BYTES)):
        if places in tags and lengths in tags:
            return max((a + b for a, b in zip(tags[places], tags[lengths], strict=False)), default=0)
    return 0


def explain(path: Path, error: Exception) -> str:
    """Why a photograph cannot be opened or decoded, for a person, without the file's name.

    Args:
        path: of the file.
        error: that opening or decoding it raised.
    """
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if why_no_file(path):
        return why_no_file(path)
    if path.is_file() and path.stat().st_size == 0:
        return "empty file (0 bytes)"
    if isinstance(error, Image.UnidentifiedImageError):
        return _unidentified(path)
    if isinstance(error, Image.DecompressionBombError):
        return f"too large: at most {MAX_PIXELS // 1_000_000} megapixels"
    if "Decompressed data too large" in str(error):
        return f"{_CUT_OFF} (its text or colour profile would unpack to more than {str(error).split('.')[-1]} bytes)"
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return str(error)
    return f"{_CUT_OFF} ({error})"


def _unidentified(path: Path) -> str:
    with open(path, "rb") as file:
        head = file.read(64)
    if head.startswith(_OWN_BEGINNINGS):
        return f"not an image that can be read: it begins as one, but is {_CUT_OFF}"
    kind = next((name for begin, name in OTHER_KINDS.items() if head.lstrip().lower().startswith(begin.lower())), "")
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        if can_read_heif():
            return f"not an image that can be read: it begins as a HEIC photograph, but is {_CUT_OFF}"
        kind = HEIC
    elif head[4:8] == b"ftyp" and head[8:12] in _VIDEO_BRANDS:
        kind = VIDEO
    what = f" but {kind}" if kind else ""
    cure = ADVICE.get(kind, "save it as JPEG or PNG")
    return f"not an image that can be read{what}, whatever its name says; {cure}"
