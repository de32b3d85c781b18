"""What a run was made with: versions, machine and commit."""

import os
import platform
import socket
import subprocess
import sys
import time
from importlib import metadata
from typing import Any

from reid_lib.core.paths import in_checkout, project_root

PACKAGES = ("reid-lab", "torch", "torchvision", "timm", "pytorch-metric-learning", "numpy", "pandas", "scikit-learn")


def describe_environment() -> dict[str, Any]:
    """Versions, machine and commit; no environment variables and nothing secret."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    machine = {"host": socket.gethostname(), "system": platform.platform(), "cpus": os.cpu_count()}
    return {"python": platform.python_version(), "packages": versions, "created": time.time()} | machine | _commit()


def measure_peak_memory() -> int | None:
    """Bytes of main memory that this process has held at most; None where the system does not tell."""
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # Linux counts in KiB, macOS in bytes


def _commit() -> dict[str, Any]:
    if not in_checkout():  # the working folder's commit, if it has one, is not the library's
        return {"git_commit": None, "git_dirty": None}

    def git(*arguments):
        command = ["git", "-C", str(project_root()), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        return {"git_commit": git("rev-parse", "HEAD"), "git_dirty": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        return {"git_commit": None, "git_dirty": None}
