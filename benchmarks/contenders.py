"""What bench.py runs in a process of its own, one contender at a time: python benchmarks/contenders.py NAME OPTIONS

Each contender prepares, then does its work between two looks at the clock. Peers are used as their own documentation
does; they get the same images, the same weights and the same number of threads.
"""

import contextlib
import json
import sys

import contend_embed  # noqa: F401 - importing these six registers their contenders
import contend_engine  # noqa: F401
import contend_match  # noqa: F401
import contend_search  # noqa: F401
import contend_threshold  # noqa: F401
import contend_train  # noqa: F401
from contending import CONTENDERS, Clock, device_name


def main(name: str, options: str) -> None:
    import torch

    given = json.loads(options)
    torch.set_num_threads(given["threads"])
    clock = Clock()
    with contextlib.redirect_stdout(sys.stderr):
        result = CONTENDERS[name](given, clock)
    result |= {
        "seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
        "added_mb": clock.added_mb,
        "device": device_name(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
