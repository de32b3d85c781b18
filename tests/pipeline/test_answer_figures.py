"""Figures of the answers of a run: which are drawn, which mistakes come first, what the calibration is measured on."""

from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from drawn import HAND, by_gid, many, texts

from reid_lib.core.names import ENCOUNTER, RANK, ROLE, TEST, VAL
from reid_lib.pipeline import answer_figures

matplotlib.use("Agg")

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def results_of(rows, unit="cosine", judged=TEST):
    val, test = rows[rows[ROLE] == VAL], rows[rows[ROLE] == TEST]
    return SimpleNamespace(
        val=val, test=test, judged=test if judged == TEST else val, about="", threshold=0.5, unit=unit
    )


def shown(monkeypatch, results, **options):
    """Name -> data and options of each figure that is asked for; none is drawn."""
    asked = {}
    monkeypatch.setattr(
        answer_figures, "save_figure", lambda experiment, name, draw, *data, **options: asked.update({name: options})
    )
    answer_figures.show_answers(SimpleNamespace(photo=None, matches={}), results, **options)
    return asked


def test_a_run_shows_all_of_them_and_a_sheet_of_both_kinds_of_mistakes(monkeypatch):
    rows = many(200).assign(**{ROLE: [VAL, TEST] * 100, ENCOUNTER: "e", RANK: 1.0})
    asked = shown(monkeypatch, results_of(rows))
    assert list(asked) == ["animals", "detection", "calibration", "mistakes"]
    assert len(asked["mistakes"]["image_ids"]) == 2 * answer_figures.SHOWN
    assert "encounters" in shown(monkeypatch, results_of(rows), encounters=True)


def test_what_cannot_be_drawn_is_not_asked_for(monkeypatch):
    unknown = HAND.assign(**{ROLE: TEST, "known": None}).astype({"known": "boolean"})
    assert shown(monkeypatch, results_of(unknown)) == {}
    on_val = HAND.assign(**{ROLE: VAL})
    assert set(shown(monkeypatch, results_of(on_val, judged=VAL))) == {"animals", "mistakes"}


def test_the_most_confident_mistakes_come_first():
    assert answer_figures.list_mistakes_of_kind(HAND, "known refused")["image_id"].tolist() == ["q4", "q3"]
    assert answer_figures.list_mistakes_of_kind(HAND, "unknown wrong")["image_id"].tolist() == ["q5"]


def test_the_calibration_is_fitted_on_val_and_judged_on_labelled_test_queries():
    rows = many(300).assign(**{ROLE: [VAL, TEST] * 150})
    (ax,) = answer_figures.draw_calibration(results_of(rows)).axes
    counts = [int(text.get_text().replace(",", "")) for text in by_gid(ax, "pairs")]
    assert sum(counts) == 150 and any("calibration error" in text for text in texts(ax))
    changed = rows.assign(score=np.where(rows[ROLE] == TEST, rows["score"], rows["score"]))
    changed.loc[changed[ROLE] == TEST, "known"] = False  # labels of test move no curve
    (again,) = answer_figures.draw_calibration(results_of(changed)).axes
    assert [text.get_text() for text in by_gid(again, "pairs")] == [text.get_text() for text in by_gid(ax, "pairs")]
    assert ax.get_title(loc="left").startswith("test")
