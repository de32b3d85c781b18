"""The view of the metrics with their verdicts."""

import threading

import ipywidgets as w

from reid_lib.compare import verdicts
from reid_lib.core.errors import ReidError
from reid_lib.figures.labels import MAIN_METRICS, metric_word
from reid_lib.pages import html, verdict_table
from reid_lib.views.base import FITTING, RunPicker, View

PATIENCE_S = 0.1  # what a person does not feel as waiting


class MetricsTable(View):
    """Metrics with their intervals, the paired difference to the reference with a plain verdict, what differs."""

    def __init__(self, picker: RunPicker):
        here = [(metric_word(name), name) for name in MAIN_METRICS if name in picker.comparison.table]
        style = {"description_width": "auto"}
        self.judged = w.Dropdown(options=here, description="difference in", style=style, layout=FITTING)
        self.html = w.HTML(layout=w.Layout(width="auto", max_width="100%", overflow="auto"))
        self._turn, self._asked, self._shown = threading.Lock(), None, None
        super().__init__(picker, [self.judged], [self.html])

    def refresh(self) -> None:
        """The numbers at once; differences that take longer follow, from a thread of their own."""
        self._asked = asked = (list(self.chosen.runs), self.judged.value)
        self._work = threading.Thread(target=self._judge, args=(asked,), daemon=True)
        self._work.start()
        self._work.join(PATIENCE_S)
        with self._turn:
            if self._shown is not asked:
                self.html.value = verdict_table.render_verdicts(self.comparison, asked[0], None, metric=asked[1])

    def wait(self) -> None:
        """Until the differences are there."""
        self._work.join()

    def _judge(self, asked: tuple) -> None:
        names, metric = asked
        try:
            found = verdicts.tabulate_differences(self.comparison, names, metric)
            table = verdict_table.render_verdicts(self.comparison, names, found, metric=metric)
        except (ReidError, OSError) as error:
            table = html.failure(error)
        with self._turn:
            if asked is self._asked:  # nothing else has been asked for meanwhile
                self._shown, self.html.value = asked, table
