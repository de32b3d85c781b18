"""What several tests of this folder share."""

import pytest
from made_runs import THREE_RUNS, make_runs
from widgets_cases import ROWS

from reid_lib.compare.comparison import Comparison
from reid_lib.views import base


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three finished runs; one of them has an animal named like a piece of HTML."""
    rows = ROWS.copy()
    odd = rows["identity"] == "a0000"
    rows.loc[odd, "identity"], rows.loc[odd, "individual"] = "<b>Bo</b>", "a/<b>Bo</b>"
    return make_runs(tmp_path_factory.mktemp("viewed"), rows, THREE_RUNS, reference="plain")


@pytest.fixture
def picker(folder):
    return base.RunPicker(Comparison(folder))
