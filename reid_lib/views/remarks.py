"""Tags and notes of the chosen runs, to be written and read; see `runs.remarks`."""

from collections.abc import Callable

import ipywidgets as w

from reid_lib.core.errors import ReidError
from reid_lib.pages import html
from reid_lib.runs.remarks import Remarks, note_run, tag_run
from reid_lib.views.base import FITTING, WHOLE, RunPicker, View

HEADS = ("run", "tags", "note")


class TagsAndNotes(View):
    """Tag all chosen runs at once; write a note about one."""

    FOLLOWS = (*View.FOLLOWS, "table", "training")

    def __init__(self, picker: RunPicker):
        self._look = picker.look
        self.tag = w.Text(description="tag", placeholder="one word, or several")
        self.add = w.Button(description="add to all chosen", icon="plus", layout=WHOLE)
        self.remove = w.Button(description="remove from all chosen", icon="minus", layout=WHOLE)
        self.run = w.Dropdown(description="note on", layout=FITTING)
        self.note = w.Textarea(placeholder="what you think of it", layout=w.Layout(width="600px", height="60px"))
        self.write = w.Button(description="keep the note", icon="check", layout=WHOLE)
        self.said = w.HTML()
        rows = [[self.tag, self.add, self.remove], [self.run, self.note, self.write]]
        body = [self.said, *(w.HBox(row, layout=w.Layout(flex_flow="row wrap")) for row in rows)]
        self.add.on_click(lambda _: self._tag(add=self.tag.value.split()))
        self.remove.on_click(lambda _: self._tag(remove=self.tag.value.split()))
        self.write.on_click(lambda _: self._try(lambda: self._note(self.note.value)))
        self._of = ""  # the run whose note stands in the field
        super().__init__(picker, [], body)
        self.run.observe(self._refresh, "value")

    @property
    def names(self) -> tuple[str, ...]:
        """Those chosen, and those in training."""
        return self.chosen.all

    def refresh(self) -> None:
        self.offer_runs(self.run)
        remarks = {name: self.comparison.remarks.get(name, Remarks()) for name in self.names}
        if self._of != self.run.value:  # else a note that is being typed would be lost
            self._of, self.note.value = self.run.value, remarks[self.run.value].note
        called = {name: html.run_label(name, label) for name, label in self.called.items()}
        rows = [[called[name], own.hashed, own.note] for name, own in remarks.items()]
        self.said.value = html.render_part("table", rows, HEADS, left=True)

    def _tag(self, **change: list[str]) -> None:
        def all_of_them() -> None:
            for name in self.names:
                tag_run(name, root=self.comparison.root, **change)
            self.tag.value = ""

        self._try(all_of_them)

    def _note(self, text: str) -> None:
        note_run(self.run.value, text, root=self.comparison.root)
        self._of = ""  # shown as it was kept

    def _try(self, change: Callable[[], None]) -> None:
        """Write, and show what is written, or why it is not."""
        try:
            change()
        except (ReidError, OSError) as error:
            self.trouble.value = html.failure(error)
            return
        self._look()
        self._refresh()
