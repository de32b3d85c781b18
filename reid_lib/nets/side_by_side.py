"""Work side by side on a CPU: threads that each compute alone, instead of threads that share each product.

Threads that share a product wait for each other at its end; with small products that is some thousand times a second,
and on a machine that is busy with something else, too, it costs several times the work itself (docs/log.md).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

MapAll = Callable[[Callable, list], list]


@contextmanager
def side_by_side(device: str, n_items: int) -> Iterator[MapAll]:
    """A function that calls another on each of some items, and gives the list of what came of it, in order.

    On a CPU it does so in as many threads as torch has, each with one of torch's; torch has its own again at the end.

    Args:
        device: of torch. A GPU takes one after the other.
        n_items: about how many there are; for a single one all threads share each product, as ever.
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
