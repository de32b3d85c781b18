"""Names of users in every figure: no formula, no warning, no crash, and readable where a font of this machine is."""

import warnings

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import CURVE, HAND, LEAK, catalogue_rows, history_of, photo, plane_of, words
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry, fontManager
from matplotlib.text import Text

from reid_lib import figures
from reid_lib.core.names import (
    DATASET,
    DATE,
    ENCOUNTER,
    GALLERY,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    N_RANKS,
    ORIENTATION,
    PATH,
    PREDICTED,
    RANK,
    ROLE,
    ranked_column,
)
from reid_lib.figures import (
    animals,
    detection,
    histories,
    history,
    impact,
    intervals,
    legible,
    performance,
    planes,
    quality,
    scores,
    sheets,
    sightings,
)

matplotlib.use("Agg")

pytestmark = pytest.mark.usefixtures("no_figure_is_left")

HOSTILE = [
    r"$\foo$",  # no formula TeX knows: an error after the whole training
    "_猫 🦊 l\u200by\ufe0fnx\tb\nc\x07 $5 and $6 \\foo",  # a formula for matplotlib, money for its owner
]


def renamed(frame, name):
    """The frame with `name` in every column of words."""
    columns = [
        DATASET,
        IDENTITY,
        INDIVIDUAL,
        ENCOUNTER,
        ORIENTATION,
        *(ranked_column(IDENTITY, k + 1) for k in range(N_RANKS)),
    ]
    return frame.assign(**{c: [f"{name}{str(v)[-1]}" for v in frame[c]] for c in columns if c in frame})


def tables_of(name):
    row = {"run": f"{name}1", "baks": 0.5, "baks_low": 0.4, "baks_high": 0.6, "test_fingerprint": "t"}
    more = {"param_columns": name, "param_lr": 1e-3, "param_seed": 0, "reference": f"{name}1"}
    return pd.DataFrame([row | more, row | more | {"run": "2", "param_columns": "x", "param_lr": 1.0}])


def histories_of(name):
    return {f"{name}{k}": history_of(train_loss=[3.0, 2.0], val_loss=[3.0, 2.5 - k]) for k in range(2)}


def projections_of(name):
    return {f"{name}{k}": renamed(plane_of(30, k), name) for k in range(2)}


def seen(name):
    """Photographs of a catalogue with a date, a role and whether their animal is known."""
    rows = renamed(catalogue_rows(), name)
    return rows.assign(**{DATE: "2024-05-01", ROLE: GALLERY, KNOWN: True})


def sizes_of(name):
    sides = {
        "width": [300.0, 400.0],
        "height": 300.0,
        "sharpness": [1.0, 500.0],
        "small": False,
        "blurred": [True, False],
    }
    return pd.DataFrame({IMAGE_ID: ["a", "b"], DATASET: name, **sides})


def pairs_of(name):
    row = {f"{what}_{side}": f"{name}{side}" for what in (IDENTITY, PATH, DATASET) for side in (1, 2)}
    return pd.DataFrame([row | {"image_id_1": "a1", "image_id_2": "b1", "correlation": 0.99}])


def answered(name):
    rows = renamed(HAND, name)
    more = {ENCOUNTER: [f"{name}-{k % 3}" for k in range(len(rows))], RANK: 1.0, PREDICTED: name}
    return rows.assign(**more)


FIGURES = {
    "loss": lambda name: history.loss_curves(history_of(train_loss=[3.0, 2.0], val_loss=[3.0, 2.5]), 2),
    "val": lambda name: history.val_scores(history_of(val_score=[0.3, 0.4], val_top1=[0.5, 0.6]), 2),
    "scores": lambda name: scores.score_distributions(renamed(HAND, name), 0.4),
    "score_panels": lambda name: scores.score_panels(renamed(HAND, name), 0.4),
    "curve": lambda name: scores.threshold_curve(CURVE.assign(dataset=name), 0.5, dataset=name),
    "threshold_panels": lambda name: scores.threshold_panels(CURVE.assign(dataset=[name] * 4 + ["x"] * 2), 0.5),
    "projection": lambda name: planes.projection(renamed(plane_of(50), name), colour_by=INDIVIDUAL),
    "confusion": lambda name: scores.confusion(renamed(HAND, name)),
    "bars": lambda name: intervals.bars({name: {"value": 0.5, "low": 0.4, "high": 0.6}}, title=f"{name}: {name}"),
    "animal_panels": lambda name: animals.animal_panels(answered(name)),
    "encounter_answers": lambda name: animals.encounter_answers(answered(name)),
    "cmc_curve": lambda name: detection.cmc_curve(answered(name)),
    "det_curve": lambda name: detection.det_curve(answered(name), 0.4),
    "detection_panels": lambda name: detection.detection_panels(answered(name), {name: 0.4, "x": None}),
    "leak": lambda name: intervals.leak(LEAK.assign(split=[name, "encounter"])),
    "retrieval": lambda name: sheets.retrieval(renamed(HAND, name).assign(**{PREDICTED: name}), photo, n=3),
    "photographs": lambda name: sheets.photographs(renamed(catalogue_rows(), name), photo),
    "loss_comparison": lambda name: histories.loss_comparison(histories_of(name)),
    "history_lines": lambda name: histories.history_lines(histories_of(name), "val_loss"),
    "projections": lambda name: planes.projections(projections_of(name), colour_by=INDIVIDUAL),
    "impact": lambda name: impact.parameter_impact(tables_of(name), "columns", "baks"),
    "impact of a number": lambda name: impact.parameter_impact(tables_of(name), "lr", "baks"),
    "performance_bars": lambda name: performance.performance_bars(tables_of(name), ["baks"]),
    "counts_panels": lambda name: sightings.counts_panels(seen(name)),
    "sighting_calendar": lambda name: sightings.sighting_calendar(seen(name)),
    "split_roles": lambda name: sightings.split_roles(seen(name)),
    "quality_panels": lambda name: quality.quality_panels(sizes_of(name), 160),
    "photo_cards": lambda name: quality.photo_cards(seen(name).assign(words=name), photo, title=name),
    "suspects": lambda name: sheets.suspects(pairs_of(name), photo),
    "performance_heatmap": lambda name: performance.performance_heatmap(tables_of(name), ["baks"]),
}


def drawn(figure):
    """All words of the figure, once it has been drawn; a warning is an error."""
    figure = figure if isinstance(figure, Figure) else figure.figure
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    return "\n".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_draws_any_name(figure):
    for name in HOSTILE:
        shown = drawn(FIGURES[figure](name))
        plt.close("all")
        assert shown.strip() and not any("\a" in line or "\t" in line for line in shown.splitlines())


def test_every_function_that_draws_is_legible():
    functions = [getattr(figures, name) for name in figures.__all__]
    plain = {f.__name__ for f in functions if callable(f) and not hasattr(f, "__wrapped__")}
    assert plain == {"save_figure"}
    drawing = {f.__name__ for f in functions if hasattr(f, "__wrapped__")}
    assert len(FIGURES) == len(drawing) + 1  # one stands there twice


@pytest.mark.parametrize(
    "figure", ["retrieval", "photographs", "projection", "score_panels", "impact", "performance_bars"]
)
def test_a_name_between_dollars_is_read_as_it_stands(figure):
    assert "$x$" in drawn(FIGURES[figure]("$x$")) and not any(
        text.get_parse_math() for text in plt.gcf().findobj(Text) if "$x$" in text.get_text()
    )


def test_a_name_that_begins_with_an_underscore_is_in_the_legend():
    ax = FIGURES["projection"]("_ann")
    assert any("_ann" in text.get_text() for text in ax.get_legend().get_texts())
    figure = FIGURES["projections"]("_ann")
    assert any("_ann" in text.get_text() for text in figure.legends[0].get_texts())


def test_powers_of_ten_stay_formulas():
    """ "impact of a number" has values from 0.001 to 1; an axis of matplotlib's own numbers is not touched."""
    ax = Figure().subplots()
    legible.legible(lambda ax: ax.semilogy([1, 1e6]) and ax)(ax=ax)
    ax.figure.canvas.draw()
    labels = [label for label in ax.get_yticklabels() if label.get_text()]
    assert labels and all("mathdefault" in label.get_text() and label.get_parse_math() for label in labels)


def test_words_that_were_in_the_axes_before_are_left_alone():
    ax = Figure().subplots()
    mine = ax.text(0, 0, "$x^2$")
    intervals.bars({"a": {"value": 1.0}}, title="$t$", ax=ax)
    assert mine.get_parse_math() and not ax.title.get_text() and ax.get_title("left") == "$t$"


@pytest.fixture
def cat_font(tmp_path, monkeypatch):
    """A font of this machine that has the letter 猫 and no other."""
    builder = pytest.importorskip("fontTools.fontBuilder")
    pens = pytest.importorskip("fontTools.pens.ttGlyphPen")
    pen = pens.TTGlyphPen(None)
    for corner, step in zip([(0, 0), (0, 700), (700, 700), (700, 0)], ["moveTo", *["lineTo"] * 3], strict=True):
        getattr(pen, step)(corner)
    pen.closePath()
    font = builder.FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "cat"])
    font.setupCharacterMap({ord("猫"): "cat"})
    font.setupGlyf({".notdef": pens.TTGlyphPen(None).glyph(), "cat": pen.glyph()})
    font.setupHorizontalMetrics({".notdef": (500, 0), "cat": (800, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Cats", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(tmp_path / "cats.ttf")
    entry = FontEntry(fname=str(tmp_path / "cats.ttf"), name="Cats", size="scalable")
    monkeypatch.setattr(fontManager, "ttflist", [*fontManager.ttflist, entry])
    monkeypatch.setattr(legible, "_family_of", {})
    return "Cats"


def test_letters_come_from_a_font_that_has_them(cat_font):
    ax = FIGURES["photographs"]("猫")
    assert "猫" in drawn(ax)
    named = [text for text in ax.texts if text.get_gid() == "individual"]
    assert named and all(cat_font in text.get_fontfamily() for text in named)
    ax = FIGURES["impact"]("猫")
    assert "猫" in [label.get_text() for label in ax.get_xticklabels()] and "猫" in drawn(ax)


def test_letters_of_no_font_are_stood_in_for(monkeypatch):
    monkeypatch.setattr(legible, "_fonts", lambda: iter(()))
    monkeypatch.setattr(legible, "_family_of", {})
    ax = FIGURES["performance_bars"]("猫\x07")
    drawn(ax)
    assert "columns □ , lr 1e-3  (reference)" in [label.get_text() for label in ax.get_yticklabels()]


@settings(max_examples=15)
@given(st.text(max_size=12))
def test_any_text_is_drawn_without_a_warning(name):
    plt.close("all")
    assert "0.50" in drawn(FIGURES["bars"](name))
    assert "baks" in drawn(FIGURES["performance_heatmap"](name)).lower()


def test_names_that_need_nothing_are_drawn_as_before():
    ax = sheets.photographs(catalogue_rows(), photo)
    before = words(ax)
    plain = sheets.photographs.__wrapped__(catalogue_rows(), photo)
    assert words(plain) == before
    for one, other in zip(ax.texts, plain.texts, strict=True):
        assert one.get_fontfamily() == other.get_fontfamily()
    pixels = [np.asarray(a.figure.canvas.buffer_rgba()) for a in (ax, plain) if not a.figure.canvas.draw()]
    assert np.array_equal(*pixels)
