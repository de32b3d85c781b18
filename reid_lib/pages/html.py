"""Pieces of HTML that views and pages are made of: the templates beside this module, filled.

Jinja2 escapes every value (autoescape) but what is HTML already, which is `Markup`: all functions here return it.
"""

import base64
import functools
import io
import numbers
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from PIL import Image

from reid_lib.compare.comparison import Comparison
from reid_lib.core.names import (
    DATASET,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    KNOWN,
    ORIENTATION,
    PREDICTED,
    ROLE,
    SCORE,
    TRUE_SCORE,
    ranked_column,
)
from reid_lib.figures.style import COLOURS, GREY
from reid_lib.openset.outcomes import OUTCOME

if TYPE_CHECKING:
    import jinja2

PHOTO_PX = 132  # height of a photograph as shown
QUERY_COLUMNS = (DATASET, IDENTITY, ORIENTATION, ENCOUNTER, ROLE)


@functools.cache
def template_environment(*, autoescape: bool = True) -> "jinja2.Environment":
    """Jinja2's environment of `pages/templates`.

    Args:
        autoescape: every value is escaped for HTML; False for Markdown, which has rules of its own.
    """
    import jinja2  # when a page is first made: a run's start need not wait for it

    return jinja2.Environment(
        loader=jinja2.PackageLoader("reid_lib.pages"),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render_template(template: str, **values) -> Markup:
    """A template of `pages/templates` with these values, which it names in its first line."""
    return Markup(template_environment().get_template(template).render(values))


def write_template(path: Path, template: str, **values) -> None:
    """Write what `render_template` gives, piece by piece: a value that is an iterator is never in memory as a whole."""
    template_environment().get_template(template).stream(**values).dump(str(path), encoding="utf-8")


def render_part(macro: str, *values, **options) -> Markup:
    """A macro of `pages/templates/parts.html` with these values."""
    return getattr(template_environment().get_template("parts.html").module, macro)(*values, **options)


def data_uri(data: bytes, kind: str) -> str:
    """The address of an image that stands in the page itself."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def jpeg(pixels: np.ndarray, *, quality: int = 85) -> bytes:
    """uint8 (height, width, 3) as a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def text(value: object) -> Markup:
    """A value as people read it: three decimals, a dash where it is missing; escaped."""
    if value is None or value is pd.NA or (isinstance(value, numbers.Real) and np.isnan(value)):
        return Markup("–")
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral | bool):
        return Markup(f"{value:.3f}")
    return escape(str(value))


def muted(words: str) -> Markup:
    """What is said in passing, in grey."""
    return render_part("muted", words)


def failure(error: BaseException) -> Markup:
    """What went wrong, where the view would be."""
    return render_part("bold", str(error))


def table(rows: list[list[str]], heads: list[str]) -> Markup:
    """A table; a cell is text, or HTML made here. The first column stands left, the others right."""
    return render_part("table", rows, heads)


def photo_address(comparison: Comparison, run: str, image_id: str) -> str:
    """The address of a photograph, which stands in the page itself; "" where its file is not here."""
    pixels = comparison.photo(run, image_id)
    return "" if pixels is None else data_uri(jpeg(pixels), "jpeg")


def photo(pixels: np.ndarray | None, caption: str, *, frame: str = GREY) -> Markup:
    """A framed photograph over its caption; a grey field where the file is not here (None)."""
    return render_part("photo", "" if pixels is None else data_uri(jpeg(pixels), "jpeg"), caption, frame, PHOTO_PX)


def photo_pair(comparison: Comparison, run: str, query: pd.Series) -> Markup:
    """A query beside its most alike gallery photograph, small until the pointer stays on one.

    Args:
        query: a row of the run's predictions.
    """
    shown = [(query[IMAGE_ID], f"{query[IMAGE_ID]}: {query[IDENTITY]}")]
    if pd.notna(nearest := query[ranked_column("image", 1)]):
        shown.append((nearest, f"{nearest}: {query[ranked_column(IDENTITY, 1)]}"))
    return render_part("pair", [(photo_address(comparison, run, image_id), title) for image_id, title in shown])


def figure(png: bytes, alt: str) -> Markup:
    """A figure at its own size, or as wide as there is room."""
    return render_part("figure", data_uri(png, "png"), alt)


def row_of(cards: list[Markup]) -> Markup:
    """Photographs side by side."""
    return render_part("row_of", cards)


def image_card(comparison: Comparison, run: str, image_id: str, *, address: str | None = None) -> Markup:
    """One photograph and what the catalogue says of it.

    Args:
        address: its `photo_address`, where that is at hand.
    """
    about = comparison.about(run, image_id)
    words = [text(about[key]) for key in QUERY_COLUMNS if key in about]
    if about.get(ROLE) in ("val", "test"):
        words.append("known" if about.get(KNOWN) else "unknown")
    caption = render_part("lines", [render_part("bold", image_id), Markup(", ").join(words)])
    address = photo_address(comparison, run, image_id) if address is None else address
    return render_part("photo", address, caption, GREY, PHOTO_PX)


def run_label(name: str, label: str = "", *, starred: bool = False) -> Markup:
    """What a run is called (`Comparison.labels`), its whole name where the pointer stays on it."""
    return render_part("run_name", label or name, name, starred=starred)


def answer_card(comparison: Comparison, run: str, image_id: str, *, called: str = "") -> Markup:
    """A query's answer in one run, and its five nearest individuals by their most similar gallery photograph.

    Args:
        called: the run's label; "": its name.
    """
    answered, unit = comparison.run(run).predictions, comparison.run(run).unit
    if image_id not in answered.index:
        return render_part("no_answer", run_label(run, called), "a gallery photograph: it is searched, not asked about")
    query = answered.loc[image_id]
    mark, colour = _mark(query[OUTCOME])
    words = f"({query[OUTCOME]}), {unit} {text(query[SCORE])}"
    if pd.notna(query[TRUE_SCORE]):
        words += f", its own individual {text(query[TRUE_SCORE])}"
    cards = []
    for near in comparison.neighbours(run, image_id).itertuples():
        caption = [f"{near.rank}. {'✓' if near.right else '✗'} {near.identity}", text(float(near.score))]
        shown = comparison.photo(run, getattr(near, IMAGE_ID))
        cards.append(photo(shown, render_part("lines", caption), frame=COLOURS["right" if near.right else "wrong"]))
    return render_part("answer", run_label(run, called), mark, text(query[PREDICTED]), words, colour, cards)


def _mark(outcome) -> tuple[str, str]:
    outcome = str(outcome)
    if outcome.endswith("right"):
        return "✓", COLOURS["right"]
    return ("✗", COLOURS["wrong"]) if outcome.startswith(("known", "unknown")) else ("?", GREY)
