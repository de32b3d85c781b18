"""What a run was made with: versions and machine, nothing secret."""

import json
import platform

from reid_lib.runs import provenance


def test_versions_machine_and_commit_are_there_and_can_be_stored(monkeypatch):
    monkeypatch.setenv("REID_SECRET", "do-not-store-me")
    found = provenance.describe_environment()
    assert found["python"] == platform.python_version() and found["cpus"] >= 1
    assert found["packages"]["numpy"] and "git_commit" in found
    assert "do-not-store-me" not in json.dumps(found)


def test_the_peak_of_memory_is_in_bytes_and_never_falls():
    before = provenance.measure_peak_memory()
    held = bytearray(2**26)
    assert 2**24 < before <= provenance.measure_peak_memory() < 2**40 and len(held)


def test_without_git_the_commit_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.describe_environment()["git_commit"] is None


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("no-such-package",))
    assert provenance.describe_environment()["packages"] == {"no-such-package": None}
