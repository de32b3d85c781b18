"""What is compared: thresholds of every kind solved by hand and by loops, differences in parameters, mistakes."""

import shutil

import pytest
from made_runs import THREE_RUNS, catalogue, history, make_runs
from plain_runs import make_plain

from reid_lib.compare.comparison import Comparison
from reid_lib.core.errors import RunError
from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, KNOWN, PREDICTED, ROLE, SCORE, TEST, VAL, ranked_column
from reid_lib.openset.outcomes import MISTAKES
from reid_lib.runs.folder import RunFolder

ROWS = catalogue(n_known=8, n_unknown=6, images=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three finished runs; the second differs in the margin, the third in its loss."""
    return make_runs(tmp_path_factory.mktemp("compared"), ROWS, THREE_RUNS, reference="plain")


@pytest.fixture
def comparison(folder):
    return Comparison(folder)


def test_only_parameters_that_differ_are_shown(comparison):
    shown = comparison.differing(["plain", "wide", "triplet"])
    assert set(shown) == {"margin", "loss", "lr"} and shown.index.tolist() == ["plain", "wide", "triplet"]
    assert shown.loc["wide", "margin"] == 0.5 and shown.loc["triplet", "lr"] == 3e-4
    assert list(comparison.differing(["plain", "wide"])) == ["margin"]
    assert list(comparison.differing(["plain"])) == []


def test_the_loss_of_a_run_is_named_with_the_margin_in_force(comparison):
    assert comparison.loss("plain") == "arcface, margin 0.3, scale 30"
    assert comparison.loss("wide") == "arcface, margin 0.5, scale 30"
    assert comparison.loss("triplet") == "triplet, margin 0.2"


def test_first_choice_is_the_reference_and_the_best_on_val(comparison):
    assert comparison.reference == "plain"
    assert comparison.default_choice(2) == ["plain", "wide"]
    by_val = comparison.table["val_geometric_mean"]
    assert by_val["wide"] == by_val.max()


def test_mistakes_are_of_their_kind_and_the_most_confident_first(comparison):
    answered = comparison.run("triplet").predictions
    val = answered[answered[ROLE] == VAL]  # test where it is asked for
    wrong = comparison.mistakes("triplet", "known wrong")
    expected = val[val[KNOWN] & (val[PREDICTED] != val[IDENTITY]) & (val[PREDICTED] != "new_individual")]
    assert sorted(wrong[IMAGE_ID]) == sorted(expected[IMAGE_ID]) and len(wrong)
    assert wrong[SCORE].is_monotonic_decreasing
    accepted = comparison.mistakes("triplet", "unknown wrong")
    assert len(accepted) == (~val[KNOWN] & (val[PREDICTED] != "new_individual")).sum() > 0
    assert set(comparison.mistakes("triplet", "unknown wrong", role=TEST)[ROLE]) == {TEST}
    refused = comparison.mistakes("triplet", "known refused")
    assert refused[SCORE].is_monotonic_increasing and (refused[PREDICTED] == "new_individual").all()
    assert sum(len(comparison.mistakes("triplet", kind)) for kind in MISTAKES) == len(val) - (
        val["outcome"].str.endswith("right").sum()
    )


def test_mistakes_by_data_set_and_by_individual(comparison):
    everything = comparison.mistakes("triplet", "unknown wrong")
    only_a = comparison.mistakes("triplet", "unknown wrong", dataset="a")
    assert 0 < len(only_a) < len(everything) and set(only_a[DATASET]) == {"a"}
    name = only_a[ranked_column(IDENTITY, 1)].iloc[0]
    found = comparison.mistakes("triplet", "unknown wrong", text=name.upper())
    assert len(found) and ((found[IDENTITY] == name) | (found[ranked_column(IDENTITY, 1)] == name)).all()
    assert len(comparison.mistakes("triplet", "unknown wrong", text="a(")) == 0  # a plain text, not a pattern


def test_neighbours_are_the_stored_five_with_right_marked(comparison):
    run = comparison.run("wide")
    image_id = run.predictions.index[run.predictions[KNOWN]][0]
    near = comparison.neighbours("wide", image_id)
    query = run.predictions.loc[image_id]
    assert near[IMAGE_ID].tolist() == [query[f"image_{k}"] for k in range(1, 6)]
    assert near["right"].tolist() == [identity == query[IDENTITY] for identity in near[IDENTITY]]


def test_photographs_come_from_the_recorded_folder_and_a_missing_one_is_none(folder, tmp_path):
    moved = shutil.copytree(folder.parent, tmp_path / "copy")
    comparison = Comparison(moved / "runs")
    image_id = ROWS[IMAGE_ID].iloc[0]
    assert comparison.photo("plain", image_id, max_side_px=32).shape == (24, 32, 3)
    params = moved / "runs" / "plain" / "params.json"
    params.write_text(params.read_text().replace(str(folder.parent / "photos"), str(tmp_path / "nowhere")))
    assert Comparison(moved / "runs").photo("plain", image_id) is None


def test_a_run_that_is_not_there_is_named_with_those_that_are(comparison):
    with pytest.raises(RunError, match="no finished run 'nobody'.*plain"):
        comparison.run("nobody")


def test_a_folder_without_runs_is_empty_not_an_error(tmp_path):
    empty = Comparison(tmp_path)
    assert empty.names == [] and empty.default_choice() == [] and empty.reference is None


def test_runs_asked_other_queries_are_not_comparable(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "runs")
    metrics = copy / "wide" / "metrics.json"
    metrics.write_text(metrics.read_text().replace('"test_fingerprint": "made"', '"test_fingerprint": "other"'))
    assert Comparison(folder).comparable("plain", "wide") and not Comparison(copy).comparable("plain", "wide")


@pytest.mark.parametrize(
    "name, text",
    [
        ("predictions.csv", None),
        ("predictions.csv", ""),
        ("predictions.csv", "one,two\n1,2\n"),
        ("projection.csv", None),
        ("images.csv", "\x00\x01"),
        ("history.csv", "garbage"),
        ("metrics.json", "{}"),
        ("metrics.json", None),
        ("params.json", ""),
        ("status.json", ""),
    ],
)
def test_a_damaged_neighbour_is_left_out_with_the_reason(folder, tmp_path, name, text):
    copy = shutil.copytree(folder, tmp_path / "runs")
    path = copy / "wide" / name
    path.unlink() if text is None else path.write_text(text)
    comparison = Comparison(copy)
    assert comparison.names == ["plain", "triplet"] and comparison.reference == "plain"
    assert name in comparison.unreadable["wide"] and comparison.unfinished == {}
    with pytest.raises(RunError, match=name):
        comparison.run("wide")


def test_a_run_whose_metrics_lack_the_threshold_is_left_out(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "runs")
    path = copy / "wide" / "metrics.json"
    path.write_text(path.read_text().replace('"threshold"', '"treshold"'))
    assert "threshold" in Comparison(copy).unreadable["wide"]


def test_a_damaged_reference_leaves_the_runs_to_be_compared(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "runs")
    (copy / "reference.json").write_text("{")
    comparison = Comparison(copy)
    assert comparison.reference is None and len(comparison.names) == 3


def test_runs_are_compared_with_a_baseline_and_with_the_reference_again(comparison):
    ordinary = comparison.table["compared_with"].to_dict()
    comparison.compare_with("wide")
    assert comparison.reference == "wide" and comparison.table["compared_with"].tolist() == ["wide"] * 3
    assert comparison.pairs["plain"].other == "wide"
    comparison.compare_with("")
    assert comparison.reference == "plain" and comparison.table["compared_with"].to_dict() == ordinary
    with pytest.raises(RunError, match="no finished run 'nobody'"):
        comparison.compare_with("nobody")


def test_another_look_reads_what_has_changed_and_keeps_the_rest(folder, tmp_path, monkeypatch):
    copy = shutil.copytree(folder, tmp_path / "runs")
    comparison = Comparison(copy, baseline="wide")
    kept = comparison.run("triplet")
    assert len(comparison.names) == 3 and not comparison.reload()
    (copy / "wide").rename(copy / "wider")
    asked = []
    monkeypatch.setattr(RunFolder, "look_at", lambda run, *_: asked.append(run.name))
    assert comparison.reload().runs == {"wide", "wider"} and set(asked) == {"wider"}
    assert comparison.names == ["plain", "triplet", "wider"] and comparison.run("triplet") is kept
    assert comparison.baseline == "" and comparison.reference == "plain"  # the baseline has gone


def test_the_metrics_of_a_run_are_read_once_as_long_as_they_are_the_same(folder, tmp_path, monkeypatch):
    copy, read = shutil.copytree(folder, tmp_path / "runs"), RunFolder.metrics
    asked = []
    monkeypatch.setattr(RunFolder, "metrics", lambda run: asked.append(run.name) or read(run))
    comparison = Comparison(copy)
    shown = (comparison.table, comparison.pairs, comparison.unreadable, comparison.unfinished)
    assert len(shown[0]) == 3 and comparison.run("wide").metrics and comparison.run("wide").threshold
    assert sorted(asked) == ["plain", "triplet", "wide"]
    (copy / "wide").rename(copy / "wider")
    comparison.reload()
    assert comparison.names == ["plain", "triplet", "wider"] and asked[3:] == ["wider"]


def test_a_run_in_training_has_parameters_and_curves_and_no_results(clean_dirs):
    make_plain("done", lr=0.1)
    busy = make_plain("busy", lr=0.01, finish=False)
    comparison = Comparison()
    assert comparison.training == {}  # no epoch yet
    history(1.0, epochs=2).to_csv(busy.path("history.csv"), index=False)
    assert comparison.reload().histories == {"busy"} and comparison.training == {"busy": "running"}
    assert comparison.history("busy")["epoch"].tolist() == [0, 1, 2]
    assert comparison.labels(["busy", "done"]) == {"busy": "lr 0.01", "done": "lr 0.1"}
    assert comparison.comparable("busy", "done") and comparison.loss("busy") == "none"
    history(1.0, epochs=3).to_csv(busy.path("history.csv"), index=False)
    comparison.reload()
    assert comparison.history("busy")["epoch"].max() == 3
    with pytest.raises(RunError, match="no finished run 'busy'"):
        comparison.run("busy")
