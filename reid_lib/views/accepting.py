"""Answers of identify.ipynb, decided one after the other: a person's word on each goes into answers.csv at once.

`reid accept` reads the same column there, so a spreadsheet and this view are two ways to one file.
"""

from pathlib import Path

import ipywidgets as w
import pandas as pd
from markupsafe import Markup

from reid_lib.core import frames
from reid_lib.core.errors import CatalogueError, ReidError
from reid_lib.core.locks import hold_lock
from reid_lib.core.names import (
    ACCEPTED,
    ANSWERS_CSV,
    ANSWERS_HTML,
    DATASET,
    DECISION,
    DOUBTFUL,
    IDENTITY,
    IMAGE_ID,
    N_RANKS,
    NEW_INDIVIDUAL,
    PATH,
    ranked_column,
)
from reid_lib.data.accepted import NEW, NO, YES, list_animals, read_accepted
from reid_lib.data.readers.table_file import read_cells
from reid_lib.pages import html
from reid_lib.pages.answers_page import AnswerCards

AS_ANSWERED, A_NEW_ANIMAL, LEFT_OUT = YES[0], NEW[0], NO[0]
UNDECIDED, DOUBTFUL_ONES, ALL = "undecided and doubtful", "doubtful", "all"
NAMES = [ranked_column(IDENTITY, rank) for rank in range(1, N_RANKS + 1)]


class AcceptAnswers(w.VBox):
    """Look at an answer with its pictures; take it, name another animal, call it new, or leave it out."""

    def __init__(self, folder: str | Path):
        """
        Args:
            folder: where answers.csv and answers.html lie (`Identified.folder`).

        Raises:
            CatalogueError: there is no table of answers.
        """
        self.folder = Path(folder)
        self.answers, self.cards = self._read(), AnswerCards(self.folder / ANSWERS_HTML)
        self.which = w.Dropdown(options=[UNDECIDED, DOUBTFUL_ONES, ALL], description="answers")
        self.photographs = w.Select(layout=w.Layout(width="330px", height="420px"))
        self.take = w.Button(description="take the answer", icon="check", button_style="primary")
        self.new = w.Button(description="a new animal", icon="plus")
        self.leave = w.Button(description="leave it out", icon="times")
        self.undo = w.Button(description="undecided", icon="undo")
        self.name = w.Combobox(placeholder="name of another animal", continuous_update=False)
        self.give = w.Button(description="it is this one", icon="tag")
        self.card, self.said, self.trouble = w.HTML(), w.HTML(), w.HTML()
        self._connect()
        buttons = w.HBox([self.take, self.new, self.name, self.give, self.leave, self.undo])
        buttons.layout.flex_flow = "row wrap"
        shown = w.VBox([buttons, self.trouble, self.card], layout=w.Layout(flex="1 1 auto", min_width="0"))
        super().__init__([w.HBox([self.which, self.said]), w.HBox([self.photographs, shown])])
        self._list()

    def _connect(self) -> None:
        words = {self.take: AS_ANSWERED, self.new: A_NEW_ANIMAL, self.leave: LEFT_OUT, self.undo: None}
        for button, word in words.items():
            button.on_click(lambda _, word=word: self.decide(word))
        self.give.on_click(lambda _: self.decide_name(self.name.value))
        self.which.observe(lambda _: self._list(), "value")
        self.photographs.observe(lambda _: self._show(), "value")

    def decide_name(self, name: str) -> None:
        """The photograph shows the animal of this name, which need not be among the candidates."""
        name, known = name.strip(), set(self.answers[NAMES].to_numpy().ravel())
        if not name or (name.lower() in (*YES, *NO, *NEW) and name not in known):
            what = f"{name!r} would be read as yes, no or new" if name else "no name is given"
            self.trouble.value = html.text(f"{what}: type the name of the animal, or press one of the buttons")
            return
        self.decide(name)

    def decide(self, word: str | None) -> None:
        """Write a word on the photograph that is shown (None: nothing is said of it), and go on to the next one."""
        image = self.photographs.value
        if image is None:
            return
        self.trouble.value = ""
        try:
            with hold_lock(self.folder / ".accepting"):
                answers = self._read()  # a spreadsheet, or another notebook, may have written meanwhile
                answers.loc[answers[IMAGE_ID] == image, ACCEPTED] = word
                frames.write_csv(self.folder / ANSWERS_CSV, answers)
            self.answers = answers
        except (ReidError, OSError) as error:
            self.trouble.value = html.failure(error)
            return
        self._list(after=image)

    def _read(self) -> pd.DataFrame:
        """answers.csv as text, missing where a cell is empty."""
        path = self.folder / ANSWERS_CSV
        if not path.is_file():
            raise CatalogueError(f"there is no file {path}: expected the folder of answers that identify left")
        cells, _ = read_cells(path)
        missing = [c for c in (IMAGE_ID, PATH, DATASET, DECISION, DOUBTFUL, ACCEPTED, *NAMES) if c not in cells]
        if missing:
            raise CatalogueError(f"{path} is no table of answers: it has no column {missing[0]!r}")
        return cells.astype(object).where(cells.notna(), None)

    def _list(self, after: str | None = None) -> None:
        """The answers asked for; the one that follows `after` is shown, else the first."""
        usable = self.answers[self.answers[DECISION].notna()]
        doubtful = usable[DOUBTFUL].str.lower() == "true"
        order = usable[doubtful].index.append(usable[~doubtful].index)
        listed = usable.loc[order if self.which.value == ALL else order[: doubtful.sum()]]
        place = listed[IMAGE_ID].tolist().index(after) + 1 if after in set(listed[IMAGE_ID]) else 0
        later = [*listed[IMAGE_ID].iloc[place:], *listed[IMAGE_ID].iloc[:place]]
        if self.which.value == UNDECIDED:
            listed = listed[listed[ACCEPTED].isna()]
        wanted = next((image for image in later if image in set(listed[IMAGE_ID])), None)
        with self.hold_trait_notifications():
            self.photographs.options = [(_label(row), row[IMAGE_ID]) for _, row in listed.iterrows()]
            self.photographs.value = wanted
        self.said.value = self._count(usable, doubtful)
        self._show()

    def _count(self, usable: pd.DataFrame, doubtful: pd.Series) -> Markup:
        decided = usable[ACCEPTED].notna()
        left = (doubtful & ~decided).sum()
        words = f"{decided.sum():,} of {len(usable):,} decided, {left:,} doubtful ones are left. "
        words += f"Into a gallery: reid accept {self.folder / ANSWERS_CSV} --gallery NAME"
        return html.muted(words)

    def _show(self) -> None:
        image = self.photographs.value
        for button in (self.take, self.new, self.give, self.leave, self.undo):
            button.disabled = image is None
        if image is None:
            self.card.value = html.muted("None of these is left.")
            return
        row = self.answers[self.answers[IMAGE_ID] == image].iloc[0]
        self.name.options = list(dict.fromkeys(name for name in row[NAMES] if name))
        self.name.value = ""
        self.card.value = html.muted(_told(row, list_animals(self.answers))) + self.cards.card(image)


def _label(row: pd.Series) -> str:
    mark = "·" if row[ACCEPTED] is None else "✓"
    return f"{mark} {row[IMAGE_ID]} → {row[ACCEPTED] or _decision(row)}"


def _decision(row: pd.Series) -> str:
    return "new animal" if row[DECISION] == NEW_INDIVIDUAL else row[DECISION]


def _told(row: pd.Series, animals: set[tuple[str, str]]) -> str:
    """What has been said of an answer, as it is read."""
    if row[ACCEPTED] is None:
        return "Undecided."
    said = read_accepted(row.to_frame().T, animals)[0].iloc[0]
    if said["refused"]:
        return "Left out."
    return "Decided: a new animal." if said["is_new"] else f"Decided: {said['identity']}."
