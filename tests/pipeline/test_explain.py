"""Why an answer was given: matches and reliability of a run, from its files and the cache."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from drawn import HAND

from reid_lib.core.names import IMAGE_ID, MATCHES_NPZ, SCORES, TEST, VAL, ranked_column
from reid_lib.figures.saving import close_figures
from reid_lib.figures.sheets import examples
from reid_lib.figures.stored_matches import load_matches
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


def test_the_reliability_diagram_has_a_panel_for_each_role(fused):
    experiment, _, _ = fused
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


def test_matches_of_mistakes_and_doubtful_answers_are_kept_and_are_the_same(fused):
    experiment, results, _ = fused
    kept = load_matches(experiment.run.path(MATCHES_NPZ))
    wrong = explain.list_mistakes(results.judged)
    assert len(wrong) and set(wrong[IMAGE_ID]) <= set(kept) and len(kept) <= explain.EXPLAINED
    assert set(examples(results.judged)[IMAGE_ID]) <= set(kept)  # those of the figures
    for pair in explain.match_best(experiment, wrong.head(3)):
        assert kept[pair.query].words == pair.words and kept[pair.query].candidate == pair.candidate
        np.testing.assert_allclose(kept[pair.query].ours, pair.ours, rtol=1e-6)


def test_every_query_of_the_figures_is_kept_however_many_mistakes_there_are(fused, monkeypatch, tmp_path):
    experiment, results, _ = fused
    kept, folder = [], SimpleNamespace(write=lambda name: nullcontext(tmp_path / name))
    monkeypatch.setattr(explain, "EXPLAINED", 6)
    monkeypatch.setattr(explain, "match_best", lambda _, rows: kept.extend(rows[IMAGE_ID]) or [])
    explain.store_matches(replace(experiment, run=folder), results)
    assert set(kept) == set(examples(results.judged)[IMAGE_ID])  # of `retrieval`
    assert set(kept) >= set(examples(results.judged, n=explain.SHOWN)[IMAGE_ID])  # of `show_matches`


def test_mistakes_and_doubt_are_ranked_as_by_hand():
    rows = HAND.assign(role="test")
    assert explain.list_mistakes(rows)[IMAGE_ID].tolist() == ["q2", "q5", "q3", "q4"]
    limits = SimpleNamespace(values={"newts": 0.49, "seals": None})
    assert explain.rank_by_doubt(rows, limits)[IMAGE_ID].tolist() == ["q3", "q2", "q4", "q1", "q0"]
    assert explain.rank_by_doubt(rows, SimpleNamespace(values={"newts": -np.inf})).empty


def test_two_figures_show_them_from_what_is_kept_and_cells_where_nothing_is(fused, evaluated, monkeypatch):
    shown = {}

    def draw(experiment, name, draw, title, rows, **about):
        shown[name] = draw(title, rows)

    monkeypatch.setattr(explain, "save_figure", draw)
    monkeypatch.setattr(explain, "match_best", lambda *_: pytest.fail("they are kept"))
    explain.show_matches(*fused[:2])
    assert set(shown) == {"matches", "doubtful"}
    assert shown["doubtful"].get_title(loc="left").startswith("Wrong and doubtful answers")
    assert [a.get_gid() for a in shown["matches"].lines].count("match") > 10
    first = fused[0].run.path(MATCHES_NPZ)
    assert not evaluated[0].run.path(MATCHES_NPZ).exists() and first.exists()
    asked = []
    monkeypatch.setattr(explain, "match_best_cells", lambda _, rows: asked.append(len(rows)) or [])
    explain.show_matches(*evaluated[:2])
    assert len(asked) == 1 and asked[0] > explain.SHOWN  # once for both figures
    close_figures(besides=[])
