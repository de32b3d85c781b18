"""Which runs the views of compare.ipynb show: one choice that all of them follow."""

import asyncio
from collections.abc import Callable

import traitlets


class Chosen(traitlets.HasTraits):
    """Which runs are looked at, by name, in the order of the list, and what of them has changed.

    Attributes:
        runs: finished ones.
        training: others whose curves are looked at, too: not finished, or not when they were chosen.
        anew: counts up whenever the results of a chosen run have changed.
        table: counts up whenever what is known of all runs has changed: a new run, another reference, a tag.
        epochs: counts up whenever a run in training has come further.
    """

    runs, training = traitlets.Tuple(), traitlets.Tuple()
    anew, table, epochs = traitlets.Int(), traitlets.Int(), traitlets.Int()

    def __init__(self):
        super().__init__()
        self.waiting: list = []

    @property
    def all(self) -> tuple[str, ...]:
        """Those chosen, finished or in training, each once."""
        return tuple(dict.fromkeys((*self.runs, *self.training)))

    def in_turn(self, refresh: Callable[[], None]) -> None:
        """Call `refresh`: at once; in a kernel one view after the other, which answers what is asked meanwhile."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            refresh()
            return
        if refresh not in self.waiting:
            self.waiting.append(refresh)
            if len(self.waiting) == 1:
                loop.call_soon(self._next, loop)

    def _next(self, loop) -> None:
        refresh = self.waiting.pop(0)
        if self.waiting:
            loop.call_soon(self._next, loop)
        refresh()
