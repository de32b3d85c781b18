"""How quick review.ipynb is with 30,000 pairs in its queue: from a key to the next pair on the screen.

    python benchmarks/review_speed.py [--answers 30] [--pause 1.0]

A made run of 2,240 photographs (1.2 megapixels) is reviewed in JupyterLab in a headless browser: `s`, `d` and `c` in
turn, with the pause of a person who looks in between. Measured in the page, from the key to the frame in which both new
photographs are decoded, with the messages and bytes of a key; and in the kernel, from the message to the next state.

The browser draws without a GPU, real or emulated: the one that tests emulate for scatter plots in WebGL (SwiftShader)
takes 0.2 s of processor for a frame, and the screen of a review has no WebGL.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
DRAWN_PLAINLY = ["--no-sandbox", "--disable-gpu"]
DISTINCT = 200  # photographs that are drawn; the others are links to them
WATCH = """() => {
  window.waits = [];
  const shown = () => [...document.querySelectorAll('.rr-photo')].map(i => i.src).join(' ');
  const ready = () => [...document.querySelectorAll('.rr-photo')].every(i => i.complete && i.naturalWidth > 0);
  window.addEventListener('keydown', event => {
    if (!'sdc'.includes(event.key)) return;
    const begun = performance.now(), before = shown();
    const look = () => {
      if (shown() !== before && ready()) window.waits.push(performance.now() - begun);
      else if (performance.now() - begun < 20000) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, true);
}"""


def tell(what: str, seconds: list[float]) -> None:
    ms = 1000 * np.array(seconds)
    print(
        f"{what:<44} median {np.median(ms):6.0f} ms, 95 % {np.percentile(ms, 95):6.0f} ms, longest {ms.max():6.0f} ms"
    )


def make(root: Path) -> None:
    """The run, its review, and the notebook that opens it."""
    import review_cases
    from review_cases import make_reviewable, reviewable_rows, write_patterns

    rows = reviewable_rows(n_known=200, n_unknown=360)
    rows["path"] = rows["image_id"] + ".jpg"

    def write_some(rows, root: Path) -> Path:
        write_patterns(rows[:DISTINCT], root, side=950)
        for k, path in enumerate(rows["path"][DISTINCT:]):
            os.link(root / rows["path"].iloc[k % DISTINCT], root / path)
        return root

    review_cases.write_patterns = write_some
    make_reviewable(root, rows)
    nb = nbformat.read(ROOT / "notebooks" / "review.ipynb", as_version=4)
    for cell in nb.cells:
        cell.source = cell.source.replace('run: str = ""', 'run: str = "made"')
    nbformat.write(nb, root / "review.ipynb")


def measure_kernel(answers: int) -> None:
    from reid_lib.pipeline.review import open_review
    from reid_lib.review.safeguards import counter_of
    from reid_lib.views.review import ReviewScreen

    begun = time.perf_counter()
    review = open_review("made", who="a")
    counts = f"{len(review.photographs):,} photographs, {len(review.folder.pairs):,} pairs"
    print(f"{counts}; opened in {time.perf_counter() - begun:.1f} s")
    begun = time.perf_counter()
    review = open_review("made", who="a")
    print(f"opened again in {time.perf_counter() - begun:.1f} s")
    screen, found, cpu, ahead = ReviewScreen(review), [], [], 0
    for k in range(answers):
        ids, decision = screen.state["question"]["ids"], ("same", "different", "cannot tell")[k % 3]
        coming = [one.ids for one in screen.coming[1:]]
        begun, worked = time.perf_counter(), time.process_time()
        screen.handle({"do": "answer", "decision": decision, "ids": ids})
        found.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - worked)
        ahead += screen.question.ids in coming
    print(f"the next pair was one of the {len(coming)} whose pictures are made ahead in {ahead} of {answers} cases")
    tell("kernel: from the message to the next state", found)
    tell("of which processor time", cpu)
    screen.close()
    for file in (review.folder.decisions, counter_of(review.folder.decisions)):
        file.unlink()


def measure_browser(root: Path, answers: int, pause: float) -> None:
    from browser import browser_path, jupyter_lab, playwright

    env = {name: os.environ[name] for name in ("REID_RUNS", "REID_CACHE")}
    with jupyter_lab(root, env) as address, playwright()() as play:
        browser = play.chromium.launch(executable_path=browser_path(), args=DRAWN_PLAINLY)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(240_000)
        sizes: list[int] = []  # of all that comes and goes
        page.on("websocket", lambda socket: listen(socket, sizes))
        page.goto(address("lab/tree/review.ipynb"))
        page.wait_for_selector("text=/ipykernel.*Idle/")
        page.evaluate(WATCH)  # before the screen, which lets nobody hear its keys
        page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_selector(".rr-root .rr-photo[src]")
        page.wait_for_selector("text=/ipykernel.*Idle/")
        page.wait_for_timeout(3000)
        for lines in (False, True):
            if lines:
                page.keyboard.press("l")
                page.wait_for_timeout(5000)
            page.evaluate("window.waits.length = 0")
            sizes.clear()
            for k in range(answers):
                page.keyboard.press("sdc"[k % 3])
                page.wait_for_function(f"window.waits.length > {k}")
                page.wait_for_timeout(1000 * pause)
            waits = [wait / 1000 for wait in page.evaluate("window.waits")]
            tell(f"browser: key to next pair, lines {'on' if lines else 'off'}", waits)
            print(
                f"  {len(sizes) / answers:.1f} messages, {sum(sizes) / answers / 1000:.0f} kB for a key, with pictures"
            )
        browser.close()


def listen(socket, sizes: list[int]) -> None:
    for event in ("framesent", "framereceived"):
        socket.on(event, lambda data: sizes.append(len(data)))


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=30)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between an answer and the next key")
    given = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="review_speed"))
    os.environ |= {"REID_RUNS": str(root / "runs"), "REID_CACHE": str(root / "cache")}
    try:
        make(root)
        measure_kernel(10 * given.answers)
        measure_browser(root, given.answers, given.pause)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
