"""The mistakes browser: the most confident wrong names, unknown animals accepted, known animals refused."""

import ipywidgets as w
from markupsafe import Markup

from reid_lib.core.errors import RunError
from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, MATCHES_NPZ, PREDICTED, SCORE, TEST, VAL, ranked_column
from reid_lib.figures.match_lines import MatchedPair, match_lines
from reid_lib.figures.saving import render_png
from reid_lib.figures.stored_matches import load_matches
from reid_lib.openset.outcomes import MISTAKES
from reid_lib.pages import html
from reid_lib.views.base import FITTING, RunPicker, View, offer

LISTED = 200
SCREEN_DPI = 90


class Mistakes(View):
    """Choose a kind of mistake; go through the queries, the most confident first."""

    def __init__(self, picker: RunPicker):
        self.run = w.Dropdown(description="run", layout=FITTING)
        self.kind = w.Dropdown(
            options=[(label, kind) for kind, label in MISTAKES.items()], description="mistake", layout=FITTING
        )
        self.role = w.Dropdown(options=[VAL, TEST], description="queries", layout=FITTING)
        self.dataset = w.Dropdown(options=[("all", "")], description="data set", layout=FITTING)
        self.individual = w.Text(description="individual", placeholder="part of a name", continuous_update=False)
        self.queries = w.Select(layout=w.Layout(width="420px", height="330px"))
        self.count, self.shown = w.HTML(), w.HTML()
        self._matches: dict[str, dict[str, MatchedPair]] = {}  # by run
        self.queries.observe(self._show, "value")
        controls = [self.run, self.kind, self.role, self.dataset, self.individual]
        super().__init__(picker, controls, [self.count, w.HBox([self.queries, self.shown])])

    def refresh(self) -> None:
        self.offer_runs(self.run)
        datasets = self.comparison.run(self.run.value).metrics[self.role.value]["datasets"]
        offer(self.dataset, (("all", ""), *((name, name) for name in datasets)))
        found = self.comparison.mistakes(
            self.run.value,
            self.kind.value,
            role=self.role.value,
            dataset=self.dataset.value or "",
            text=self.individual.value.strip(),
        )
        more = f", the first {LISTED} are listed" if len(found) > LISTED else ""
        self.count.value = html.muted(f"{MISTAKES[self.kind.value]}: {len(found)}{more}")
        self.queries.options = [(_label(row), row[IMAGE_ID]) for _, row in found.head(LISTED).iterrows()]
        self.queries.layout.display = None if len(found) else "none"
        self.queries.value = found[IMAGE_ID].iloc[0] if len(found) else None
        self._show()

    def _show(self, _=None) -> None:
        image_id = self.queries.value
        if image_id is None:
            self.shown.value = html.muted("None of this kind.")
            return
        run = self.run.value
        answer = html.answer_card(self.comparison, run, image_id, called=self.called[run])
        card = html.row_of([html.image_card(self.comparison, run, image_id)])
        self.shown.value = card + answer + self._lines(run, image_id)

    def _lines(self, run: str, image_id: str) -> Markup:
        """Where the query matches its best candidate, as the run kept it: nothing for a run without local scores."""
        if run not in self._matches:
            try:
                self._matches[run] = load_matches(self.comparison.run(run).folder.path(MATCHES_NPZ))
            except RunError as error:  # all else of the run can be shown
                return html.muted(str(error))
        pair = self._matches[run].get(image_id)
        photos = {name: self.comparison.photo(run, name) for name in (pair.query, pair.candidate)} if pair else {}
        if pair is None or any(pixels is None for pixels in photos.values()):
            return Markup()
        return html.figure(render_png(match_lines([pair], photos.__getitem__), dpi=SCREEN_DPI, close=True), "matches")


def _label(row) -> str:
    answered = (
        row[PREDICTED]
        if row[PREDICTED] == row[ranked_column(IDENTITY, 1)]
        else f"new (nearest {row[ranked_column(IDENTITY, 1)]})"
    )
    return f"{row[SCORE]:.3f}  {row[DATASET]}: {row[IDENTITY]} → {answered}"
