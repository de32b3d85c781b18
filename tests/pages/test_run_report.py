"""report.html: what is shown, what is hidden, that nothing is fetched, and which notebook it is made of."""

import base64
import os
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbformat import v4
from reports_cases import code, notebook, printed

from reid_lib.cli.main import main
from reid_lib.core.errors import RunError
from reid_lib.core.names import GALLERY, METRICS_JSON, REPORT_HTML
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.split import Split
from reid_lib.pages import notebook_page, run_report
from reid_lib.params.fields import TrainParams
from reid_lib.pipeline import steps
from reid_lib.runs.run import Run

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
EVIL = '<script>alert("x")</script><b>&'


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def unfinished(name="mine", **params):
    entry = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 5}
    names = ("geometric_mean", "baks", "baus", "top1", "own_metric")
    counts = {"": {f"n_{k}_{w}": 3 for k in ("known", "unknown") for w in ("individuals", "queries")}}
    part = {
        "overall": dict.fromkeys(names, entry),
        "datasets": {"newts": dict.fromkeys(names, entry)},
        "counts": counts,
    }
    stored = TrainParams(**params).model_dump()
    run = Run.open(name, params=stored, key={}, provenance={"notes": [f"note {EVIL}"]})
    run.write_json(METRICS_JSON, {"format": 1, "test": part, "val": part, "test_fingerprint": "t"})
    return run


def finished(name="mine", **params):
    run = unfinished(name, **params)
    run.finish()
    return run


def shown(**data):
    return v4.new_output("display_data", data={kind.replace("_", "/", 1): value for kind, value in data.items()})


def text_of(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").get_text(" ")


def fetched(text):
    """Everything that a browser would load for this page: addresses in attributes, and in styles."""
    soup = BeautifulSoup(text, "html.parser")
    loading = ("src", "srcset", "data", "poster", "xlink:href")
    found = [element[name] for element in soup(True) for name in loading if element.get(name)]
    found += [element.get("href") for element in soup("link")] + re.findall(r"url\(([^)]*)\)|@import (.*)", text)
    return [address for address in found if not str(address).startswith("data:")]


def test_code_and_noise_are_hidden_and_results_are_shown():
    run = finished()
    nb = notebook(
        v4.new_markdown_cell("# Train\nhow to run it"),
        code("lr = 12345", tags=["parameters"]),
        code("lr = 54321", tags=["injected-parameters"]),
        code("train()", printed("epoch 1\n"), printed("a warning", "stderr"), printed("epoch 2\n")),
        v4.new_markdown_cell("## Figures that matter"),
        code("plot()", shown(image_png=base64.b64encode(PIXEL).decode(), text_plain="<Figure size 1x1>")),
    )
    nbformat.write(nb, run.path("train.ipynb"))
    path = run_report.write_report(run)
    text, page = text_of(path), path.read_text(encoding="utf-8")
    assert path == run.path(REPORT_HTML)
    assert "epoch 1\nepoch 2" in text and "Figures that matter" in text
    for hidden in ("12345", "54321", "train()", "plot()", "a warning", "<Figure", "In [", "Out[", "how to run it", "¶"):
        assert hidden not in text, hidden
    picture = BeautifulSoup(page, "html.parser").find("img")
    assert base64.b64decode(picture["src"].split(",")[1]) == PIXEL
    assert picture["alt"] == "figure: Figures that matter"


def test_nothing_is_fetched_and_no_script_runs():
    run = finished()
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "m"}, "text/plain": "a bar, 0%"}
    nb = notebook(
        v4.new_markdown_cell('![far](https://far.example/a.png) <img src="http://far.example/b.png" onerror="x()">'),
        v4.new_markdown_cell("$x^2$ [a link](https://far.example) [bad](javascript:x())"),
        code(
            "x",
            shown(text_html='<link href="https://far.example/c.css"><script src="//far.example/d.js">go()</script>'),
        ),
        code("x", shown(text_html="<style>@import url(https://far.example/e.css)</style><p>kept</p>")),
        code("x", v4.new_output("display_data", data=widget)),
        code("x", shown(application_javascript="go()")),
    )
    nbformat.write(nb, run.path("train.ipynb"))
    page = run_report.write_report(run).read_text(encoding="utf-8")
    assert fetched(page) == []
    assert not any(word in page for word in ("<script", "onerror", "go()", "javascript:", "a bar"))
    assert "kept" in page and 'href="https://far.example"' in page  # a link is followed by a person, not by the page


def test_the_check_for_fetched_things_sees_them():
    assert fetched('<img src="https://a/b.png"><link href="c.css"><style>@import "d"; p {background: url(e)}</style>')


PARAMETERS = "\n".join(f"{name} = {value!r}" for name, value in TrainParams().model_dump().items())
READS = code("params = TrainParams.from_notebook()")


@pytest.mark.parametrize(
    "cells, own",
    [
        ([code("start()", printed("note: x\nrun 'mine' on cpu: there/mine\n"))], True),
        ([code("start()", printed("run 'other' on cpu: there/other\n"))], False),
        ([code("start()", printed("run 'other' is finished: its results are shown"))], False),
        ([code(PARAMETERS.replace("lr = 0.001", "lr = 0.125")), READS], True),
        ([code(PARAMETERS), READS], False),
        ([code(PARAMETERS), code("# Parameters\nlr = 0.125"), READS], True),
        ([code(PARAMETERS.replace("lr = 0.001", "lr = 0.25 / 2")), READS], True),  # not known from its text
        ([code(PARAMETERS + "\nlr = 0.125\ndevice = 'cuda'"), READS], True),
    ],
)
def test_a_report_shows_the_notebook_of_its_own_run_only(tmp_path, cells, own):
    run = finished(lr=0.125)
    nb = notebook(*cells, code("x", printed("BODY")))
    nbformat.write(nb, run.path("train.ipynb"))
    nbformat.write(nb, tmp_path / "given.ipynb")
    assert ("BODY" in text_of(run_report.write_report(run))) == own
    if not own:
        with pytest.raises(RunError, match="not the notebook of run 'mine'"):
            run_report.write_report(run, tmp_path / "given.ipynb")


def test_without_a_notebook_it_is_assembled_from_the_files():
    run = unfinished(lr=0.125, data_root=EVIL)
    for name in ("retrieval", "loss", "mine"):
        with run.write(f"figures/{name}.png") as path:
            path.write_bytes(PIXEL)
    run.finish()
    path = run_report.write_report(run)
    text, soup = text_of(path), BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    rows = {row[0]: row[1:] for row in ([c.get_text() for c in tr(["td", "th"])] for tr in soup("tr"))}
    assert rows["lr"][:2] == ["0.125", "0.001"]
    assert "num_epochs" not in rows  # at its default
    assert rows["BAKS: known individuals named rightly"] == ["0.500 (0.400 to 0.600)"]
    assert "own metric" in rows
    assert [img["alt"] for img in soup("img")] == [
        run_report.CAPTIONS["loss"],
        run_report.CAPTIONS["retrieval"],
        "mine.",
    ]
    assert "geometric mean 0.500 (0.400 to 0.600)" in text
    assert soup.find("h1").get_text() == soup.find("title").get_text() == "mine"
    assert fetched(path.read_text(encoding="utf-8")) == []


def test_names_are_text_and_never_html():
    run = finished(data_root=EVIL, dataset="csv")
    path = run_report.write_report(run)
    assert "<script" not in path.read_text(encoding="utf-8")
    assert text_of(path).count(EVIL) == 2  # the parameter and the note
    page = notebook_page.page(notebook(code("x", printed(EVIL))), title=EVIL)
    assert "<script" not in page and BeautifulSoup(page, "html.parser").find("pre").get_text().strip() == EVIL


@pytest.mark.parametrize(
    "cells",
    [
        [code("x", printed("OLD")), code("y", v4.new_output("error", ename="E", evalue="", traceback=["T"]))],
        [code("x", printed("OLD")), code("y", count=None)],
        [v4.new_markdown_cell("OLD", metadata={"tags": ["papermill-error-cell-tag"]}), code("x")],
        [v4.new_markdown_cell("OLD")],
    ],
    ids=["error", "stopped", "papermill error", "nothing run"],
)
def test_a_notebook_that_did_not_get_through_is_not_the_report(cells):
    run = finished(lr=0.125)
    nbformat.write(notebook(*cells), run.path("train.ipynb"))
    nbformat.write(notebook(code("x", printed("NEW"))), run.path("evaluate.ipynb"))
    assert "NEW" in text_of(run_report.write_report(run))
    run.path("evaluate.ipynb").write_text("{half")
    text = text_of(run_report.write_report(run))
    assert "OLD" not in text and "0.125" in text


def test_the_notebook_given_comes_first(tmp_path):
    run = finished()
    nbformat.write(notebook(code("x", printed("IN THE FOLDER"))), run.path("train.ipynb"))
    nbformat.write(notebook(code("x", printed("GIVEN"))), tmp_path / "given.ipynb")
    assert "GIVEN" in text_of(run_report.write_report(run, tmp_path / "given.ipynb"))
    with pytest.raises(RunError, match="missing.ipynb is no notebook"):
        run_report.write_report(run, tmp_path / "missing.ipynb")


def test_no_report_is_written_by_hand_of_an_unfinished_run():
    run = unfinished()
    with pytest.raises(RunError, match="running, not finished"):
        run_report.write_report(run)
    assert not run.path(REPORT_HTML).exists()


@pytest.mark.parametrize("papermill", [True, False])
def test_the_last_cell_leaves_the_report_before_the_run_reads_finished(monkeypatch, papermill):
    run = unfinished()
    so_far = notebook(code("x", papermill={"status": "running"}))
    monkeypatch.setattr(run_report, "_saved_by_papermill", lambda: so_far if papermill else None)
    run_report.leave_report(run, "said")
    assert not run.finished and "geometric mean 0.500" in run.path(REPORT_HTML).read_text()


def test_a_report_that_cannot_be_written_is_a_note_and_the_old_one_stays(capsys, monkeypatch):
    run = finished()
    old = run_report.write_report(run).read_bytes()

    def broken(*_, **__):
        raise MemoryError("no room")

    monkeypatch.setattr(run_report, "page", broken)
    run_report.leave_report(run, "said")
    said = capsys.readouterr().out
    assert "no room" in said and "python -m reid_lib report mine" in said
    assert run.path(REPORT_HTML).read_bytes() == old
    assert [path.name for path in run.folder.glob("*report*")] == [REPORT_HTML]


def test_finishing_a_run_leaves_its_report_and_prints_the_headline(capsys):
    run = unfinished(lr=0.125)
    experiment = SimpleNamespace(run=run)
    steps.finish(experiment, SimpleNamespace(metrics=run.metrics()))
    assert run.finished and "0.125" in text_of(run.path(REPORT_HTML))
    assert "geometric mean 0.500" in capsys.readouterr().out
    written = run.path(REPORT_HTML).stat().st_mtime_ns
    steps.finish(experiment, SimpleNamespace(metrics=run.metrics()))  # shown again, not written again
    assert run.path(REPORT_HTML).stat().st_mtime_ns == written


def test_a_run_that_starts_has_no_report_of_older_results(tmp_path, capsys):
    params = TrainParams(run_name="mine", device="cpu", precision="fp32")
    row = {"image_id": "a", "path": "a.jpg", "individual": "demo/a", "role": GALLERY, "known": pd.NA}
    rows = pd.DataFrame([row])
    catalogue = Catalogue(rows, tmp_path, "demo")
    split = Split(rows, "random")
    run = steps.start(params, catalogue, split).run
    assert run_report.SAYS_RUN.findall(capsys.readouterr().out) == ["mine"]
    run.path(REPORT_HTML).write_text("old")
    run.release()
    assert not steps.start(params, catalogue, split).run.path(REPORT_HTML).exists()


def test_the_command_writes_it_again(capsys, root):
    finished()
    assert main(["report", "mine"]) == 0
    assert capsys.readouterr().out.strip() == f"report: {root / 'mine' / REPORT_HTML}"
    assert (root / "mine" / REPORT_HTML).exists()
    unfinished("other").release()
    assert main(["report", "other"]) == 1
    assert "interrupted, not finished" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command, output",
    [
        ("/e/bin/python /e/bin/papermill in.ipynb out/o.ipynb -p lr 1e-4 --cwd notebooks", "out/o.ipynb"),
        ("python -m papermill --log-output -p in x in.ipynb /o.ipynb", "/o.ipynb"),
        ("papermill.exe in.ipynb o.ipynb -r run_name 007", "o.ipynb"),
        ("papermill in.ipynb", None),
        ("papermill in.ipynb -", None),
        ("papermill in.ipynb s3://bucket/o.ipynb", None),
        ("papermill in.ipynb o-{lr}.ipynb -p lr 1", None),
        ("/e/bin/python -m jupyterlab o.ipynb", None),
        ("", None),
    ],
)
def test_the_output_notebook_of_a_command_line(command, output):
    assert run_report._output_path(command.split()) == output


@pytest.mark.slow
def test_under_papermill_it_is_the_notebook_so_far(tmp_path):
    """Relative output path, another working directory: found wherever papermill was started."""
    run = finished()
    source = "import sys\nfrom reid_lib.pages import run_report as reports\nfrom reid_lib.runs.folder import load_run\n"
    last = source + "reports.leave_report(load_run('mine'), 'LAST WORDS')\nprint('too late')"
    cells = [code("print('FIRST')", count=None), code(last, count=None), v4.new_markdown_cell("AFTER")]
    nb = v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "p"}})
    nbformat.write(nb, tmp_path / "in.ipynb")
    (tmp_path / "elsewhere").mkdir()
    stale = notebook(code("x", printed("STALE")))
    stale.cells[0].metadata["papermill"] = {"status": "running"}
    stale.metadata["papermill"] = {"start_time": "2020-01-01T00:00:00+00:00"}
    nbformat.write(stale, tmp_path / "elsewhere" / "out.ipynb")
    command = [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "--cwd", "elsewhere"]
    env = {name: value for name, value in os.environ.items() if name != "PWD"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    text = text_of(run.path(REPORT_HTML))
    assert "FIRST" in text and "LAST WORDS" in text
    assert not any(word in text for word in ("STALE", "AFTER", "too late"))


def test_only_a_notebook_in_execution_since_then_is_taken():
    now = time.time()
    nb = notebook(code("x", papermill={"status": "running"}))
    nb.metadata["papermill"] = {"start_time": "2020-01-01T00:00:00+00:00"}
    began = 1577836800.0  # the same moment
    assert run_report._executed_since(nb, began)
    assert not run_report._executed_since(nb, now)
    nb.cells[0].metadata["papermill"]["status"] = "completed"
    assert not run_report._executed_since(nb, began)
