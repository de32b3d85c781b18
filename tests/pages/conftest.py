"""What the tests of pages share."""

import pytest
from made_runs import catalogue, make_runs

from reid_lib.compare.comparison import Comparison


@pytest.fixture(scope="session")
def two_runs(tmp_path_factory):
    """Two finished runs that differ in the margin; the first is the reference."""
    rows = catalogue(n_known=22, n_unknown=20, images=2, datasets=("a",))
    runs = {"plain": {"skill": 1.0}, "wide": {"skill": 2.5, "margin": 0.5}}
    return make_runs(tmp_path_factory.mktemp("pages"), rows, runs, reference="plain")


@pytest.fixture
def comparison(two_runs, monkeypatch, tmp_path):
    monkeypatch.setenv("REID_CACHE", str(tmp_path))
    return Comparison(two_runs)
