"""Which animals are these? New photographs, asked of a run or a gallery; answers as a table, a page and a summary."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath

import numpy as np
import pandas as pd
from markupsafe import Markup

from reid_lib.core import files, frames
from reid_lib.core.errors import CatalogueError, RunDiffersError, RunError, first_line
from reid_lib.core.locks import hold_lock
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    ACCEPTED,
    ALREADY,
    ANSWERS,
    ANSWERS_CSV,
    ANSWERS_HTML,
    ASKED_JSON,
    ASKED_TWICE,
    DATASET,
    DECISION,
    DOUBTFUL,
    IMAGE_ID,
    NEW_ANIMAL,
    PATH,
    PROBABILITY,
    PROBLEM,
    ROOT,
    SUMMARY_TXT,
    WORDS,
)
from reid_lib.core.parallel import map_in_threads
from reid_lib.core.paths import runs_root, writing
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.new_photographs import REASON, NewPhotographs
from reid_lib.data.photo import decoding_problem
from reid_lib.data.pixels import list_boxes
from reid_lib.embed.views import ONE
from reid_lib.gallery.photographs import Photographs
from reid_lib.pages.html import render_part
from reid_lib.params.fields import IdentifyParams
from reid_lib.params.run_names import spelled_name
from reid_lib.pipeline.answers_summary import list_unusable, summarise_answers
from reid_lib.pipeline.answers_table import answer_photographs
from reid_lib.pipeline.enrolment import compare_photographs, describe_photographs
from reid_lib.pipeline.target import Target, find_asked, find_shift, open_target
from reid_lib.runs.folder import check_name

FORMAT = 1
SUMS = "checksums"  # in asked.json, of the files that nobody writes into
MOST_INLINE = 20_000_000  # bytes of a page that is shown in a notebook, too
SHOWN_PX = 700  # height of its window there
GALLERY_COLUMNS = ("gallery", "gallery_animals", "gallery_images", "gallery_date")
FIRST = (IMAGE_ID, DECISION, PROBABILITY, WORDS, DOUBTFUL, NEW_ANIMAL, ACCEPTED, ALREADY, ASKED_TWICE, PROBLEM)
# Columns of answers.csv that are shown in the notebook, and their heads there.
SHOWN = {
    IMAGE_ID: "photograph",
    DECISION: "decision",
    PROBABILITY: "probability",
    WORDS: "in words",
    NEW_ANIMAL: "new animal",
    ALREADY: "enrolled already",
    ASKED_TWICE: "asked twice",
    PROBLEM: "problem",
}


@dataclass(frozen=True)
class Identified:
    """Answers to new photographs.

    Attributes:
        folder: where they lie: answers.csv, answers.html, summary.txt.
        answers: one row for each photograph that was given, usable or not.
        summary: of the answers, one sentence a line.
    """

    folder: Path
    answers: pd.DataFrame
    summary: str

    def table(self) -> pd.DataFrame:
        """The columns that a person looks at first; those that say nothing are left out."""
        shown = self.answers.reindex(columns=list(SHOWN)).dropna(axis=1, how="all")
        return shown.rename(columns=SHOWN).set_index(SHOWN[IMAGE_ID])

    @property
    def page(self) -> Path:
        """answers.html."""
        return self.folder / ANSWERS_HTML

    def show_page(self) -> None:
        """Show answers.html in a notebook, as far as it fits into one, and say where it lies."""
        from IPython.display import HTML, display

        print(f"pictures: {self.page}\ntable: {self.folder / ANSWERS_CSV}")
        if self.page.stat().st_size <= MOST_INLINE:
            text = self.page.read_text(encoding="utf-8")
            body = text[re.search("<body[^>]*>", text).end() : text.rindex("</body>")]
            display(HTML(render_part("scrolled", Markup(body), height=SHOWN_PX)))


def identify(params: IdentifyParams) -> Identified:
    """Answer new photographs by a finished run or a gallery, and leave the answers in a folder of their own.

    Known animals are named by the run's frozen threshold and calibration; photographs that cannot be used are listed
    with the reason. Asked again for the same photographs of the same gallery, the answers that are there are shown.

    Raises:
        GalleryError, RunError: run or gallery cannot be used.
        CatalogueError: there are no photographs, or none of them can be used.
    """
    target = open_target(params)
    found = find_asked(params, target)
    asked, found = _describe(target, found)
    folder, key = _choose_folder(params, target, asked, found)
    with writing(folder.parent, "REID_RUNS", RunDiffersError):
        folder.mkdir(parents=True, exist_ok=True)
        with hold_lock(folder / ".lock", waiting=f"another process answers into {folder.name!r}, and is waited for"):
            if (folder / ASKED_JSON).is_file():
                LOGGER.info(f"these photographs were asked before: the answers in {folder} are shown")
                return load_answers(folder)
            return _answer(folder, key, target, asked, found)


def load_answers(folder: Path) -> Identified:
    """Answers that are there.

    Raises:
        RunError: one of their files is missing or damaged.
    """
    try:
        summary = (folder / SUMMARY_TXT).read_text(encoding="utf-8").rstrip("\n")
        answers = frames.read_csv(folder / ANSWERS_CSV)
        answers[[name for name in SHOWN if name != ASKED_TWICE]]  # all columns but one that earlier versions lack
        (folder / ANSWERS_HTML).stat()
        _check_sums(folder)
    except (OSError, ValueError, KeyError) as error:
        raise RunError(
            f"the answers in {folder} are damaged ({first_line(error)}): delete {ASKED_JSON} there, and the "
            f"photographs are answered again; save what you wrote into {ANSWERS_CSV} elsewhere before"
        ) from error
    return Identified(folder, answers, summary)


def _check_sums(folder: Path) -> None:
    """Raise ValueError where page or summary are not as they were written. The table is for people to write into."""
    told = files.read_checked_json(folder / ASKED_JSON) if (folder / ASKED_JSON).is_file() else {}
    for name, checksum in told.get(SUMS, {}).items():
        if files.compute_checksum(folder / name) != checksum:
            raise ValueError(f"{name} is not as it was written")


def _describe(target: Target, found: NewPhotographs) -> tuple[Photographs | None, NewPhotographs]:
    """The usable photographs, embedded; a file that looked whole and cannot be decoded joins the rejected ones."""
    if not len(found.catalogue.rows):
        return None, found
    try:
        return describe_photographs(target.network, found.catalogue), found
    except CatalogueError:
        found = _without_broken(found)
    return (describe_photographs(target.network, found.catalogue) if len(found.catalogue.rows) else None), found


def _without_broken(found: NewPhotographs) -> NewPhotographs:
    """Every photograph decoded once, and those set apart that cannot be."""
    catalogue = found.catalogue
    items = list(zip(catalogue.files(), list_boxes(catalogue.rows), strict=True))
    reasons = list(map_in_threads(lambda it: decoding_problem(it[0], bbox=it[1]), items, title="decoding images"))
    bad = np.array([bool(reason) for reason in reasons])
    told = pd.DataFrame({PATH: catalogue.rows.loc[bad, PATH], REASON: [r for r in reasons if r]}, dtype=object)
    rejected = pd.concat([found.rejected, told], ignore_index=True).sort_values(PATH, ignore_index=True)
    rows = catalogue.rows[~bad].reset_index(drop=True)
    return NewPhotographs(Catalogue(rows, catalogue.root, catalogue.name, catalogue.notes), rejected)


def _choose_folder(
    params: IdentifyParams, target: Target, asked: Photographs | None, found: NewPhotographs
) -> tuple[Path, dict]:
    """Where the answers go, and what makes two askings the same.

    Raises:
        RunDiffersError: a name was given, and answers to something else lie there.
    """
    told = [] if asked is None else asked.rows.drop(columns=ROOT).fillna("").to_numpy().tolist()
    digest = hashlib.sha256(repr([sorted(told), found.rejected.to_numpy().tolist()]).encode("utf-8", "surrogatepass"))
    recipe = target.network.recipe
    key = {
        "target": target.name,
        "state": target.state,
        "weights": recipe.weights_sha256,
        "photographs": digest.hexdigest(),
    } | ({"views": recipe.views} if recipe.views != ONE else {})
    key |= {"folders": params.folders, "dataset": params.dataset, "photos": params.photos}
    root = runs_root() / ANSWERS
    if params.answers:
        folder = root / check_name(params.answers)
        if _asked_there(folder) not in (None, key):
            raise RunDiffersError(
                f"answers {params.answers!r} are there already, to other photographs or of another gallery, or "
                f"{ASKED_JSON} there does not say of which any more: they stay as they are; give these a name of their "
                "own (answers)"
            )
        return folder, key
    made = spelled_name({"photos": PurePath(params.photos).name or "test"}, params.gallery or params.run or "drawn")
    number, name = 1, made
    while _asked_there(root / name) not in (None, key):
        number += 1
        name = f"{made}-{number}"
    return root / name, key


def _asked_there(folder: Path) -> dict | None:
    """What the answers in a folder were asked of. None: there are none; {}: not known, so nothing is written over."""
    try:
        return dict(files.read_checked_json(folder / ASKED_JSON)["key"])
    except FileNotFoundError:
        return {} if _holds_words(folder / ANSWERS_CSV) else None
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _holds_words(table: Path) -> bool:
    """Has a person written into the column `accepted`? Else the answers of a killed process may be made again."""
    try:
        return bool(frames.read_csv(table)[ACCEPTED].notna().any())
    except (OSError, ValueError, KeyError):
        return False


def _answer(folder: Path, key: dict, target: Target, asked: Photographs | None, found: NewPhotographs) -> Identified:
    from reid_lib.pipeline.answer_pictures import write_page

    for note in found.catalogue.notes:
        LOGGER.warning(note)
    if asked is None and not len(found.rejected):
        raise CatalogueError("there is no photograph: nothing was found where photos says")
    answers = pd.DataFrame()
    if asked is not None:
        similarity, _ = compare_photographs(target.network, asked, target.enrolled)
        answers, _ = answer_photographs(target.network.recipe, asked, target.enrolled, similarity)
    answers = _with_rejected(answers, found.rejected)
    for column, value in zip(GALLERY_COLUMNS, _told_gallery(target), strict=True):
        answers[column] = value
    answers = answers[[*FIRST, *(column for column in answers if column not in FIRST)]]
    said = summarise_answers(answers, target, shift=find_shift(target))
    write_page(folder / ANSWERS_HTML, answers, said, target, asked)
    summary = "\n".join([*said, *list_unusable(answers)])
    frames.write_csv(folder / ANSWERS_CSV, answers)
    with files.atomic(folder / SUMMARY_TXT) as path:
        path.write_text(summary + "\n", encoding="utf-8")
    sums = {name: files.compute_checksum(folder / name) for name in (ANSWERS_HTML, SUMMARY_TXT)}
    told = {
        "format": FORMAT,
        "key": key,
        SUMS: sums,
        "root": str(found.catalogue.root),
        "when": f"{datetime.now():%Y-%m-%d %H:%M}",
    }
    files.write_checked_json(folder / ASKED_JSON, told | {"gallery": target.words, "run": target.network.recipe.run})
    return Identified(folder, answers, summary)


def _told_gallery(target: Target) -> tuple[str, int, int, str]:
    return target.name, target.animals, len(target.enrolled), target.when


def _with_rejected(answers: pd.DataFrame, rejected: pd.DataFrame) -> pd.DataFrame:
    """The answers, and one row for each file that could not be used, which says why."""
    bad = pd.DataFrame({IMAGE_ID: rejected[PATH], PATH: rejected[PATH], PROBLEM: rejected[REASON]}, dtype=object)
    if len(answers):
        answers = answers.assign(**{PROBLEM: None})
    else:
        answers = pd.DataFrame(columns=[*FIRST, PATH, DATASET], dtype=object)
    if not len(bad):
        return answers
    return pd.concat([answers, bad.reindex(columns=answers.columns)], ignore_index=True).astype(
        {column: kind for column, kind in answers.dtypes.items() if kind.kind == "f"}
    )
