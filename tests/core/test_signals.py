"""Signals are heard within the block and left as they were after it."""

import os
import signal
import threading

import pytest

from reid_lib.core.signals import ALL_SIGNALS, SIGNALS, hold_signals, stop_on_signal


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_asks_to_stop_and_ends_nothing(number):
    before = signal.getsignal(number)
    with stop_on_signal() as asked:
        assert not asked()
        os.kill(os.getpid(), number)
        assert asked()
    assert signal.getsignal(number) is before


def test_held_signals_are_listed_in_their_order():
    before = {number: signal.getsignal(number) for number in ALL_SIGNALS}
    with hold_signals() as heard:
        for number in (signal.SIGTERM, signal.SIGUSR1):
            os.kill(os.getpid(), number)
        assert heard == [signal.SIGTERM, signal.SIGUSR1]
    assert {number: signal.getsignal(number) for number in ALL_SIGNALS} == before


def test_what_is_ignored_stays_ignored(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with hold_signals() as heard:
            os.kill(os.getpid(), signal.SIGHUP)
        assert heard == [] and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_nothing_is_heard_and_nothing_fails():
    said = []

    def ask():
        with stop_on_signal() as asked, hold_signals() as heard:
            said.extend([asked(), list(heard)])

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert said == [False, []]
