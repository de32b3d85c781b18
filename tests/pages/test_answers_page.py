"""answers.html: alone it shows everything, no name is HTML, and it is written photograph by photograph."""

import re
import tracemalloc
from dataclasses import replace

import numpy as np
from markupsafe import Markup

from reid_lib.pages.answers_page import AnswerCards, Candidate, Shown, render_card, write_answers


def shown(name="q.jpg", *, doubtful=False, pixels=True, matches=None) -> Shown:
    picture = np.full((40, 60, 3), 90, np.uint8) if pixels else None
    first = Candidate("Anna <b>", 0.9, "a.jpg", "2024-05-01", picture)
    candidates = [first, Candidate("Berta", 0.1, "b.jpg", "", picture)]
    return Shown(name, "Anna <b>", "probably", 0.9, doubtful, "", "", "", picture, candidates, matches)


def write(tmp_path, summary, photographs, unusable, note) -> str:
    write_answers(tmp_path / "answers.html", summary, map(render_card, photographs), unusable, note)
    return (tmp_path / "answers.html").read_text(encoding="utf-8")


def test_the_page_loads_nothing_and_escapes_names(tmp_path):
    page = write(tmp_path, ["2 photographs"], [shown("<script>.jpg")], [["x.txt", "not a photograph"]], "lines")
    assert "<script>" not in page and "Anna &lt;b&gt;" in page and "not a photograph" in page
    assert all(address.startswith("data:image/") for address in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert "probably (90%)" in page and "2024-05-01" in page


def test_what_cannot_be_used_stands_once_before_the_photographs_and_many_are_folded(tmp_path):
    unusable = [[f"x{k}.txt", "not a photograph"] for k in range(11)]
    for some, opened in ((unusable[:10], True), (unusable, False)):
        page = write(tmp_path, ["2 photographs"], [shown()], some, "lines")
        assert page.count("x3.txt") == 1 and page.index("x3.txt") < page.index("q.jpg")
        assert ("<details open>" in page) == opened and f"Could not be used: {len(some)}<" in page
    assert "<details" not in write(tmp_path, ["2 photographs"], [shown()], [], "lines")


def test_a_photograph_that_is_asked_twice_says_so():
    assert "Asked twice" not in render_card(shown())
    assert "Asked twice: the same file as &lt;a&gt;.jpg." in render_card(
        replace(shown(), twice="the same file as <a>.jpg")
    )


def test_the_order_is_kept_and_each_photograph_is_found_in_the_page(tmp_path):
    page = write(tmp_path, ["s"], [shown("b.jpg", doubtful=True), shown("a.jpg")], [], "")
    assert page.index("b.jpg") < page.index("a.jpg") and page.count("please look") == 1
    card = AnswerCards(tmp_path / "answers.html").card("a.jpg")
    assert card in page and "please look" not in card and card.count("<section") == 1


def test_a_page_of_many_photographs_is_never_in_memory_as_a_whole(tmp_path):
    path, size = tmp_path / "answers.html", 2**20
    tracemalloc.start()
    try:
        write_answers(path, ["s"], (Markup("x" * size) for _ in range(50)), [], "lines")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 50 * size and peak < 12 * size


def test_each_line_ends_where_the_match_lies(tmp_path):
    ours, theirs = np.array([[0.5, 0.5], [0.0, 0.0]]), np.array([[1.0, 1.0], [0.5, 0.5]])
    matches = (ours, theirs, np.array([True, False]), np.array([0.9, 0.5], np.float32))
    page = write(tmp_path, ["s"], [shown(matches=matches)], [], "")
    lines = re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"', page)
    # Photographs of 60 x 40 are 450 wide at a height of 300; the second begins 14 further.
    assert ("225.0", "150.0", "914.0", "300.0") in lines and ("0.0", "0.0", "689.0", "150.0") in lines
    assert "1 of 2 matches by one geometry" in page


def test_a_photograph_that_is_elsewhere_is_a_grey_field(tmp_path):
    page = write(tmp_path, ["s"], [shown(pixels=False)], [], "")
    assert page.count("photograph not on this machine") >= 2
