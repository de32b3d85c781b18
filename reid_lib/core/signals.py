"""Signals that ask a process to stop: within a block they are only noted, so that the step at hand can be finished.

Slurm announces a time limit or a preemption this way (slurm/papermill.sh passes it on to the kernel).
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name))
ALL_SIGNALS = tuple(getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, n))


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Within the block SIGTERM and SIGUSR1 do not end the process.

    Only a process's main thread can hear signals: elsewhere the answer is always no.

    Yields:
        A function that says whether one of them has come.
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


@contextmanager
def hold_signals() -> Iterator[list[int]]:
    """Within the block SIGINT, SIGTERM, SIGHUP and SIGUSR1 do not end the process.

    Yields:
        The signals that have come so far, in order; always empty outside the main thread, which alone hears signals.
    """
    heard: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return
    before = {n: signal.getsignal(n) for n in ALL_SIGNALS}
    before = {n: handler for n, handler in before.items() if handler is not signal.SIG_IGN}  # nohup stays nohup
    for number in before:
        signal.signal(number, lambda n, _: heard.append(n))
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
