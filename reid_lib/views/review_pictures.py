"""Photographs as a screen shows them: cut to the animal with a margin, as JPEG, the ones used last kept in memory."""

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from reid_lib.data.photo import UnreadablePhoto, open_upright, parse_bbox, read_upright_size
from reid_lib.data.photo_file import open_file

SIDES_PX = {"thumb": 160, "view": 1400, "full": 4096}  # longer side at most
QUALITY = 88
MARGIN = 0.15  # of the longer side of the bbox, on each side of it
MOST_BYTES = 96 * 2**20


@dataclass(frozen=True)
class Picture:
    """A photograph as JPEG.

    Attributes:
        jpeg: its bytes; empty where there is none.
        width, height: in px.
        box: x, y, width, height of what is compared (the bbox), in shares of the picture.
        more: a larger level shows more.
        problem: why there is none.
    """

    jpeg: bytes
    width: int = 0
    height: int = 0
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    more: bool = False
    problem: str = ""

    def describe(self) -> dict:
        """All but the bytes, as JSON keeps it."""
        return {
            "width": self.width, "height": self.height, "box": list(self.box), "more": self.more,
            "problem": self.problem,
        }  # fmt: skip


def make_picture(path: Path, level: str, bbox: object = None) -> Picture:
    """One photograph, upright, cut to its bbox with a margin where it has one.

    Args:
        level: one of `SIDES_PX`.
        bbox: x, y, width, height in px of the upright photograph, as text or numbers; None: all of it.
    """
    side = SIDES_PX[level]
    try:
        cut, box = _margin(path, bbox)
        image = open_upright(path, bbox=cut, target_px=side // 2)
    except (UnreadablePhoto, OSError, ValueError) as error:
        return Picture(b"", problem=f"{path.name} cannot be shown: {getattr(error, 'reason', error)}")
    more = max(cut[2:]) > side
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return Picture(file.getvalue(), *image.size, box, more and level != "full")


def _margin(path: Path, bbox: object) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What to cut out of a photograph (x, y, width, height in px), and where in it the bbox lies, in shares."""
    with open_file(path) as (image, _):
        size = read_upright_size(image) or image.size
    box = parse_bbox(bbox)
    x, y, w, h = box or (0, 0, *size)
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, size[0]), min(y + h, size[1])
    margin = MARGIN * max(w, h) if box else 0
    cut = max(left - margin, 0), max(top - margin, 0), min(right + margin, size[0]), min(bottom + margin, size[1])
    width, height = cut[2] - cut[0], cut[3] - cut[1]
    if width < 1 or height < 1:  # a box outside: open_upright tells
        return box, (0.0, 0.0, 1.0, 1.0)
    shares = (left - cut[0]) / width, (top - cut[1]) / height, (right - left) / width, (bottom - top) / height
    return (cut[0], cut[1], width, height), shares


class Pictures:
    """Pictures that were made, the ones used last; safe to ask from several threads.

    Args:
        find: image_id -> its file and its bbox.
        most_bytes: of all pictures that are kept.
    """

    def __init__(self, find: Callable[[str], tuple[Path, object]], *, most_bytes: int = MOST_BYTES):
        self.find, self.most_bytes = find, most_bytes
        self._kept: OrderedDict[tuple[str, str], Picture] = OrderedDict()
        self._bytes, self._lock = 0, threading.Lock()

    def get(self, image_id: str, level: str) -> Picture:
        """The picture of a photograph, made now where it is not kept."""
        key = image_id, level
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        path, bbox = self.find(image_id)
        picture = make_picture(path, level, bbox)
        with self._lock:
            if picture.jpeg and key not in self._kept:
                self._kept[key] = picture
                self._bytes += len(picture.jpeg)
            while self._bytes > self.most_bytes and self._kept:
                self._bytes -= len(self._kept.popitem(last=False)[1].jpeg)
        return picture
