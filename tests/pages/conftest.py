"""What the tests of pages share."""

import pytest
from made_runs import catalogue, make_run, write_photos

from reid_lib.compare.comparison import Comparison
from reid_lib.runs.table import promote


@pytest.fixture(scope="session")
def two_runs(tmp_path_factory):
    """Two finished runs that differ in the margin; the first is the reference."""
    rows = catalogue(n_known=22, n_unknown=20, images=2, datasets=("a",))
    root = tmp_path_factory.mktemp("pages")
    photos = write_photos(rows, root / "photos")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(root / "runs"))
        make_run("plain", rows, skill=1.0, photos=photos)
        make_run("wide", rows, skill=2.5, photos=photos, margin=0.5)
        promote("plain")
    return root / "runs"


@pytest.fixture
def comparison(two_runs, monkeypatch, tmp_path):
    monkeypatch.setenv("REID_CACHE", str(tmp_path))
    return Comparison(two_runs)
