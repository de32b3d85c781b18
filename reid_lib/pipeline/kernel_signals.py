"""Signals that end a notebook, passed on to its kernel: papermill itself passes none.

The kernel alone hears them, not its whole process group as Jupyter would have it: it needs its loader processes to
write a checkpoint.
"""

import os
import signal
import subprocess
import threading
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from reid_lib.core.signals import SIGNALS

PASSED = (signal.SIGINT, *SIGNALS)


class Stopped(Exception):
    """A signal came while no cell was there to hear it."""


class SignalsToKernel:
    """Within the block SIGINT, SIGTERM and SIGUSR1 are the kernel's; a second SIGINT kills it.

    Only a process's main thread can hear signals; what is ignored already (`nohup`) stays ignored.

    Attributes:
        heard: the signals that came, in order.
        kernel: the kernel's process, once it has been started.
    """

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.kernel: subprocess.Popen | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "SignalsToKernel":
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in PASSED}
            self._before = {n: handler for n, handler in handlers.items() if handler is not signal.SIG_IGN}
            for number in self._before:
                signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._before.items():
            # None: a handler that Python did not set, and cannot set again
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def check(self) -> None:
        """Between cells a kernel ignores SIGINT: then the notebook is ended here.

        Raises:
            Stopped: a signal came.
        """
        if self.heard:
            raise Stopped

    def _pass_on(self, number: int, _frame: Any) -> None:
        again = number == signal.SIGINT and number in self.heard
        self.heard.append(number)
        if self.kernel is not None:
            self.kernel.send_signal(signal.SIGKILL if again else number)


def kernel_manager(signals: SignalsToKernel, environment: dict[str, str]) -> type[AsyncKernelManager]:
    """A class of kernel managers (nbclient's `kernel_manager_class`) whose kernel hears `signals`.

    Args:
        environment: variables of the kernel, besides those of this process.
    """

    class Kernel(AsyncKernelManager):
        async def start_kernel(self, **options: Any) -> None:
            signals.check()
            await super().start_kernel(**{"env": os.environ | environment} | options)
            signals.kernel = getattr(self.provisioner, "process", None)  # none where the kernel runs elsewhere
            if signals.heard:
                await self.shutdown_kernel(now=True)
                raise Stopped

    return Kernel
