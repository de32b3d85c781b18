"""The views of compare.ipynb without a browser: choose runs, move the slider, select a point; what is shown follows."""

import asyncio
import re
import threading

import numpy as np
import pandas as pd
import pytest
from made_runs import catalogue, make_run, write_photos

from reid_lib import embeddingview, exportview, mistakesview, runtable, thresholdview, verdicts, widgets
from reid_lib.compare import Comparison
from reid_lib.errors import RunError
from reid_lib.names import IMAGE_ID, ROLE, TEST

ROWS = catalogue(n_known=8, n_unknown=6, images=2)
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three finished runs; one of them has an animal named like a piece of HTML."""
    root = tmp_path_factory.mktemp("viewed")
    rows = ROWS.copy()
    odd = rows["identity"] == "a0000"
    rows.loc[odd, "identity"], rows.loc[odd, "individual"] = "<b>Bo</b>", "a/<b>Bo</b>"
    photos = write_photos(rows, root / "photos")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(root / "runs"))
        make_run("plain", rows, skill=1.0, photos=photos)
        make_run("wide", rows, skill=2.0, photos=photos, margin=0.5)
        make_run("triplet", rows, skill=0.5, photos=photos, loss="triplet", lr=3e-4)
        runtable.promote("plain")
    return root / "runs"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def picker(folder):
    return widgets.RunPicker(Comparison(folder))


def listed(picker) -> list[str]:
    return [value for _, value in picker.runs.options]


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_picker_marks_the_reference_and_starts_with_it(picker):
    labels = dict((value, label) for label, value in picker.runs.options)
    assert labels["plain"].startswith("★") and not labels["wide"].startswith("★")
    assert picker.chosen.runs[0] == "plain" and set(picker.runs.value) == set(picker.chosen.runs)


def test_picker_searches_names_and_parameters_and_keeps_what_is_chosen(picker):
    picker.choose("plain")
    picker.search.value = "loss=triplet"
    assert set(listed(picker)) == {"plain", "triplet"}
    picker.search.value = "TRIPLET"
    assert set(listed(picker)) == {"plain", "triplet"}
    assert picker.chosen.runs == ("plain",)
    picker.runs.value = ("plain", "triplet")
    assert picker.chosen.runs == ("plain", "triplet")


def test_picker_sorts_by_validation_and_by_name(picker):
    by_val = picker.comparison.table["val_geometric_mean"]
    assert listed(picker) == by_val.sort_values(ascending=False).index.tolist()
    picker.order.value = "run"
    assert listed(picker) == sorted(by_val.index)


def test_table_shows_the_chosen_runs_their_differences_and_only_the_parameters_that_differ(picker):
    picker.choose("plain", "wide")
    table = widgets.MetricsTable(picker)
    table.wait()
    shown = words(table.html.value)
    value = picker.comparison.table.loc["wide", "geometric_mean"]
    assert f"{value:.3f}" in shown and "margin" in shown and "triplet" not in shown and "lr" not in shown.split()
    difference = value - picker.comparison.table.loc["plain", "geometric_mean"]
    assert f"{difference:+.3f}" in shown.replace("−", "-")
    assert "too few" in shown  # 16 known and 12 unknown individuals
    picker.choose("plain", "triplet")
    table.wait()
    assert "triplet" in words(table.html.value) and "lr" in words(table.html.value)


def test_numbers_are_there_before_the_differences_and_a_late_answer_to_an_old_question_is_dropped(picker, monkeypatch):
    go, compute = threading.Event(), verdicts.differences
    monkeypatch.setattr(widgets, "PATIENCE_S", 0.01)
    monkeypatch.setattr(verdicts, "differences", lambda *a: (go.wait(20), compute(*a))[1])
    picker.choose("plain", "wide")
    table = widgets.MetricsTable(picker)
    first = table._work
    assert "being computed" in words(table.html.value)
    assert f"{picker.comparison.table.loc['wide', 'geometric_mean']:.3f}" in words(table.html.value)
    picker.choose("plain", "triplet")
    go.set()
    first.join()
    table.wait()
    assert "being computed" not in words(table.html.value) and "wide" not in words(table.html.value)


@pytest.mark.parametrize("column", list(widgets.HISTORY))
def test_curves_are_drawn_for_every_choice(picker, column):
    curves = widgets.Curves(picker)
    curves.column.value = column
    assert curves.image.value[:4] == PNG and curves.trouble.value == ""


def test_figures_change_with_what_is_asked_for(picker):
    figures = widgets.Figures(picker)
    seen = set()
    for kind in figures.KINDS:
        figures.kind.value = kind
        assert figures.image.value[:4] == PNG and figures.trouble.value == ""
        seen.add(bytes(figures.image.value))
    assert len(seen) == len(figures.KINDS)
    figures.kind.value = "impact of a parameter"
    assert set(figures.parameter.options) >= {"margin", "lr", "loss"} and "batch_size" not in figures.parameter.options
    before = bytes(figures.image.value)
    figures.parameter.value, figures.metric.value = "loss", "auroc"
    assert bytes(figures.image.value) != before


def test_slider_starts_frozen_and_its_numbers_follow(picker):
    picker.choose("wide", "plain")
    view = thresholdview.ThresholdSlider(picker)
    run = picker.comparison.run("wide")
    assert view.run.value == "wide" and view.slider.value == pytest.approx(run.threshold.values["a"], abs=6e-4)
    view.slider.value = 0.61
    at = run.answers(TEST, "a").at(view.slider.value)
    row = next(r for r in re.findall(r"<tr>.*?</tr>", view.numbers.value) if "test: this" in r)
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", row)
    assert cells[2:5] == [f"{at[name]:.3f}" for name in ("baks", "baus", "geometric_mean")]
    counts = ("named rightly", "named wrongly", "known refused", "unknown refused", "unknown accepted")
    assert cells[5:] == [str(at[name]) for name in counts]
    view.dataset.value = "b"
    assert view.slider.value == pytest.approx(run.threshold.values["b"], abs=6e-4)


def test_slider_line_lies_where_the_threshold_is_in_both_panels(picker):
    view = thresholdview.ThresholdSlider(picker)
    for share in (0.0, 0.5, 1.0):
        view.slider.value = view.slider.min + share * (view.slider.max - view.slider.min)
        at = [float(x) / 100 for x in re.findall(r"left:([\d.]+)%", view.curves.value)]
        expected = [low + share * (high - low) for low, high in thresholdview.PANELS.values()]
        assert at == pytest.approx(expected, abs=2e-3)


def test_other_runs_keep_a_run_of_the_slider_only_while_it_is_chosen(picker):
    picker.choose("plain", "wide")
    view = thresholdview.ThresholdSlider(picker)
    view.run.value = "wide"
    picker.choose("triplet", "wide")
    assert view.run.value == "wide"
    picker.choose("triplet", "plain")
    assert view.run.value == "triplet"


def test_points_of_two_runs_are_linked_by_image_id_even_in_another_order(picker, monkeypatch):
    picker.choose("plain", "wide")
    run = picker.comparison.run("wide")
    run.__dict__["projection"] = run.projection.iloc[::-1]
    view = embeddingview.EmbeddingView(picker)
    left, right = view.panels
    image_id = left.frame[IMAGE_ID].iat[7]
    left.scatter.widget.selection = np.array([7])
    assert view.image_ids == [image_id]
    assert right.frame[IMAGE_ID].iloc[list(right.scatter.widget.selection)].tolist() == [image_id]
    left.scatter.widget.hovering = 3
    assert right.frame[IMAGE_ID].iat[right.scatter.widget.hovering] == left.frame[IMAGE_ID].iat[3]


def test_hovering_shows_the_photograph_and_who_it_is(picker):
    view = embeddingview.EmbeddingView(picker)
    panel = view.panels[0]
    panel.scatter.widget.hovering = 0
    row = panel.frame.iloc[0]
    assert "data:image/jpeg" in view.hovered.value and row[IMAGE_ID] in words(view.hovered.value)


def test_selecting_a_query_shows_five_neighbours_in_each_run(picker):
    picker.choose("plain", "triplet")
    view = embeddingview.EmbeddingView(picker)
    queries = picker.comparison.run("plain").predictions
    image_id = queries.index[queries["known"]][0]
    view.select(image_id)
    assert view.selected.value.count("data:image/jpeg") == 11
    for name in ("plain", "triplet"):
        near = picker.comparison.neighbours(name, image_id)
        for row in near.itertuples():
            assert f"{row.rank}. {'✓' if row.right else '✗'} {row.identity}" in words(view.selected.value).replace(
                "&lt;b&gt;Bo&lt;/b&gt;", "<b>Bo</b>"
            )


def test_selecting_a_gallery_photograph_says_so(picker):
    view = embeddingview.EmbeddingView(picker)
    view.select(ROWS.loc[ROWS[ROLE] == "gallery", IMAGE_ID].iloc[0])
    assert "a gallery photograph" in view.selected.value


def test_selection_survives_other_colours_and_other_runs(picker):
    picker.choose("plain", "wide")
    view = embeddingview.EmbeddingView(picker)
    image_id = view.panels[0].frame[IMAGE_ID].iat[4]
    view.select(image_id)
    view.colour.value = "right / wrong"
    assert view.image_ids == [image_id] and list(view.panels[0].scatter.widget.selection) == [4]
    view.right.value = "triplet" if "triplet" in picker.chosen.runs else "plain"
    assert view.image_ids == [image_id]


def test_names_of_animals_are_shown_not_obeyed(picker):
    view = embeddingview.EmbeddingView(picker)
    odd = view.comparison.run("plain").predictions
    view.select(odd.index[odd["identity"] == "<b>Bo</b>"][0])
    assert "&lt;b&gt;Bo&lt;/b&gt;" in view.selected.value and "<b>Bo</b>" not in view.selected.value


@pytest.mark.parametrize("label", list(embeddingview.COLOUR_BY))
def test_every_point_has_a_colour(picker, label):
    frame = picker.comparison.run("plain").projection.reset_index(drop=True)
    values, colours = embeddingview.colouring(frame, embeddingview.COLOUR_BY[label])
    assert len(values) == len(frame) and not values.isna().any()
    if colours:
        assert set(values.astype(str)) == set(colours)


def test_right_and_wrong_are_coloured_as_they_were_answered(picker):
    frame = picker.comparison.run("triplet").projection
    values, _ = embeddingview.colouring(frame, "outcome")
    predictions = picker.comparison.run("triplet").predictions
    of_queries = values.set_axis(frame[IMAGE_ID]).loc[predictions.index].astype(str)
    right = (predictions["predicted"] == predictions["identity"]) | (
        ~predictions["known"].astype(bool) & (predictions["predicted"] == "new_individual")
    )
    assert ((of_queries == "right") == right).all() and 0 < right.sum() < len(right)
    assert set(values[(frame[ROLE] == "gallery").to_numpy()].astype(str)) == {"gallery"}


def test_many_data_sets_share_the_last_colour():
    frame = pd.DataFrame({"dataset": [f"d{k:02d}" for k in range(30)], "role": "test"})
    values, colours = embeddingview.colouring(frame, "dataset")
    assert len(colours) == len(embeddingview.CYCLE) and (values == embeddingview.OTHER).sum() == 30 - len(colours) + 1


def test_mistakes_list_follows_kind_and_text_and_shows_the_query(picker):
    picker.choose("triplet")
    view = mistakesview.Mistakes(picker)
    found = picker.comparison.mistakes("triplet", "known wrong")
    assert [value for _, value in view.queries.options] == found[IMAGE_ID].tolist()
    assert view.shown.value.count("data:image/jpeg") == 6 and found[IMAGE_ID].iloc[0] in view.shown.value
    view.kind.value = "unknown wrong"
    assert view.queries.value in set(picker.comparison.mistakes("triplet", "unknown wrong")[IMAGE_ID])
    view.individual.value = "no such animal"
    assert view.queries.options == () and "None of this kind" in view.shown.value


def test_export_writes_a_page_that_stands_alone_and_its_figures(picker):
    picker.choose("plain", "wide")
    table = widgets.MetricsTable(picker)
    export = exportview.Export(picker, table)
    export.name.value = "mine"
    export.button.click()
    folder = picker.comparison.root / "comparisons" / "mine"
    text = (folder / "comparison.html").read_text(encoding="utf-8")
    assert "Written" in export.said.value
    assert not re.search(r"""(src|href)=["'](?!data:)""", text) and "<script" not in text
    assert len(list(folder.glob("*.png"))) == text.count("data:image/png") >= 7
    assert all(path.read_bytes().startswith(PNG) for path in folder.glob("*.png"))
    assert Comparison(picker.comparison.root).names == picker.comparison.names  # no run has appeared


def test_export_under_a_name_that_leads_elsewhere_is_refused(picker):
    export = exportview.Export(picker, widgets.MetricsTable(picker))
    export.name.value = "../outside"
    export.button.click()
    assert "letters, digits" in export.said.value and not (picker.comparison.root.parent / "outside").exists()


def test_without_runs_every_view_says_what_to_do(tmp_path):
    picker = widgets.RunPicker(Comparison(tmp_path))
    assert "make train" in picker.note.value
    table = widgets.MetricsTable(picker)
    views = [table, widgets.Curves(picker), widgets.Figures(picker), thresholdview.ThresholdSlider(picker)]
    views += [embeddingview.EmbeddingView(picker), mistakesview.Mistakes(picker), exportview.Export(picker, table)]
    for view in views:
        assert "Choose a run" in view.trouble.value


def test_a_run_whose_files_are_gone_is_told_and_left_out(folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "runs")
    (copy / "wide" / "predictions.csv").unlink()
    picker = widgets.RunPicker(Comparison(copy))
    assert "wide is left out: predictions.csv cannot be read (is missing)" in picker.note.value
    with pytest.raises(RunError, match="copy the run again"):
        picker.choose("wide")
    assert "wide" not in picker.chosen.runs and picker.chosen.runs


def test_files_that_vanish_after_the_list_was_made_are_told_in_the_view(folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "runs")
    picker = widgets.RunPicker(Comparison(copy))
    picker.choose("wide")
    (copy / "wide" / "predictions.csv").unlink()
    view = thresholdview.ThresholdSlider(picker)
    assert "predictions.csv" in view.trouble.value and "copy the run again" in view.trouble.value


def test_in_a_kernel_views_are_redrawn_one_after_the_other_and_once_for_the_last_choice(picker):
    drawn = []

    class Noting(widgets.View):
        def refresh(self):
            drawn.append((id(self), self.chosen.runs))

    views = [Noting(picker, [], []) for _ in range(2)]
    first, second = picker.comparison.names[:2]
    drawn.clear()

    async def kernel():
        picker.choose(first)
        picker.choose(second)
        assert drawn == []  # the picker has answered, the views have not begun
        await asyncio.sleep(0)
        assert drawn == [(id(views[0]), (second,))]  # other messages get their turn in between
        await asyncio.sleep(0)

    asyncio.run(kernel())
    assert drawn == [(id(view), (second,)) for view in views]
    picker.choose(first)
    assert drawn[2:] == [(id(view), (first,)) for view in views]
