"""A comparison as a page: it stands alone, with its figures beside it, and is refused where it would lead elsewhere."""

import base64
import hashlib
import json

import pytest
from bs4 import BeautifulSoup

from reid_lib.core.errors import RunError
from reid_lib.pages.comparison_page import CURVES, MOVING, PAGE, write_comparison


def test_the_page_stands_alone_and_names_every_run(comparison):
    page = write_comparison(comparison, ["plain", "wide"], name="two")
    text = page.read_text(encoding="utf-8")
    assert page.name == PAGE and page.parent.name == "two"
    assert "plain" in text and "wide" in text and "data:image/png;base64," in text
    soup = BeautifulSoup(text, "html.parser")
    assert [script.attrs for script in soup("script")] == [{"type": "application/json", "id": "plots"}, {}]
    drawn = json.loads(soup.select_one("#plots").string)
    assert len(drawn["planes"]) == 2 and len(drawn["curves"]) == len(CURVES)
    places = {f"{kind}-{k}" for kind in ("planes", "curves") for k in range(len(drawn[kind]))}
    assert places == {place["id"] for place in soup.select(".reid-panels > div")}
    allowed = soup.select_one("meta[http-equiv=Content-Security-Policy]")["content"]
    own = base64.b64encode(hashlib.sha256(soup("script")[1].string.encode()).digest()).decode()
    assert allowed.startswith("default-src 'none'") and f"script-src 'sha256-{own}'" in allowed
    pairs = soup.select(".pair")
    assert len(pairs) > 10 and all(len(pair("img")) == 2 for pair in pairs)  # a query and its nearest photograph
    assert all(img["src"].startswith("data:image/jpeg") and img["title"] for img in soup.select(".pair img"))
    still = {path.stem for path in page.parent.glob("*.png")} - MOVING
    assert len(soup.select("label.enlarged > input[type=checkbox] + img")) == len(still) > 1
    assert [bool(spots) for spots in drawn["spots"]] == [True] * len(still)  # the pointer on each says what it is on
    assert "wide" in soup.body["class"]
    assert {path.suffix for path in page.parent.iterdir()} == {".html", ".png"}


def test_an_impact_is_drawn_where_runs_differ_in_nothing_else_and_what_is_not_is_said(comparison, monkeypatch):
    drawn = write_comparison(comparison, ["plain", "wide"], name="alike")
    assert drawn.with_name("impact_margin.png").exists() and "could its impact" not in drawn.read_text(encoding="utf-8")
    monkeypatch.setattr(comparison, "table", comparison.table.assign(param_lr=[1e-3, 3e-4]))
    page = write_comparison(comparison, ["plain", "wide"], name="apart")
    assert not list(page.parent.glob("impact_*.png"))
    said = page.read_text(encoding="utf-8").partition("could its impact be drawn: ")[2].partition(".")[0]
    assert sorted(said.split(", ")) == ["lr", "margin"]


@pytest.mark.parametrize("name", ["../out", "a/b", ""])
def test_a_name_that_leads_elsewhere_is_refused(comparison, name):
    with pytest.raises(RunError):
        write_comparison(comparison, ["plain"], name=name)


def test_nothing_chosen_is_refused(comparison):
    with pytest.raises(RunError, match="choose at least one run"):
        write_comparison(comparison, [], name="none")


def test_hostile_names_are_text_in_the_page(comparison, monkeypatch):
    evil = '<script>alert("x")</script>&'
    mistakes = type(comparison).mistakes

    def named(self, *args, **options):
        return mistakes(self, *args, **options).assign(identity=evil)

    monkeypatch.setattr(type(comparison), "mistakes", named)
    monkeypatch.setattr(comparison, "table", comparison.table.assign(param_data_root=evil))
    frame = comparison.run("plain").projection.assign(individual=f"</script>{evil}")
    comparison.run("plain").__dict__["projection"] = frame
    page = write_comparison(comparison, ["plain", "wide"], name="evil").read_text(encoding="utf-8")
    shown = BeautifulSoup(page, "html.parser")
    assert page.count("<script") == page.count("</script") == 2 and evil not in page
    assert evil in json.loads(shown.select_one("#plots").string)["photographs"][0]["words"][1]
    assert shown.get_text().count(evil) >= 4  # parameters of two runs, and mistakes of each
    assert shown.find("title").get_text() == "evil: comparison" and shown.find("h1").get_text().startswith(
        "evil: 2 runs"
    )
