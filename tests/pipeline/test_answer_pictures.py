"""Pictures of answers: lines where photographs match; a photograph that is elsewhere stops nothing."""

import numpy as np
import pandas as pd
import pytest
from local_cases import look, pattern
from PIL import Image

from reid_lib.core.names import IDENTITY, IMAGE_ID, N_RANKS, PATH, ROOT, ranked_column
from reid_lib.gallery.photographs import select_columns
from reid_lib.match.ratio import RatioMatcher
from reid_lib.pipeline import answer_pictures


class Searched:
    """As much of a target as pictures need."""

    def __init__(self, enrolled):
        self.enrolled, self.network = enrolled, self
        self.recipe, self.local_device, self.local_features, self.mask = self, "cpu", [], "none"


class Rows:
    def __init__(self, folder, names):
        told = {IMAGE_ID: names, ROOT: str(folder), PATH: names, "dataset": "d", IDENTITY: "Anna", "individual": None}
        self.root = folder
        self.rows, self.keypoints = select_columns(pd.DataFrame(told, dtype=object)), {}


@pytest.fixture
def asked_and_target(clean_dirs):
    photo = pattern(1, (320, 240))
    Image.fromarray(photo).save(clean_dirs / "a.png")
    Image.fromarray(look(photo)).save(clean_dirs / "q.png")
    return Rows(clean_dirs, ["q.png"]), Searched(Rows(clean_dirs, ["a.png", "gone.png"]))


def test_matches_are_those_that_were_scored_whichever_photograph_is_asked(asked_and_target, monkeypatch):
    asked, target = asked_and_target
    order = []

    class Looking(RatioMatcher):
        def match(self, pairs):
            order.extend((ours.strength[0], theirs.strength[0]) for ours, theirs in pairs)
            return super().match(pairs)

    monkeypatch.setattr(answer_pictures, "make_matcher", lambda *_: Looking())
    there = answer_pictures._matches(answers("a.png"), target, asked)[0]
    other = Rows(asked.root, ["a.png"]), Searched(Rows(asked.root, ["q.png"]))
    told = answers("q.png").assign(**{IMAGE_ID: "a.png"})
    back = answer_pictures._matches(told, other[1], other[0])[0]
    assert order[0] == order[1] and order[0][0] != order[0][1]
    assert np.array_equal(there[0], back[1]) and np.array_equal(there[1], back[0])


def test_no_keypoints_are_looked_for_where_the_candidate_is_elsewhere(asked_and_target, monkeypatch):
    asked, target = asked_and_target
    monkeypatch.setattr(answer_pictures, "extract_keypoints", None)
    assert answer_pictures._matches(answers("gone.png"), target, asked) == {}


def test_doubtful_answers_come_first(asked_and_target):
    asked, target = asked_and_target
    told = pd.concat([answers("gone.png"), answers("gone.png").assign(doubtful=True)], ignore_index=True)
    first, second = answer_pictures._cards(told, target, asked)
    assert "please look" in first and "please look" not in second


def answers(best: str) -> pd.DataFrame:
    told = {IMAGE_ID: ["q.png"], "path": "q.png", "decision": "Anna", "probability": 0.8, "in_words": "probably"}
    told |= {"doubtful": False, "new_animal": None, "already_enrolled": None, "asked_twice": None, "problem": None}
    for rank in range(1, N_RANKS + 1):
        told |= {ranked_column(what, rank): None for what in ("identity", "probability", "image", "date")}
    told |= {"identity_1": "Anna", "image_1": best, "probability_1": 0.8}
    return pd.DataFrame(told)


def test_lines_join_the_same_spots(asked_and_target):
    asked, target = asked_and_target
    ours, theirs, inlier, _ = answer_pictures._matches(answers("a.png"), target, asked)[0]
    where = np.array([[0.92, 0.16], [-0.14, 0.98]]), np.array([6.0, 14.0])
    size = np.array([320, 240])
    off = np.linalg.norm(theirs[inlier] * size @ where[0].T + where[1] - ours[inlier] * size, axis=1)
    assert inlier.sum() > 20 and np.median(off) < 2


@pytest.mark.parametrize("best, words", [("a.png", "by one geometry"), ("gone.png", "photograph not on this machine")])
def test_the_page_is_written_also_where_a_candidate_is_elsewhere(asked_and_target, tmp_path, best, words):
    asked, target = asked_and_target
    answer_pictures.write_page(tmp_path / "answers.html", answers(best), ["one photograph"], target, asked)
    page = (tmp_path / "answers.html").read_text(encoding="utf-8")
    assert words in page and "one photograph" in page
