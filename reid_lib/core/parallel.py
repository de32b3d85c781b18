"""One function over many items, in threads: results in order, bounded memory, a progress bar when it takes long."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from reid_lib.core.progress import make_bar


def cpu_count() -> int:
    """CPUs this process may use (a Slurm job or a container has fewer than the machine)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_threads(
    function: Callable[[Any], Any],
    items: Iterable,
    *,
    title: str,
    unit: str = "photograph",
    total: int | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Iterator:
    """Yield `function(item)` in the order of `items`; only a few items are under way at any moment.

    Args:
        function: releases the GIL (image decoding, hashing, file access), else threads gain nothing.
        items: what it is called with, one by one.
        title: of the progress bar, which appears after two seconds.
        unit: what one of the items is, for the bar.
        total: number of items, where `items` has no length.
        workers: threads; None: one per CPU.
        progress: show the bar.

    Raises:
        Whatever `function` raises, at the item that raised it; nothing more is started then.
    """
    workers = workers or cpu_count()
    total = len(items) if hasattr(items, "__len__") else total
    pool = ThreadPoolExecutor(workers, thread_name_prefix="reid")
    bar = make_bar(total=total, desc=title, unit=unit, disable=not progress)
    under_way = deque()
    try:
        for item in items:
            under_way.append(pool.submit(function, item))
            if len(under_way) >= 8 * workers:
                yield under_way.popleft().result()
                bar.update()
        while under_way:
            yield under_way.popleft().result()
            bar.update()
    finally:
        pool.shutdown(cancel_futures=True)
        bar.close()


def iterate_ahead(function: Callable[[Any], Any], items: Iterable) -> Iterator:
    """Yield `function(item)` in the order of `items`; the next one is computed in a thread while the caller works."""
    with ThreadPoolExecutor(1, thread_name_prefix="reid") as pool:
        made = None
        for item in items:
            following = pool.submit(function, item)
            if made is not None:
                yield made.result()
            made = following
        if made is not None:
            yield made.result()
