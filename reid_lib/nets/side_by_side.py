"""Parallel work on a CPU: each item is computed by one thread, instead of all threads sharing each matrix product.

Threads that share a product wait for each other at its end. With small products that happens some thousand times a
second, and on a machine that is also busy with something else it costs several times the work itself (docs/log.md).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

MapAll = Callable[[Callable, list], list]


@contextmanager
def side_by_side(device: str, n_items: int) -> Iterator[MapAll]:
    """Within the block, a function `map_all(function, items)` that returns the results in order, computed in parallel.

    On a CPU it uses as many threads as torch does, each of which computes alone; afterwards torch has all its threads
    again.

    Args:
        device: torch's. On a GPU the items are computed one after the other.
        n_items: about how many there are. A single one is computed by all threads together, as torch does by default.
    """
    threads = torch.get_num_threads()
    if torch.device(device).type != "cpu" or min(threads, n_items) < 2:
        yield lambda function, items: [function(item) for item in items]
        return
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield lambda function, items: list(pool.map(function, items))
    finally:
        torch.set_num_threads(threads)
