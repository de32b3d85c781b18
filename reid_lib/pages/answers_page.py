"""answers.html: new photographs with their candidates and where they match, as one page that needs nothing else."""

import html
import mmap
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from markupsafe import Markup

from reid_lib.figures.match_lines import choose_lines
from reid_lib.figures.style import COLOURS, GREY
from reid_lib.pages.html import data_uri, jpeg, muted, render_template, write_template

HEIGHT = 300  # of both photographs where their matches are drawn, in units of the drawing
GAP = 14
MISSING = (200, 150)  # width and height of the field that stands for a photograph that is not there
_CARD = re.compile(rb'<section class="photograph"[^>]*>\s*<h2>(.*?)</h2>.*?</section>', re.DOTALL)
# places in the query, places in the candidate (both (m, 2), shares of width and height), inlier (m,), confidence (m,)
Matched = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Candidate:
    """An animal that a photograph may show.

    Attributes:
        name: of the animal.
        probability: 0 to 1.
        image: id of its best photograph.
        date: of that, as text; "" where not known.
        pixels: of that, uint8 (h, w, 3); None where it is not on this machine.
    """

    name: str
    probability: float
    image: str
    date: str
    pixels: np.ndarray | None


@dataclass(frozen=True)
class Shown:
    """One photograph and its answer.

    Attributes:
        name: of the photograph.
        decision: name of the animal, or "new animal".
        words, probability: how sure that is.
        doubtful: should a person look at it first?
        group: of new animals, label of those that are one; else "".
        already: what is enrolled of it already, in words; else "".
        twice: which of the photographs that were asked about is the same one, in words; else "".
        pixels: uint8 (h, w, 3); None where it cannot be shown.
        candidates: best first.
        matches: with the first candidate; None where they were not looked for.
    """

    name: str
    decision: str
    words: str
    probability: float
    doubtful: bool
    group: str
    already: str
    twice: str
    pixels: np.ndarray | None
    candidates: list[Candidate] = field(default_factory=list)
    matches: Matched | None = None


def write_answers(
    path: Path, summary: list[str], cards: Iterable[Markup], unusable: list[list[str]], note: str
) -> None:
    """Write the page, one photograph after the other: of a thousand it is 200 MB.

    Args:
        path: file to write.
        summary: sentences, the first one as its headline.
        cards: of `render_card`, in the order in which they are shown.
        unusable: (photograph, reason) of those that could not be used.
        note: what is said of the lines; "" where no photograph is shown.
    """
    told = {"title": "Which animals are these?", "summary": summary, "unusable": unusable, "note": note}
    write_template(path, "answers_page.html", cards=cards, **told)


class AnswerCards:
    """The photographs of a page that is there, one at a time: a page of a thousand is 200 MB of pictures."""

    def __init__(self, page: Path):
        """Find where each begins; a page that is not there has none."""
        self.page, self._places = page, {}
        if not page.is_file() or not page.stat().st_size:
            return
        with open(page, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for found in _CARD.finditer(content):
                self._places[html.unescape(found[1].decode())] = found.span()

    def card(self, name: str) -> Markup:
        """What the page shows of a photograph, as HTML."""
        if name not in self._places:
            return muted("There is no picture of it: ask for the answers again.")
        begin, end = self._places[name]
        with open(self.page, "rb") as file:
            file.seek(begin)
            return Markup(file.read(end - begin).decode())


def render_card(shown: Shown) -> Markup:
    """What the page shows of one photograph."""
    first = shown.candidates[0] if shown.candidates else None
    candidates = [
        {
            "name": one.name,
            "probability": f"{one.probability:.0%}",
            "about": " · ".join(part for part in (one.image, one.date) if part),
            "picture": "" if one.pixels is None else data_uri(jpeg(_small(one.pixels)), "jpeg"),
        }
        for one in shown.candidates
    ]
    drawing = _draw(shown.pixels, first and first.pixels, shown.matches)
    told = {"sure": f"{shown.probability:.0%}", "drawing": drawing, "candidates": candidates}
    return render_template("answer_card.html", shown=shown, **told)


def _small(pixels: np.ndarray) -> np.ndarray:
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((150, 150))
    return np.asarray(image)


def _draw(query: np.ndarray | None, candidate: np.ndarray | None, matches: Matched | None) -> dict:
    """Both photographs side by side with their lines, in units of a drawing that is `HEIGHT` high."""
    pictures, at = [], 0.0
    for pixels in (query, candidate):
        size = MISSING if pixels is None else (pixels.shape[1], pixels.shape[0])
        width = HEIGHT * size[0] / size[1]
        address = "" if pixels is None else data_uri(jpeg(pixels), "jpeg")
        pictures.append({"x": round(at, 1), "width": round(width, 1), "address": address})
        at += width + GAP
    lines = [] if matches is None else _lines(pictures, matches)
    told = "" if matches is None else f"{int(matches[2].sum())} of {len(matches[2])} matches by one geometry"
    return {"width": round(at - GAP, 1), "height": HEIGHT, "pictures": pictures, "lines": lines, "told": told}


def _lines(pictures: list[dict], matches: Matched) -> list[dict]:
    ours, theirs, inlier, confidence = matches
    others, explained = choose_lines(ours, confidence, inlier)
    lines = []
    for k, sure in [*((k, False) for k in others), *((k, True) for k in explained)]:
        ends = [
            (picture["x"] + places[k, 0] * picture["width"], places[k, 1] * HEIGHT)
            for picture, places in zip(pictures, (ours, theirs), strict=True)
        ]
        colour, opacity = (COLOURS["right"], 0.35 + 0.65 * float(np.clip(confidence[k], 0, 1))) if sure else (GREY, 0.5)
        style = {"colour": colour, "opacity": round(opacity, 2), "width": 1.6 if sure else 0.6, "sure": sure}
        lines.append({"ends": [(round(float(x), 1), round(float(y), 1)) for x, y in ends]} | style)
    return lines
