"""Pieces of HTML: every word of a user is escaped, a missing value is a dash, a picture stands in the page itself."""

import io
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.pixels import load_image
from reid_lib.openset.outcomes import OUTCOME
from reid_lib.pages import html

ROOT = Path(__file__).parents[2]
HOSTILE = """<script>alert(1)</script> & "it's" {{ 7 * 7 }}"""


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


def test_cells_of_a_table_are_text_or_html_made_here():
    shown = html.table([["<b>1</b>", html.muted("<i>")]], ["<run>", "n"])
    assert "&lt;run&gt;" in shown and "&lt;b&gt;1&lt;/b&gt;" in shown and ">&lt;i&gt;</span>" in shown


def test_a_photograph_stands_in_the_page():
    pixels = np.full((30, 40, 3), 128, dtype=np.uint8)
    assert Image.open(io.BytesIO(html.jpeg(pixels))).size == (40, 30)
    assert 'src="data:image/jpeg;base64,' in html.photo(pixels, "caption")
    assert "max-width:100%" in html.photo(pixels, "caption")  # a panorama stays within its place
    assert "photograph not on this machine" in html.photo(None, "caption")


@pytest.mark.parametrize(
    "made",
    [
        lambda: html.text(HOSTILE),
        lambda: html.muted(HOSTILE),
        lambda: html.failure(ValueError(HOSTILE)),
        lambda: html.table([[HOSTILE, HOSTILE]], [HOSTILE, HOSTILE]),
        lambda: html.photo(None, HOSTILE, frame=HOSTILE),
        lambda: html.row_of([HOSTILE]),
        *(
            lambda macro=macro: html.render_part(macro, HOSTILE)
            for macro in ("bold", "small", "run_name", "paragraph", "caption")
        ),
        lambda: html.render_part("small", "", title=HOSTILE),
        lambda: html.render_part("lines", [HOSTILE, HOSTILE]),
        lambda: html.render_part("items", [HOSTILE]),
        lambda: html.render_part("coloured", HOSTILE, HOSTILE),
        lambda: html.render_part("no_answer", HOSTILE, HOSTILE),
        lambda: html.render_part("answer", *[HOSTILE] * 5, [HOSTILE]),
        lambda: html.render_part("selection", HOSTILE, [(HOSTILE, HOSTILE, [HOSTILE])]),
        lambda: html.render_part("points_key", HOSTILE, [(HOSTILE, HOSTILE, 1.0)]),
        lambda: html.render_part("tiles", HOSTILE, [(HOSTILE,) * 5]),
        lambda: html.render_part("centred", HOSTILE),
        lambda: html.render_part("picture_with_lines", HOSTILE, HOSTILE, [(1, 2, 3)], HOSTILE),
        lambda: html.render_template("run_header.html", results=[HOSTILE], facts={HOSTILE: HOSTILE}, command=HOSTILE),
        lambda: html.render_template("page.html", title=HOSTILE),
    ],
)
def test_a_hostile_name_is_text_wherever_it_stands(made):
    shown = made()
    assert "&lt;script&gt;" in shown and "<script" not in shown and "{{ 7 * 7 }}" in shown  # a name is no template
    soup = BeautifulSoup(shown, "html.parser")
    said = [soup.get_text(), *(str(value) for element in soup(True) for value in element.attrs.values())]
    assert any(HOSTILE in words for words in said)  # whole, to its last quote
    assert soup.find("script") is None and not any(name.startswith("on") for e in soup(True) for name in e.attrs)


def test_html_in_html_is_escaped_once():
    assert html.row_of([html.muted("a < b")]).count("a &lt; b") == 1


def test_cards_of_a_hostile_animal_are_text(comparison, monkeypatch):
    run = comparison.run("plain")
    answered = run.predictions.copy()
    hostile = answered.index[answered[OUTCOME] == "known right"][0]
    answered.loc[hostile, ["identity", "predicted", "identity_1"]] = HOSTILE
    monkeypatch.setitem(run.__dict__, "predictions", answered)
    about = comparison.about("plain", hostile)
    monkeypatch.setattr(type(comparison), "about", lambda *_: {**about, "identity": HOSTILE})
    for card in (html.answer_card(comparison, "plain", hostile), html.image_card(comparison, "plain", hostile)):
        assert "&lt;script&gt;" in card and "<script" not in card


def test_no_module_puts_html_together():
    tag = re.compile(r"""f?["'][^"']*</?(div|span|b|p|h\d|table|tr|td|th|ul|li|img|br|style|html)\b[^"']*>""")
    for file in (ROOT / "reid_lib").rglob("*.py"):
        code = "\n".join(
            line for line in file.read_text().splitlines() if "endswith" not in line and "re.compile" not in line
        )
        assert not tag.search(re.sub(r'"""[\s\S]*?"""', "", code)), file


def test_an_installed_package_has_the_templates(monkeypatch):
    """As setuptools lists the files of a wheel; they are found through the package, not the folder of the project."""
    from setuptools import Distribution

    names = {file.name for file in (ROOT / "reid_lib" / "pages" / "templates").iterdir()}
    assert {entry.name for entry in resources.files("reid_lib.pages").joinpath("templates").iterdir()} == names
    monkeypatch.chdir(ROOT)
    distribution = Distribution()
    distribution.parse_config_files(["pyproject.toml"])
    assert "reid_lib.pages" in distribution.packages
    folder, patterns = ROOT / "reid_lib" / "pages", distribution.package_data["reid_lib.pages"]
    assert names <= {file.name for pattern in patterns for file in folder.glob(pattern)}


def test_where_a_photograph_was_taken_leaves_with_no_picture_and_no_row(tmp_path, clean_dirs):
    exif = Image.Exif()
    exif[0x8769] = {0x9003: "2024:05:01 10:11:12"}
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.5), 3: "E", 4: (13.0, 24.0, 36.5)}
    (tmp_path / "photos/a").mkdir(parents=True)
    photo = tmp_path / "photos/a/1.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 120, 3), dtype=np.uint8)).save(photo, exif=exif)
    assert Image.open(photo).getexif().get_ifd(0x8825)
    page = Image.open(io.BytesIO(html.jpeg(load_image(photo))))
    assert not page.getexif() and "exif" not in page.info and not page.getexif().get_ifd(0x8825)
    catalogue = read_catalogue("folder", str(tmp_path / "photos"), progress=False)
    assert catalogue.rows["date"].tolist() == ["2024-05-01T10:11:12"]
    told = catalogue.rows.to_csv() + catalogue.left_out.to_csv() + " ".join(catalogue.notes)
    assert not re.search(r"52[.,]5|13[.,]4|31[.,]0|12[.,]5|36[.,]5|latitude|gps", told, re.IGNORECASE)


def test_a_label_is_broken_between_its_parts_and_reads_as_it_is():
    label = "lr 1e-4, seed 1, a part that is longer than the column of names"
    drawn = BeautifulSoup(html.run_label("whole", label), "html.parser")
    assert drawn.get_text() == label and drawn.b["title"] == "whole"
    assert [span.get_text() for span in drawn.find_all("span")] == ["lr 1e-4,", "seed 1,"]
    assert BeautifulSoup(html.run_label("one-run"), "html.parser").span is None
