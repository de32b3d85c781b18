"""What is wrong with the images of a catalogue: everything found, told at once, each kind with its cure."""

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core.names import BBOX, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH
from reid_lib.core.parallel import cpu_count, in_threads
from reid_lib.data.photo import MIN_SIDE_PX, UnreadablePhoto, header_problem, open_upright, parse_bbox
from reid_lib.data.photo_file import not_a_file

KIND, DETAIL = "kind", "detail"
DUPLICATED_ID = "image_id that stands more than once"
NO_TEXT = "name that is not UTF-8"  # neither a table nor a notebook can hold it
MISSING = "missing file"
UNREADABLE = "unreadable image"
BAD_BBOX = "unusable bbox"
TWO_IDENTITIES = "the same photograph under two identities"
COPY = "the same photograph twice"  # harmless for training, but a copy among the queries is found too easily

LEAVE_OUT = "or pass skip_unreadable=True to leave them out"
CURES = {
    DUPLICATED_ID: "give every image an image_id of its own, or say by columns which column holds it",
    NO_TEXT: f"rename the files or folders, e.g. convmv -f latin1 -t utf-8 -r --notest FOLDER, {LEAVE_OUT}",
    MISSING: f"correct data_root or the paths, {LEAVE_OUT}",
    UNREADABLE: f"replace or remove these files, {LEAVE_OUT}",
    BAD_BBOX: f"write x,y,width,height in pixels of the upright image, {LEAVE_OUT}",
    TWO_IDENTITIES: f"decide which animal it shows, or give each animal its bbox, {LEAVE_OUT}",
}
SHOWN = 10
_CHUNK_BYTES = 2**16


def find_problems(rows: pd.DataFrame, root: Path, *, thorough: bool = False, progress: bool = True) -> pd.DataFrame:
    """Look at every image of a catalogue.

    Args:
        rows: `image_id`, `path`, `individual`, `identity`, and `bbox` where there is one.
        thorough: decode every image, as making the pixels will; else read headers and file ends only (100,000 images
            in well under a minute on a local disk), which finds missing, empty, foreign, cut off, too small and too
            large files.

    Returns:
        DataFrame(image_id, path, kind, detail), indexed by row number; empty when all is well.
    """
    files = [root / path for path in rows[PATH]]
    sizes = file_sizes(files, progress=progress)
    boxes = list(rows[BBOX]) if BBOX in rows else [None] * len(rows)
    reasons = np.array(_unusable(files, sizes, boxes, thorough=thorough, progress=progress), dtype=object)
    bad_box = np.array([_box_problem(box) for box in boxes], dtype=object)
    found = [
        _as_problems(rows, rows[IMAGE_ID].duplicated(keep=False).to_numpy(), DUPLICATED_ID, _told_ids(rows)),
        _as_problems(rows, (sizes < 0) & (reasons == ""), MISSING),
        _as_problems(rows, reasons != "", UNREADABLE, reasons),
        _as_problems(rows, bad_box != "", BAD_BBOX, bad_box),
        _identical(rows, files, np.where(reasons == "", sizes, -1), progress=progress),
    ]
    return pd.concat(found)


def misnamed(paths: Sequence[str], *, after: int) -> pd.DataFrame:
    """Problems as `find_problems` gives them, of photographs that are in no row; numbered from `after` on."""
    return pd.DataFrame(
        {IMAGE_ID: list(paths), PATH: list(paths), KIND: NO_TEXT, DETAIL: ""}, index=range(after, after + len(paths))
    )


def describe_problems(problems: pd.DataFrame, *, where: str) -> str:
    """One message over all problems: each kind with its count, the first few, and the cure."""
    lines = [f"{where}: {len(problems)} problems"]
    for kind in (kind for kind in CURES if (problems[KIND] == kind).any()):
        those = problems[problems[KIND] == kind]
        lines.append(f"  {len(those)} x {kind} (cure: {CURES[kind]})")
        for row in those.head(SHOWN).itertuples():
            lines.append(f"    {row.path}" + (f": {row.detail}" if row.detail else ""))
        if len(those) > SHOWN:
            lines.append(f"    ... and {len(those) - SHOWN} more")
    return "\n".join(lines)


def file_sizes(files: Sequence[Path], *, progress: bool = True) -> np.ndarray:
    """int64 (n,) bytes; -1 where there is no such file, or something that is none (a folder, a named pipe)."""
    workers = 4 * cpu_count()  # a network disk answers many questions at once
    sizes = in_threads(_size, files, title="looking for the files", workers=workers, progress=progress)
    return np.fromiter(sizes, np.int64, len(files))


def _size(file: Path) -> int:
    try:
        state = os.stat(file)
        return state.st_size if stat.S_ISREG(state.st_mode) else -1
    except (OSError, ValueError):  # a NUL byte is part of no name
        return -1


def _unusable(files, sizes, boxes, *, thorough: bool, progress: bool) -> list[str]:
    """Why each file cannot be used; "" where it can, or is not there at all."""

    def look(item) -> str:
        file, size, box = item
        if size < 0:
            return not_a_file(file)
        box = None if _box_problem(box) else parse_bbox(box)  # a box that is none is a problem of its own
        reason = header_problem(file, bbox=box)
        if reason or not thorough:
            return reason
        try:
            open_upright(file, bbox=box, target_px=MIN_SIDE_PX)
        except UnreadablePhoto as error:
            return error.reason
        return ""

    workers = cpu_count() if thorough else 2 * cpu_count()
    items = zip(files, sizes, boxes, strict=True)
    return list(in_threads(look, items, total=len(files), title="checking images", workers=workers, progress=progress))


def _box_problem(box) -> str:
    try:
        numbers = parse_bbox(box)
    except ValueError as error:
        return str(error)
    if numbers is not None and max(numbers[2:]) <= 1:
        return f"bbox {box} (x,y,width,height) is one pixel or less: is it a share, where others are pixels?"
    return ""


def _identical(rows: pd.DataFrame, files: list[Path], sizes: np.ndarray, *, progress: bool) -> pd.DataFrame:
    """Byte-identical photographs. Only files of equal size are read: first their ends, whole only where those agree."""
    box = rows[BBOX].astype(object).where(rows[BBOX].notna(), "") if BBOX in rows else pd.Series("", index=rows.index)
    table = pd.DataFrame({"file": files, "key": sizes, "box": box.to_numpy()}, index=range(len(rows)))
    table = table[table["key"] > 0]
    for digest, title in ((_tail_digest, "comparing file ends"), (_digest, "comparing files")):
        table = table[table.duplicated(["key", "box"], keep=False)]
        hashes = in_threads(digest, list(table["file"]), title=title, workers=2 * cpu_count(), progress=progress)
        table = table.assign(key=[f"{key} {value}" for key, value in zip(table["key"], hashes, strict=True)])
    table = table[table.duplicated(["key", "box"], keep=False)]
    table = table.assign(
        individual=rows[INDIVIDUAL].to_numpy()[table.index], identity=rows[IDENTITY].to_numpy()[table.index]
    )
    two, copies, detail = np.zeros(len(rows), bool), np.zeros(len(rows), bool), np.full(len(rows), "", dtype=object)
    for _, same in table.groupby(["key", "box"], sort=False):
        is_conflict = same["individual"].nunique() > 1
        (two if is_conflict else copies)[same.index] = True
        detail[same.index] = " = ".join(rows[PATH].iloc[list(same.index)])
    return pd.concat([_as_problems(rows, two, TWO_IDENTITIES, detail), _as_problems(rows, copies, COPY, detail)])


def _tail_digest(file: Path) -> str:
    with open(file, "rb") as stream:
        stream.seek(-min(file.stat().st_size, _CHUNK_BYTES), 2)
        return hashlib.blake2b(stream.read(), digest_size=16).hexdigest()


def _digest(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _told_ids(rows: pd.DataFrame) -> np.ndarray:
    return ("image_id " + rows[IMAGE_ID].map(repr)).to_numpy()


def _as_problems(rows: pd.DataFrame, mask: np.ndarray, kind: str, detail: np.ndarray | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            IMAGE_ID: rows[IMAGE_ID].to_numpy()[mask],
            PATH: rows[PATH].to_numpy()[mask],
            KIND: kind,
            DETAIL: "" if detail is None else detail[mask],
        },
        index=np.flatnonzero(mask),
    )
