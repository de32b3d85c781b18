"""`reid gallery` and `accept`: each command does its change and says it; what is wrong is one message."""

import json

import pandas as pd
import pytest
from gallery_cases import make_gallery
from main_cases import say

from reid_lib.gallery.store import open_gallery
from reid_lib.pipeline import accepting, galleries


@pytest.fixture
def gallery(clean_dirs):
    return make_gallery(clean_dirs)


def names(gallery) -> dict:
    return gallery.rows()[1]["identity"].value_counts().to_dict()


def test_without_a_gallery_the_list_says_how_to_make_one(capsys, clean_dirs):
    code, out, _ = say(capsys, "gallery", "list")
    assert code == 0 and "gallery export RUN --gallery NAME" in out


def test_list_show_and_log(capsys, gallery):
    assert "lynxes: 2 animals, 5 photographs, version 1" in say(capsys, "gallery", "list")[1]
    out = say(capsys, "gallery", "show", "lynxes")[1]
    assert "d/Anna: 3" in out and "d/Berta: 2" in out and "by run my-run" in out
    say(capsys, "gallery", "rename", "lynxes", "Anna", "Änne")
    log = say(capsys, "gallery", "show", "lynxes", "--log")[1].splitlines()
    assert len(log) == 2 and log[1].endswith("renamed Anna to Änne") and " on " in log[1]


def test_rename_merge_remove_and_undo(capsys, gallery):
    assert (
        "renamed Anna to Clara; gallery lynxes: 2 animals"
        in say(capsys, "gallery", "rename", "lynxes", "Anna", "Clara")[1]
    )
    assert "merged Clara into Berta" in say(capsys, "gallery", "merge", "lynxes", "Clara", "Berta")[1]
    assert names(gallery) == {"Berta": 5}
    assert "undone: merged Clara into Berta" in say(capsys, "gallery", "undo", "lynxes")[1]
    assert "removed Clara (3 photographs)" in say(capsys, "gallery", "remove", "lynxes", "Clara")[1]
    assert "removed 1 photograph" in say(capsys, "gallery", "remove", "lynxes", "--image", "p3.jpg")[1]
    assert "deleted from the disk" in say(capsys, "gallery", "remove", "lynxes", "--purge")[1]
    assert names(gallery) == {"Berta": 1}
    code, _, err = say(capsys, "gallery", "undo", "lynxes")
    assert code == 1 and "no change that could be undone" in err


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["remove", "lynxes"], "what is to be removed"),
        (["remove", "lynxes", "Anna", "--image", "p0.jpg"], "what is to be removed"),
        (["rename", "lynxes", "Ana", "x"], "did you mean 'Anna'"),
        (["show", "lynx"], "did you mean 'lynxes'"),
        (["export", "nobody"], "there is no run 'nobody'"),
    ],
)
def test_what_is_wrong_is_one_message(capsys, gallery, arguments, words):
    code, _, err = say(capsys, "gallery", *arguments)
    assert code == 1 and words in err and open_gallery("lynxes").version().number == 1


def test_add_and_accept_tell_what_became_of_each_photograph(capsys, gallery, monkeypatch, tmp_path):
    rejected = pd.DataFrame({"path": ["x.txt"], "reason": ["not a photograph (.txt)"]})
    found = galleries.Enrolled(gallery.version(), 2, ["a.jpg: p0.jpg (Anna)"], rejected, tmp_path / "c.csv")
    asked = []
    monkeypatch.setattr(galleries, "add_folder", lambda *given, **how: asked.append((given[1:], how)) or found)
    out = say(capsys, "gallery", "add", "lynxes", "neue Fotos", "--identity", "Anna")[1]
    assert asked[0][0] == ("neue Fotos",) and asked[0][1]["identity"] == "Anna"
    assert "not usable: x.txt: not a photograph" in out and "enrolled before: a.jpg: p0.jpg (Anna)" in out
    assert "2 photographs added; gallery lynxes" in out
    monkeypatch.setattr(accepting, "accept_answers", lambda *given, **how: asked.append((given, how)) or found)
    out = say(capsys, "accept", "answers.csv", "--gallery", "lynxes")[1]
    assert asked[1][0][1] == "lynxes" and f"corrected catalogue: {tmp_path / 'c.csv'}" in out


def test_list_show_and_log_as_json(capsys, gallery):
    (told,) = json.loads(say(capsys, "gallery", "list", "--json")[1])
    assert (told["gallery"], told["run"], told["animals"], told["photographs"]) == ("lynxes", "my-run", 2, 5)
    shown = json.loads(say(capsys, "gallery", "show", "lynxes", "--json")[1])
    assert shown["photographs_of"] == {"d/Anna": 3, "d/Berta": 2}
    (made,) = json.loads(say(capsys, "gallery", "show", "lynxes", "--log", "--json")[1])
    assert made["number"] == 1 and made["images"] == 5 and " on " in made["who"]
