"""A button that looks for new runs, and a box that does so by itself while the notebook is open."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import ipywidgets as w

from reid_lib.core.errors import ReidError
from reid_lib.pages import html

PERIOD_S = 10.0
SHARE = 20  # a look may take a twentieth of the time: over a slow disk it is taken less often
_latest: list["Follow"] = []  # the one that looks by itself: a cell that is run again makes another


class Follow(w.HBox):
    """Look for new runs now, or every ten seconds.

    By itself it looks from a timer of the kernel's event loop: there is no thread, and nothing that a kernel waits for
    when it ends. Outside of a kernel only the button looks.
    """

    def __init__(self, look: Callable[[], str], *, by_itself: bool):
        """
        Args:
            look: looks, and says in words what is new; "" where nothing is.
            by_itself: whether the box is ticked at first.
        """
        self._look, self._timer = look, None
        self.button = w.Button(description="look for new runs", icon="refresh", layout=w.Layout(width="max-content"))
        self.by_itself = w.Checkbox(
            value=by_itself, description=f"every {PERIOD_S:.0f} s", indent=False, layout=w.Layout(width="max-content")
        )
        self.said = w.HTML()
        super().__init__([self.button, self.by_itself, self.said], layout=w.Layout(flex_flow="row wrap"))
        self.button.on_click(lambda _: self.look(asked=True))
        self.by_itself.observe(lambda change: self._start() if change["new"] else self.stop(), "value")
        if by_itself:
            self._start()

    def look(self, *, asked: bool = False) -> None:
        """Look once; what is new is said, that nothing is only where a person asked."""
        try:
            new = html.text(self._look())
        except (ReidError, OSError) as error:
            new = html.failure(error)
        if new or asked:
            self.said.value = html.muted(f"{datetime.now():%H:%M:%S} ") + (new or html.muted("nothing new"))

    def stop(self) -> None:
        """No more looks by itself."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _start(self) -> None:
        """The first timer; it takes the place of that of an earlier one, whose cell was run again."""
        while _latest:
            if (other := _latest.pop()) is not self:
                other.by_itself.value = False
        _latest.append(self)
        self.stop()
        self._wait(PERIOD_S)

    def _wait(self, seconds: float) -> None:
        try:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._tick)
        except RuntimeError:  # outside of a kernel
            self._timer = None

    def _tick(self) -> None:
        begun = time.monotonic()
        self.look()
        if self._timer is not None:  # not stopped meanwhile
            self._wait(max(PERIOD_S, SHARE * (time.monotonic() - begun)))
