"""answers.html: alone it shows everything, the doubtful first, and no name is HTML."""

import re

import numpy as np

from reid_lib.pages.answers_page import Candidate, Shown, render_answers


def shown(name="q.jpg", *, doubtful=False, pixels=True, matches=None) -> Shown:
    picture = np.full((40, 60, 3), 90, np.uint8) if pixels else None
    first = Candidate("Anna <b>", 0.9, "a.jpg", "2024-05-01", picture)
    candidates = [first, Candidate("Berta", 0.1, "b.jpg", "", picture)]
    return Shown(name, "Anna <b>", "probably", 0.9, doubtful, "", "", picture, candidates, matches)


def test_the_page_loads_nothing_and_escapes_names():
    page = render_answers(["2 photographs"], [shown("<script>.jpg")], [["x.txt", "not a photograph"]], "lines")
    assert "<script>" not in page and "Anna &lt;b&gt;" in page and "not a photograph" in page
    assert all(address.startswith("data:image/") for address in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert "probably (90%)" in page and "2024-05-01" in page


def test_doubtful_ones_come_first():
    page = render_answers(["s"], [shown("sure.jpg"), shown("doubtful.jpg", doubtful=True)], [], "")
    assert page.index("doubtful.jpg") < page.index("sure.jpg") and page.count("please look") == 1


def test_each_line_ends_where_the_match_lies():
    ours, theirs = np.array([[0.5, 0.5], [0.0, 0.0]]), np.array([[1.0, 1.0], [0.5, 0.5]])
    matches = (ours, theirs, np.array([True, False]), np.array([0.9, 0.5], np.float32))
    page = render_answers(["s"], [shown(matches=matches)], [], "")
    lines = re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"', page)
    # Photographs of 60 x 40 are 450 wide at a height of 300; the second begins 14 further.
    assert ("225.0", "150.0", "914.0", "300.0") in lines and ("0.0", "0.0", "689.0", "150.0") in lines
    assert "1 of 2 matches by one geometry" in page


def test_a_photograph_that_is_elsewhere_is_a_grey_field():
    page = render_answers(["s"], [shown(pixels=False)], [], "")
    assert page.count("photograph not on this machine") >= 2
