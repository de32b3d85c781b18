"""Signals for a kernel: passed on to it alone, kept while there is none, and given back afterwards."""

import asyncio
import os
import signal
import threading

import pytest

from reid_lib.pipeline import kernel_signals
from reid_lib.pipeline.kernel_signals import PASSED, SignalsToKernel, Stopped, kernel_manager


class Kernel:
    def __init__(self):
        self.told = []

    def send_signal(self, number):
        self.told.append(number)


@pytest.fixture(autouse=True)
def heard_in_the_background_too():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", PASSED)
def test_a_signal_is_the_kernels_and_the_handlers_come_back(number):
    before = signal.getsignal(number)
    with SignalsToKernel() as signals:
        signals.kernel = Kernel()
        os.kill(os.getpid(), number)
        assert signals.kernel.told == signals.heard == [number]
        with pytest.raises(Stopped):
            signals.check()
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_kills_and_another_signal_does_not():
    with SignalsToKernel() as signals:
        signals.kernel = Kernel()
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGINT):
            os.kill(os.getpid(), number)
    assert signals.kernel.told == [signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGKILL]


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with SignalsToKernel() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.heard == [] and signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_hears_none_and_fails_not():
    told = []

    def within():
        with SignalsToKernel() as signals:
            signals.check()
            told.append(signals.heard)

    thread = threading.Thread(target=within)
    thread.start()
    thread.join()
    assert told == [[]]


def test_after_a_signal_no_kernel_starts(monkeypatch):
    started = []
    monkeypatch.setattr(kernel_signals.AsyncKernelManager, "start_kernel", lambda *_, **__: started.append(1))
    signals = SignalsToKernel()
    signals.heard.append(signal.SIGTERM)
    with pytest.raises(Stopped):
        asyncio.run(kernel_manager(signals, {})(kernel_name="python3").start_kernel())
    assert started == []
