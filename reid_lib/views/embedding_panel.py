"""One run's embeddings as a scatter plot: what a point's colour and size say, and its photograph beside it."""

import ipywidgets as w
import numpy as np
import pandas as pd

from reid_lib.compare.finished import FinishedRun
from reid_lib.core.names import DATASET, IMAGE_ID, INDIVIDUAL, KNOWN, ORIENTATION, ROLE, SCORE, TEST, VAL
from reid_lib.figures.style import COLOURS, CYCLE, GREY
from reid_lib.openset.outcomes import OUTCOME
from reid_lib.pages import html

MEANINGS = {
    "gallery": COLOURS["gallery"],
    "known": COLOURS["known"],
    "unknown": COLOURS["unknown"],
    "right": COLOURS["right"],
    "wrong": COLOURS["wrong"],
    "known refused": COLOURS["refused"],
    "unlabelled": GREY,
}
# jupyter-scatter draws circles only: their size tells the known from the unknown, for whoever cannot by colour.
SIZES = {"gallery": 0.75, "known": 1.0, "unknown": 1.6, "unlabelled": 1.0}  # times the size of all points
OTHER, NONE = "others", "–"
COLUMN, KIND, PHOTO = "colour", "kind", "photograph"
PHOTO_PX = 150  # height of the photograph beside a point
NO_PHOTO = html.data_uri(html.jpeg(np.full((8, 8, 3), 236, np.uint8)), "jpeg")


class Panel:
    """One run's scatter plot, and where each image is in it.

    Args:
        run: whose embeddings are shown.
        colour_by: a column of the run's projection, see `colouring`.
        role: only images of this role; None: all.

    Attributes:
        frame: an image a row, in the order of the points.
        place: image_id -> its row.
        colours: kind -> colour; empty where colours are continuous.
        lacking: what is to be said beside the name of a run that was not laid out; "" otherwise.
    """

    def __init__(self, run: FinishedRun, colour_by: str, role: str | None):
        import jscatter

        self.run = run
        frame = run.projection
        frame = frame[frame[ROLE] == role] if role else frame
        self.frame = frame.reset_index(drop=True)[[IMAGE_ID, "x", "y", ROLE, SCORE, KNOWN, OUTCOME, INDIVIDUAL, DATASET]
            + [c for c in (ORIENTATION,) if c in frame]]  # fmt: skip
        self.lacking = " (not laid out, see its projection.txt)" if self.frame[["x", "y"]].isna().any(axis=None) else ""
        self.frame[["x", "y"]] = self.frame[["x", "y"]].fillna(0.0)
        self.place = {image_id: i for i, image_id in enumerate(self.frame[IMAGE_ID])}
        self.frame[COLUMN], self.colours = colouring(self.frame, colour_by)
        self.frame[KIND], _ = colouring(self.frame, KNOWN)
        self.frame[INDIVIDUAL] = self.frame[INDIVIDUAL].astype(object).where(self.frame[INDIVIDUAL].notna(), NONE)
        self.frame[PHOTO] = pd.Series(NO_PHOTO, self.frame.index, dtype=object)
        size = 7 if len(self.frame) < 3000 else 4 if len(self.frame) < 20000 else 2
        self.scatter = jscatter.Scatter(data=self.frame, x="x", y="y", axes=False, background_color="white")
        self.scatter.size(by=KIND, map={kind: size * SIZES[kind] for kind in self.frame[KIND].cat.categories})
        # Opacity stays with the density of points: a fixed one draws next to nothing (jupyter-scatter 1.0.1).
        self.scatter.opacity(unselected=0.5)
        if self.colours:
            self.scatter.color(by=COLUMN, map=self.colours)
        else:
            self.scatter.color(by=COLUMN, map="viridis")
        shown = {"properties": [INDIVIDUAL, KIND], "histograms": False}
        self.scatter.tooltip(True, preview=PHOTO, preview_type="image", preview_image_height=PHOTO_PX, **shown)
        self.scatter.camera(distance=1.12)  # the outermost points are whole

    def lay(self, place: int, address: str) -> None:
        """Lay a photograph beside its point: the plot asks for it half a second after the pointer came there."""
        self.frame.at[place, PHOTO] = address or NO_PHOTO

    def boxed(self, title: str, height_px: int) -> w.VBox:
        """The plot under its title, as wide as there is room, never scrolled."""
        self.scatter.height(height_px)
        self.scatter.widget.layout = w.Layout(width="100%", height=f"{height_px}px", overflow="hidden")
        heading = w.HTML(html.render_part("centred", title), layout=w.Layout(width="100%", overflow="hidden"))
        return w.VBox([heading, self.scatter.widget], layout=w.Layout(flex="1 1 0", min_width="0", overflow="hidden"))


def sizes_key(kinds: list[str]) -> list[tuple[str, str, float]]:
    """What sizes of points mean, where their colour says something else: (words, colour, size)."""
    return [(kind, GREY, SIZES[kind]) for kind in SIZES if kind in kinds]


def colouring(frame: pd.DataFrame, by: str) -> tuple[pd.Series, dict[str, str]]:
    """What the points are coloured by, and the colour of each kind; scores have no kinds, their colours are continuous.

    Individuals get a colour from a short cycle, more of them share one: neighbours in a cluster are what is looked at.
    """
    if by == SCORE:
        return frame[SCORE].fillna(frame[SCORE].min()).fillna(0.0).astype(float), {}
    queries = frame[ROLE].isin([VAL, TEST])
    if by == KNOWN:
        names = frame[KNOWN].astype("boolean").map({True: "known", False: "unknown"}).astype(object)
        names = names.where(queries, "gallery")
    elif by == OUTCOME:
        names = (
            frame[OUTCOME]
            .astype(object)
            .replace(
                {"known right": "right", "unknown right": "right", "known wrong": "wrong", "unknown wrong": "wrong"}
            )
        )
        names = names.where(queries, "gallery")
    else:
        names = (frame[by] if by in frame else pd.Series(NONE, frame.index)).astype(object)
    names = names.where(names.notna(), "unlabelled" if by in (KNOWN, OUTCOME) else NONE).astype(str)
    if by in (KNOWN, OUTCOME):
        colours = {name: colour for name, colour in MEANINGS.items() if (names == name).any()}
    elif by == INDIVIDUAL:
        code = pd.factorize(names, sort=True)[0] % len(CYCLE)
        names = pd.Series([f"colour {k + 1}" for k in code], frame.index, dtype=object)
        colours = {f"colour {k + 1}": colour for k, colour in enumerate(CYCLE) if k in code}
    else:
        most = names.value_counts().index[: len(CYCLE) - 1]
        names = names.where(names.isin(most), OTHER)
        colours = dict(zip(most, CYCLE, strict=False)) | ({OTHER: GREY} if (names == OTHER).any() else {})
    return names.astype(pd.CategoricalDtype(list(colours))), colours
