"""report.html: what is shown, what is hidden, that nothing is fetched, and which notebook it is made of."""

import base64
import os
import re
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from made_metrics import metrics
from nbformat import v4
from reports_cases import code, notebook, printed

from reid_lib.cli.main import main
from reid_lib.core.errors import RunError
from reid_lib.core.kernel import ENGINE
from reid_lib.core.names import GALLERY, METRICS_JSON, REPORT_HTML
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.split import Split
from reid_lib.discover.measures import measure_clusters
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
    stored = TrainParams(**params).model_dump()
    run = Run.open(name, params=stored, key={}, provenance={"notes": [f"note {EVIL}"]})
    run.write_json(METRICS_JSON, metrics())
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
    said = re.sub(r"\s+", " ", text)
    assert "reproduce with: papermill notebooks/train.ipynb out.ipynb" in said and "took: 0 s" in said
    assert soup.find("h1").get_text() == soup.find("title").get_text() == "mine"
    assert fetched(path.read_text(encoding="utf-8")) == []


def test_clusters_of_test_have_a_table_of_their_own():
    run = unfinished()
    rows = pd.DataFrame({"dataset": "<i>newt", "identity": list("aabbc"), "cluster": [0, 0, 1, 2, 3]})
    cuts = {"values": {"<i>newt": 0.5}, "overall": 0.5, "reasons": {}, "reached": {}}
    entry = {"method": "average", "rule": "ami", "neighbours": 5, "cuts": cuts, "test": measure_clusters(rows)}
    run.write_json(METRICS_JSON, metrics() | {"discovery": entry})
    run.finish()
    soup = BeautifulSoup(run_report.write_report(run).read_text(encoding="utf-8"), "html.parser")
    rows = {row[0]: row[1:] for row in ([c.get_text() for c in tr(["td", "th"])] for tr in soup("tr"))}
    assert rows[""] == ["<i>newt"] and rows["individuals found"] == ["4"] and rows["pair precision"][0][:5] == "1.000"


def test_names_are_text_and_never_html():
    run = finished(data_root=EVIL, dataset="csv")
    path = run_report.write_report(run)
    assert "<script" not in path.read_text(encoding="utf-8")
    assert text_of(path).count(EVIL) == 3  # the parameter, the note and the command
    page = notebook_page.render_notebook(notebook(code("x", printed(EVIL))), title=EVIL)
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


def test_the_last_cell_leaves_the_report_before_the_run_reads_finished():
    run = unfinished()
    run_report.leave_report(run)
    assert not run.finished and "geometric mean 0.500" in run.path(REPORT_HTML).read_text()


def test_under_papermills_engine_the_last_cell_leaves_it_to_the_engine(monkeypatch):
    monkeypatch.setenv(ENGINE, str(os.getppid()))
    run = unfinished()
    steps.finish(
        SimpleNamespace(run=run, device="cpu", seconds={"training": 2.0}), SimpleNamespace(metrics=run.metrics())
    )
    assert run.finished and not run.path(REPORT_HTML).exists()


def test_the_run_of_a_notebook_is_the_one_that_it_says_last(root):
    finished("mine"), finished("other")
    bar = printed("\rdrawing: 50%\r", "stderr")  # a progress bar leaves its line open
    nb = notebook(code("a", printed("run 'other' on cpu: x\n")), code("b", bar, printed("run 'mine' on cpu: x\n")))
    assert run_report.worked_on(nb).folder == root / "mine"
    assert run_report.worked_on(notebook(code("a", printed("run 'nobody' on cpu: x\n")))) is None
    assert run_report.worked_on(notebook(code("a"))) is None


@pytest.mark.parametrize(
    "state, told", [("failed", "This run failed: ValueError: no <b>"), ("interrupted", "continue it")]
)
def test_a_run_that_did_not_finish_has_a_report_of_what_it_came_to(state, told):
    run = unfinished()
    run.path(METRICS_JSON).unlink()
    with pytest.raises((ValueError, KeyboardInterrupt)), run.guard():
        raise ValueError("no <b>") if state == "failed" else KeyboardInterrupt
    wrong = code("y", printed("AS FAR"), v4.new_output("error", ename="E", evalue="", traceback=["T"]))
    run_report.leave_report(run, notebook(code("x", printed("FIRST")), wrong, v4.new_markdown_cell("NEVER")))
    text = text_of(run.path(REPORT_HTML))
    assert told in text and "FIRST" in text and "AS FAR" in text and "NEVER" not in text and state in text


def test_a_report_that_cannot_be_written_is_a_note_and_the_old_one_stays(capsys, monkeypatch):
    run = finished()
    old = run_report.write_report(run).read_bytes()

    def broken(*_, **__):
        raise MemoryError("no room")

    monkeypatch.setattr(run_report, "render_notebook", broken)
    run_report.leave_report(run)
    said = capsys.readouterr().out
    assert "no room" in said and "reid report mine" in said
    assert run.path(REPORT_HTML).read_bytes() == old
    assert [path.name for path in run.folder.glob("*report*")] == [REPORT_HTML]


def test_finishing_a_run_leaves_its_report_and_prints_the_headline(capsys):
    run = unfinished(lr=0.125)
    experiment = SimpleNamespace(run=run, device="cpu", seconds={"training": 2.0})
    steps.finish(experiment, SimpleNamespace(metrics=run.metrics()))
    assert run.finished and "0.125" in text_of(run.path(REPORT_HTML))
    said = capsys.readouterr().out
    assert "geometric mean 0.500" in said and "\ntook: training 2 s; from start to end " in said
    assert "training 2 s" in text_of(run.path(REPORT_HTML))
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
