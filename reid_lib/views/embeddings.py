"""Two runs' embeddings side by side, linked by image_id; hovering shows the photograph, selecting its neighbours."""

import ipywidgets as w
import pandas as pd

from reid_lib.compare.comparison import FinishedRun
from reid_lib.core.names import DATASET, IMAGE_ID, INDIVIDUAL, KNOWN, ORIENTATION, ROLE, SCORE, TEST, VAL
from reid_lib.figures.style import COLOURS, CYCLE, GREY
from reid_lib.figures.units import in_unit
from reid_lib.openset.outcomes import OUTCOME
from reid_lib.pages import html
from reid_lib.views.base import FITTING, RunPicker, View

COLOUR_BY = {
    "known / unknown": KNOWN,
    "right / wrong": OUTCOME,
    "individual": INDIVIDUAL,
    "data set": DATASET,
    "orientation": ORIENTATION,
    "score": SCORE,
}
SHOWN = {"everything": None, "queries of test": TEST, "queries of val": VAL}
MEANINGS = {
    "gallery": COLOURS["gallery"],
    "known": COLOURS["known"],
    "unknown": COLOURS["unknown"],
    "right": COLOURS["right"],
    "wrong": COLOURS["wrong"],
    "known refused": COLOURS["refused"],
    "unlabelled": GREY,
}
OTHER, NONE = "others", "–"
MOST_SHOWN = 3  # selected photographs whose neighbours are shown
COLUMN = "colour"


class _Panel:
    """One run's scatter plot, and where each image is in it."""

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
        size = 7 if len(self.frame) < 3000 else 4 if len(self.frame) < 20000 else 2
        self.scatter = jscatter.Scatter(data=self.frame, x="x", y="y", axes=False, background_color="white")
        self.scatter.size(default=size)
        # Opacity stays with the density of points: a fixed one draws next to nothing (jupyter-scatter 1.0.1).
        self.scatter.opacity(unselected=0.5)
        if self.colours:
            self.scatter.color(by=COLUMN, map=self.colours)
        else:
            self.scatter.color(by=COLUMN, map="viridis")


class EmbeddingView(View):
    """Hover for the photograph, click (or lasso with Shift) to select; both runs show the same images."""

    def __init__(self, picker: RunPicker, *, height_px: int = 430):
        self.height_px = height_px
        self.left = w.Dropdown(description="left", layout=FITTING)
        self.right = w.Dropdown(description="right", layout=FITTING)
        self.colour = w.Dropdown(options=list(COLOUR_BY), description="colour", layout=FITTING)
        self.only = w.Dropdown(options=list(SHOWN), description="show", layout=FITTING)
        self.plots = w.Box(layout=w.Layout(width="100%"))
        self.key, self.hovered, self.selected = w.HTML(), w.HTML(), w.HTML()
        self.panels: list[_Panel] = []
        self.image_ids: list[str] = []  # those selected
        body = [self.key, self.plots, self.hovered, self.selected]
        super().__init__(picker, [self.left, self.right, self.colour, self.only], body)

    def refresh(self) -> None:
        import jscatter

        names = self.chosen.runs
        first = not self.panels
        self.offer_runs(self.left)
        self.offer_runs(self.right)
        if first and len(names) > 1:
            self.right.unobserve(self._refresh, "value")
            self.right.value = self.right.tooltip = names[1]
            self.right.observe(self._refresh, "value")
        wanted = [self.left.value] + ([self.right.value] if self.right.value != self.left.value else [])
        self.panels = [self._panel(self.comparison.run(name)) for name in wanted]
        for panel in self.panels:
            panel.scatter.widget.observe(lambda change, p=panel: self._hover(p, change["new"]), "hovering")
            panel.scatter.widget.observe(lambda change, p=panel: self._select(p, change["new"]), "selection")
        titled = [
            (panel.scatter, html.run_label(panel.run.name, self.called[panel.run.name]) + panel.lacking)
            for panel in self.panels
        ]
        grid = jscatter.compose(
            titled,
            sync_selection=True,
            sync_hover=True,
            match_by=IMAGE_ID,
            cols=len(titled),
            row_height=self.height_px,
        )
        grid.layout.width = "100%"
        self.plots.children = [grid]
        self.key.value = self._key()
        self.hovered.value = html.muted(
            "Hover over a point for its photograph; click it, or draw around several with the lasso, for the nearest "
            "gallery photographs in each run."
        )
        self.select(*[i for i in self.image_ids if all(i in panel.place for panel in self.panels)])

    def select(self, *image_ids: str) -> None:
        """Select these images in both runs, as a click does, and show how they were answered."""
        for panel in self.panels:
            panel.scatter.selection([panel.place[i] for i in image_ids if i in panel.place])
        self._show(list(image_ids))

    def _panel(self, run: FinishedRun) -> "_Panel":
        return _Panel(run, COLOUR_BY[self.colour.value], SHOWN[self.only.value])

    def _hover(self, panel: "_Panel", place) -> None:
        if place is not None and 0 <= place < len(panel.frame):
            image_id = panel.frame[IMAGE_ID].iat[int(place)]
            self.hovered.value = html.image_card(self.comparison, panel.run.name, image_id)

    def _select(self, panel: "_Panel", places) -> None:
        image_ids = [panel.frame[IMAGE_ID].iat[int(i)] for i in (places if places is not None else [])]
        if set(image_ids) != set(self.image_ids):
            self._show(image_ids)

    def _show(self, image_ids: list[str]) -> None:
        self.image_ids = image_ids
        names = [panel.run.name for panel in self.panels]
        photographs = [
            (
                image_id,
                html.image_card(self.comparison, names[0], image_id),
                [html.answer_card(self.comparison, name, image_id, called=self.called.get(name, "")) for name in names],
            )
            for image_id in image_ids[:MOST_SHOWN]
        ]
        more = f"{len(image_ids)} photographs selected, the first {MOST_SHOWN} are shown"
        self.selected.value = html.render_part("selection", more if len(image_ids) > MOST_SHOWN else "", photographs)

    def _key(self) -> str:
        if COLOUR_BY[self.colour.value] == SCORE:
            units = dict.fromkeys(panel.run.unit for panel in self.panels)
            scores = " or ".join(in_unit("score of the best individual", unit) for unit in units)
            return html.muted(html.text(f"Colour: {scores}, from dark (low) to yellow."))
        if COLOUR_BY[self.colour.value] == INDIVIDUAL:
            return html.muted(f"Colour: individual; {len(CYCLE)} colours take turns.")
        seen: dict[str, str] = {}
        for panel in self.panels:
            seen |= panel.colours
        return html.render_part("colour_key", seen)


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
