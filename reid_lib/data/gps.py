"""Where a photograph was taken, by its EXIF tags. Only an export that was asked for coordinates reads them."""

import math
from pathlib import Path

from reid_lib.data.photo_file import open_file

_GPS_IFD = 0x8825
_LATITUDE, _LONGITUDE = (1, 2), (3, 4)  # reference (N or S, E or W), then degrees, minutes, seconds


def read_place(path: Path) -> tuple[float, float] | None:
    """Latitude and longitude in degrees (WGS 84, north and east positive); None where the photograph does not tell.

    Args:
        path: a photograph; one that cannot be opened tells nothing.
    """
    try:
        with open_file(path) as (image, _):
            tags = dict(image.getexif().get_ifd(_GPS_IFD))
    except Exception:  # decoders raise OSError, SyntaxError, struct.error, ... for a broken file
        return None
    latitude, longitude = (_degrees(tags, *where) for where in (_LATITUDE, _LONGITUDE))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    # A receiver without a fix writes 0, 0, a place in the Atlantic.
    return None if latitude == longitude == 0 else (latitude, longitude)


def _degrees(tags: dict, reference: int, value: int) -> float | None:
    try:
        parts = [float(part) for part in tags[value]]
        sign = {"N": 1, "E": 1, "S": -1, "W": -1}[str(tags[reference]).strip("\0 ").upper()[:1]]
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    degrees = sign * sum(part / 60**power for power, part in enumerate(parts[:3]))
    return degrees if math.isfinite(degrees) else None
