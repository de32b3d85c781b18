"""What the contenders share: the register of their names, the clock, the images and the device.

Importing it lets the peers of benchmarks/.peers be imported.
"""

import contextlib
import gc
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE / ".peers")]  # peers last: torch and the rest are the project's own
CONTENDERS = {}
LITE0, MEAN = "tf_efficientnet_lite0", [0.5, 0.5, 0.5]


def contender(function: Callable) -> Callable:
    """Decorator: `contenders.py` runs the function by its name. It is handed the options and the clock.

    It prepares, does its work within `with clock:`, and returns "n", how much it did, and what else was measured.
    """
    CONTENDERS[function.__name__] = function
    return function


class Clock:
    """Measures the block `with clock:`: seconds, seconds of the processors, and memory beyond what was there before."""

    def __enter__(self):
        gc.collect()  # else what the imports left is looked through in the middle of somebody's turn: 0.2 s
        gc.freeze()
        with contextlib.suppress(OSError):  # Linux: the peak starts again at what is held now
            Path("/proc/self/clear_refs").write_text("5")
        self.before = _peak_mb()
        self.begun, self.cpu_begun = time.perf_counter(), time.process_time()

    def __exit__(self, *_):
        self.seconds, self.cpu_seconds = time.perf_counter() - self.begun, time.process_time() - self.cpu_begun
        self.added_mb = _peak_mb() - self.before


def _peak_mb() -> float:
    """The most memory held so far, in MB; elsewhere than on Linux since the process began."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024


def busy_share(work: Callable[[], object]) -> dict:
    """{"gpu_busy": share of the time in which the GPU computes} while `work()` is done once more; empty without a GPU.

    The profiler takes time of its own, so it is busier without.
    """
    import torch

    if not torch.cuda.is_available():
        return {}
    watch = BusyWatch()
    watch.start()
    work()
    return watch.stop()


class BusyWatch:
    """The share of the time between `start` and `stop` in which the GPU computes, copies included."""

    def start(self) -> None:
        import torch

        torch.cuda.synchronize()
        self.profiler = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])
        self.profiler.start()
        self.begun = time.perf_counter()

    def stop(self) -> dict:
        import torch

        torch.cuda.synchronize()
        seconds = time.perf_counter() - self.begun
        self.profiler.stop()
        kernels = sum(event.self_device_time_total for event in self.profiler.key_averages())  # in microseconds
        return {"gpu_busy": kernels / 1e6 / seconds}


def catalogue_of(options: dict):
    """The photographs that every contender gets, one folder for each animal."""
    from reid_lib.data.catalogue import read_catalogue

    return read_catalogue("folder", options["photos"], progress=False)


def device_name() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
