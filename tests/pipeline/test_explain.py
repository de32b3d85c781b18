"""Why an answer was given: matches and reliability of a run, from its files and the cache."""

import numpy as np
import pytest

from reid_lib.core.names import IMAGE_ID, SCORES, TEST, VAL, ranked_column
from reid_lib.figures.sheets import examples
from reid_lib.pipeline import explain

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(cache))


def test_the_matches_shown_are_those_that_were_scored(fused):
    """As many inliers as the run's own score of the pair says."""
    experiment, results, _ = fused
    rows = examples(results.judged, n=6)
    found = explain.match_best(experiment, rows)
    assert [(p.query, p.candidate) for p in found] == list(
        zip(rows[IMAGE_ID], rows[ranked_column("image", 1)], strict=True)
    )
    with np.load(experiment.run.path(f"{SCORES}/{TEST}.npz"), allow_pickle=False) as stored:
        scored = dict(zip(zip(stored["query"], stored["image"], strict=True), stored["sift inliers"], strict=True))
    told = {(p.query, p.candidate): int(p.inlier.sum()) for p in found}
    assert told and {key: scored[key] for key in told if key in scored} == {
        k: v for k, v in told.items() if k in scored
    }
    assert any(p.inlier.sum() > 10 for p in found)
    for p in found:
        assert ((p.ours >= 0) & (p.ours <= 1)).all() and ((p.theirs >= 0) & (p.theirs <= 1)).all()


def test_words_and_verdict_are_those_of_the_answer(fused):
    experiment, results, _ = fused
    rows = results.test
    right = rows[(rows["identity"] == rows["identity_1"]) & rows["known"].fillna(False).to_numpy(bool)].head(1)
    wrong = rows[~rows["known"].fillna(True).to_numpy(bool)].head(1)
    (first,), (second,) = (explain.match_best(experiment, row) for row in (right, wrong))
    assert first.verdict == "right" and f"is {right['identity'].iloc[0]}" in first.words
    assert second.verdict == "wrong" and "is not in the gallery" in second.words


def test_the_figures_are_kept_in_the_run(fused, tmp_path, monkeypatch):
    experiment, results, _ = fused
    assert explain.draw_matches(experiment, results.judged, n=2).get_title(loc="left") == "Where photographs match"
    assert len(explain.draw_reliability(experiment).axes) == 2


def test_the_reliability_diagram_is_of_the_pairs_that_metrics_judge(fused, monkeypatch):
    """None of one encounter is among them; the diagram says the error that metrics.json says."""
    experiment, results, _ = fused
    drawn = {}
    monkeypatch.setattr(explain, "reliability_panels", lambda bins, measured: drawn.update(measured))
    explain.draw_reliability(experiment)
    encounter = experiment.split.rows.set_index(IMAGE_ID)["encounter"]
    for role in (VAL, TEST):
        assert drawn[role] == pytest.approx(results.metrics["calibration"][role], abs=1e-6)
        with np.load(experiment.run.path(f"{SCORES}/{role}.npz"), allow_pickle=False) as stored:
            met = encounter[stored["query"]].to_numpy() == encounter[stored["image"]].to_numpy()
            assert not (met & stored["judged"] & stored["same"]).any()
