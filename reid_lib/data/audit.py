"""The audit: everything that is wrong with the images of a catalogue, reported at once, each kind with its cure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from reid_lib.core.errors import printable
from reid_lib.core.files import hash_file
from reid_lib.core.names import BBOX, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH
from reid_lib.core.parallel import cpu_count, map_in_threads
from reid_lib.core.paths import locate
from reid_lib.data.boxes import SLACK
from reid_lib.data.file_states import FileState, FileStates
from reid_lib.data.missing import Lookalikes
from reid_lib.data.photo import MIN_BOX_PX, box_problem, decoding_problem, parse_bbox

KIND, DETAIL = "kind", "detail"
DUPLICATED_ID = "image_id that stands more than once"
NO_TEXT = "name that is not UTF-8"  # neither a table nor a notebook can hold it
MISSING = "missing file"
UNREADABLE = "unreadable image"
BAD_BBOX = "unusable bbox"
TWO_IDENTITIES = "the same photograph under two identities"
NOT_READ = "file of a kind that is not read"  # only listed: it is no reason to stop
COPY = "the same photograph twice"  # harmless for training, but a copy among the queries is found too easily

LEAVE_OUT = "or leave them out by -p skip_unreadable True"
CURES = {
    DUPLICATED_ID: "give every image an image_id of its own, or say by columns which column holds it",
    NO_TEXT: f"rename the files or folders, e.g. convmv -f latin1 -t utf-8 -r --notest FOLDER, {LEAVE_OUT}",
    MISSING: f"correct data_root or the paths, {LEAVE_OUT}",
    UNREADABLE: f"replace or remove these files, {LEAVE_OUT}",
    BAD_BBOX: f"write x,y,width,height in pixels of the upright image, {LEAVE_OUT}",
    TWO_IDENTITIES: f"decide which animal it shows, or give each animal its bbox, {LEAVE_OUT}",
}
SHOWN = 10
EXPLAINED = 1000  # missing files for which a name that reads alike is looked for


def find_problems(
    rows: pd.DataFrame,
    root: Path,
    *,
    states: FileStates | None = None,
    thorough: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Look at every image of a catalogue.

    Args:
        rows: `image_id`, `path`, `individual`, `identity`, and `bbox` where there is one.
        root: folder that the paths are relative to.
        states: of the files below `root`; those that have been read are not read again. None: read all.
        thorough: decode every image, as making the pixels will; else read headers and file ends only (100,000 images
            in well under a minute on a local disk), which finds files that are missing, empty, no image, cut off, too
            small or too large.
        progress: show bars.

    Returns:
        DataFrame(image_id, path, kind, detail), indexed by row number; empty when all is well.
    """
    files = [locate(root, path) for path in rows[PATH]]
    boxes = list(rows[BBOX]) if BBOX in rows else [None] * len(rows)
    states = states or FileStates(root)
    if BBOX in rows:  # a box is compared with the sides of its photograph
        states.of(rows.loc[rows[BBOX].notna(), PATH], exif=True, progress=progress)
    looked = states.of(rows[PATH], progress=progress)
    sizes = np.fromiter((state.size for state in looked), np.int64, len(looked))
    reasons = np.array(_unusable(files, looked, boxes, thorough=thorough, progress=progress), dtype=object)
    bad_box = np.array([_bbox_problem(box) for box in boxes], dtype=object)
    gone = (sizes < 0) & (reasons == "")
    found = [
        _as_problems(rows, rows[IMAGE_ID].duplicated(keep=False).to_numpy(), DUPLICATED_ID, _told_ids(rows)),
        _as_problems(rows, gone, MISSING, _told_missing(rows[PATH], gone, root)),
        _as_problems(rows, reasons != "", UNREADABLE, reasons),
        _as_problems(rows, bad_box != "", BAD_BBOX, bad_box),
        _identical(rows, files, np.where(reasons == "", [state.sample for state in looked], ""), progress=progress),
    ]
    return pd.concat(found)


def tabulate_misnamed(paths: Sequence[str], *, after: int) -> pd.DataFrame:
    """Photographs that no row can name because their paths are not UTF-8, as `find_problems` returns problems.

    Args:
        paths: as they can be printed.
        after: the row number of the first one.
    """
    return pd.DataFrame(
        {IMAGE_ID: list(paths), PATH: list(paths), KIND: NO_TEXT, DETAIL: ""}, index=range(after, after + len(paths))
    )


def tabulate_passed_over(passed: Sequence[tuple[str, str]], *, after: int) -> pd.DataFrame:
    """Files of kinds that are not read, as `find_problems` returns problems.

    Args:
        passed: pairs of a path and the reason with its cure.
        after: the row number of the first one.
    """
    paths, reasons = [printable(path) for path, _ in passed], [reason for _, reason in passed]
    return pd.DataFrame(
        {IMAGE_ID: paths, PATH: paths, KIND: NOT_READ, DETAIL: reasons}, index=range(after, after + len(paths))
    )


def describe_problems(problems: pd.DataFrame, *, where: str) -> str:
    """One message over all problems: each kind with its count, its cure and the first few.

    Args:
        problems: from `find_problems`.
        where: what they are problems of, the message's first words.
    """
    lines = [f"{where}: {len(problems)} problems"]
    for kind in (kind for kind in CURES if (problems[KIND] == kind).any()):
        those = problems[problems[KIND] == kind]
        lines.append(f"  {len(those)} x {kind} (cure: {CURES[kind]})")
        for row in those.head(SHOWN).itertuples():
            lines.append(f"    {row.path}" + (f": {row.detail}" if row.detail else ""))
        if len(those) > SHOWN:
            lines.append(f"    ... and {len(those) - SHOWN} more")
    return "\n".join(lines)


def _unusable(files: list[Path], states: list[FileState], boxes: list, *, thorough: bool, progress: bool) -> list[str]:
    """Why each file cannot be used; "" where it can, and where it is missing."""

    def look(item) -> str:
        file, state, box = item
        box = None if _bbox_problem(box) else parse_bbox(box)  # one that cannot be read is reported as `BAD_BBOX`
        if state.problem or state.size < 0:
            return state.problem
        if thorough or (box and state.sides is None):
            return decoding_problem(file, bbox=box)
        return box_problem(box, state.sides) if box else ""

    items = zip(files, states, boxes, strict=True)
    if not thorough:
        return [look(item) for item in items]
    return list(map_in_threads(look, items, total=len(files), title="checking images", progress=progress))


def _bbox_problem(box) -> str:
    try:
        numbers = parse_bbox(box)
    except ValueError as error:
        return str(error)
    if numbers is not None and min(numbers[2:]) < MIN_BOX_PX:
        share = ": is it a share, where others are pixels?" if max(numbers) <= 1 + SLACK else ""
        return f"bbox {box} (x,y,width,height) is too small: at least {MIN_BOX_PX} px a side are needed{share}"
    return ""


def _identical(rows: pd.DataFrame, files: list[Path], samples: np.ndarray, *, progress: bool) -> pd.DataFrame:
    """Byte-identical photographs; only files whose samples are equal are read whole. A sample "": cannot be used."""
    box = rows[BBOX].astype(object).where(rows[BBOX].notna(), "") if BBOX in rows else pd.Series("", index=rows.index)
    table = pd.DataFrame({"file": files, "key": samples, "box": box.to_numpy()}, index=range(len(rows)))
    table = table[table["key"] != ""]
    table = table[table.duplicated(["key", "box"], keep=False)]
    hashes = map_in_threads(
        hash_file, list(table["file"]), title="comparing files", workers=2 * cpu_count(), progress=progress
    )
    table = table.assign(key=list(hashes))
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


def _told_missing(paths: pd.Series, gone: np.ndarray, root: Path) -> np.ndarray:
    """What each missing file may be called instead; only for the first `EXPLAINED`, as folders are listed for it."""
    told, lookalikes = np.full(len(paths), "", dtype=object), Lookalikes(root)
    for place in np.flatnonzero(gone)[:EXPLAINED]:
        told[place] = lookalikes.explain(paths.iloc[place])
    return told


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
