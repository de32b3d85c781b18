"""The nearest descriptors of a gallery, exactly, or within a recall that is measured: in bounded memory, on the CPU.

Exactly: products of whole numbers in float32. Those of RootSIFT are below 2**24 and therefore exact, so the same
neighbours come out however the work is cut up. By FLANN's k-d trees (OpenCV; Muja & Lowe, VISAPP 2009) the gallery is
searched in chunks, of which one is indexed at a time. By FAISS, where it is installed, in an inverted file of bytes.
"""

from importlib.metadata import version
from importlib.util import find_spec
from typing import Protocol

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from reid_lib.core.errors import ParameterError
from reid_lib.core.parallel import map_in_threads

METHODS = ("auto", "exact", "flann", "faiss")
EXACT_PAIRS = 4 * 10**9  # of descriptors: seconds to some ten seconds on two cores
CHUNK = 2**19  # descriptors that FLANN indexes at a time: 0.25 GB and the trees
TREES, CHECKS = 4, 192  # of FLANN: k-d trees, and leaves looked at in each chunk
PROBED = 24  # lists of FAISS's inverted file that are looked through: the more, the higher the recall
ROUNDS = 10  # of k-means, by which its lists are learnt
_LEARN = 40  # descriptors to learn a list from; FAISS wants 39
SEED = 0
_ROWS, _COLUMNS, _GROUP = 256, 2**14, 64  # of a block of products: 16 MB; looked through by the highest of 64
Found = tuple[np.ndarray, np.ndarray]  # squared distances (m, k) float32 ascending, places in the gallery (m, k) int64


class Search(Protocol):
    """Searches one gallery for the nearest descriptors.

    Attributes:
        exact: does it find all of them?
        at_once: how many descriptors to ask for at a time.
    """

    exact: bool
    at_once: int

    def nearest(self, descriptors: np.ndarray, k: int) -> Found:
        """The k nearest of each descriptor (m, d), infinitely far and -1 beyond the last one of the gallery."""
        ...


def choose_method(method: str, n_queries: int, n_gallery: int) -> str:
    """The method itself, or what "auto" means for so many descriptors.

    That is "exact" where it takes seconds (`EXACT_PAIRS`), else "faiss" if it is installed, else "flann".

    Raises:
        ParameterError: an unknown method, or FAISS is asked for and not installed.
    """
    if method not in METHODS:
        raise ParameterError(f"unknown method {method!r}: expected one of {', '.join(METHODS)}")
    if method == "faiss" and find_spec("faiss") is None:
        raise ParameterError("method 'faiss' needs the package faiss-cpu: pip install -e '.[local]', or take 'flann'")
    if method != "auto":
        return method
    if n_queries * n_gallery <= EXACT_PAIRS:
        return "exact"
    return "flann" if find_spec("faiss") is None else "faiss"


def describe_method(method: str) -> str:
    """The method with all that its result depends on."""
    if method == "flann":
        return f"flann {cv2.__version__} {CHUNK} {TREES} {CHECKS} {SEED}"
    if method == "faiss":
        return f"faiss {version('faiss-cpu')} {PROBED} {ROUNDS} {_LEARN} {SEED}"
    return method


def make_search(method: str, gallery: np.ndarray) -> Search:
    """The search of a gallery (n, d), uint8 or float16, by "exact", "flann" or "faiss"."""
    return {"exact": Exact, "flann": Flann, "faiss": Faiss}[method](gallery)


class Exact:
    """By all products.

    Args:
        gallery: (n, d) uint8 or float16.
    """

    exact, at_once = True, 2**15

    def __init__(self, gallery: np.ndarray):
        self.gallery = gallery

    def nearest(self, descriptors: np.ndarray, k: int) -> Found:
        """See `Search.nearest`. Of equally near ones the earlier comes first."""
        doubled = 2 * descriptors.astype(np.float32)
        closeness = np.full((len(doubled), k), -np.inf, dtype=np.float32)  # 2 a b - b b: the higher, the nearer
        places = np.full((len(doubled), k), -1, dtype=np.int64)
        rows, columns = range(0, len(doubled), _ROWS), range(0, len(self.gallery), _COLUMNS)
        with threadpool_limits(1, "blas"):  # what follows a product takes as long as it: both in our threads
            if len(rows) == 1:  # of a photograph or two: the threads share the gallery
                found = map_in_threads(lambda at: self._nearest_of(doubled, at, k), columns, title="", progress=False)
                for near, place in found:
                    row = np.repeat(np.arange(len(doubled)), k)
                    closeness, places = _merged(closeness, places, row, near.ravel(), place.ravel())
            for begin in columns if len(rows) > 1 else ():
                some, squares = self._columns(begin)
                some = np.ascontiguousarray(some.T)

                def compare(row: int, begin=begin, some=some, squares=squares) -> None:
                    part = slice(row, row + _ROWS)
                    block = doubled[part] @ some
                    block -= squares
                    _raise_to(closeness[part], places[part], block, begin)

                for _ in map_in_threads(compare, rows, title="", progress=False):
                    pass
        squared = np.einsum("nd,nd->n", doubled, doubled)[:, None] / 4 - closeness
        return np.where(places < 0, np.inf, np.maximum(squared, 0)).astype(np.float32), places

    def _nearest_of(self, doubled: np.ndarray, begin: int, k: int) -> Found:
        """Closeness and places (m, k) of the nearest among some columns."""
        some, squares = self._columns(begin)
        closeness = np.full((len(doubled), k), -np.inf, dtype=np.float32)
        places = np.full((len(doubled), k), -1, dtype=np.int64)
        block = doubled @ some.T
        block -= squares
        _raise_to(closeness, places, block, begin)
        return closeness, places

    def _columns(self, begin: int) -> tuple[np.ndarray, np.ndarray]:
        some = self.gallery[begin : begin + _COLUMNS].astype(np.float32)
        return some, np.einsum("nd,nd->n", some, some)


def _raise_to(closeness: np.ndarray, places: np.ndarray, block: np.ndarray, begin: int) -> None:
    """Put those of a block (m, c) that are among the k nearest into `closeness` and `places` (m, k), descending."""
    n, k = closeness.shape
    columns = block.shape[1]
    size = max(1, min(_GROUP, columns // (4 * k)))
    step = columns // size  # a group is columns i, i + step, i + 2 step, ...: compared over whole runs of columns
    whole = size * step
    highest = block[:, :whole].reshape(n, size, step).max(axis=1)
    least = closeness[:, -1]
    if step >= k:  # so many groups reach it, and therefore so many descriptors
        least = np.maximum(least, np.partition(highest, step - k, axis=1)[:, step - k])
    row, group = np.nonzero(highest >= least[:, None])
    column = (group[:, None] + step * np.arange(size)).ravel()
    row, column = np.repeat(row, size), column
    left_row, left_column = np.nonzero(block[:, whole:] >= least[:, None])
    row, column = np.concatenate([row, left_row]), np.concatenate([column, left_column + whole])
    value = block[row, column]
    near = value >= least[row]
    row, column, value = row[near], column[near], value[near]
    closeness[:], places[:] = _merged(closeness, places, row, value, column + begin)


def _merged(closeness: np.ndarray, places: np.ndarray, row: np.ndarray, value: np.ndarray, place: np.ndarray) -> Found:
    """The k highest of each row (m, k), of those that are there and of new ones, descending; ties to the earlier."""
    n, k = closeness.shape
    row = np.concatenate([np.repeat(np.arange(n), k), row])
    value, place = np.concatenate([closeness.ravel(), value]), np.concatenate([places.ravel(), place])
    order = np.lexsort((place, -value, row))
    starts = np.searchsorted(row[order], np.arange(n))
    first = order[(starts[:, None] + np.arange(k)).ravel()]
    return value[first].reshape(n, k), place[first].reshape(n, k)


class Flann:
    """By k-d trees of OpenCV, chunk by chunk: what is found of each chunk is merged. The same at every call.

    Args:
        gallery: (n, d) uint8 or float16.
        checks: leaves looked at in each chunk: the more, the higher the recall.
    """

    exact = False

    def __init__(self, gallery: np.ndarray, *, checks: int = CHECKS):
        self.gallery, self.checks, self._indexed = gallery, checks, None
        self.at_once = 2**16 if len(gallery) <= CHUNK else 2**19  # several chunks are indexed anew each time

    def nearest(self, descriptors: np.ndarray, k: int) -> Found:
        """See `Search.nearest`."""
        squared = np.full((len(descriptors), k), np.inf, dtype=np.float32)
        places = np.full((len(descriptors), k), -1, dtype=np.int64)
        for begin in range(0, len(self.gallery), CHUNK):
            some = self.gallery[begin : begin + CHUNK].astype(np.float32)
            if len(some) <= k or not len(descriptors):  # FLANN wants more than it is asked for
                found, at = Exact(self.gallery[begin : begin + CHUNK]).nearest(descriptors, k)
            else:
                found, at = self._search(begin, some, descriptors, k)
            row = np.repeat(np.arange(len(descriptors)), k)
            at = np.where(at < 0, -1, at + begin)
            nearness, places = _merged(-squared, places, row, -found.ravel(), at.ravel())
            squared = -nearness
        return squared, places

    def _search(self, begin: int, some: np.ndarray, descriptors: np.ndarray, k: int) -> Found:
        if self._indexed is None or self._indexed[0] != begin:
            self._indexed = None  # one chunk at a time is in memory
            cv2.setRNGSeed(SEED)
            self._indexed = begin, some, cv2.flann_Index(some, {"algorithm": 1, "trees": TREES})  # 1: k-d trees
        index = self._indexed[2]

        def search(begin: int) -> Found:
            queries = descriptors[begin : begin + 4096].astype(np.float32)
            at, squared = index.knnSearch(queries, k, params={"checks": self.checks})
            return squared, at.astype(np.int64)

        found = list(map_in_threads(search, range(0, len(descriptors), 4096), title="", progress=False))
        return np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found])


class Faiss:
    """By an inverted file of FAISS, which keeps RootSIFT's bytes as they are.

    Args:
        gallery: (n, d) uint8 or float16.
    """

    exact, at_once = False, 2**16

    def __init__(self, gallery: np.ndarray):
        import faiss

        kinds = faiss.ScalarQuantizer
        kind = kinds.QT_8bit_direct if gallery.dtype == np.uint8 else kinds.QT_fp16
        lists = max(1, min(int(2 * len(gallery) ** 0.5), len(gallery) // _LEARN))
        dim = gallery.shape[1]
        self._coarse = faiss.IndexFlatL2(dim)  # the inverted file keeps no reference of its own
        self.index = faiss.IndexIVFScalarQuantizer(self._coarse, dim, lists, kind, faiss.METRIC_L2, False)
        self.index.nprobe, self.index.cp.niter = PROBED, ROUNDS
        chosen = np.random.default_rng(SEED).choice(len(gallery), min(len(gallery), _LEARN * lists), replace=False)
        self.index.train(gallery[np.sort(chosen)].astype(np.float32))
        for begin in range(0, len(gallery), CHUNK):
            self.index.add(gallery[begin : begin + CHUNK].astype(np.float32))

    def nearest(self, descriptors: np.ndarray, k: int) -> Found:
        """See `Search.nearest`."""
        squared, places = self.index.search(np.ascontiguousarray(descriptors, dtype=np.float32), k)
        return np.where(places < 0, np.inf, squared).astype(np.float32), places.astype(np.int64)
