"""Which run to promote: on val alone, beyond chance, over seeds; and what is said when nothing can be told apart."""

import pytest
from made_runs import catalogue, make_run, write_photos

from reid_lib.cli.main import main
from reid_lib.compare.promote import choose_best
from reid_lib.core import files, paths
from reid_lib.core.errors import RunError
from reid_lib.core.names import PARAMS_JSON, PREDICTIONS_CSV
from reid_lib.runs import table
from reid_lib.runs.folder import RunFolder

ROWS = catalogue(n_known=22, n_unknown=20, images=2, datasets=("a",))


@pytest.fixture
def make(clean_dirs):
    """Make a run of this skill; one call each."""
    photos = write_photos(ROWS.head(0), clean_dirs / "photos")
    return lambda name, skill, **given: make_run(name, ROWS, skill=skill, photos=photos, repetitions=5, **given)


def on_val(name: str) -> float:
    return RunFolder(paths.runs_root() / name).metrics()["val"]["overall"]["geometric_mean"]["value"]


def test_a_variant_that_beats_the_reference_on_val_is_promoted(make, capsys):
    make("plain", 1.0)
    make("wide", 2.5, margin=0.5)
    make("narrow", 0.5, margin=0.1)
    table.promote("plain")
    assert main(["runs", "promote", "--best"]) == 0
    said = capsys.readouterr().out
    assert table.read_reference() == "wide" and "beats the reference plain" in said and "narrow" in said


def test_runs_that_cannot_be_told_apart_leave_the_reference_and_say_what_is_needed(make, capsys):
    make("plain", 1.0)
    make("same", 1.02, margin=0.5, seed=0)
    val = {name: on_val(name) for name in ("plain", "same")}
    behind, ahead = sorted(val, key=val.get)
    assert val[ahead] > val[behind]
    table.promote(behind)
    assert main(["runs", "promote", "--best"]) == 0
    said = capsys.readouterr().out
    assert table.read_reference() == behind
    assert f"{ahead} is ahead" in said and "cannot be told apart" in said and "more known" in said


def test_changing_every_test_label_changes_nothing(make):
    make("plain", 1.0)
    make("wide", 2.5, margin=0.5)
    table.promote("plain")
    before = choose_best()
    for name in ("plain", "wide"):
        path = paths.runs_root() / name / PREDICTIONS_CSV
        lines = path.read_text().splitlines()
        columns = lines[0].split(",")
        role, identity, score = (columns.index(c) for c in ("role", "identity", "score"))
        for k, line in enumerate(lines[1:], start=1):
            cells = line.split(",")
            if cells[role] == "test":
                cells[identity], cells[score] = "somebody", "0.5"
            lines[k] = ",".join(cells)
        path.write_text("\n".join(lines) + "\n")
    after = choose_best()
    assert after.run == before.run == "wide"
    assert after.table.equals(before.table)


def test_an_evaluation_of_a_run_is_no_candidate(make):
    """It repeats the run, as another variant by its parameters, and would be corrected for."""
    make("plain", 1.0)
    make("wide", 2.5, margin=0.5)
    folder = make("eval_run-wide", 2.5, margin=0.6)
    described = files.read_json(folder / PARAMS_JSON)
    files.write_json(folder / PARAMS_JSON, described | {"params": described["params"] | {"run": "wide"}})
    table.promote("plain")
    choice = choose_best()
    assert choice.run == "wide" and sorted(choice.table["run"]) == ["plain", "wide"]
    table.promote("eval_run-wide")  # by name it may be
    assert "eval_run-wide" in set(choose_best().table["run"])


def test_seeds_of_a_variant_are_judged_together_and_its_best_on_val_is_promoted(make):
    for seed in (0, 1, 2):
        make(f"plain-{seed}", 1.0, seed=seed)
        make(f"wide-{seed}", 2.5, seed=seed, margin=0.5)
    table.promote("plain-1")
    choice = choose_best()
    assert choice.run.startswith("wide-") and choice.table["seeds"].tolist() == [3, 3]
    val = {
        k: RunFolder(paths.runs_root() / f"wide-{k}").metrics()["val"]["overall"]["geometric_mean"]["value"]
        for k in range(3)
    }
    assert choice.run == f"wide-{max(val, key=val.get)}" and "t-interval over 3 seeds" in choice.text


def test_without_a_reference_the_best_on_val_is_promoted_and_nothing_was_compared(make):
    make("plain", 1.0)
    make("wide", 2.5, margin=0.5)
    choice = choose_best()
    assert choice.run == "wide" and choice.reference is None and "nothing was compared" in choice.text


def test_too_few_individuals_are_no_ground_to_promote(clean_dirs):
    rows = catalogue(n_known=8, n_unknown=6, images=2, datasets=("a",))
    for name, skill in (("plain", 0.5), ("wide", 3.0)):
        make_run(name, rows, skill=skill, photos=clean_dirs, repetitions=5, margin=0.5 if name == "wide" else None)
    table.promote("plain")
    choice = choose_best()
    assert choice.run is None and "12 more known" in choice.text and "14 more unknown" in choice.text


def test_no_runs_and_a_reference_that_is_gone_are_said(make):
    with pytest.raises(RunError, match="no finished run"):
        choose_best()
    make("plain", 1.0)
    table.promote("plain")
    make("other", 1.0, lr=1e-4)
    (paths.runs_root() / "plain" / "metrics.json").unlink()
    with pytest.raises(RunError, match="promote another"):
        choose_best()


@pytest.mark.parametrize("reference", ["plain", "twin"])
def test_of_equal_runs_under_two_names_the_reference_stands_for_them(make, reference):
    make("plain", 1.0)
    make("twin", 1.0)
    make("wide", 2.5, margin=0.5)
    table.promote(reference)
    choice = choose_best()
    assert choice.run == "wide" and reference in choice.table["run"].tolist() and len(choice.table) == 2


def test_best_and_a_name_together_or_neither_is_refused(make, capsys):
    make("plain", 1.0)
    assert main(["runs", "promote"]) == 1
    assert main(["runs", "promote", "plain", "--best"]) == 1
    assert table.read_reference() is None and "error" in capsys.readouterr().err


def test_a_neighbour_without_predictions_is_left_out_and_told(make):
    make("plain", 1.0)
    make("wide", 2.5, margin=0.5)
    make("lost", 3.0, margin=0.7)
    table.promote("plain")
    (paths.runs_root() / "lost" / "predictions.csv").write_text("")
    choice = choose_best()
    assert choice.run == "wide" and "lost" not in choice.table["run"].tolist()
    assert "note: lost is left out" in choice.text and "predictions.csv" in choice.text
