"""review.ipynb in JupyterLab in a real browser, by keys alone: answers, undo, zoom, lines, a killed kernel."""

import json
import os
import signal
from pathlib import Path

import nbformat
import psutil
import pytest
from browser import FLAGS, browser_path, jupyter_lab, playwright
from review_cases import make_reviewable, reviewable_rows

from reid_lib.core.paths import project_root
from reid_lib.review.decisions import DecisionTable

pytestmark = pytest.mark.slow
RUN_ALL = "void window.jupyterapp.commands.execute('notebook:run-all-cells')"
THEME = "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})"
IN_FOCUS = "document.activeElement && document.activeElement.classList.contains('rr-root')"
WAIT_MS = 120_000


def picture(page, name: str) -> None:
    """A screenshot to look at, where a folder for them is given."""
    if folder := os.environ.get("REID_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


def kill_kernel() -> None:
    """kill -9, as a machine that ran out of memory would."""
    kernels = [p for p in psutil.Process().children(recursive=True) if "ipykernel_launcher" in " ".join(p.cmdline())]
    assert len(kernels) == 1
    os.kill(kernels[0].pid, signal.SIGKILL)


class Pressing:
    """The keyboard of a page, and what it does."""

    def __init__(self, page, table: Path):
        self.page, self.table = page, DecisionTable(table)

    def files(self) -> list[str]:
        return self.page.locator(".rr-caption .rr-file").all_inner_texts()

    def decide(self, key: str, told: str) -> list[str]:
        """Press a key; what was asked, after it was said that it is recorded and the next pair is there."""
        before = self.files()
        self.page.keyboard.press(key)
        self.page.locator(".rr-said", has_text=told).wait_for()
        self.page.wait_for_function(
            "before => JSON.stringify([...document.querySelectorAll('.rr-caption .rr-file')].map(e => e.innerText)) "
            "!== JSON.stringify(before) && [...document.querySelectorAll('.rr-photo')].every(i => i.naturalWidth > 0)",
            arg=before,
        )
        return before

    def recorded(self) -> list[str]:
        return self.table.read()["decision"].tolist()

    def width(self) -> float:
        return self.page.locator(".rr-photo").first.bounding_box()["width"]


def test_pairs_are_decided_by_keys_alone_and_no_answer_is_lost_with_the_kernel(tmp_path):
    sync_playwright, path = playwright(), browser_path()
    env = {"REID_RUNS": str(tmp_path / "runs"), "REID_CACHE": str(tmp_path / "cache"), "LOGNAME": "ada"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", env["REID_RUNS"])
        make_reviewable(tmp_path, reviewable_rows())
    nb = nbformat.read(project_root() / "notebooks" / "review.ipynb", as_version=4)
    cell = next(cell for cell in nb.cells if "parameters" in cell.metadata.get("tags", []))
    cell.source = cell.source.replace('run: str = ""', 'run: str = "made"')
    nbformat.write(nb, tmp_path / "review.ipynb")
    with jupyter_lab(tmp_path, env) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(WAIT_MS)
        page.goto(address("lab/tree/review.ipynb"))
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        page.wait_for_selector("text=/ipykernel.*Idle/")
        cells = page.locator(".jp-Notebook .jp-Cell").count()
        try:
            run_to_the_screen(page)
            pressing = Pressing(page, tmp_path / "reviews" / "made" / "decisions.csv")
            put_off = answers_and_undo(page, pressing)
            looks_closer(page, pressing)
            types_a_name(page, pressing)
            after_a_kill(page, pressing, put_off)
            assert page.evaluate("window.hacked") is None  # names of files and animals are text
            assert page.locator(".jp-Notebook .jp-Cell").count() == cells  # JupyterLab heard none of the keys
            assert page.locator(".jp-Dialog").count() == 0
        finally:
            picture(page, "review_end")
            browser.close()


def run_to_the_screen(page) -> None:
    """Run the notebook; the screen takes the focus by itself."""
    page.evaluate(RUN_ALL)
    page.wait_for_selector(".rr-root .rr-photo[src]")
    page.wait_for_function(IN_FOCUS)
    page.locator(".rr-root").scroll_into_view_if_needed()


def answers_and_undo(page, pressing: Pressing) -> list[str]:
    """The pair that was put off."""
    first = pressing.decide("s", "Recorded: one animal")
    second = pressing.decide("d", "Recorded: two animals")
    third = pressing.decide("c", "Recorded: nobody can tell")
    assert len({tuple(files) for files in (first, second, third)}) == 3
    assert pressing.recorded() == ["same", "different", "cannot tell"]
    pressing.decide("z", "Taken back: nobody can tell")
    assert pressing.files() == third
    pressing.decide("n", "Put off")
    assert pressing.recorded() == ["same", "different", "cannot tell", "undo"]
    assert page.evaluate(IN_FOCUS)
    return third


def looks_closer(page, pressing: Pressing) -> None:
    """Zoom and pan move both photographs alike; lines join them; another photograph takes the place of one."""
    asked = pressing.files()
    fitted = pressing.width()
    page.keyboard.press("l")
    page.wait_for_function("document.querySelectorAll('.rr-line, .rr-line-other').length > 0")
    filters = "[...document.querySelectorAll('.rr-photo')].map(i => getComputedStyle(i).filter)"
    page.keyboard.press("g")
    assert all("url(" in one for one in page.evaluate(filters))  # dark photographs, both lighter
    page.keyboard.press("g")
    page.keyboard.press("g")
    assert page.evaluate(filters) == ["none", "none"]
    for key in ("+", "+", "ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_function(f"document.querySelector('.rr-photo').getBoundingClientRect().width > {2 * fitted}")
    wide = pressing.width()
    assert wide == pytest.approx(2.25 * fitted, rel=0.02)
    boxes = page.evaluate("[...document.querySelectorAll('.rr-photo')].map(i => i.style.transform)")
    assert boxes[0] == boxes[1] and "translate(0px" not in boxes[0]
    panel = page.locator(".rr-panel").first.bounding_box()
    page.mouse.move(panel["x"] + 0.25 * panel["width"], panel["y"] + 0.5 * panel["height"])
    spot = anchored(page, 0.25)
    page.mouse.wheel(0, -240)
    page.wait_for_function(f"document.querySelector('.rr-photo').getBoundingClientRect().width > {wide + 5}")
    assert anchored(page, 0.25) == pytest.approx(spot, abs=0.01)  # what is under the pointer stays there
    picture(page, "review_light")
    wide = pressing.width()
    page.keyboard.press("a")
    page.wait_for_function("!document.querySelector('.rr-told').hidden")
    assert pressing.files()[1] == asked[1] and pressing.files()[0] != asked[0] and pressing.width() == wide
    page.evaluate(THEME, "JupyterLab Dark")
    page.wait_for_selector("[data-jp-theme-light='false'] .rr-root")
    page.wait_for_timeout(300)
    page.locator(".rr-root").focus()  # which hiding the page has taken
    picture(page, "review_dark")
    page.keyboard.press("o")
    page.keyboard.press("0")
    page.wait_for_function(
        f"Math.abs(document.querySelector('.rr-photo').getBoundingClientRect().width - {fitted}) < 1"
    )
    assert pressing.files() == asked


def anchored(page, share: float) -> float:
    """Which spot of the left photograph, in shares of its width, lies at a share of its panel."""
    photo, panel = (page.locator(name).first.bounding_box() for name in (".rr-photo", ".rr-panel"))
    return (panel["x"] + share * panel["width"] - photo["x"]) / photo["width"]


def types_a_name(page, pressing: Pressing) -> None:
    """Letters that are typed into a field are no answers."""
    n = len(pressing.recorded())
    page.keyboard.press("w")
    page.keyboard.press("Control+a")
    page.keyboard.type("sd zcn")
    page.keyboard.press("Enter")
    page.locator(".rr-said", has_text="those of sd zcn").wait_for()
    assert len(pressing.recorded()) == n and page.evaluate(IN_FOCUS)
    pressing.decide("d", "Recorded: two animals")
    assert pressing.table.read()["who"].tolist()[-1] == "sd zcn"


def after_a_kill(page, pressing: Pressing, put_off: list[str]) -> None:
    """What was recorded is there in the next kernel, which asks what is worth most: also what was put off."""
    kept = pressing.recorded()
    kill_kernel()
    page.locator(".jp-Dialog button", has_text="Ok").first.click()
    page.keyboard.press("s")  # nobody hears it: it must not look as if it had been recorded
    page.wait_for_selector("text=/ipykernel.*Idle/")
    page.evaluate("document.querySelectorAll('.rr-root').forEach(e => e.classList.add('old'))")
    page.evaluate(RUN_ALL)
    page.wait_for_selector(".rr-root:not(.old) .rr-photo[src]")
    page.wait_for_function(IN_FOCUS)
    assert pressing.recorded() == kept
    page.locator(".rr-said", has_text=f"after {len(kept) - 2} decisions").wait_for()
    assert pressing.files() == put_off
    pressing.decide("s", "Recorded: one animal")
    assert pressing.recorded() == [*kept, "same"]
    shown = json.loads(pressing.table.read()["shown"].iloc[-1])
    assert shown["lines"] is False and shown["zoom"] == 1 and len(shown["images"]) == 2 and shown["seconds"] >= 0
