"""A finished run whose process was stopped before its report and its row: both are made on the next look."""

import os
from types import SimpleNamespace

import pytest
from flipped import flip_bits
from made_metrics import metrics

from reid_lib.core import frames
from reid_lib.core.kernel import ENGINE
from reid_lib.core.names import ALL_METRICS_CSV, METRICS_JSON, REPORT_HTML
from reid_lib.pages import finished_run, run_report
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import steps
from reid_lib.runs.run import Run


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def stopped(name="mine", kind=TrainParams) -> Run:
    """A run that was killed as soon as it read finished."""
    run = Run.open(name, params=kind(run_name=name).model_dump(), key={"name": name}, provenance={})
    run.write_json(METRICS_JSON, metrics())
    run.finish()
    return run


def rows(root):
    return frames.read_csv(root / ALL_METRICS_CSV)["run"].tolist()


@pytest.mark.parametrize("kind", [TrainParams, EvaluateParams])
def test_the_last_cell_makes_report_and_row_of_a_run_that_reads_finished(root, kind, capsys):
    run = stopped(kind=kind)
    experiment, results = SimpleNamespace(run=run), SimpleNamespace(metrics=run.metrics())
    steps.finish(experiment, results)
    assert run.path(REPORT_HTML).read_text().rstrip().endswith("</html>") and rows(root) == ["mine"]
    assert finished_run.is_complete(run) and "geometric mean" in capsys.readouterr().out
    before = [path.stat().st_mtime_ns for path in (run.path(REPORT_HTML), root / ALL_METRICS_CSV)]
    steps.finish(experiment, results)
    assert before == [path.stat().st_mtime_ns for path in (run.path(REPORT_HTML), root / ALL_METRICS_CSV)]


def test_under_papermills_engine_only_the_row_is_made(root, monkeypatch):
    """The engine makes the report when the notebook has ended, also of a run that was finished before."""
    monkeypatch.setenv(ENGINE, str(os.getppid()))
    run = stopped()
    steps.finish(SimpleNamespace(run=run), SimpleNamespace(metrics=run.metrics()))
    assert rows(root) == ["mine"] and not run.path(REPORT_HTML).exists()


def test_the_row_of_a_run_that_was_made_anew_is_made_anew(root):
    run = stopped()
    run.path(REPORT_HTML).write_text("</html>")
    finished_run.make_missing(run)
    before = frames.read_csv(root / ALL_METRICS_CSV)["geometric_mean"].tolist()
    run.reopen()
    run.write_json(METRICS_JSON, metrics(0.25))
    run.finish()
    assert not finished_run.is_complete(run)
    finished_run.make_missing(run)
    assert frames.read_csv(root / ALL_METRICS_CSV)["geometric_mean"].tolist() == [0.25] != before


def test_a_table_that_cannot_be_written_costs_a_finished_run_nothing(root, capsys):
    run = stopped()
    run.path(REPORT_HTML).write_text("</html>")
    (root / ALL_METRICS_CSV).mkdir()
    finished_run.make_missing(run)
    assert "note: run 'mine' is finished, but all_model_metrics.csv could not be" in capsys.readouterr().out


def test_a_report_that_is_not_as_it_was_written_is_made_again(root):
    """A digit of the headline, say: the page would be whole, and wrong."""
    run = stopped()
    finished_run.make_missing(run)
    path = run.path(REPORT_HTML)
    content = path.read_bytes()
    for place in flip_bits(path, 60, also=[len(content) - 20]):
        assert not run_report.has_report(run) or len(content) - place < 40, place
    path.write_bytes(content.replace(b"geometric", b"arithmetic", 1))
    finished_run.make_missing(run)
    assert run_report.has_report(run) and b"arithmetic" not in path.read_bytes()


def test_a_folder_in_the_place_of_the_report_costs_no_report(root, capsys):
    run = stopped()
    path = run.path(REPORT_HTML)
    path.mkdir()
    finished_run.make_missing(run)
    assert run_report.has_report(run)
    path.unlink()
    path.mkdir()
    (path / "mine.txt").touch()
    capsys.readouterr()
    finished_run.make_missing(run)
    assert "report.html cannot be written (" in (said := capsys.readouterr().out) and "move it away" in said
    assert (path / "mine.txt").exists() and run.finished
