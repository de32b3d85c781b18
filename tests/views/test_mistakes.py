"""The views of compare.ipynb without a browser: choose runs, move the slider, select a point; what is shown follows."""

import numpy as np
import pytest

from reid_lib.compare.comparison import Comparison
from reid_lib.core.names import IMAGE_ID, MATCHES_NPZ, TEST, VAL
from reid_lib.figures.match_lines import MatchedPair
from reid_lib.figures.stored_matches import save_matches
from reid_lib.views import base, mistakes


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))


def test_mistakes_list_follows_kind_and_text_and_shows_the_query(picker):
    picker.choose("triplet")
    view = mistakes.Mistakes(picker)
    assert view.role.value == VAL  # test is looked at on demand
    found = picker.comparison.mistakes("triplet", "known wrong", role=VAL)
    assert [value for _, value in view.queries.options] == found[IMAGE_ID].tolist()
    assert view.shown.value.count("data:image/jpeg") == 6 and found[IMAGE_ID].iloc[0] in view.shown.value
    view.kind.value = "unknown wrong"
    assert view.queries.value in set(picker.comparison.mistakes("triplet", "unknown wrong")[IMAGE_ID])
    view.role.value = TEST
    assert view.queries.value in set(picker.comparison.mistakes("triplet", "unknown wrong", role=TEST)[IMAGE_ID])
    view.individual.value = "no such animal"
    assert view.queries.options == () and "None of this kind" in view.shown.value
    assert view.queries.layout.display == "none"  # no empty box


def test_a_mistake_is_shown_with_its_match_lines_where_the_run_kept_them(folder):
    picker = base.RunPicker(Comparison(folder))
    picker.choose("triplet")
    row = picker.comparison.mistakes("triplet", "known wrong").iloc[0]
    places = np.array([[0.2, 0.3], [0.5, 0.5]])
    pair = MatchedPair(row[IMAGE_ID], row["image_1"], "", "wrong", places, places, np.ones(2), np.array([True, False]))
    path = folder / "triplet" / MATCHES_NPZ
    save_matches(path, [pair])
    try:
        view = mistakes.Mistakes(picker)
        assert view.queries.value == row[IMAGE_ID] and view.shown.value.count("data:image/png") == 1
        others = [value for _, value in view.queries.options if value != row[IMAGE_ID]]
        view.queries.value = others[0]
        assert "data:image/png" not in view.shown.value
    finally:
        path.unlink()


def test_damaged_matches_are_told_and_the_mistake_is_shown_without_them(folder):
    picker = base.RunPicker(Comparison(folder))
    picker.choose("triplet")
    path = folder / "triplet" / MATCHES_NPZ
    path.write_bytes(b"PK")
    try:
        view = mistakes.Mistakes(picker)
        assert view.queries.value in view.shown.value and "cannot be read" in view.shown.value
    finally:
        path.unlink()
