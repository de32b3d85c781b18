"""The export of a comparison: one HTML page that needs no kernel and no server, and its figures as PNG."""

import ipywidgets as w

from reid_lib.core.errors import ReidError
from reid_lib.core.messages import counted
from reid_lib.pages import html
from reid_lib.pages.comparison_page import write_comparison
from reid_lib.views.base import WHOLE, RunPicker, View
from reid_lib.views.numbers import MetricsTable


class Export(View):
    """Write the chosen comparison to `runs/comparisons/<name>/`."""

    def __init__(self, picker: RunPicker, table: MetricsTable):
        self.table = table  # its metric is the one that the page judges by
        self.name = w.Text(value="comparison", description="name", continuous_update=False)
        words = "write HTML and PNG"
        self.button = w.Button(description=words, icon="download", button_style="primary", layout=WHOLE)
        self.said = w.HTML()
        self.button.on_click(self._write)
        super().__init__(picker, [self.name], [self.button, self.said])

    def refresh(self) -> None:
        self.said.value = html.muted(f"{counted(len(self.called), 'run')}: {'; '.join(self.called.values())}")

    def _write(self, _=None) -> None:
        self.button.disabled = True
        try:
            metric = self.table.judged.value
            page = write_comparison(self.comparison, list(self.chosen.runs), name=self.name.value, metric=metric)
            self.said.value = html.text(f"Written: {page}, figures beside it.")
        except (ReidError, OSError) as error:
            self.said.value = html.failure(error)
        finally:
            self.button.disabled = False
