"""EXIF times as cameras and programs write them, and the zone beside them."""

import re
from datetime import datetime, timedelta

from reid_lib.data.dates import FIRST_YEAR

# "2024:05:01 10:11:12" is the standard's form (EXIF 2.3, 4.6.5). Others write dashes, slashes or points, a T, blanks
# for zeros, parts of a second, the zone behind it, or no seconds.
_TIME = re.compile(
    r"^\s*(\d{4})\s*[:\-/.]\s*(\d{1,2})\s*[:\-/.]\s*(\d{1,2})[\sT]+"
    r"(\d{1,2})\s*:\s*(\d{1,2})(?:\s*:\s*(\d{1,2})(?:[.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*(.*)$"
)
_OFFSET = re.compile(r"^\s*(?:UTC|GMT)?\s*([+\-−])\s*(\d{1,2}):?(\d{2})?\s*$")
LARGEST_OFFSET_H = 14  # of any place on earth


def parse_exif_time(text: str) -> tuple[datetime | None, str]:
    """The time on the camera's clock, and the zone where one follows it ("+02:00"); None and "" where it is no time.

    Args:
        text: of a tag such as DateTimeOriginal; some cameras put a NUL byte behind it.

    Example:
        >>> parse_exif_time("2024:05:01 10:11:12")
        (datetime.datetime(2024, 5, 1, 10, 11, 12), '')
        >>> parse_exif_time("2024-05-01T10:11:12.5+02:00")
        (datetime.datetime(2024, 5, 1, 10, 11, 12), '+02:00')
    """
    found = _TIME.match(text.split("\0")[0])
    if not found:
        return None, ""
    year, month, day, hour, minute = map(int, found.groups()[:5])
    second, half, zone = int(found[6] or 0), (found[7] or "")[:1].lower(), found[8]
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    late = hour == 24 and minute == second == 0  # how some cameras write midnight
    if year < FIRST_YEAR:  # "0000:00:00 00:00:00" of a camera whose clock was never set
        return None, ""
    try:
        time = datetime(year, month, day, 0 if late else hour, minute, second)
    except ValueError:  # no such day, or no such minute
        return None, ""
    return time + timedelta(days=late), read_offset(zone)


def read_offset(text: str) -> str:
    """An offset from UTC as "+02:00" ("Z" becomes "+00:00"); "" where the text is none.

    Args:
        text: as the tags OffsetTimeOriginal and OffsetTimeDigitized hold it, or as it follows a time.
    """
    text = text.split("\0")[0].strip()
    if text in ("Z", "z", "UTC", "GMT"):
        return "+00:00"
    found = _OFFSET.match(text)
    if not found:
        return ""
    hours, minutes = int(found[2]), int(found[3] or 0)
    if minutes >= 60 or hours * 60 + minutes > LARGEST_OFFSET_H * 60:
        return ""
    return f"{'+' if found[1] == '+' else '-'}{hours:02}:{minutes:02}"
