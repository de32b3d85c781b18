"""A wish to stop, told by a signal: training ends after the step at hand, with a checkpoint.

Slurm announces a time limit or a preemption this way (slurm/papermill.sh passes it on to the kernel).
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name))


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Within the block SIGTERM and SIGUSR1 end nothing; what it yields says whether one of them came.

    Only a process's main thread can hear signals: elsewhere the answer is always no.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    heard = threading.Event()
    before = {number: signal.signal(number, lambda *_: heard.set()) for number in SIGNALS}
    try:
        yield heard.is_set
    finally:
        for number, handler in before.items():
            # None: a handler that Python did not set, and cannot set again
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
