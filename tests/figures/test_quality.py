"""Sizes, sharpness and cards of photographs, read back from the artists."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from reid_lib.data.audit import COPY, UNREADABLE
from reid_lib.data.photo import UnreadablePhoto
from reid_lib.figures.quality import describe_blurred, describe_findings, photo_cards, quality_panels

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def measured(sides, sharpness, small=(), blurred=()):
    n = len(sides)
    return pd.DataFrame(
        {
            "image_id": [f"i{k}" for k in range(n)],
            "dataset": "newts",
            "width": np.array(sides, float),
            "height": np.array(sides, float) * 1.5,
            "sharpness": np.array(sharpness, float),
            "small": [k in small for k in range(n)],
            "blurred": [k in blurred for k in range(n)],
        }
    )


def drawn(figure):
    figure.canvas.draw()
    return figure


def test_every_photograph_is_counted_and_the_odd_ones_are_hatched():
    table = measured([50, 300, 400, 4000], [1, 500, 700, 900], small=[0], blurred=[0])
    left, right = drawn(quality_panels(table, 160)).axes
    for ax in (left, right):
        assert sum(bar.get_height() for bar in ax.patches) == 4
        assert sum(bar.get_height() for bar in ax.patches if bar.get_gid() == "odd") == 1
    assert left.get_title(loc="left") == "1 of 4 smaller than 80 px (orange)"
    assert [line.get_gid() for line in left.get_lines()] == ["image_size"]


@pytest.mark.parametrize("sides, sharpness", [([96] * 5, [0] * 5), ([np.nan] * 2, [3, 4]), ([], []), ([10], [1e5])])
def test_alike_unknown_none_and_one_are_drawn(sides, sharpness):
    left, right = drawn(quality_panels(measured(sides, sharpness), 160)).axes
    assert sum(bar.get_height() for bar in left.patches) == np.isfinite(sides).sum()
    assert sum(bar.get_height() for bar in right.patches) == len(sharpness)


def test_the_numbers_on_the_axes_stay_apart():
    rng = np.random.default_rng(0)
    for spread in (1.2, 3, 30, 3000):
        sides = np.exp(rng.uniform(np.log(100), np.log(100 * spread), 200))
        for ax in drawn(quality_panels(measured(sides, sides), 160)).axes:
            shown = [t.get_window_extent() for t in ax.get_xticklabels() if t.get_text()]
            shown.sort(key=lambda box: box.x0)
            assert len(shown) >= 2 and all(a.x1 < b.x0 for a, b in zip(shown, shown[1:], strict=False))


def load(image_id):
    if image_id == "broken":
        raise UnreadablePhoto("x.jpg", "empty file (0 bytes)")
    return np.zeros((30, 40, 3), dtype=np.uint8)


def test_a_photograph_that_cannot_be_shown_says_why_in_its_place():
    cards = pd.DataFrame({"image_id": ["a", "broken"], "words": ["a.jpg\nsaved twice", "x.jpg\nunreadable"]})
    figure = drawn(photo_cards(cards, load, title="Found"))
    assert [image.get_gid() for ax in figure.axes for image in ax.images] == ["photograph", "no photograph"]
    assert "empty file" in figure.axes[1].texts[0].get_text()
    assert figure.get_suptitle() == "Found"


def test_of_many_cards_some_are_shown_and_that_is_said_and_of_none_a_word():
    cards = pd.DataFrame({"image_id": list("abcdefgh"), "words": "x\ny"})
    figure = drawn(photo_cards(cards, load, title="Found", n=7))
    assert figure.get_suptitle() == "Found (7 of 8)" and sum(len(ax.images) for ax in figure.axes) == 7
    assert drawn(photo_cards(cards.head(0), load, title="Found")).axes[0].texts[0].get_text() == "none"


def test_words_of_neighbouring_cards_do_not_meet():
    long = "Über-große Schildkröte/Foto mit langem Namen.jpg"
    findings = pd.DataFrame(
        {"image_id": list("abcdef"), "path": [long] * 6, "kind": [COPY] * 3 + [UNREADABLE] * 3, "detail": ""}
    )
    figure = drawn(photo_cards(describe_findings(findings), load, title="Found"))
    boxes = [ax.texts[-1].get_window_extent() for ax in figure.axes if ax.texts]
    assert len(boxes) == 6 and all(a.x1 < b.x0 for a, b in zip(boxes, boxes[1:], strict=False))


def test_copies_stand_side_by_side_and_the_least_sharp_come_first():
    findings = pd.DataFrame(
        {
            "image_id": ["1", "2", "3", "4"],
            "path": ["b.jpg", "x.jpg", "a.jpg", "y.jpg"],
            "kind": COPY,
            "detail": ["a.jpg = b.jpg", "x.jpg = y.jpg", "a.jpg = b.jpg", "x.jpg = y.jpg"],
        }
    )
    assert describe_findings(findings)["image_id"].tolist() == ["3", "1", "2", "4"]
    table = measured([50, 60, 300, 300], [90, 80, 5, 2], small=[0, 1], blurred=[2, 3])
    assert describe_blurred(table)["image_id"].tolist() == ["i3", "i2", "i1", "i0"]
    assert list(describe_blurred(measured([300], [90])).columns[-1:]) == ["words"]
