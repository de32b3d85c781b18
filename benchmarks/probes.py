"""What an inverted file finds, and how quickly, by the number of lists it looks through.

python benchmarks/probes.py                     # a million embeddings of 512 numbers: three minutes, 5 GB
python benchmarks/probes.py --gallery 100000
"""

import argparse
import time

import numpy as np
from contend_search import vectors

from reid_lib.match.approximate import InvertedFile
from reid_lib.match.neighbours import top_k

K = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gallery", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1000)
    options = parser.parse_args()
    gallery, queries = vectors({"gallery": options.gallery, "queries": options.queries})
    top_k(queries[:10], gallery[:100], K)  # what torch itself needs
    begun = time.perf_counter()
    exact = top_k(queries, gallery, K)[1]
    print(f"exact: {time.perf_counter() - begun:.2f} s", flush=True)
    begun = time.perf_counter()
    lists = InvertedFile(gallery)
    print(f"{lists.lists} lists made in {time.perf_counter() - begun:.0f} s", flush=True)
    for probes in (32, 64, 128, 256, 512):
        begun = time.perf_counter()
        found = lists.top_k(queries, K, probes=min(probes, lists.lists))[1]
        seconds = time.perf_counter() - begun
        shared = np.mean([len(set(a) & set(b)) / K for a, b in zip(found, exact, strict=True)])
        first = np.mean(found[:, 0] == exact[:, 0])
        print(
            f"{probes} lists: {seconds:.2f} s, finds {shared:.1%} of the {K} nearest, {first:.1%} of the nearest",
            flush=True,
        )


if __name__ == "__main__":
    main()
