"""How the nearest descriptors of a gallery vote for its photographs and individuals: the arithmetic of LNBNN."""

import numpy as np
from scipy.sparse import csr_matrix


def weigh_votes(distance: np.ndarray) -> np.ndarray:
    """The weight of the vote for each of the k nearest descriptors: how much nearer it is than the next one.

    Args:
        distance: (m, k + 1) float, ascending, to the nearest of the gallery; infinite where there was none.

    Returns:
        (m, k) float, not negative. Where the next one is not there, the last that is stands for it.
    """
    there = np.isfinite(distance)
    farthest = np.where(there, distance, 0).max(axis=1, keepdims=True)
    distance = np.where(there, distance, farthest)
    return distance[:, -1:] - distance[:, :-1]


def sum_votes(
    asked: np.ndarray, image: np.ndarray, weights: np.ndarray, individual: np.ndarray, counts: np.ndarray
) -> list[dict[str, np.ndarray]]:
    """The votes of each query for gallery photographs, and for their individuals.

    Args:
        asked: (m,) int, the query that each descriptor is of.
        image: (m, k) int, the gallery photographs of its nearest, nearest first.
        weights: (m, k) float from `weigh_votes`.
        individual: (g,) int from 0, of each gallery photograph.
        counts: (q,) descriptors of each query, by which its sums are divided.

    Returns:
        Of each query `image` (r,) int32, ascending, those that got any; `votes` (r,) float32 above 0, the sum over its
        descriptors; `individual_votes` (r,) float32, the sum for the image's individual, for which each descriptor
        votes once, with its best vote.
    """
    n_queries, n_images, k = len(counts), len(individual), weights.shape[1]
    asked, who = np.broadcast_to(asked[:, None], weights.shape), individual[image]
    # The nearest of an individual has its best vote: all are compared with the same descriptor.
    again = np.stack([(who[:, :j] == who[:, [j]]).any(axis=1) for j in range(k)], axis=1)
    some, once = weights > 0, (weights > 0) & ~again
    of_images = csr_matrix((weights[some], (asked[some], image[some])), (n_queries, n_images), dtype=np.float64)
    n_individuals = int(individual.max(initial=-1)) + 1
    of_individuals = csr_matrix((weights[once], (asked[once], who[once])), (n_queries, n_individuals), dtype=np.float64)
    (query, column), (other, animal) = (_sorted_places(table) for table in (of_images, of_individuals))
    # An individual has votes wherever one of its photographs has: its nearest descriptor's vote is counted for both.
    at = np.searchsorted(other * n_individuals + animal, query * n_individuals + individual[column])
    number = np.maximum(counts, 1)[query]
    table = {"image": column.astype(np.int32), "votes": (of_images.data / number).astype(np.float32)}
    table["individual_votes"] = (of_individuals.data[at] / number).astype(np.float32)
    parts = zip(of_images.indptr[:-1], of_images.indptr[1:], strict=True)
    return [{name: values[begin:end] for name, values in table.items()} for begin, end in parts]


def _sorted_places(table: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """(row, column) int64 of its values, ascending; brings them into this order."""
    table.sort_indices()
    return np.repeat(np.arange(table.shape[0]), np.diff(table.indptr)), table.indices.astype(np.int64)
