"""Files lost or damaged, a run's own or its neighbours': it says which, and goes on from what is whole."""

import errno
import shutil
from pathlib import Path

import damage_cases
import pytest
from damage_cases import cut, delete, empty, flip, garble, parameters, replace_by_folder

from reid_lib.core import files, frames
from reid_lib.core.errors import ModelError, RunError
from reid_lib.core.names import (
    ALL_METRICS_CSV,
    CHECKPOINT,
    CHECKSUMS_JSON,
    HISTORY_CSV,
    METRICS_JSON,
    MODEL_JSON,
    MODEL_WEIGHTS,
    PARAMS_JSON,
    PREDICTIONS_CSV,
    REPORT_HTML,
    STATUS_JSON,
)
from reid_lib.core.temporaries import TEMPORARY
from reid_lib.nets.model_files import find_weights_trouble, load_model
from reid_lib.pipeline.whole_run import run_all
from reid_lib.runs.run import Run
from reid_lib.train import checkpoint


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    damage_cases.write_noise(root)
    return damage_cases.make_runs(root)


@pytest.fixture
def runs(made, tmp_path, monkeypatch) -> Path:
    """Copies of those runs, to be damaged."""
    monkeypatch.setenv("REID_CACHE", str(made / "cache"))
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    return shutil.copytree(made / "runs", tmp_path / "runs")


@pytest.fixture
def again(made, runs):
    """Run a run's notebook again; returns the experiment."""
    return lambda name="mine", **given: run_all(parameters(made, name, **given))[0]


def as_undisturbed(runs: Path, name: str = "mine") -> bool:
    """Has it the results of the run that nothing happened to?"""
    compared = (METRICS_JSON, PREDICTIONS_CSV)
    return all((runs / name / each).read_bytes() == (runs / "whole" / each).read_bytes() for each in compared)


def test_a_damaged_neighbour_and_a_table_that_cannot_be_written_cost_a_finished_run_nothing(runs, again, capsys):
    (runs / "whole" / PARAMS_JSON).write_text("")
    (runs / ALL_METRICS_CSV).unlink()
    (runs / ALL_METRICS_CSV).mkdir()
    run = again("broken").run
    assert run.finished and run.status()["error"] is None
    said = capsys.readouterr().out
    assert "note: run 'broken' is finished, but all_model_metrics.csv could not be brought up to date" in said
    (runs / ALL_METRICS_CSV).rmdir()
    (runs / "mine" / PREDICTIONS_CSV).unlink()
    again("mine")
    assert frames.read_csv(runs / ALL_METRICS_CSV)["run"].tolist() == ["broken", "mine"]


def test_a_finished_run_always_has_its_report(runs, again, monkeypatch):
    """Its state is written after the report; where that was lost, the next look makes it again."""
    finish, there = Run.finish, []
    monkeypatch.setattr(Run, "finish", lambda run: (there.append(run.path(REPORT_HTML).exists()), finish(run)))
    report = again("broken").run.path(REPORT_HTML)
    assert there == [True] and report.exists()
    for damage in (delete, cut, empty):
        damage(report)
        again("broken")
        assert report.read_text().rstrip().endswith("</html>") and there == [True]


# --- its own files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, damage",
    [
        (PREDICTIONS_CSV, delete),
        (PREDICTIONS_CSV, flip),
        (METRICS_JSON, empty),
        (MODEL_WEIGHTS, flip),
        (MODEL_WEIGHTS, cut),
        (MODEL_JSON, delete),
        ("embeddings/val.npz", garble),
        (HISTORY_CSV, garble),
        (HISTORY_CSV, flip),
    ],
)
def test_a_lost_file_of_a_finished_run_is_named_and_made_again(runs, again, capsys, name, damage):
    history = (runs / "mine" / HISTORY_CSV).read_bytes()
    damage(runs / "mine" / name)
    run = again().run
    assert f"note: {runs / 'mine' / name}" in capsys.readouterr().out
    assert run.finished and run.path(REPORT_HTML).exists() and as_undisturbed(runs)
    assert find_weights_trouble(runs / "mine") == ""
    if not name.startswith("model"):  # trained again, it took another time
        assert (runs / "mine" / HISTORY_CSV).read_bytes() == history


@pytest.mark.parametrize(
    "name, damage",
    [(PARAMS_JSON, delete), (PARAMS_JSON, empty), (PARAMS_JSON, flip), (STATUS_JSON, garble), (CHECKSUMS_JSON, cut)],
)
def test_a_lost_word_about_a_finished_run_is_written_again(runs, again, name, damage):
    damage(runs / "mine" / name)
    assert again().run.finished and as_undisturbed(runs)


def test_a_complete_training_needs_no_checkpoint_to_make_its_results_again(runs, again, capsys, monkeypatch):
    (runs / "mine" / CHECKPOINT).unlink()
    (runs / "mine" / PREDICTIONS_CSV).unlink()
    monkeypatch.setattr("reid_lib.train.learn.fit", None)  # nothing is trained
    again()
    assert "nothing is trained again" in capsys.readouterr().out and as_undisturbed(runs)


@pytest.mark.parametrize("damage", [cut, empty, garble, flip])
def test_a_damaged_checkpoint_is_named_and_training_ends_with_the_same_numbers(runs, again, capsys, damage):
    damage(runs / "broken" / CHECKPOINT)
    again("broken")
    said = capsys.readouterr().out
    assert "note: last.ckpt is damaged" in said and "what 1 epoch had learnt is lost. Training begins again" in said
    assert as_undisturbed(runs, "broken")
    again("broken")  # the next time nothing is left to say
    assert "note: last.ckpt" not in capsys.readouterr().out


def test_a_checkpoint_that_is_gone_is_told_and_training_ends_with_the_same_numbers(runs, again, capsys):
    delete(runs / "broken" / CHECKPOINT)
    again("broken")
    said = capsys.readouterr().out
    assert "note: last.ckpt is missing: what 1 epoch had learnt is lost. Training begins again" in said
    assert as_undisturbed(runs, "broken")


def test_a_checkpoint_of_another_run_is_not_continued(runs, again, capsys):
    again("other", seed=5)
    shutil.copy(runs / "other" / CHECKPOINT, runs / "broken" / CHECKPOINT)
    again("broken")
    assert "note: last.ckpt belongs to another run" in capsys.readouterr().out and as_undisturbed(runs, "broken")


def test_a_checkpoint_of_another_network_is_not_continued(runs, again, capsys, monkeypatch):
    again("other", embedding_dim=8)
    shutil.copy(runs / "other" / CHECKPOINT, runs / "broken" / CHECKPOINT)
    monkeypatch.setattr(checkpoint, "ORIGIN", "as versions before had none")
    again("broken")
    assert "note: last.ckpt does not fit this network" in capsys.readouterr().out and as_undisturbed(runs, "broken")


def change_digit(path):
    content = path.read_bytes()
    place = content.rindex(b".") + 1
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])


@pytest.mark.parametrize("damage", [empty, garble, delete, change_digit])
def test_a_lost_history_comes_back_from_the_checkpoint(runs, again, damage):
    before = frames.read_csv(runs / "broken" / HISTORY_CSV)
    damage(runs / "broken" / HISTORY_CSV)
    again("broken")
    after = frames.read_csv(runs / "broken" / HISTORY_CSV)
    assert after["epoch"].tolist() == [0, 1, 2] and as_undisturbed(runs, "broken")
    assert after.iloc[: len(before)][before.columns].equals(before)


@pytest.mark.parametrize("name", [MODEL_WEIGHTS, MODEL_JSON])
def test_damaged_best_weights_of_a_run_that_was_broken_off_are_made_again(runs, again, capsys, name):
    flip(runs / "broken" / name)
    again("broken")
    assert "note: the model in" in capsys.readouterr().out and as_undisturbed(runs, "broken")


@pytest.mark.parametrize("name", [MODEL_WEIGHTS, MODEL_JSON])
def test_one_flipped_bit_of_the_weights_or_of_their_description_is_noticed(runs, name):
    path = runs / "mine" / name
    assert find_weights_trouble(path.parent) == ""
    text = path.read_bytes()
    place = text.index(b"0.5", text.index(b'"mean"')) + 2 if name == MODEL_JSON else len(text) - 9
    path.write_bytes(text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :])
    with pytest.raises(ModelError, match=f"{name} is not as it was written"):
        load_model(path.parent)


def test_params_that_are_lost_without_a_word_of_whose_they_were_are_refused(runs, again):
    empty(runs / "mine" / PARAMS_JSON)
    empty(runs / "mine" / STATUS_JSON)
    with pytest.raises(RunError, match="params.json cannot be read.*move .* away"):
        again()
    assert (runs / "mine" / METRICS_JSON).exists()


def test_params_that_are_lost_do_not_make_another_run_of_it(runs, again):
    empty(runs / "mine" / PARAMS_JSON)
    with pytest.raises(RunError, match="params.json cannot be read.*move .* away"):
        again(lr=0.1)


@pytest.mark.parametrize("name", [PREDICTIONS_CSV, CHECKSUMS_JSON, HISTORY_CSV])
def test_a_folder_in_the_place_of_a_file_is_told_before_anything_is_computed(runs, again, name):
    replace_by_folder(runs / "mine" / name)
    with pytest.raises(RunError, match=f"{name} is in the way"):
        again()


# --- a full disk -----------------------------------------------------------------------------------------------------


def test_a_disk_that_fills_up_while_training_ends_the_run_in_words_and_it_continues_when_there_is_room(
    runs, again, monkeypatch
):
    """Not even status.json can be written anew: it is overwritten where it lies."""
    folder, replace = runs / "full", files.os.replace

    def full(source, target):
        if (folder / CHECKPOINT).exists() and folder in target.parents:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(RunError, match="no room left in .*full for .* the file before it is kept.*it continues"):
        again("full")
    status = Run(folder).status()
    assert status["state"] == "failed" and "no room left" in status["error"]
    assert not list(folder.rglob(f"*{TEMPORARY}*"))
    monkeypatch.setattr(files.os, "replace", replace)
    again("full")
    assert as_undisturbed(runs, "full")
