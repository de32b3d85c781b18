"""`reid doctor`: findings with their cures, and an exit code for what will fail."""

import json

import pytest
from main_cases import say

from reid_lib.pipeline import diagnosis
from reid_lib.pipeline.diagnosis import MISSING, OK, WRONG, Finding

FOUND = [Finding("machine", "GPU", MISSING, "none"), Finding("places", "runs", OK, "/runs")]


@pytest.mark.parametrize("more, code, end", [([], 0, "everything needed"), (["caches"], 1, "to be mended: caches")])
def test_what_is_wrong_is_named_at_the_end(capsys, monkeypatch, more, code, end):
    wrong = [Finding("places", name, WRONG, "full", "make room") for name in more]
    monkeypatch.setattr(diagnosis, "examine_machine", lambda: FOUND + wrong)
    ended, out, _ = say(capsys, "doctor")
    assert ended == code and out.splitlines()[-1].startswith(end) and "missing  GPU" in out
    assert ("-> make room" in out) == bool(more)
    ended, out, _ = say(capsys, "doctor", "--json")
    assert ended == code and json.loads(out)["ok"] is (not more) and json.loads(out)["findings"][0]["name"] == "GPU"
