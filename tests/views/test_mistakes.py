"""The views of compare.ipynb without a browser: choose runs, move the slider, select a point; what is shown follows."""

import pytest

from reid_lib.core.names import IMAGE_ID
from reid_lib.views import mistakes


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))


def test_mistakes_list_follows_kind_and_text_and_shows_the_query(picker):
    picker.choose("triplet")
    view = mistakes.Mistakes(picker)
    found = picker.comparison.mistakes("triplet", "known wrong")
    assert [value for _, value in view.queries.options] == found[IMAGE_ID].tolist()
    assert view.shown.value.count("data:image/jpeg") == 6 and found[IMAGE_ID].iloc[0] in view.shown.value
    view.kind.value = "unknown wrong"
    assert view.queries.value in set(picker.comparison.mistakes("triplet", "unknown wrong")[IMAGE_ID])
    view.individual.value = "no such animal"
    assert view.queries.options == () and "None of this kind" in view.shown.value
