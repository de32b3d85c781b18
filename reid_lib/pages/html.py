"""Pieces of HTML that the interactive views and the exported comparison are made of; every word is escaped here."""

import base64
import html
import io
import numbers

import numpy as np
import pandas as pd
from PIL import Image

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
)
from reid_lib.figures.saving import rendered
from reid_lib.figures.style import COLOURS, GREY

PHOTO_PX = 132  # height of a photograph as shown
QUERY_COLUMNS = (DATASET, IDENTITY, ORIENTATION, ENCOUNTER, ROLE)


def data_uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def jpeg(pixels: np.ndarray) -> bytes:
    """uint8 (height, width, 3) as a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def png(figure, *, dpi: int = 100) -> bytes:
    """A figure, or the one an axes belongs to, as a PNG; it is closed, so that views do not fill the memory."""
    import matplotlib.pyplot as plt

    content = rendered(figure, dpi=dpi)
    plt.close(figure if hasattr(figure, "savefig") else figure.figure)
    return content


def text(value) -> str:
    """A value as people read it: three decimals, a dash where it is missing; escaped."""
    if value is None or value is pd.NA or (isinstance(value, numbers.Real) and np.isnan(value)):
        return "–"
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral | bool):
        return f"{value:.3f}"
    return html.escape(str(value))


def muted(words: str) -> str:
    return f'<span style="color:#666">{html.escape(words)}</span>'


def table(rows: list[list[str]], heads: list[str], *, first_left: bool = True) -> str:
    """A table of cells that are HTML already."""
    style = "padding:3px 10px;text-align:{};vertical-align:top;border-bottom:1px solid #e4e4e4;line-height:1.35"
    aligned = [style.format("left" if first_left and k == 0 else "right") for k in range(len(heads))]

    def line(cells, tag):
        return (
            "<tr>" + "".join(f'<{tag} style="{s}">{c}</{tag}>' for c, s in zip(cells, aligned, strict=True)) + "</tr>"
        )

    head, body = line([html.escape(h) for h in heads], "th"), "".join(line(row, "td") for row in rows)
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse;font-size:13px">'
        f"<thead>{head}</thead><tbody>{body}</tbody></table></div>"
    )


def photo(pixels: np.ndarray | None, caption: str, *, frame: str = GREY, width_px: int = 3) -> str:
    """A framed photograph over its caption (HTML); a grey field where the file is not here."""
    style = f"border:{width_px}px solid {frame};height:{PHOTO_PX}px;box-sizing:border-box;display:block"
    if pixels is None:
        shown = (
            f'<div style="{style};width:{PHOTO_PX}px;background:#f2f2f2;color:#666;font-size:12px;padding:8px">'
            "photograph not on this machine</div>"
        )
    else:
        shown = f'<img alt="" src="{data_uri(jpeg(pixels), "jpeg")}" style="{style}">'
    return (
        f'<div style="margin:0 10px 8px 0;font-size:12px;line-height:1.3;max-width:230px">{shown}'
        f'<div style="margin-top:3px">{caption}</div></div>'
    )


def row_of(cards: list[str]) -> str:
    return '<div style="display:flex;flex-wrap:wrap;align-items:flex-start">' + "".join(cards) + "</div>"


def image_card(comparison, run: str, image_id: str) -> str:
    """One photograph and what the catalogue says of it."""
    about = comparison.about(run, image_id)
    words = ", ".join(text(about[key]) for key in QUERY_COLUMNS if key in about)
    if about.get(ROLE) in ("val", "test"):
        words += ", " + ("known" if about.get(KNOWN) else "unknown")
    return photo(comparison.photo(run, image_id), f"<b>{text(image_id)}</b><br>{words}")


def answer_card(comparison, run: str, image_id: str) -> str:
    """A query's answer in one run, and its five nearest individuals by their most similar gallery photograph."""
    answered = comparison.run(run).predictions
    if image_id not in answered.index:
        return f"<p><b>{text(run)}</b>: {muted('a gallery photograph: it is searched, not asked about')}</p>"
    query = answered.loc[image_id]
    mark, colour = _mark(query["outcome"])
    said = f"{mark} <b>{text(query[PREDICTED])}</b> ({text(query['outcome'])}), score {text(query[SCORE])}"
    if pd.notna(query[TRUE_SCORE]):
        said += f", its own individual {text(query[TRUE_SCORE])}"
    cards = []
    for near in comparison.neighbours(run, image_id).itertuples():
        good = near.right
        caption = f"{near.rank}. {'✓' if good else '✗'} {text(near.identity)}<br>{text(float(near.score))}"
        shown = comparison.photo(run, getattr(near, IMAGE_ID))
        cards.append(photo(shown, caption, frame=COLOURS["right"] if good else COLOURS["wrong"]))
    return (
        f'<div style="margin-top:8px"><b>{text(run)}</b>: <span style="color:{colour}">{said}</span>'
        f"{row_of(cards)}</div>"
    )


def _mark(outcome) -> tuple[str, str]:
    outcome = str(outcome)
    if outcome.endswith("right"):
        return "✓", COLOURS["right"]
    return ("✗", COLOURS["wrong"]) if outcome.startswith(("known", "unknown")) else ("?", GREY)
