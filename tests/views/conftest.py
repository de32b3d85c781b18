"""What several tests of this folder share."""

import pytest
from made_runs import make_run, write_photos
from widgets_cases import ROWS

from reid_lib.compare.comparison import Comparison
from reid_lib.runs import table
from reid_lib.views import base


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three finished runs; one of them has an animal named like a piece of HTML."""
    root = tmp_path_factory.mktemp("viewed")
    rows = ROWS.copy()
    odd = rows["identity"] == "a0000"
    rows.loc[odd, "identity"], rows.loc[odd, "individual"] = "<b>Bo</b>", "a/<b>Bo</b>"
    photos = write_photos(rows, root / "photos")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(root / "runs"))
        make_run("plain", rows, skill=1.0, photos=photos)
        make_run("wide", rows, skill=2.0, photos=photos, margin=0.5)
        make_run("triplet", rows, skill=0.5, photos=photos, loss="triplet", lr=3e-4)
        table.promote("plain")
    return root / "runs"


@pytest.fixture
def picker(folder):
    return base.RunPicker(Comparison(folder))
