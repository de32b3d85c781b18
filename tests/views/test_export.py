"""The views of compare.ipynb without a browser: choose runs, move the slider, select a point; what is shown follows."""

import re

import pytest

from reid_lib.compare.comparison import Comparison
from reid_lib.pages.comparison_page import MOVING
from reid_lib.views import numbers
from reid_lib.views.export import Export

PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))


def test_export_writes_a_page_that_stands_alone_and_its_figures(picker):
    picker.choose("plain", "wide")
    table = numbers.MetricsTable(picker)
    export = Export(picker, table)
    export.name.value = "mine"
    assert export.button.layout.width == "max-content"  # its words are whole
    export.button.click()
    folder = picker.comparison.root / "comparisons" / "mine"
    text = (folder / "comparison.html").read_text(encoding="utf-8")
    assert "Written" in export.said.value
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    drawn = {path.stem for path in folder.glob("*.png")}
    assert MOVING <= drawn and len(drawn - MOVING) == text.count("data:image/png") >= 2
    assert all(path.read_bytes().startswith(PNG) for path in folder.glob("*.png"))
    assert Comparison(picker.comparison.root).names == picker.comparison.names  # no run has appeared


def test_export_under_a_name_that_leads_elsewhere_is_refused(picker):
    export = Export(picker, numbers.MetricsTable(picker))
    export.name.value = "../outside"
    export.button.click()
    assert "letters, digits" in export.said.value and not (picker.comparison.root.parent / "outside").exists()
