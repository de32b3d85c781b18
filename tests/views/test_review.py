"""The screen of a review without a browser: what its keys send, what is shown, what is recorded."""

import json
import threading
import time

import pandas as pd
import pytest
from PIL import Image
from review_cases import HOSTILE, copy_review, make_review, reviewable_rows, truth_of
from review_page import open_page

from reid_lib.core.names import DATASET, IMAGE_ID
from reid_lib.pipeline.review import open_review
from reid_lib.review.decisions import DecisionTable
from reid_lib.review.queue import SOON
from reid_lib.views.review import DOUBTS, ReviewScreen

ROWS = reviewable_rows()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run and a review of it without decisions."""
    return make_review(tmp_path_factory.mktemp("made"), ROWS)


@pytest.fixture
def root(made, tmp_path, monkeypatch):
    return copy_review(made, tmp_path, monkeypatch)


@pytest.fixture
def screen(root):
    found = ReviewScreen(open_review("made", who="ada"))
    found.sent = []
    found.send = lambda content, buffers=None: found.sent.append((content, buffers or []))
    yield found
    found.close()


def rows_of(root) -> pd.DataFrame:
    return DecisionTable(root / "reviews" / "made" / "decisions.csv").read()


def answer(screen, decision: str, **seen) -> list[str]:
    ids = screen.state["question"]["ids"]
    screen.handle({"do": "answer", "decision": decision, "ids": ids, "seen": seen})
    return ids


def wait_for(holds) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_each_answer_is_recorded_at_once_with_what_was_seen_and_the_next_pair_is_shown(screen, root):
    asked = []
    for n, decision in enumerate(("same", "different", "cannot tell"), 1):
        words = screen.state["question"]["words"]
        asked.append(answer(screen, decision, lines=True, zoom=2.5))
        row = rows_of(root).iloc[-1]
        assert len(rows_of(root)) == n
        assert [row["image_id_1"], row["image_id_2"], row["decision"], row["who"], row["run"]] == [
            *asked[-1], decision, "ada", "made",
        ]  # fmt: skip
        shown = json.loads(row["shown"])
        assert (shown["lines"], shown["zoom"], shown["words"]) == (True, 2.5, words) and 0 <= shown["probability"] <= 1
        assert screen.state["said"]["kind"] == decision and "Recorded" in screen.state["said"]["text"]
        assert "z takes it back" in screen.state["said"]["text"] and screen.state["question"]["ids"] not in asked
    assert "3 decisions, 3 of them yours" in screen.state["progress"]["words"]


def test_an_answer_to_a_pair_that_is_gone_is_not_recorded(screen, root):
    """Two quick presses of a key: the second one belongs to nothing that was looked at."""
    ids = answer(screen, "same")
    screen.handle({"do": "answer", "decision": "same", "ids": ids})
    assert len(rows_of(root)) == 1 and "nothing was recorded" in screen.state["said"]["text"]


def test_undo_takes_the_last_answer_back_and_asks_it_again_also_after_a_restart(screen, root):
    first, second = answer(screen, "same"), answer(screen, "different")
    screen.handle({"do": "undo"})
    assert screen.state["question"]["ids"] == second and screen.state["said"]["kind"] == "undo"
    again = ReviewScreen(open_review("made", who="ada"))
    assert "1 decision," in again.state["progress"]["words"] and first[0] in again.state["undo"]
    again.handle({"do": "undo"})
    assert again.state["question"]["ids"] == first
    again.handle({"do": "undo"})
    assert "nothing of yours" in again.state["said"]["text"] and again.state["undo"] == ""
    assert rows_of(root)["decision"].tolist() == ["same", "different", "undo", "undo"]
    again.close()


def test_a_review_opened_again_goes_on(screen, root):
    asked = [answer(screen, truth_of(ROWS, tuple(screen.state["question"]["ids"]))) for _ in range(6)]
    waiting = screen.state["question"]["ids"]
    again = ReviewScreen(open_review("made", who="ada"))
    assert again.state["question"]["ids"] == waiting not in asked[-SOON:]
    assert "6 decisions (ada)" in again.state["said"]["text"]
    again.close()


def test_a_pair_is_put_off_and_comes_back_when_nothing_else_is_left(screen):
    first = screen.state["question"]["ids"]
    screen.handle({"do": "filter", "doubt": "label", "dataset": "", "individual": "a0001"})
    seen = []
    while screen.state["question"]["ids"] not in seen:
        seen.append(screen.state["question"]["ids"])
        screen.handle({"do": "skip", "ids": seen[-1]})
        assert screen.state["said"]["kind"] == "skip"
    assert len(seen) > 1 and first not in seen and screen.state["question"]["ids"] == seen[0]


def test_filters_ask_of_one_animal_one_data_set_and_one_kind_of_doubt(screen):
    animals = screen.state["filters"]["individual"]
    assert HOSTILE in animals and "a0003" in animals and any(name.startswith("new ") for name in animals)
    assert [offer["value"] for offer in screen.state["filters"]["doubt"]] == list(DOUBTS)
    its = set(ROWS.loc[ROWS["identity"] == "a0003", IMAGE_ID])
    screen.handle({"do": "filter", "doubt": "answer", "dataset": "a", "individual": " a0003 "})
    question = screen.review.next(1, doubt="answer", individual="a0003")[0]
    assert screen.state["question"]["ids"] == list(question.ids) and question.doubt == "answer"
    assert its & set(question.ids) and screen.state["chosen"]["individual"] == "a0003"
    screen.handle({"do": "filter", "doubt": "", "dataset": "", "individual": "nobody"})
    assert screen.state["question"] is None and "with these filters" in screen.state["nothing"]
    screen.handle({"do": "answer", "decision": "same", "ids": list(question.ids)})
    assert "nothing was recorded" in screen.state["said"]["text"]


def test_two_people_see_what_the_other_decided_and_where_they_disagree(screen):
    other = ReviewScreen(open_review("made", who="bo"))
    ids = answer(screen, "same")
    assert other.state["question"]["ids"] == ids  # on both screens at once
    answer(other, "different")
    assert other.state["question"]["ids"] != ids  # who has said it is not asked again
    screen.handle({"do": "poll"})
    assert "bo decided meanwhile" in screen.state["said"]["text"]
    third = ReviewScreen(open_review("made", who="cy"))
    assert third.state["question"]["ids"] == ids  # disagreements come first
    assert third.state["question"]["mark"] == "disagreement: ada said same, bo said different"
    answer(third, "same")
    assert "3 decisions, 1 of them yours" in third.state["progress"]["words"]
    assert third.state["question"]["ids"] != ids
    for one in (other, third):
        one.close()


def test_another_person_at_the_same_screen(screen, root):
    answer(screen, "same")
    screen.handle({"do": "who", "who": "  "})
    assert screen.state["who"] == "ada"
    screen.handle({"do": "who", "who": "Bö <b>"})
    assert screen.state["who"] == "Bö <b>" and screen.state["undo"] == ""
    answer(screen, "different")
    assert rows_of(root)["who"].tolist() == ["ada", "Bö <b>"]


def test_what_goes_wrong_is_told_and_nothing_is_taken_for_recorded(screen, root, monkeypatch):
    ids = screen.state["question"]["ids"]

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", fail)
    answer(screen, "same")
    monkeypatch.undo()
    monkeypatch.setenv("REID_RUNS", str(root / "runs"))
    said = screen.state["said"]
    assert said["kind"] == "problem" and said["text"].startswith("Not recorded") and "No space left" in said["text"]
    assert screen.state["question"]["ids"] == ids and not len(rows_of(root))
    answer(screen, "same")
    assert len(rows_of(root)) == 1


def test_photographs_are_told_with_file_date_encounter_flank_animal_and_others_of_it(screen):
    told = screen.state["question"]
    for side, image_id in zip("AB", told["ids"], strict=True):
        photo, *others = told["photos"][side]
        row = ROWS.set_index(IMAGE_ID).loc[image_id]
        facts = dict(photo["facts"])
        assert photo["id"] == image_id and photo["file"] == row["path"]
        assert (facts[""], facts["encounter"], facts["flank"]) == (row["date"], row["encounter"], row["orientation"])
        beside = next(name for name in told["ids"] if name != image_id)
        assert [other["id"] for other in others] == screen.review.others(image_id, beside)
    assert set(told["effects"]) == {"same", "different", "cannot tell"} and all(told["effects"].values())
    assert told["words"].startswith("One animal or two? ") and told["why"]
    assert DATASET not in facts  # there is but one


def test_pictures_of_the_next_pairs_are_sent_ahead_once_somebody_looks(screen):
    screen.handle({"do": "lines", "lines": True})
    assert not screen.sent  # a notebook that nobody has open computes nothing
    first = screen.state["question"]["ids"][0]
    screen.handle({"do": "picture", "id": first, "level": "thumb"})
    wanted = {(name, "view") for question in screen.coming for name in question.ids}
    pairs = {question.ids for question in screen.coming[:2]}
    assert len(screen.coming) == 4

    def sent(kind):
        return [content for content, _ in list(screen.sent) if content["kind"] == kind]

    wait_for(lambda: {(told["id"], told["level"]) for told in sent("picture")} >= wanted | {(first, "thumb")})
    wait_for(lambda: {tuple(told["ids"]) for told in sent("matches")} >= pairs)
    assert all(buffers[0].startswith(b"\xff\xd8") for content, buffers in screen.sent if content["kind"] == "picture")
    assert all("by one geometry" in told["words"] and told["lines"] is not None for told in sent("matches"))
    answer(screen, "same")
    pictures = [(told["id"], told["level"]) for told in sent("picture")]
    assert len(set(pictures)) == len(pictures) or pictures.count((first, "view")) <= 2


def test_a_picture_that_is_made_ahead_is_not_made_once_more_when_the_browser_asks_for_it(screen, monkeypatch):
    begun, go = threading.Semaphore(0), threading.Event()
    get = screen._pictures.get
    monkeypatch.setattr(screen._pictures, "get", lambda *key: (begun.release(), go.wait(20), get(*key))[2])
    screen.handle({"do": "picture", "id": screen.state["question"]["ids"][0], "level": "thumb"})  # somebody looks
    assert begun.acquire(timeout=20) and begun.acquire(timeout=20)  # both threads are at work
    ids = screen.state["question"]["ids"]
    for image_id in ids:
        screen.handle({"do": "picture", "id": image_id, "level": "view"})
    go.set()
    wait_for(lambda: not screen._under_way)
    screen.handle({"do": "picture", "id": ids[0], "level": "view"})  # now it is wanted anew: another browser
    keys = lambda: [(content["id"], content["level"]) for content, _ in list(screen.sent)]  # noqa: E731
    wait_for(lambda: keys().count((ids[0], "view")) == 2)
    assert keys().count((ids[1], "view")) == 1


def test_a_photograph_that_is_gone_is_told_in_its_place(screen, root):
    ids = screen.state["question"]["ids"]
    path, _ = screen.review.find_photograph(ids[0])
    path.unlink()
    screen.handle({"do": "picture", "id": ids[0], "level": "view"})
    screen.handle({"do": "matches", "ids": ids})
    wait_for(lambda: {content["kind"] for content, _ in list(screen.sent)} == {"picture", "matches"})
    told = {content["kind"]: content for content, _ in screen.sent if content.get("id", ids[0]) == ids[0]}
    assert "cannot be shown" in told["picture"]["problem"] and "cannot be told" in told["matches"]["problem"]


def test_the_threads_of_a_closed_screen_end(root):
    before = threading.active_count()
    screen = ReviewScreen(open_review("made", who="ada"))
    screen.send = lambda *_: None
    screen.handle({"do": "picture", "id": screen.state["question"]["ids"][0], "level": "thumb"})
    assert threading.active_count() > before
    screen.close()
    wait_for(lambda: threading.active_count() <= before)
    assert threading.active_count() <= before


def test_pictures_of_later_pairs_are_not_made_once_the_screen_is_closed(root):
    screen = ReviewScreen(open_review("made", who="ada"))
    screen._seen = True
    screen.close()
    screen._prefetch()  # what the timer calls that fires meanwhile
    assert not screen._under_way


LAID_OUT = """() => {
  const boxes = name => [...document.querySelectorAll(name)].map(node => node.getBoundingClientRect());
  const [photos, panels, captions] = ['.rr-photo', '.rr-panel', '.rr-caption'].map(boxes);
  return {
    filled: photos.map((photo, k) => photo.width * photo.height / (panels[k].width * panels[k].height)),
    height: photos[0].height,
    apart: panels[1].left - panels[0].right,
    inside: panels.every(panel => panel.left >= 0 && panel.right <= window.innerWidth),
    beside: captions[0].right <= panels[0].left && captions[1].left >= panels[1].right,
    below: captions.every((caption, k) => caption.top >= panels[k].bottom),
  };
}"""

COLUMNS = "getComputedStyle(document.querySelector('.rr-answers')).gridTemplateColumns"


def test_panels_have_the_shape_of_their_photographs_at_any_size_of_the_window(screen, tmp_path, monkeypatch):
    asked = set(screen.state["question"]["ids"])
    for name, size in (("upright", (300, 400)), ("lying", (400, 300))):
        Image.new("RGB", size, "teal").save(tmp_path / name, "png")
    monkeypatch.setattr(
        screen._pictures, "find", lambda image_id: (tmp_path / ("upright" if image_id in asked else "lying"), None)
    )
    with open_page(screen, width=1280, height=800) as page:
        for width, height in ((1280, 800), (1920, 1080)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(200)
            told = page.evaluate(LAID_OUT)
            assert min(told["filled"]) > 0.97 and 4 <= told["apart"] <= 8 and told["inside"]
            assert told["beside"] and told["height"] > 0.6 * height  # above what was the most
            assert len(page.evaluate(COLUMNS).split()) == 4
        page.set_viewport_size({"width": 500, "height": 900})
        page.wait_for_function(f"{COLUMNS}.split(' ').length === 1")  # of a notebook beside other windows
        page.set_viewport_size({"width": 1920, "height": 1080})
        page.locator(".rr-root").focus()
        page.keyboard.press("s")
        page.wait_for_function("!document.querySelector('.rr-beside')")  # the next two lie
        told = page.evaluate(LAID_OUT)
        assert told["below"] and min(told["filled"]) > 0.97 and told["inside"]
        kept = page.evaluate("[panelSize([], 1000, 800), panelSize([1.5, 0.75], 1000, 800), panelSize([9], 1000, 800)]")
        assert [size["width"] for size in kept] == [497] * 3 and [size["height"] for size in kept] == [372, 463, 372]
