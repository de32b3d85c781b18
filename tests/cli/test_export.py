"""`reid export`: what is asked for reaches the library, what it says is printed."""

from pathlib import Path

import pytest
from main_cases import say

from reid_lib.pipeline import galleries, sharing
from reid_lib.pipeline.sharing import Shared


@pytest.fixture
def asked(monkeypatch):
    calls = []

    def share_model(run, folder, **options):
        calls.append((run, folder, options))
        return Shared(Path(folder), None, ["what was exported", "how near it is"])

    monkeypatch.setattr(sharing, "share_model", share_model)
    return calls


def test_the_options_arrive_and_the_sentences_are_printed(capsys, asked):
    code, out, err = say(capsys, "export", "my-run", "--to", "there", "--no-onnx", "--force", "--licence", "mit")
    assert (code, err) == (0, "")
    assert asked == [("my-run", "there", {"onnx": False, "force": True, "licence": "mit"})]
    told = ["what was exported", "how near it is", 'load it: timm.create_model("local-dir:there", pretrained=True)']
    assert out.splitlines() == told


def test_without_a_choice_the_packages_decide_on_onnx(capsys, asked):
    say(capsys, "export", "my-run", "--to", "there")
    assert asked[0][2]["onnx"] is None


def test_a_gallery_stands_for_the_run_it_is_of(capsys, asked, monkeypatch):
    monkeypatch.setattr(galleries, "find_run", {"lynxes": "my-run"}.__getitem__)
    assert say(capsys, "export", "--gallery", "lynxes", "--to", "there")[0] == 0 and asked[0][0] == "my-run"
    for given, told in ((["my-run", "--gallery", "lynxes"], "both"), ([], "none of the two")):
        code, _, err = say(capsys, "export", *given, "--to", "there")
        assert code == 1 and f"expected either a run or --gallery NAME; got {told}" in err and len(asked) == 1


def test_a_run_that_is_not_there_is_one_message(capsys, clean_dirs):
    code, out, err = say(capsys, "export", "nobody", "--to", str(clean_dirs / "out"))
    assert (code, out) == (1, "") and err.startswith("error: there is no run 'nobody'")


def test_the_folder_has_to_be_named(capsys):
    code, _, err = say(capsys, "export", "my-run")
    assert code == 2 and "--to" in err
