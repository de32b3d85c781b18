"""How much memory a piece of code needs, measured in a process of its own (Linux)."""

import subprocess
import sys

MEASURE = """
import re
from pathlib import Path

def peak_mb(start_again=False):
    if start_again:
        Path("/proc/self/clear_refs").write_text("5")
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text()).group(1)) / 1024
"""


def added_mb(prepare: str, work: str) -> float:
    """Memory in MB that `work` needs at its peak beyond what is held after `prepare`; both are Python code."""
    code = f"{MEASURE}\n{prepare}\nbefore = peak_mb(True)\n{work}\nprint(peak_mb() - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1])
