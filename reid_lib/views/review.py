"""The screen of review.ipynb: one pair of photographs, a decision by a key, the next pair.

What is shown follows from the review in Python; the browser keeps nothing but where it has zoomed to. Pictures and
matches of the pairs that come next are made in threads, while the person looks.
"""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import pandas as pd
import traitlets

from reid_lib.core.errors import ReidError
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import DATASET, DATE, ENCOUNTER, IDENTITY, ORIENTATION, PATH
from reid_lib.core.paths import readable_path
from reid_lib.figures.match_lines import MatchedPair, choose_lines
from reid_lib.views.review_pictures import Pictures

if TYPE_CHECKING:
    from reid_lib.pipeline.review import Question, Review

SOURCES = Path(__file__).parent / "review_widget"
SCRIPTS = ("dom.js", "pictures.js", "shape.js", "stage.js", "screen.js")
LATER_S = 0.4  # after a pair is told, until the pictures of the next ones are sent: meanwhile the browser draws it
AHEAD = 3  # pairs whose pictures are made before they are asked for
MATCHED_AHEAD = 2  # pairs that are matched, the one on the screen included
MOST_OTHERS = 24  # photographs of an animal beside the one that is asked about
MOST_SENT = 40  # pictures and matches; fewer than the browser keeps
MOST_LISTED = 2000  # animals that the filter offers; others can be typed
DOUBTS = {
    "": "all doubts",
    "cluster": "one new animal or two?",
    "answer": "is the answer right?",
    "label": "is the label right?",
}
NOT_DONE = {True: "Not recorded", False: "Not done"}
RECORDED = {
    "same": "one animal",
    "different": "two animals",
    "cannot tell": "nobody can tell from these",
}


class ReviewScreen(anywidget.AnyWidget):
    """Two photographs side by side and what is to be said of them; all of it works from the keyboard.

    Args:
        review: an open review.
    """

    _esm = "\n".join((SOURCES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    _css = (SOURCES / "screen.css").read_text(encoding="utf-8")
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, review: "Review"):
        self.review, self.chosen = review, {"doubt": "", "dataset": "", "individual": ""}
        self.coming: list[Question] = []  # the one on the screen first
        self._skipped: list[tuple[str, str]] = []
        self._serial, self._lines, self._seen = 0, False, False
        self._wanted: set[Hashable] = set()
        self._rows = review.photographs.to_dict("index")
        self._pictures = Pictures(review.find_photograph)
        self._makers, self._matcher = ThreadPoolExecutor(2), ThreadPoolExecutor(1)
        self._sent: dict[Hashable, None] = {}  # what the browser keeps by now
        self._under_way: set[Hashable] = set()  # what waits to be made ahead, or is made
        self._lock, self._idle = threading.Lock(), threading.Event()
        self._idle.set()
        self._later: threading.Timer | None = None
        self._closed = False
        super().__init__()
        self.on_msg(lambda _, message, __: self.handle(message))
        self._ask()
        self._tell("note", review.greeting())

    @property
    def question(self) -> "Question | None":
        """The one on the screen."""
        return self.coming[0] if self.coming else None

    # ---- what the person does ----------------------------------------------------------------------------------------

    def handle(self, message: dict[str, Any]) -> None:
        """What the browser tells: an answer, undo, a filter, a picture that is wanted; see `review_widget/screen.js`.

        What goes wrong is told on the screen, and nothing is taken for recorded then.
        """
        acts: dict[str, Callable[[dict], None]] = {
            "answer": self._answer, "undo": self._undo, "skip": self._skip, "filter": self._filter, "who": self._who,
            "poll": self._poll, "picture": self._send_picture, "matches": self._send_matches, "lines": self._use_lines,
        }  # fmt: skip
        self._idle.clear()  # what is made ahead waits: the person does not
        try:
            acts[message["do"]](message)
        except (ReidError, OSError) as error:
            self._tell("problem", f"{NOT_DONE[message['do'] == 'answer']}: {error}")
        except Exception as error:
            self._tell("problem", f"{NOT_DONE[message['do'] == 'answer']}, an error in the program: {error!r}")
            raise
        finally:
            self._idle.set()

    def _answer(self, message: dict) -> None:
        asked, decision = self.question, message["decision"]
        if asked is None or list(asked.ids) != message["ids"]:  # of a question that is answered already
            return self._tell("note", "That pair is no longer on the screen: nothing was recorded")
        words = self.review.answer(asked, decision, shown=message.get("seen", {}))
        self._ask()
        self._tell(decision, f"Recorded: {RECORDED[decision]} ({self._names(asked)}). {words} z takes it back")

    def _undo(self, _: dict) -> None:
        undone = self.review.undo()
        if undone is None:
            return self._tell("note", "There is nothing of yours to take back")
        question, decision = undone
        self._ask(question)
        self._tell("undo", f"Taken back: {RECORDED[decision]} ({self._names(question)}); it is asked again")

    def _skip(self, _: dict) -> None:
        if self.question is not None:
            self._skipped.append(self.question.ids)
            self._ask()
            self._tell("skip", f"Put off, nothing recorded ({len(self._skipped)} so far)")

    def _filter(self, message: dict) -> None:
        self.chosen = {name: message[name].strip() for name in self.chosen}
        self._ask()
        self._tell("note", "Asked are now: " + (", ".join(filter(None, self._chosen_words())) or "all"))

    def _who(self, message: dict) -> None:
        if who := message["who"].strip():
            self.review.who = who
        self._ask(self.question)
        self._tell("note", f"Decisions are now recorded as those of {self.review.who}")

    def _poll(self, _: dict) -> None:
        if told := self.review.refresh():
            self._ask(self.question)
            self._tell("note", told)

    def _use_lines(self, message: dict) -> None:
        self._lines = bool(message["lines"])
        self._prefetch()

    # ---- what is shown -----------------------------------------------------------------------------------------------

    def _ask(self, question: "Question | None" = None) -> None:
        """The next question on the screen, or this one."""
        self.review.refresh()
        first = [] if question is None else [question]
        skip = [*self._skipped, *(one.ids for one in first)]
        found = self.review.next(1 + AHEAD, **self._given(), skip=skip)
        if not first and not found and self._skipped:
            self._skipped = []
            found = self.review.next(1 + AHEAD, **self._given())
        self.coming = [*first, *found]

    def _given(self) -> dict[str, str | None]:
        return {name: value or None for name, value in self.chosen.items()}

    def _chosen_words(self) -> list[str]:
        doubt = self.chosen["doubt"]
        return [DOUBTS[doubt] if doubt else "", self.chosen["dataset"], self.chosen["individual"]]

    def _names(self, question: "Question") -> str:
        return " and ".join(_file(self._rows[name]) for name in question.ids)

    def _tell(self, kind: str, text: str) -> None:
        """Show the question, what is left, and what was just done."""
        self._serial += 1
        left = self.review.left()
        self.state = {
            "serial": self._serial,
            "question": self._describe(self.question) if self.question else None,
            "nothing": "Nothing is left to ask" + (" with these filters." if any(self.chosen.values()) else "."),
            "progress": self.review.progress(),
            "left": {"words": left["words"], "stop": left["stop"]},
            "filters": self._offered(),
            "chosen": self.chosen,
            "who": self.review.who,
            "undo": self.review.undoable(),
            "said": {"kind": kind, "text": text},
        }
        if self._later is not None:
            self._later.cancel()
        self._later = threading.Timer(LATER_S, self._prefetch)
        self._later.daemon = True
        self._later.start()

    def _offered(self) -> dict[str, Any]:
        animals = self.review.animals()
        sets = [{"value": name, "label": name} for name in self.review.datasets()]
        return {
            "doubt": [{"value": value, "label": words} for value, words in DOUBTS.items()],
            "dataset": [{"value": "", "label": "all"}, *sets],
            "individual": animals[:MOST_LISTED],
            "told": str(len(animals)),
        }

    def _describe(self, question: "Question") -> dict[str, Any]:
        photos, more = {}, {}
        for side, own, other in zip("AB", question.ids, reversed(question.ids), strict=True):
            others = self.review.others(own, other)
            animal = self.review.animal(own)  # one for all of them
            photos[side] = [self._photo(name, animal) for name in (own, *others[:MOST_OTHERS])]
            more[side] = f"and {len(others) - MOST_OTHERS} more" if len(others) > MOST_OTHERS else ""
        return {
            "ids": list(question.ids), "photos": photos, "more": more, "words": question.words, "why": question.why,
            "mark": self.review.mark(question.ids), "effects": self.review.effects(question.ids),
        }  # fmt: skip

    def _photo(self, image_id: str, animal: str) -> dict[str, Any]:
        row = self._rows[image_id]
        facts = {
            "": _text(row, DATE), "encounter": _text(row, ENCOUNTER), "flank": _text(row, ORIENTATION),
            "animal": animal, "label": _text(row, IDENTITY) if _text(row, IDENTITY) != animal else "",
            "data set": _text(row, DATASET) if len(self.review.datasets()) > 1 else "",
        }  # fmt: skip
        told = [[name, value] for name, value in facts.items() if value]
        file = _file(row)
        return {"id": image_id, "file": file, "facts": told, "label": ", ".join([file, *(v for _, v in told)])}

    # ---- pictures and matches, made in threads -----------------------------------------------------------------------

    def _prefetch(self) -> None:
        """Make and send what the next questions show, those first that come first; what is not wanted is dropped."""
        if not self._seen:  # nobody looks: a notebook without a browser
            return
        self._wanted = {key for question in self.coming for key in _keys(question.ids)}
        for k, question in enumerate(self.coming):
            for image_id in question.ids:
                self._queue(self._makers, (image_id, "view"), self._make_picture)
            if self._lines and k < MATCHED_AHEAD:
                self._queue(self._matcher, question.ids, self._make_matches)

    def _queue(self, pool: ThreadPoolExecutor, key: tuple[str, str], make: Callable[[str, str], None]) -> None:
        if key in self._sent or key in self._under_way:
            return
        self._under_way.add(key)

        def work() -> None:
            self._idle.wait()
            try:
                if key in self._wanted and key not in self._sent:
                    make(*key)
            finally:
                self._under_way.discard(key)

        with self._lock:  # the timer may fire while the screen closes
            if self._closed:
                self._under_way.discard(key)
            else:
                pool.submit(work)

    def _send_picture(self, message: dict) -> None:
        if not self._seen:
            self._seen = True
            self._prefetch()
        key = message["id"], message["level"]
        if key in self._under_way and key in self._wanted:
            return  # it comes
        self._makers.submit(self._make_picture, *key)

    def _send_matches(self, message: dict) -> None:
        self._matcher.submit(self._make_matches, *message["ids"])

    def _make_picture(self, image_id: str, level: str) -> None:
        try:
            picture = self._pictures.get(image_id, level)
            buffers = [picture.jpeg] if picture.jpeg else []
            self.send({"kind": "picture", "id": image_id, "level": level, **picture.describe()}, buffers)
            self._note_sent((image_id, level))
        except Exception as error:
            LOGGER.warning(f"the picture of {image_id} cannot be sent: {error!r}")

    def _make_matches(self, first: str, second: str) -> None:
        told: dict[str, Any] = {"kind": "matches", "ids": [first, second]}
        try:
            found = self.review.match(first, second)
            told |= {"lines": _lines(found), "words": found.words.replace("\n", " ")}
        except Exception as error:
            told["problem"] = f"where they match cannot be told: {str(error).splitlines()[0]}"
        self.send(told)
        self._note_sent((first, second))

    def _note_sent(self, key: tuple[str, str]) -> None:
        with self._lock:
            self._sent[key] = None
            while len(self._sent) > MOST_SENT:
                del self._sent[next(iter(self._sent))]

    def close(self) -> None:
        """See ipywidgets; the threads end, too."""
        with self._lock:
            self._closed = True
        if self._later is not None:
            self._later.cancel()
        self._makers.shutdown(wait=False, cancel_futures=True)
        self._matcher.shutdown(wait=False, cancel_futures=True)
        super().close()


def _keys(ids: tuple[str, str]) -> list[tuple[str, str]]:
    return [ids, *((image_id, "view") for image_id in ids)]


def _lines(pair: MatchedPair) -> list[list[float]]:
    """Lines as the screen draws them, outliers first: x and y of both ends in shares, confidence, inlier."""
    others, explained = choose_lines(pair.ours, pair.confidence, pair.inlier)
    return [
        [*map(float, (*pair.ours[k], *pair.theirs[k], pair.confidence[k])), bool(pair.inlier[k])]
        for k in others + explained
    ]


def _text(row: dict, column: str) -> str:
    value = row.get(column)
    return "" if value is None or pd.isna(value) else str(value)


def _file(row: dict) -> str:
    return readable_path(str(row[PATH])).rsplit("/", 1)[-1]
