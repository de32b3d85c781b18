"""compare.ipynb in JupyterLab in a real browser: run all, choose runs, move the slider, click a point."""

import io
import os
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from browser import FLAGS, browser_path, jupyter_lab, playwright
from made_runs import catalogue, make_run, write_photos
from PIL import Image

from reid_lib.core.paths import project_root
from reid_lib.runs import table

pytestmark = pytest.mark.slow
RUN_ALL = "void window.jupyterapp.commands.execute('notebook:run-all-cells')"
WAIT_MS = 120_000
SCROLLED = """cell => [...cell.querySelectorAll(".widget-box")].filter((box) =>
  ["auto", "scroll"].includes(getComputedStyle(box).overflowY) && box.scrollHeight > box.clientHeight + 1).length"""
ROWS = catalogue(n_known=22, n_unknown=20, images=2)
# Run -> what it is called in the list of all three.
CALLED = {
    "plain": "loss arcface, own margin",
    "wide": "loss arcface, margin 0.5",
    "triplet": "loss triplet, own margin",
}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The notebook, opened and run, in JupyterLab."""
    sync_playwright, path = playwright(), browser_path()
    folder = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(folder / "runs"))
        photos = write_photos(ROWS, folder / "photos")
        make_run("plain", ROWS, skill=1.0, photos=photos)
        make_run("wide", ROWS, skill=2.5, photos=photos, margin=0.5)
        make_run("triplet", ROWS, skill=0.6, photos=photos, loss="triplet")
        table.promote("plain")
    shutil.copy(project_root() / "notebooks" / "compare.ipynb", folder / "compare.ipynb")
    env = {"REID_RUNS": str(folder / "runs"), "REID_CACHE": str(folder / "cache")}
    with jupyter_lab(folder, env) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(WAIT_MS)
        page.goto(address("lab/tree/compare.ipynb"))
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        page.wait_for_selector("text=/ipykernel.*Idle/")
        page.evaluate(RUN_ALL)
        try:
            page.wait_for_selector("text=write HTML and PNG")
            yield page
        finally:
            picture(page, "0_end")
            browser.close()


def picture(page, name: str) -> None:
    """A screenshot to look at, where a folder for them is given."""
    if folder := os.environ.get("REID_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


def cell(page, text: str):
    """The code cell whose source contains the text."""
    return page.locator(".jp-CodeCell", has_text=text)


def choose(page, *labels: str) -> None:
    """Choose these runs in the picker: a click, then Ctrl-click."""
    picker = cell(page, ".RunPicker(").locator("select[multiple]")
    picker.scroll_into_view_if_needed()
    options = picker.locator("option")
    values = [options.nth(i).get_attribute("value") for i in range(options.count())]
    texts = [text.replace("\xa0", " ") for text in options.all_text_contents()]  # ipywidgets keeps blanks so
    called = {text.removeprefix("★ ").partition("   (")[0]: value for value, text in zip(values, texts, strict=True)}
    wanted = [called[CALLED[label]] for label in labels if CALLED[label] in called]
    assert len(wanted) == len(labels), texts
    picker.select_option(wanted)


def settled(page, locator) -> None:
    """Wait until what is there stays: views of runs that were chosen before are drawn anew in turn."""
    while True:
        locator.wait_for()
        found = locator.element_handle()
        page.wait_for_timeout(3000)
        if found.evaluate("element => element.isConnected"):
            return


def told_by(page, stage):
    """What a plot says of the first point that the pointer meets on its way over it."""
    stage.scroll_into_view_if_needed()
    said, box = stage.locator(".reid-said"), stage.bounding_box()
    for step in range(400):
        x, y = 0.1 + 0.8 * ((step * 7) % 41) / 41, 0.1 + 0.8 * ((step * 13) % 37) / 37
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if said.is_visible():
            return said
    raise AssertionError("no point was met")


def test_no_cell_fails_and_two_runs_picked_are_the_ones_compared(page):
    assert (
        page.locator(
            "[data-mime-type='application/vnd.jupyter.stderr'], .jp-RenderedText[data-mime-type*='error']"
        ).count()
        == 0
    )
    choose(page, "plain", "wide")
    table = cell(page, ".MetricsTable(picker")
    table.locator("td b[title=wide]").first.wait_for()
    table.locator("td b[title=triplet]").first.wait_for(state="detached")
    assert table.locator("td b[title=plain]").count() >= 1
    picture(page, "1_picker_and_table")


def test_the_pointer_on_a_curve_says_run_epoch_and_value_and_a_box_is_zoomed_into(page):
    view = cell(page, ".Curves(picker")
    view.locator(".reid-legend", has_text="triplet").wait_for(state="detached")
    stage = view.locator(".reid-stage")
    said = told_by(page, stage).inner_text()
    assert re.search(r"(own margin\nplain|margin 0.5\nwide)\n.*arcface.*\nepoch \d+\nloss \d", said), said
    before, box = stage.screenshot(), stage.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"])
    page.mouse.up()
    page.mouse.move(box["x"], box["y"] - 30)
    zoomed = stage.screenshot()
    view.get_by_role("button", name="show the whole plot again").click()
    assert before != zoomed != stage.screenshot()
    picture(page, "1_curves")


def test_moving_the_slider_changes_the_numbers(page):
    view = cell(page, ".ThresholdSlider(picker")
    view.scroll_into_view_if_needed()
    row = view.locator("tr", has_text="test: this")
    before, frozen = row.inner_text(), view.locator("tr", has_text="test: frozen").inner_text()
    handle = view.locator(".noUi-handle")
    handle.focus()
    for _ in range(60):
        handle.press("ArrowRight")
    # The slider may still be on its way: both are read until they say the same.
    deadline = time.monotonic() + WAIT_MS / 1000
    while row.inner_text() == before or view.locator(".widget-readout").inner_text() not in row.inner_text():
        readout = view.locator(".widget-readout").inner_text()
        assert time.monotonic() < deadline, f"the slider says {readout}, the table {row.inner_text()!r}"
        page.wait_for_timeout(100)
    assert view.locator("tr", has_text="test: frozen").inner_text() == frozen
    picture(page, "2_threshold")


def test_a_click_on_a_point_shows_its_photograph_and_its_neighbours_in_both_runs(page):
    view = cell(page, ".EmbeddingView(picker")
    view.scroll_into_view_if_needed()
    canvas = view.locator("canvas").first
    settled(page, canvas)
    drawn = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")).min(axis=2)
    assert (drawn < 220).mean() > 0.005  # the points can be seen
    assert view.evaluate(SCROLLED) == 0
    box = canvas.bounding_box()
    shown = view.locator("h4")
    # Points lie densest in the middle: go outwards until one is hit.
    for step in range(1, 200):
        dx, dy = (step * 7) % 150 - 75, (step * 13) % 150 - 75
        page.mouse.move(box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2 + dy)
        page.wait_for_timeout(40)
        page.mouse.down()
        page.mouse.up()
        page.wait_for_timeout(150)
        if shown.count() and view.locator("text=a gallery photograph").count() == 0:
            break
    assert shown.count() == 1
    image_id = re.fullmatch(r"Query (\S+)", shown.inner_text()).group(1)
    assert image_id in set(ROWS["image_id"])
    # The query itself and five neighbours in each of two runs.
    assert view.locator("img[src^='data:image/jpeg']").count() >= 11
    for run in ("plain", "wide"):
        assert view.locator(f"b[title={run}]").count() >= 1
    picture(page, "3_embeddings")


def test_a_mistake_is_shown_with_its_photographs(page):
    choose(page, "triplet", "plain")
    view = cell(page, ".Mistakes(picker")
    view.scroll_into_view_if_needed()
    run = view.locator("select").first
    run.select_option(label="loss\xa0triplet")
    listed = view.locator("select[size] option, select[multiple] option")
    view.locator("img[src^='data:image/jpeg']").first.wait_for()
    assert view.locator("img[src^='data:image/jpeg']").count() >= 6 and listed.count() > 0
    picture(page, "4_mistakes")


def test_the_export_stands_alone(page, tmp_path_factory):
    view = cell(page, ".Export(picker")
    view.scroll_into_view_if_needed()
    view.locator("button").click()
    said = view.locator("text=Written:")
    said.wait_for()
    path = Path(re.search(r"Written: (.*comparison\.html)", said.inner_text()).group(1))
    text = path.read_text(encoding="utf-8")
    assert "triplet" in text and not re.search(r"""(src|href)=["'](?!data:)""", text)
    other = page.context.browser.new_page(viewport={"width": 1200, "height": 2400})
    asked = []
    other.on("request", lambda request: asked.append(request.url))
    other.goto(path.as_uri())
    assert all(url.startswith(("file:", "data:")) for url in asked)
    broken = "[...document.images].filter(i => !i.naturalWidth).length"
    assert other.locator("img").count() >= 5 and other.evaluate(broken) == 0
    picture(other, "5_export")
    for width in (1280, 1920):
        other.set_viewport_size({"width": width, "height": 1000})
        assert other.evaluate("document.documentElement.scrollWidth") == width
    said = told_by(other, other.locator("#planes-0 .reid-stage"))
    assert set(ROWS["image_id"]) & set(said.inner_text().split("\n"))
    assert said.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    assert re.search(r"epoch \d", told_by(other, other.locator("#curves-0 .reid-stage")).inner_text())
    assert all(url.startswith(("file:", "data:")) for url in asked)
    picture(other, "6_export_pointer")
