"""What several test modules share: real data where they are, and runs and caches that vanish with the test."""

import os
from pathlib import Path

import pytest

from reid_lib.paths import project_root


@pytest.fixture(scope="session")
def nyala_root() -> Path:
    """The folder that `wildlife:NyalaData` opens; the data live outside the repository (`REID_TEST_DATA`)."""
    data = Path(os.environ.get("REID_TEST_DATA") or project_root() / ".." / "shared" / "data").resolve()
    if not (data / "nyala").is_dir():
        pytest.skip(f"real photographs are not here: no folder nyala in {data} (set REID_TEST_DATA)")
    return data / "nyala"


@pytest.fixture
def clean_dirs(tmp_path, monkeypatch) -> Path:
    """Empty `REID_RUNS` and `REID_CACHE` of this test alone; returns the folder that holds both."""
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("REID_DATA", raising=False)
    return tmp_path


@pytest.fixture
def no_figure_is_left():
    """Every test of figures begins and ends without one."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    yield
    plt.close("all")
