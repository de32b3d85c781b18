"""One damaged or forbidden run folder stops nobody: it is listed with the reason, and takes part in nothing."""

import errno
import json
import pathlib
from functools import partial

import pytest
from plain_runs import make_plain

from reid_lib.core import frames
from reid_lib.core.errors import RunError
from reid_lib.core.names import ALL_METRICS_CSV, METRICS_JSON, PARAMS_JSON, STATUS_JSON
from reid_lib.runs import table as runtable
from reid_lib.runs.folder import state_of
from reid_lib.runs.listing import tabulate_runs

make = partial(make_plain, seal=False)  # what is damaged is found by reading it, not by its checksum


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def without(*keys):
    def change(folder):
        stored = json.loads((folder / METRICS_JSON).read_text())
        inner = stored
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
        (folder / METRICS_JSON).write_text(json.dumps(stored))

    return change


def text_of(name, text):
    return lambda folder: (folder / name).write_text(text)


def lost(name):
    return lambda folder: (folder / name).unlink()


def folder_instead_of(name):
    def change(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return change


DAMAGES = {
    "metrics lack a part": (without("test"), "lacks 'test'"),
    "metrics lack an interval": (without("val", "overall", "baks", "low"), "'baks' of 'val' lacks"),
    "metrics lack what was asked": (without("test_fingerprint"), "lacks 'test_fingerprint'"),
    "metrics are a list": (text_of(METRICS_JSON, "[1]"), "no table of metrics"),
    "metrics are of a newer version": (
        text_of(METRICS_JSON, '{"format": 2}'),
        "metrics.json is of another format: it is of format 2, written by a newer version",
    ),
    "metrics are empty": (text_of(METRICS_JSON, ""), "is empty"),
    "metrics are a folder": (folder_instead_of(METRICS_JSON), "is no file"),
    "metrics are no text": (lambda folder: (folder / METRICS_JSON).write_bytes(b"\xff\xfe\x00"), "is no text"),
    "params are empty": (text_of(PARAMS_JSON, ""), "is empty"),
    "params are garbled": (text_of(PARAMS_JSON, '{"format": 1, "pa'), "is no JSON"),
    "params are a folder": (folder_instead_of(PARAMS_JSON), "is no file"),
    "params are lost": (lost(PARAMS_JSON), "is missing"),
    "params lack the parameters": (text_of(PARAMS_JSON, '{"format": 1}'), "lacks 'params'"),
    "params are of another version": (text_of(PARAMS_JSON, '{"format": 99, "params": {}}'), "another format"),
    "status is empty": (text_of(STATUS_JSON, ""), "is empty"),
    "status is a folder": (folder_instead_of(STATUS_JSON), "is no file"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_neighbour_is_listed_with_the_reason_and_stops_nothing(root, damage):
    for name, value in {"a": 0.5, "neighbour": 0.9, "z": 0.6}.items():
        make(name, value)
    do, reason = DAMAGES[damage]
    do(root / "neighbour")
    assert runtable.tabulate_metrics()["run"].tolist() == ["a", "z"]
    runtable.promote("a")
    assert frames.read_csv(root / ALL_METRICS_CSV)["difference_baks"].round(6).tolist() == [0, 0.1]
    told = tabulate_runs()
    assert "neighbour unreadable" in told and reason in told
    assert reason in runtable.read_runs().unreadable["neighbour"]
    assert state_of("neighbour") in ("unreadable", "finished")
    with pytest.raises(RunError, match="params.json|metrics.json|status.json"):
        runtable.promote("neighbour")
    assert runtable.read_reference() == "a"


@pytest.fixture
def forbidden(root, monkeypatch):
    """Nothing in the folder `colleague` may be looked at, as for another user (tests may run as root)."""

    def forbid(method):
        before = getattr(pathlib.Path, method)

        def looked(path, *arguments, **options):
            if path.is_relative_to(root / "colleague") and path != root / "colleague":
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return before(path, *arguments, **options)

        monkeypatch.setattr(pathlib.Path, method, looked)

    def after_making():
        for method in ("lstat", "stat", "read_text", "read_bytes", "open"):
            forbid(method)

    return after_making


def test_a_colleagues_folder_that_may_not_be_read_is_listed_and_stops_nothing(root, forbidden):
    make("a", 0.5)
    make("colleague", 0.9)
    forbidden()
    assert runtable.tabulate_metrics()["run"].tolist() == ["a"]
    runtable.promote("a")
    told = tabulate_runs()
    assert "colleague unreadable" in told and "no permission" in told
    with pytest.raises(RunError, match="no permission"):
        runtable.promote("colleague")


def test_a_file_among_the_run_folders_is_no_run(root):
    make("a", 0.5)
    (root / "notes").write_text("a file")
    (root / "link").symlink_to(root / "nowhere")
    assert runtable.tabulate_metrics()["run"].tolist() == ["a"]
    assert "notes" not in tabulate_runs()
