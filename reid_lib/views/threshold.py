"""The threshold slider: what any threshold gives on val and test, beside the frozen one and the best in hindsight.

To look, not to choose: a threshold picked here on test is not a result.
"""

import ipywidgets as w
import numpy as np

from reid_lib.core.names import TEST, VAL
from reid_lib.figures.labels import RATE_STYLES, metric_word
from reid_lib.figures.saving import render_png
from reid_lib.figures.style import COLOURS, GREY, dress
from reid_lib.figures.units import THRESHOLD, in_unit
from reid_lib.openset.fitting import RATES, ThresholdFit
from reid_lib.openset.outcomes import count_outcomes
from reid_lib.pages import html
from reid_lib.views.base import FITTING, RunPicker, View, offer

ROLES = (VAL, TEST)
POINTS = 800  # of a curve as drawn: more are not told apart at this width
# Edges of the two panels in the picture, as shares of its width and height: the live line is laid over the picture.
PANELS = {VAL: (0.06, 0.48), TEST: (0.56, 0.98)}
BOTTOM, TOP = 0.16, 0.82
COUNTS = ("named rightly", "named wrongly", "known refused", "unknown refused", "unknown accepted")
HEADS = ("", "threshold", *map(metric_word, RATES), *COUNTS)


class ThresholdSlider(View):
    """Move the threshold of one run and data set; curves and counts follow."""

    def __init__(self, picker: RunPicker):
        self.run = w.Dropdown(description="run", layout=FITTING)
        self.dataset = w.Dropdown(description="data set", layout=FITTING)
        self.slider = w.FloatSlider(
            description="threshold", readout_format=".3f", step=0.001, layout=w.Layout(width="620px")
        )
        self.curves, self.numbers = w.HTML(), w.HTML()
        self._drawn = ""
        self.slider.observe(self._move, "value")
        super().__init__(picker, [self.run, self.dataset], [self.slider, self.curves, self.numbers])

    def refresh(self) -> None:
        """Another run or data set: lists, range and curves; the slider starts at the frozen threshold."""
        self.offer_runs(self.run)
        run = self.comparison.run(self.run.value)
        offer(self.dataset, tuple(run.metrics[TEST]["datasets"]) or tuple(run.metrics[VAL]["datasets"]))
        if self.dataset.value is None:
            self.curves.value, self.numbers.value = html.muted("No labelled queries in this run."), ""
            return
        self.fits = {role: run.threshold_fit(role, self.dataset.value) for role in ROLES}
        self.frozen = run.threshold.values.get(self.dataset.value, run.threshold.overall)
        low, high = _span(self.fits.values())
        self._set_range(low, high)
        self._drawn = html.data_uri(_picture(self.fits, self.frozen, low, high, unit=run.unit), "png")
        self.slider.value = float(np.clip(low if self.frozen is None else self.frozen, low, high))
        self._move()

    def _set_range(self, low: float, high: float) -> None:
        """In an order in which min never passes max."""
        with self.slider.hold_trait_notifications():
            if low > self.slider.max:
                self.slider.max, self.slider.min = high, low
            else:
                self.slider.min, self.slider.max = low, high

    def _move(self, _=None) -> None:
        """The slider alone has moved: the line over the picture and the numbers."""
        if not self._drawn:
            return
        at = self.slider.value
        share = (at - self.slider.min) / (self.slider.max - self.slider.min)
        places = [
            (100 * (low + share * (high - low)), 100 * (1 - TOP), 100 * (TOP - BOTTOM)) for low, high in PANELS.values()
        ]
        self.curves.value = html.render_part(
            "picture_with_lines", self._drawn, "BAKS and BAUS by threshold", places, COLOURS["refused"]
        )
        self.numbers.value = self._table(at)

    def _table(self, at: float) -> str:
        rows = []
        for role in ROLES:
            found = self.fits[role]
            for label, threshold in (("this", at), ("frozen", self.frozen)):
                rows.append(_row(f"{role}: {label}", found, threshold))
            if role == TEST:
                rows.append(_hindsight(f"{role}: best in hindsight (oracle)", found))
        note = "The frozen threshold was fitted on val alone. One picked here while looking at test is not a result."
        return html.render_part("table_with_note", rows, HEADS, note)


def _row(label: str, found: ThresholdFit, threshold: float | None) -> list[str]:
    numbers = found.rates(threshold) | count_outcomes(found.answers, threshold)
    shown = "none: all are named" if threshold is None else html.text(float(threshold))
    return [html.text(label), shown, *(html.text(numbers[name]) for name in (*RATES, *COUNTS))]


def _hindsight(label: str, found: ThresholdFit) -> list[str]:
    """The row of the oracle; a threshold at an edge is said in words, as metrics.json names none there."""
    if found.best is None:
        return [html.text(label), *["–"] * (len(HEADS) - 1)]
    row = _row(label, found, found.best)
    return [row[0], html.text(found.edge), *row[2:]] if found.edge else row


def _span(fits) -> tuple[float, float]:
    scores = np.concatenate([found.scores for found in fits])
    if not len(scores):
        return -1.0, 1.0
    low, high = float(scores.min()), float(scores.max())
    pad = max(0.02 * (high - low), 1e-3)
    return low - pad, high + pad


def _picture(fits: dict[str, ThresholdFit], frozen: float | None, low: float, high: float, *, unit: str) -> bytes:
    """Curves on val and test with the frozen threshold and the oracle; its panels lie at `PANELS`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.8))
    for role, (left, right) in PANELS.items():
        ax = figure.add_axes((left, BOTTOM, right - left, TOP - BOTTOM))
        of = fits[role]
        dress(ax, title="", x=in_unit(THRESHOLD, unit), y="share" if role == VAL else "")
        n_known, n_unknown = of.answers.known.sum(), (~of.answers.known).sum()
        ax.set_title(f"{role}: {n_known} known and {n_unknown} unknown queries", loc="left", fontsize=10)
        _draw(ax, of, low, high)
        _mark(ax, frozen, "frozen", "-")
        if role == TEST:
            _mark(ax, None if of.edge else of.best, "oracle", ":")
        ax.set(xlim=(low, high), ylim=(0, 1.02))
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=9, frameon=False, loc="upper right", bbox_to_anchor=(0.99, 1.01), ncols=3)
    return render_png(figure, dpi=110, tight=False)


def _draw(ax, of: ThresholdFit, low: float, high: float) -> None:
    places = np.unique(np.linspace(0, len(of.scores), POINTS).round().astype(int))
    edges = np.concatenate([[low], of.scores])  # from the i-th lowest score on, entry i holds
    x = np.append(edges[places], high)
    for name, (colour, style) in RATE_STYLES.items():
        label, y = metric_word(name), getattr(of, name)
        ax.step(x, np.append(y[places], y[places[-1]]), where="post", color=colour, linestyle=style, label=label)


def _mark(ax, threshold: float | None, label: str, style: str) -> None:
    if threshold is None or not np.isfinite(threshold):
        return
    ax.axvline(threshold, color=GREY, linestyle=style, linewidth=1.2)
    ax.annotate(
        f"{label} {threshold:.3f}", (threshold, 0.02 if style == ":" else 0.1), (4, 0), textcoords="offset points",
        fontsize=8, color="#555555",
    )  # fmt: skip
