"""Where two photographs match: query and candidate side by side, a line for each spot that both show."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reid_lib.figures.legible import legible
from reid_lib.figures.placing import Frame, LoadImage, place_photo, shrink
from reid_lib.figures.style import BLACK, COLOURS, GREY, TICK_PT, TITLE_PT, new_axes, write_message

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_PX = 480  # long side of a photograph as drawn
MOST_LINES = 30  # of a pair, those that one geometry explains; more hide the animal
MOST_OUTLIERS = 15
MOST_CELLS = 8
GAP, ROW, TEXT = 0.06, 0.78, 0.62  # between photographs, height of a row, room for words; in photographs


@dataclass(frozen=True)
class MatchedPair:
    """Two photographs with their matches.

    Attributes:
        query, candidate: image ids.
        words: what was decided of the pair, in up to four short lines.
        verdict: "right", "wrong" or "unlabelled": is the candidate the query's animal?
        ours, theirs: (m, 2) float, where each match lies, as shares of width and height of each photograph.
        confidence: (m,) float, 0 ... 1.
        inlier: (m,) bool: one geometry explains it.
        cell: width and height of what each end stands for, as shares of the photographs; (0, 0): a spot.
    """

    query: str
    candidate: str
    words: str
    verdict: str
    ours: np.ndarray
    theirs: np.ndarray
    confidence: np.ndarray
    inlier: np.ndarray
    cell: tuple[float, float] = (0.0, 0.0)


SPOTS = "Query left, best candidate right. Lines: the same spot by one geometry, darker is surer; thin grey: others."
CELLS = "Query left, best candidate right. Lines: cells of the network's last map that are most alike to each other."


@legible
def match_lines(
    pairs: list[MatchedPair],
    load_image: LoadImage,
    *,
    title: str = "Where photographs match",
    key: str = "",
    ax: "Axes | None" = None,
) -> "Axes":
    """Pairs of photographs, one a row: the query left, its best candidate right.

    Coloured lines, the darker the surer, join spots that one geometry explains; thin grey ones are the others. Of many
    lines those are drawn that are sure and spread over the animal. Cells are outlined.

    Args:
        pairs: with their matches.
        load_image: image_id -> uint8 (H, W, 3).
        title: above all.
        key: what the lines mean; "": as of queries and their candidates.
    """
    width, height = TEXT + 2 + GAP, max(1, len(pairs)) * ROW
    ax = new_axes(ax, width_in=9.0, height_in=9.0 * height / width + 0.6)
    ax.set(xlim=(-TEXT, 2 + GAP), ylim=(height, 0), aspect="equal")
    ax.axis("off")
    ax.set_title(title, loc="left", fontsize=TITLE_PT, color=BLACK, pad=22)
    key = key or (CELLS if any(pair.cell[0] for pair in pairs) else SPOTS)
    ax.annotate(key, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points", fontsize=TICK_PT, color=GREY)
    if not pairs:
        write_message(ax, "no pairs")
    for place, pair in enumerate(pairs):
        _draw_pair(ax, pair, place * ROW, load_image)
    return ax


def _draw_pair(ax: "Axes", pair: MatchedPair, top: float, load_image: LoadImage) -> None:
    colour = COLOURS.get(pair.verdict, GREY)
    ax.text(-0.04, top + ROW / 2, pair.words, fontsize=TICK_PT, color=BLACK, ha="right", va="center", gid="words")
    left = _draw_photo(ax, load_image(pair.query), 0.0, top, BLACK)
    right = _draw_photo(ax, load_image(pair.candidate), 1 + GAP, top, colour)
    draw_lines(ax, pair, left, right)


def draw_lines(
    ax: "Axes", pair: MatchedPair, left: Frame, right: Frame, *, most: int = MOST_LINES, small: bool = False
) -> None:
    """The matches of a pair, over photographs that are drawn already.

    Args:
        left, right: left upper corner and sides, in data units, of the query and of the candidate.
        most: lines of matches that one geometry explains.
        small: photographs are thumbnails: thin lines, none of the others.
    """
    colour = COLOURS.get(pair.verdict, GREY)
    starts, ends = (corner + shares * sides for (corner, sides), shares in ((left, pair.ours), (right, pair.theirs)))
    of_cells = bool(pair.cell[0])
    counts = {"most": MOST_CELLS if of_cells else most, "most_outliers": 0 if small else MOST_OUTLIERS}
    others, explained = choose_lines(pair.ours, pair.confidence, pair.inlier, **counts)
    for k in others:
        ax.plot(*zip(starts[k], ends[k], strict=True), color=GREY, linewidth=0.4, alpha=0.7, zorder=2, gid="outlier")
    for k in explained:
        strength = 0.35 + 0.65 * float(np.clip(pair.confidence[k], 0, 1))
        line = {"color": colour, "linewidth": 0.6 if small else 1.1, "alpha": strength, "zorder": 3}
        dots = {"marker": "o", "markersize": 1.0 if small else 2.2}
        ax.plot(*zip(starts[k], ends[k], strict=True), **line, **dots, gid="match")
        if of_cells:
            for middle, (_, sides) in ((starts[k], left), (ends[k], right)):
                _outline(ax, middle, np.array(pair.cell) * sides, colour)


def _outline(ax: "Axes", middle: np.ndarray, sides: np.ndarray, colour: str) -> None:
    """The edge of a cell, on white, so that it is seen on a ground of its own colour."""
    from matplotlib.patches import Rectangle

    for edge, width in (("white", 2.6), (colour, 1.2)):
        cell = {"fill": False, "edgecolor": edge, "linewidth": width, "zorder": 2.5}
        ax.add_patch(Rectangle(middle - sides / 2, *sides, gid="cell" if edge == colour else "halo", **cell))


def choose_spread(places: np.ndarray, worth: np.ndarray, most: int) -> list[int]:
    """Positions of up to `most` matches, in turn that of the highest worth × distance to the nearest one chosen.

    Args:
        places: (m, 2) float.
        worth: (m,) float; below 0: not to be chosen.

    Example:
        >>> choose_spread(np.array([[0, 0], [0, 0.01], [1, 1]]), np.array([0.9, 0.8, 0.5]), 2)
        [0, 2]
    """
    open_, chosen, distance = worth >= 0, [], np.full(len(places), 2.0)
    while len(chosen) < most and open_.any():
        k = int(np.argmax(np.where(open_, worth * distance + 1e-9 * worth, -np.inf)))
        chosen.append(k)
        open_ = open_ & (np.arange(len(places)) != k)
        distance = np.minimum(distance, np.linalg.norm(places - places[k], axis=1))
    return chosen


def choose_lines(
    ours: np.ndarray,
    confidence: np.ndarray,
    inlier: np.ndarray,
    *,
    most: int = MOST_LINES,
    most_outliers: int = MOST_OUTLIERS,
) -> tuple[list[int], list[int]]:
    """Matches that are drawn, sure and spread over the animal.

    Args:
        ours, confidence, inlier: of each match, as `MatchedPair` has them.
        most, most_outliers: of those that one geometry explains, and of the others.

    Returns:
        Numbers of the others, to be drawn first, and of those that the geometry explains.
    """
    others = choose_spread(ours, np.where(inlier, -1.0, confidence), most_outliers)
    return others, choose_spread(ours, np.where(inlier, confidence, -1.0), most)


def _draw_photo(ax: "Axes", pixels: np.ndarray, x: float, top: float, frame: str) -> Frame:
    """One photograph in a box one wide; where it lies."""
    room = (1.0, ROW - 0.06)
    return place_photo(ax, shrink(pixels, SHOWN_PX), (x, top + 0.03), room=room, frame=frame, width=1.2)
