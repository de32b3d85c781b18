"""A mistake in train.ipynb, seen in JupyterLab in a real browser: its message, and the traceback on request."""

import os
from pathlib import Path

import nbformat
import pytest
from browser import FLAGS, browser_path, jupyter_lab, playwright

from reid_lib.core.paths import project_root

pytestmark = pytest.mark.slow
RUN_ALL = "void window.jupyterapp.commands.execute('notebook:run-all-cells')"


def test_a_mistake_is_shown_as_its_message_and_the_traceback_by_the_magic(tmp_path):
    sync_playwright, path = playwright(), browser_path()
    nb = nbformat.read(project_root() / "notebooks" / "train.ipynb", as_version=4)
    nb.cells = nb.cells[1:3]
    nb.cells[0].source = (
        nb.cells[0].source.replace("lr: float", "learning_rate: float").replace("m: int = 4", "m: int = 0")
    )
    nb.cells[1].metadata["tags"] = ["raises-exception"]  # so that Run All goes on to the magic
    nb.cells.append(nbformat.v4.new_code_cell("%tb"))
    nbformat.write(nb, tmp_path / "train.ipynb")
    env = {"REID_RUNS": str(tmp_path / "runs"), "REID_CACHE": str(tmp_path / "cache")}
    with jupyter_lab(tmp_path, env) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto(address("lab/tree/train.ipynb"))
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        page.wait_for_selector("text=/ipykernel.*Idle/")
        page.evaluate(RUN_ALL)
        shown, magic = page.locator(".jp-CodeCell").nth(1), page.locator(".jp-CodeCell").nth(2)
        magic.locator("text=/Traceback/").first.wait_for()
        told = shown.locator(".jp-OutputArea-output").all_inner_texts()
        if folder := os.environ.get("REID_SCREENSHOTS"):
            shown.scroll_into_view_if_needed()
            page.screenshot(path=Path(folder) / "mistake.png")
        browser.close()
    assert [text.strip().splitlines() for text in told] == [
        [
            "error: unknown parameter 'learning_rate'; did you mean 'lr'?",
            "m: expected at least 1; got 0 (images per individual in a batch)",
        ]
    ]
