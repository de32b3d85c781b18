"""Two runs' embeddings side by side, linked by image_id; hovering shows a photograph, selecting several of them."""

import ipywidgets as w
import numpy as np
from markupsafe import Markup

from reid_lib.compare.finished import FinishedRun
from reid_lib.core.names import DATASET, IMAGE_ID, INDIVIDUAL, KNOWN, ORIENTATION, SCORE, TEST, VAL
from reid_lib.figures.style import CYCLE
from reid_lib.figures.units import in_unit
from reid_lib.openset.outcomes import OUTCOME
from reid_lib.pages import html
from reid_lib.views.base import FITTING, RunPicker, View
from reid_lib.views.embedding_panel import KIND, MEANINGS, SIZES, Panel, sizes_key

COLOUR_BY = {
    "known / unknown": KNOWN,
    "right / wrong": OUTCOME,
    "individual": INDIVIDUAL,
    "data set": DATASET,
    "orientation": ORIENTATION,
    "score": SCORE,
}
SHOWN = {"everything": None, "queries of test": TEST, "queries of val": VAL}
MOST_ANSWERED = 3  # selected photographs whose neighbours are shown
MOST_TILES = 60  # selected photographs that are shown at all


class EmbeddingView(View):
    """Hover for the photograph, click (or lasso with Shift) to select; both runs show the same images."""

    def __init__(self, picker: RunPicker, *, height_px: int = 380):
        self.height_px = height_px
        self.left = w.Dropdown(description="left", layout=FITTING)
        self.right = w.Dropdown(description="right", layout=FITTING)
        self.colour = w.Dropdown(options=list(COLOUR_BY), description="colour", layout=FITTING)
        self.only = w.Dropdown(options=list(SHOWN), description="show", layout=FITTING)
        self.plots = w.Box(layout=w.Layout(width="100%"))
        self.key, self.hovered, self.selected = w.HTML(), w.HTML(), w.HTML()
        self.panels: list[Panel] = []
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
            (panel, html.run_label(panel.run.name, self.called[panel.run.name]) + panel.lacking)
            for panel in self.panels
        ]
        scatters = [panel.scatter for panel in self.panels]
        # Only for the links: its own grid is a few pixels too low for a title and a plot, and scrolls.
        jscatter.compose(scatters, sync_selection=True, sync_hover=True, match_by=IMAGE_ID)
        self.plots.children = [panel.boxed(title, self.height_px) for panel, title in titled]
        self.key.value = self._key()
        self.hovered.value = html.muted(
            "Hover over a point for its photograph; click it for the nearest gallery photographs in each run, or draw "
            "around several (Shift and drag, or the lasso) for all of theirs."
        )
        self.select(*[i for i in self.image_ids if all(i in panel.place for panel in self.panels)])

    def select(self, *image_ids: str) -> None:
        """Select these images in both runs, as a click does, and show how they were answered."""
        for panel in self.panels:
            panel.scatter.selection([panel.place[i] for i in image_ids if i in panel.place])
        self._show(list(image_ids))

    def _panel(self, run: FinishedRun) -> Panel:
        return Panel(run, COLOUR_BY[self.colour.value], SHOWN[self.only.value])

    def _hover(self, panel: Panel, place) -> None:
        if place is not None and 0 <= place < len(panel.frame):
            image_id = panel.frame[IMAGE_ID].iat[int(place)]
            address = html.photo_address(self.comparison, panel.run.name, image_id)
            panel.lay(int(place), address)
            self.hovered.value = html.image_card(self.comparison, panel.run.name, image_id, address=address)

    def _select(self, panel: Panel, places) -> None:
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
            for image_id in image_ids[:MOST_ANSWERED]
        ]
        n = len(image_ids)
        more = f"How the first {MOST_ANSWERED} of the {n} were answered:" if n > MOST_ANSWERED else ""
        tiles = self._tiles(image_ids) if n > 1 else ""
        self.selected.value = tiles + html.render_part("selection", more, photographs)

    def _tiles(self, image_ids: list[str]) -> Markup:
        """The selected photographs by individual; of very many some, evenly."""
        panel = self.panels[0]
        frame = panel.frame.iloc[[panel.place[i] for i in image_ids]].sort_values([INDIVIDUAL, IMAGE_ID], kind="stable")
        words = f"{len(frame)} photographs selected, by individual"
        if (left_out := len(frame) - MOST_TILES) > 0:
            frame = frame.iloc[np.linspace(0, len(frame) - 1, MOST_TILES).round().astype(int)]
            words += (
                f": {MOST_TILES} of them are shown, evenly taken, {left_out} are left out (select fewer to see all)"
            )
        tiles = [
            (html.photo_address(self.comparison, panel.run.name, image_id), image_id, who, kind, MEANINGS[kind])
            for image_id, who, kind in zip(frame[IMAGE_ID], frame[INDIVIDUAL], frame[KIND], strict=True)
        ]
        return html.render_part("tiles", words, tiles)

    def _key(self) -> Markup:
        """What colours and sizes mean."""
        kinds = list(dict.fromkeys(kind for panel in self.panels for kind in panel.frame[KIND].astype(str)))
        colour, sizes = COLOUR_BY[self.colour.value], html.render_part("points_key", "Size", sizes_key(kinds))
        if colour == SCORE:
            units = dict.fromkeys(panel.run.unit for panel in self.panels)
            scores = " or ".join(in_unit("score of the best individual", unit) for unit in units)
            return html.muted(html.text(f"Colour: {scores}, from dark (low) to yellow.")) + sizes
        if colour == INDIVIDUAL:
            return html.muted(f"Colour: individual; {len(CYCLE)} colours take turns.") + sizes
        seen: dict[str, str] = {}
        for panel in self.panels:
            seen |= panel.colours
        if colour == KNOWN:  # colour and size say the same
            return html.render_part("points_key", "", [(name, seen[name], SIZES[name]) for name in seen])
        return html.render_part("points_key", "Colour", [(name, seen[name], 1.0) for name in seen]) + sizes
