"""Plots that answer the pointer, as plain values: what `templates/plot.js` draws in a notebook and in an exported page.

A specification holds no HTML, only text and finite numbers; plot.js shows text as text.
"""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from reid_lib.compare.comparison import NO_LOSS, Comparison
from reid_lib.compare.finished import FinishedRun
from reid_lib.core.names import IMAGE_ID, INDIVIDUAL, KNOWN, PREDICTED, ROLE, SCORE, TEST, VAL
from reid_lib.figures import histories
from reid_lib.figures.labels import LOSSES, ONE_LOSS, capital, history_column
from reid_lib.figures.planes import MOST_PANELS, MOST_POINTS, known_kinds
from reid_lib.figures.style import GREY
from reid_lib.openset.outcomes import OUTCOME
from reid_lib.pages import html

SCRIPTS = ("plot_draw.js", "plot.js", "plot_picture.js")
MOST_EPOCHS = 1000  # of a line; of a longer history that many, evenly
MOST_PHOTOS = 300  # photographs in a page, for all its plots
PHOTO_SIDE_PX, PHOTO_QUALITY = 140, 75  # about 5 kB each
OTHER_QUERIES = "not all were asked the same photographs: only the shapes of the curves compare, not their heights"
DASHES = {"-": [], "--": [7, 3], "-.": [7, 2, 2, 2], (0, (1, 1)): [2, 2], (0, (4, 2)): [4, 2]}
HINT = (
    "The pointer on a point says what it is. Drag a box to zoom in, or use Ctrl and the wheel; Shift and drag moves, a "
    "double click shows the whole."
)


@functools.cache
def plot_script() -> str:
    """The browser's half, as text for page and notebook: `drawPlot(element, specification, photographs)` draws a plot,
    `pointAt(frame, image, spots)` has a drawn figure answer the pointer (`figures.pointing.locate_spots`)."""
    return "\n".join(map(_read_source, SCRIPTS))


@functools.cache
def plot_style() -> str:
    """CSS of what `plot_script` makes."""
    return _read_source("plot.css")


def _read_source(name: str) -> str:
    """A file beside the templates, as it stands."""
    environment = html.template_environment()
    return environment.loader.get_source(environment, name)[0]


def warn_of_curves(comparison: Comparison, names: Sequence[str], column: str) -> str:
    """What a reader has to know about the curves of these runs; "" where they compare."""
    if column == "loss":
        minimised = {comparison.loss(name) for name in names} - {NO_LOSS}  # an evaluation has no curve
        return histories.OTHER_LOSSES if len(minimised) > 1 else ""
    others = column.startswith("val_") and not all(comparison.comparable(name, names[0]) for name in names)
    return OTHER_QUERIES if others else ""


def plot_curves(comparison: Comparison, names: Sequence[str], column: str) -> dict:
    """The specification of one column of the histories by epoch, a line per run: colours, markers and order are those
    of `figures.histories`; of the loss also the training photographs (augmented), thin and dashed.

    Args:
        column: "loss", or a column of the histories.
    """
    called = comparison.labels(names)
    recorded = {name: comparison.history(name) for name in names}
    of_loss = column == "loss"
    word, axis, better = history_column(column)
    main = histories.find_lines(recorded, "val_loss" if of_loss else column)
    quiet = histories.find_lines(recorded, "train_loss") if of_loss else {}
    shown = histories.rank_lines(main, "lower" if of_loss else better) + [name for name in quiet if name not in main]
    marks = []
    for name, style in histories.style_lines(shown).items():
        colour, dash, marker, named = style
        own = {"name": called[name], "whole": name, "colour": colour, "shape": marker, "quiet": not named}
        if name in main:
            what = f"{LOSSES['val_loss'][0]}, {comparison.loss(name)}" if of_loss else ""
            look = {"line": 1.8 if named else 0.9, "dash": [] if of_loss else DASHES[dash], "what": what}
            marks.append(own | _line(main[name]) | look)
        if name in quiet:
            what = f"{LOSSES['train_loss'][0]}, {comparison.loss(name)}"
            look = {"line": 1.0, "dash": [4, 2], "opacity": 0.8, "shape": "", "what": what}
            marks.append(own | _line(quiet[name]) | look | {"quiet": name in main or not named})
    key = [_key(LOSSES["val_loss"][0], 1.8, []), _key(LOSSES["train_loss"][0], 1.0, [4, 2])] if of_loss else []
    warning = warn_of_curves(comparison, names, column) or (ONE_LOSS if of_loss and len(shown) > 1 else "")
    lines = [capital(warning) + "." * bool(warning), _missing(len(names) - len(shown))]
    return {"title": f"{capital(word)} by epoch", "x": "epoch", "y": axis, "said": word, "axes": True, "epochs": True,
            "marks": marks, "key": key, "note": " ".join(filter(None, lines))}  # fmt: skip


def _line(line: tuple[np.ndarray, np.ndarray]) -> dict:
    x, y = line
    if len(x) > MOST_EPOCHS:
        kept = np.linspace(0, len(x) - 1, MOST_EPOCHS).round().astype(int)
        x, y = x[kept], y[kept]
    return {"x": _short(x), "y": _short(y)}


def _short(values: np.ndarray) -> list[float]:
    """Finite numbers of six digits, to be written as JSON."""
    return [float(f"{value:.6g}") for value in values]


def _key(words: str, width: float, dash: list[int]) -> dict:
    return {"name": words, "colour": GREY, "line": width, "dash": dash}


def _missing(n: int) -> str:
    return f"{n} run{'' if n == 1 else 's'} without a value." if n else ""


def plot_planes(comparison: Comparison, names: Sequence[str]) -> tuple[list[dict], list[dict], str]:
    """The embeddings of several runs in two dimensions, a specification each; known and unknown differ in shape.

    Returns:
        the specifications; the photographs their points are of, each with `words` and, of `MOST_PHOTOS` at most, the
        `address` of a small picture; what was left out, in words.
    """
    runs = [comparison.run(name) for name in list(names)[:MOST_PANELS]]
    called, places = comparison.labels(names), {run.name: _laid_out(run.projection) for run in runs}
    ids = sorted(set().union(*(frame.index for frame in places.values())))
    every = -(-len(ids) // MOST_POINTS) if ids else 1
    drawn = ids[::every]
    number = {image_id: k for k, image_id in enumerate(drawn)}
    specs = [_plane(run, places[run.name], called[run.name], number) for run in runs]
    owner = {image_id: run for run in reversed(runs) for image_id in places[run.name].index}
    pictured = _choose_pictured(drawn, list(places.values()))
    photographs = [_describe(comparison, owner[i].name, i, places[owner[i].name].loc[i], i in pictured) for i in drawn]
    return specs, photographs, _left_out(len(drawn), len(ids), len(pictured), len(names) - len(runs))


def _laid_out(frame: pd.DataFrame) -> pd.DataFrame:
    there = np.isfinite(frame["x"].astype(float)) & np.isfinite(frame["y"].astype(float))
    return frame[there].set_index(IMAGE_ID, drop=False).rename_axis(None)


def _plane(run: FinishedRun, frame: pd.DataFrame, label: str, number: Mapping[str, int]) -> dict:
    frame = frame.loc[[image_id for image_id in number if image_id in frame.index]].join(run.predictions[PREDICTED])
    size = float(np.clip(90 / max(len(frame), 1) ** 0.5, 2.2, 5))
    marks = [
        {"name": kind, "colour": colour, "shape": marker, "size": size, "opacity": 0.85,
         "x": _short(part["x"]), "y": _short(part["y"]), "of": [number[i] for i in part.index],
         "said": [_answer(row, run.unit) for row in part.itertuples()]}
        for kind, mask, colour, marker in known_kinds(frame) if mask.any() for part in [frame[mask]]
    ]  # fmt: skip
    lacking = "" if len(frame) else "not laid out: see projection.txt of the run"
    return {"title": label, "whole": run.name, "equal": True, "group": "embeddings", "marks": marks, "note": lacking,
            "lacking": "its photograph is not in this page"}  # fmt: skip


def _answer(row, unit: str) -> str:
    """What became of it in this run."""
    if getattr(row, ROLE) not in (VAL, TEST):
        return "searched, not asked about"
    score = "–" if pd.isna(getattr(row, SCORE)) else f"{getattr(row, SCORE):.3f}"
    return f"answer: {getattr(row, PREDICTED)} ({getattr(row, OUTCOME)}), {unit} {score}"


def _describe(comparison: Comparison, run: str, image_id: str, row: pd.Series, pictured: bool) -> dict:
    known = row[KNOWN] if row[ROLE] in (VAL, TEST) else pd.NA
    kind = "" if pd.isna(known) else ", known" if known else ", unknown"
    words = [str(image_id), str(row[INDIVIDUAL]) if pd.notna(row[INDIVIDUAL]) else "–", f"{row[ROLE]}{kind}"]
    if not pictured:
        return {"words": words}
    pixels = comparison.photo(run, image_id, max_side_px=PHOTO_SIDE_PX)
    address = "" if pixels is None else html.data_uri(html.jpeg(pixels, quality=PHOTO_QUALITY), "jpeg")
    return {"words": words, "address": address}


def _choose_pictured(image_ids: Sequence[str], frames: Sequence[pd.DataFrame]) -> set[str]:
    """Of which images the page has the photograph: first what any run got wrong on test, then test, val, the others;
    where not all of a kind fit, some evenly."""
    rank = dict.fromkeys(image_ids, 3)
    for frame in frames:
        wrong = frame[OUTCOME].astype(str).str.contains("wrong|refused")
        for image_id, role, failed in zip(frame.index, frame[ROLE], wrong, strict=True):
            if image_id in rank:
                own = 0 if role == TEST and failed else {TEST: 1, VAL: 2}.get(role, 3)
                rank[image_id] = min(rank[image_id], own)
    chosen: list[str] = []
    for kind in range(4):
        mine, room = [i for i in image_ids if rank[i] == kind], MOST_PHOTOS - len(chosen)
        kept = np.linspace(0, len(mine) - 1, min(room, len(mine))).round().astype(int)
        chosen += [mine[k] for k in kept]
    return set(chosen)


def _left_out(n_drawn: int, n: int, n_pictured: int, n_runs: int) -> str:
    words = [f"{n_drawn:,} of {n:,} photographs are drawn, evenly taken." if n_drawn < n else ""]
    if n_pictured < n_drawn:
        words.append(f"The page has the pictures of {n_pictured:,} of them: what was answered wrongly on test first.")
    words.append(f"{n_runs} more runs are not drawn." if n_runs > 0 else "")
    return " ".join(filter(None, [*words, "The photograph under the pointer is marked in all plots."]))
