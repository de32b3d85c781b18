"""What several test modules share: real data where they are, and runs and caches that vanish with the test."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from reid_lib.core.paths import project_root

# What is imported here is never garbage: the collector would walk through all of it again and again.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


# Property tests draw the same few cases every time: what fails once fails again, and `make test` stays quick. A test
# that needs more says so itself. Fixtures of a function are allowed: see that a case leaves nothing to the next.
settings.register_profile(
    "deterministic",
    derandomize=True,
    deadline=None,
    print_blob=True,
    max_examples=25,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("deterministic")


# Files that take minutes begin first: processes that run files side by side then end at about the same time.
LONGEST_FIRST = (
    *("test_e2e_slurm.py", "test_notebooks.py", "test_launch.py", "test_steps.py", "test_papermill_engine.py"),
    *("test_runner.py", "test_group.py", "test_fuse.py", "test_e2e_review.py", "test_e2e_compare.py", "test_damage.py"),
    *("test_make.py", "test_download.py", "test_changes.py", "test_onednn.py", "test_speed.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: k for k, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


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
    monkeypatch.delenv("REID_GALLERIES", raising=False)  # they lie beside the runs
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
