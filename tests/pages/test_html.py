"""Pieces of HTML: every word of a user is escaped, a missing value is a dash, a picture stands in the page itself."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid_lib.pages import html


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (pd.NA, "–"),
        (0.12345, "0.123"),
        (7, "7"),
        (True, "True"),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_a_value_as_people_read_it(value, said):
    assert html.text(value) == said


def test_heads_and_muted_words_are_escaped_and_cells_are_html():
    shown = html.table([["<b>1</b>", html.muted("<i>")]], ["<run>", "n"])
    assert "&lt;run&gt;" in shown and "<b>1</b>" in shown and "&lt;i&gt;" in shown


def test_a_photograph_stands_in_the_page():
    pixels = np.full((30, 40, 3), 128, dtype=np.uint8)
    assert Image.open(io.BytesIO(html.jpeg(pixels))).size == (40, 30)
    assert 'src="data:image/jpeg;base64,' in html.photo(pixels, "caption")
    assert "photograph not on this machine" in html.photo(None, "caption")


def test_a_figure_is_closed_once_it_is_a_picture(no_figure_is_left):
    import matplotlib.pyplot as plt

    ax = plt.figure().add_subplot()
    assert html.png(ax)[:8] == b"\x89PNG\r\n\x1a\n" and plt.get_fignums() == []
