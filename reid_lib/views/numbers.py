"""The view of the metrics with their verdicts."""

import copy
import threading

import ipywidgets as w

from reid_lib.compare import verdicts
from reid_lib.compare.comparison import Comparison
from reid_lib.core.errors import ReidError
from reid_lib.figures.labels import MAIN_METRICS, metric_word
from reid_lib.pages import html, verdict_table
from reid_lib.views.base import FITTING, RunPicker, View, offer

PATIENCE_S = 0.1  # what a person does not feel as waiting


class MetricsTable(View):
    """Metrics with their intervals, the paired difference to the reference with a plain verdict, what differs."""

    FOLLOWS = (*View.FOLLOWS, "table")

    def __init__(self, picker: RunPicker):
        style = {"description_width": "auto"}
        self.judged = w.Dropdown(description="difference in", style=style, layout=FITTING)
        self.html = w.HTML(layout=w.Layout(width="auto", max_width="100%", overflow="auto"))
        self._turn, self._asked, self._shown = threading.Lock(), None, None
        super().__init__(picker, [self.judged], [self.html])

    def refresh(self) -> None:
        """The numbers at once; differences that take longer follow, from a thread of their own."""
        offer(self.judged, tuple((metric_word(m), m) for m in MAIN_METRICS if m in self.comparison.table))
        self._asked = asked = (list(self.chosen.runs), self.judged.value)
        # The thread keeps what is known now: another look at the folder may change it meanwhile.
        self._work = threading.Thread(target=self._judge, args=(asked, copy.copy(self.comparison)), daemon=True)
        self._work.start()
        self._work.join(PATIENCE_S)
        with self._turn:
            if self._shown is not asked:
                self.html.value = verdict_table.render_verdicts(self.comparison, asked[0], None, metric=asked[1])

    def wait(self) -> None:
        """Until the differences are there."""
        self._work.join()

    def _judge(self, asked: tuple, comparison: Comparison) -> None:
        names, metric = asked
        try:
            found = verdicts.tabulate_differences(comparison, names, metric)
            table = verdict_table.render_verdicts(comparison, names, found, metric=metric)
        except (ReidError, OSError) as error:
            table = html.failure(error)
        with self._turn:
            if asked is self._asked:  # nothing else has been asked for meanwhile
                self._shown, self.html.value = asked, table
