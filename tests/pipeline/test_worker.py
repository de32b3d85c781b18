"""Training in processes of their own: followed, stopped, failed and abandoned; nothing of them is left behind."""

import subprocess
import sys

import pytest

from reid_lib.core.paths import project_root

pytestmark = pytest.mark.slow


def test_worker_is_started_by_the_library_alone():
    done = subprocess.run(
        [sys.executable, "-m", "reid_lib.pipeline.worker"],
        capture_output=True,
        text=True,
        cwd=project_root(),
        timeout=60,
    )
    assert done.returncode == 2 and "num_gpus" in done.stderr
