"""Download of one file by HTTP, resumed as long as it is still the same file on the server (RFC 9110: If-Range)."""

import json
import os
import urllib.request
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from reid_lib.core.files import write_json
from reid_lib.core.progress import make_bar
from reid_lib.data.checksums import ask_record, find_difference, read_checksums

TIMEOUT_S = 60
PART = ".part"
ORIGIN = ".origin"  # a file beside a part that says which state of which file the part belongs to
_AT_ONCE = 2**20


class DamagedTransfer(OSError):
    """What arrived is not what its publisher sent; nothing of it is kept."""


def continue_transfer(url: str, part: Path) -> None:
    """Append what is missing of a file to `part`.

    The download begins anew where the server knows no ranges, does not say which state of the file it has (ETag,
    Last-Modified), or has another state now.

    Args:
        url: of the file.
        part: where it is collected; its origin is noted beside it.

    Raises:
        OSError, http.client.HTTPException: the download was interrupted; what arrived stays.
        DamagedTransfer: length or checksum of the whole differ from what the publisher says.
    """
    origin = _read_origin(url, part)
    begin = part.stat().st_size if origin else 0
    headers = {"Range": f"bytes={begin}-", "If-Range": origin["validator"]} if begin else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S) as answer:
        if answer.status != 206:
            begin = 0
        elif not _goes_on(answer, origin, begin):
            drop_part(part)
            raise DamagedTransfer(f"{url} is another file now than the one that was begun")
        if not begin:
            origin = _begin(url, part, answer)
        _append(answer, part, begin, origin["total"])
    _check(url, part, origin)


def can_continue(url: str, part: Path) -> bool:
    """Will `continue_transfer` resume, with the part that is there?"""
    return _read_origin(url, part) is not None


def drop_part(part: Path) -> None:
    """Delete a part and the note of its origin."""
    part.unlink(missing_ok=True)
    _origin_of(part).unlink(missing_ok=True)


def finish_transfer(part: Path, target: Path) -> None:
    """Rename a part that is whole to `target`, and delete the note of its origin."""
    os.replace(part, target)
    _origin_of(part).unlink(missing_ok=True)


def _begin(url: str, part: Path, answer: HTTPResponse) -> dict[str, Any]:
    """Note which state of the file arrives, before its first byte is written: a part never has a wrong note."""
    drop_part(part)
    etag, length = answer.headers.get("ETag", ""), answer.headers.get("Content-Length")
    # A weak ETag ("W/...") says "much the same", not "the same bytes".
    validator = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
    checksums = read_checksums(answer.headers, whole=True) or ask_record(url)
    origin = {"url": url, "validator": validator, "total": int(length) if length else None, "checksums": checksums}
    if validator:
        write_json(_origin_of(part), origin)
    return origin


def _goes_on(answer: HTTPResponse, origin: dict[str, Any], begin: int) -> bool:
    """Is a partial answer the rest of what was begun? Some servers answer If-Range as if it were not there."""
    told, etag = answer.headers.get("Content-Range", ""), answer.headers.get("ETag")
    total = told.rpartition("/")[2]
    same_length = not total.isdigit() or origin["total"] in (None, int(total))
    same_state = not etag or not origin["validator"].startswith('"') or etag == origin["validator"]
    return told.startswith(f"bytes {begin}-") and same_length and same_state


def _append(answer: HTTPResponse, part: Path, begin: int, total: int | None) -> None:
    with (
        open(part, "ab" if begin else "wb") as file,
        make_bar(total=total, initial=begin, unit="B", unit_scale=True, desc=part.stem, leave=True) as bar,
    ):
        while block := answer.read(_AT_ONCE):
            file.write(block)
            bar.update(len(block))


def _check(url: str, part: Path, origin: dict[str, Any]) -> None:
    size = part.stat().st_size
    if origin["total"] is not None and size < origin["total"]:
        raise ConnectionError(f"{size} of {origin['total']} bytes arrived")
    longer = f"it has {size} bytes instead of {origin['total']}" if origin["total"] not in (None, size) else ""
    if problem := longer or find_difference(part, origin["checksums"]):
        drop_part(part)
        raise DamagedTransfer(f"{url} arrived damaged: {problem}")


def _origin_of(part: Path) -> Path:
    return part.with_name(part.name + ORIGIN)


def _read_origin(url: str, part: Path) -> dict[str, Any] | None:
    """The note of a part's origin; None where there is no part that can be resumed."""
    if not part.exists():
        return None
    try:
        origin = json.loads(_origin_of(part).read_text(encoding="utf-8"))
        known = origin["url"] == url and origin["validator"] and set(origin) >= {"total", "checksums"}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return origin if known else None
