"""One photograph: whether it can be used, when it was taken, and its pixels, upright and in RGB."""

import threading
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from reid_lib.core.errors import CatalogueError
from reid_lib.data.exif_dates import parse_exif_time, read_offset
from reid_lib.data.photo_file import MAX_PIXELS, explain, open_file, why_cut_off

MIN_SIDE_PX = 8  # nothing can be recognised below
MIN_BOX_PX = 4  # a bbox that shows less is a slip, or holds shares instead of pixels
LARGE_PIXELS = 25_000_000  # decoded one at a time, so that threads do not fill the memory
GREY = (128, 128, 128)  # what shows through transparent pixels: neither darker nor lighter than an animal

_one_large_at_a_time = threading.Lock()
_EXIF_IFD, _ORIENTATION, _TIME_ORIGINAL, _TIME_DIGITIZED = 0x8769, 0x0112, 0x9003, 0x9004
_ZONE_ORIGINAL, _ZONE_DIGITIZED = 0x9011, 0x9012
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadablePhoto(CatalogueError):
    """A photograph cannot be used; `reason` says why, without the file's name, which is `path`."""

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = Path(path), reason


def open_upright(
    path: Path | str,
    *,
    bbox: str | tuple[float, float, float, float] | None = None,
    target_px: int = 0,
) -> Image.Image:
    """One photograph as an RGB image, upright (EXIF orientation applied).

    16-bit and floating-point greys are scaled, not clipped; transparent pixels are laid over mid grey, because their
    own colour is arbitrary; of several frames the first is taken; colour profiles are not applied.

    Args:
        path: a regular file of one of `photo_file.FORMATS`.
        bbox: x, y, width, height in pixels of the upright image; clipped to it.
        target_px: the side the caller will shrink to. A JPEG is then decoded at a half, quarter or eighth of its size
            as long as both sides (of the bbox) keep at least twice `target_px`; much faster. 0: full size.

    Raises:
        UnreadablePhoto: the file is missing, empty, truncated, no image, below 8 px a side or above 200 megapixels; the
            bbox lies outside of it or is too small.
    """
    try:
        box = parse_bbox(bbox)
        with open_file(path) as (image, _):
            _check_size(image.size)
            if image.width * image.height <= LARGE_PIXELS:
                return _upright_rgb(image, box, target_px)
            with _one_large_at_a_time:
                return _upright_rgb(image, box, target_px)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, ... for a broken file
        raise UnreadablePhoto(Path(path), explain(Path(path), error)) from error


def header_problem(image: Image.Image, file: BinaryIO) -> str | None:
    """Why an opened photograph cannot be used; "" where it can, None where only decoding it can tell.

    Reads a few kilobytes.

    Args:
        image: from `photo_file.open_image`.
        file: that it is in.

    Raises:
        ValueError: too small, or above 200 megapixels.
        Exception: whatever a decoder raises for a broken file.
    """
    _check_size(image.size)
    return why_cut_off(image, file)


def decoding_problem(path: Path | str, *, bbox: tuple | None = None) -> str:
    """Why a photograph cannot be decoded, at the smallest size that its format allows; "" where it can."""
    try:
        open_upright(path, bbox=bbox, target_px=MIN_SIDE_PX)
    except UnreadablePhoto as error:
        return error.reason
    return ""


def box_problem(bbox: tuple[float, float, float, float], sides: tuple[int, int]) -> str:
    """Why a bbox does not fit an upright image; "" where it does.

    Args:
        bbox: x, y, width, height in pixels.
        sides: width and height of the image in pixels.
    """
    try:
        _clip(bbox, *sides)
    except ValueError as error:
        return str(error)
    return ""


def read_upright_size(image: Image.Image) -> tuple[int, int] | None:
    """Width and height in pixels of the upright photograph; None where its EXIF orientation cannot be read."""
    try:
        return _compute_upright_size(image)
    except Exception:  # the audit reports unreadable files
        return None


def read_exif_time(image: Image.Image) -> tuple[datetime | None, str]:
    """When a photograph was taken (EXIF DateTimeOriginal, else DateTimeDigitized), on the camera's clock; and its zone
    ("+02:00"), "" where there is none. None and "" where EXIF does not say.

    The tag DateTime says when a file was last changed, and is not read.
    """
    try:
        tags = image.getexif().get_ifd(_EXIF_IFD)
    except Exception:  # the audit reports unreadable files
        return None, ""
    for tag, zone in ((_TIME_ORIGINAL, _ZONE_ORIGINAL), (_TIME_DIGITIZED, _ZONE_DIGITIZED)):
        time, offset = parse_exif_time(_as_text(tags.get(tag)))
        if time:
            return time, offset or read_offset(_as_text(tags.get(zone)))
    return None, ""


def _as_text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else "" if value is None else str(value)


def parse_bbox(bbox: object) -> tuple[float, float, float, float] | None:
    """x, y, width, height from text ("10,20,30,40", brackets and blanks allowed) or four numbers; None where missing.

    Raises:
        ValueError: these are not four numbers, one is not finite, or the box is empty.
    """
    if bbox is None or (isinstance(bbox, float) and np.isnan(bbox)):
        return None
    if isinstance(bbox, str):
        bbox = bbox.strip(" []()").replace(",", " ").split()
    try:
        x, y, width, height = (float(number) for number in bbox)
    except (TypeError, ValueError):
        raise ValueError(f"bbox {bbox!r} is not four numbers x,y,width,height") from None
    if not np.isfinite([x, y, width, height]).all() or width <= 0 or height <= 0:
        raise ValueError(f"bbox {x:g},{y:g},{width:g},{height:g} (x,y,width,height) is empty")
    return x, y, width, height


def _check_size(size: tuple[int, int]) -> None:
    if min(size) < MIN_SIDE_PX:
        raise ValueError(f"too small: {size[0]}x{size[1]} px, at least {MIN_SIDE_PX} px a side are needed")
    if size[0] * size[1] > MAX_PIXELS:
        raise ValueError(f"too large: {size[0]}x{size[1]} px, at most {MAX_PIXELS // 1_000_000} megapixels")


def _upright_rgb(image: Image.Image, box: tuple | None, target_px: int) -> Image.Image:
    turn = image.getexif().get(_ORIENTATION, 1)
    width, height = _compute_upright_size(image)
    if box is not None:
        box = _clip(box, width, height)
    if target_px and image.format == "JPEG":
        kept = (box[2] - box[0], box[3] - box[1]) if box else (width, height)
        ratio = min(kept) / (2 * target_px)  # a gap of 2 is what Pillow's thumbnail keeps, too
        if ratio >= 2:
            image.draft(None, (int(image.width / ratio), int(image.height / ratio)))
    drafted = image.size
    rgb = _to_rgb(image)
    if turn in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[turn])
    if box is None:
        return rgb
    shrink = max(drafted) / max(width, height)
    left, top, right, bottom = (round(edge * shrink) for edge in box)
    return rgb.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def _compute_upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height in pixels of the upright image."""
    return image.size[::-1] if image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8) else image.size


def _clip(box: tuple, width: int, height: int) -> tuple[int, int, int, int]:
    """Corners (left, top, right, bottom) of the bbox within the image."""
    x, y, w, h = box
    left, top = max(round(x), 0), max(round(y), 0)
    right, bottom = min(round(x + w), width), min(round(y + h), height)
    if right <= left or bottom <= top:
        raise ValueError(
            f"bbox {x:g},{y:g},{w:g},{h:g} (x,y,width,height) lies outside the image of {width}x{height} px"
        )
    if min(right - left, bottom - top) < MIN_BOX_PX:
        raise ValueError(
            f"bbox {x:g},{y:g},{w:g},{h:g} (x,y,width,height) shows {right - left}x{bottom - top} px of the image of "
            f"{width}x{height} px: at least {MIN_BOX_PX} px a side are needed"
        )
    return left, top, right, bottom


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        cut_out = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", cut_out.size, (*GREY, 255)), cut_out).convert("RGB")
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_8_bit(grey: np.ndarray) -> np.ndarray:
    """Greys of more than 8 bits, by the range their type has: 16-bit by its high byte, as Pillow does for colour."""
    if grey.dtype.kind == "f":
        grey = np.nan_to_num(grey, nan=0.0, posinf=0.0, neginf=0.0)
        top = 1.0 if grey.max() <= 1 else 255.0 if grey.max() <= 255 else float(grey.max())
        return np.clip(np.rint(grey * (255.0 / top)), 0, 255).astype(np.uint8)
    if grey.max() <= 65535:
        return (np.clip(grey, 0, None).astype(np.int64) >> 8).astype(np.uint8)
    return np.clip(grey.astype(np.float64) * (255.0 / grey.max()), 0, 255).astype(np.uint8)
