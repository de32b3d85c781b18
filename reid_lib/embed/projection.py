"""Embeddings in two dimensions, to look at: t-SNE after PCA, which keeps neighbours together as far as a plane allows.

Sources: van der Maaten & Hinton, "Visualizing Data using t-SNE", JMLR 9 (2008); start from principal components:
Kobak & Berens, "The art of using t-SNE for single-cell transcriptomics", Nature Communications 10 (2019).
"""

import numpy as np

from reid_lib.core.errors import ParameterError

METHODS = ("tsne", "pca", "umap")
PCA_DIMENSIONS = 50
MOST_TSNE = 3000  # photographs laid out by t-SNE itself; further ones are placed by their nearest neighbours
NEIGHBOURS = 3
BLOCK_BYTES = 2**26


def reduce_to_plane(
    features: np.ndarray, *, method: str = "tsne", seed: int = 0, most_tsne: int = MOST_TSNE
) -> np.ndarray:
    """Two coordinates for each embedding. Rows are compared by direction, as in the search (cosine).

    Deterministic: the same features and seed give the same coordinates on one machine, whatever its number of threads.
    Above `most_tsne` rows, t-SNE (or UMAP) lays out a random sample of that size, and every other row is placed between
    its three nearest sampled rows, so time and memory grow linearly.

    Args:
        features: (n, d) finite numbers, n >= 0, d >= 1.
        method: "tsne", "pca" (the first two principal components) or "umap" (optional extra `umap`).
        seed: of the sample, and of t-SNE and UMAP.
        most_tsne: rows that t-SNE or UMAP lays out itself.

    Returns:
        (n, 2) float32, without unit. Up to four rows, and rows that are all the same, are laid out by "pca".

    Raises:
        ParameterError: unknown method; umap-learn is not installed.
        ValueError: features are not (n, d) or not finite.

    Example:
        >>> reduce_to_plane(np.eye(3), method="pca").shape
        (3, 2)
    """
    from threadpoolctl import threadpool_limits

    if method not in METHODS:
        raise ParameterError(f"unknown projection {method!r}: expected one of {', '.join(METHODS)}")
    features = np.asarray(features, dtype=np.float64)
    if features.ndim != 2 or features.shape[1] == 0:
        raise ValueError(f"features must be (n, d) with d >= 1, got shape {features.shape}")
    if not np.isfinite(features).all():
        raise ValueError("features must be finite: an embedding holds NaN or infinity")
    rng = np.random.default_rng(seed)
    # One thread: the order of summation is fixed, and it is no slower, as threads would wait for each other.
    with threadpool_limits(1):
        reduced = _principal_components(features)
        if method == "pca" or len(features) <= 4 or not reduced[:, 0].any():
            return _two_columns(reduced)
        sample = np.sort(rng.permutation(len(features))[:most_tsne])
        laid_out = (_tsne if method == "tsne" else _umap)(reduced[sample], seed)
        return _place(reduced, sample, laid_out).astype(np.float32)


def _principal_components(features: np.ndarray) -> np.ndarray:
    """(n, at most 50) coordinates along the principal axes, the largest first, signs fixed."""
    n = len(features)
    if n == 0:
        return np.zeros((0, 2))
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.where(lengths > 0, lengths, 1)
    centred = unit - unit.mean(axis=0)
    variances, axes = _principal_axes(centred)
    keep = np.argsort(variances)[::-1][:PCA_DIMENSIONS]
    # Axes without variance are rounding noise: dropping them leaves equal photographs at equal places.
    keep = keep[variances[keep] > 1e-10 * n]
    axes = axes[:, keep]
    if not keep.size:
        return np.zeros((n, 1))
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return centred @ axes


def _principal_axes(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances times n (k,) and axes (d, k) of n centred rows, k = min(n, d), the largest last. The axis of a variance
    that is zero but for rounding is noise.

    The smaller of both matrix products is decomposed: 48 photographs have 47 axes, however long their embeddings are.
    """
    if len(centred) >= centred.shape[1]:
        return np.linalg.eigh(centred.T @ centred)
    variances, of_rows = np.linalg.eigh(centred @ centred.T)
    return variances, centred.T @ of_rows / np.sqrt(np.maximum(variances, np.finfo(np.float64).tiny))


def _two_columns(reduced: np.ndarray) -> np.ndarray:
    plane = np.zeros((len(reduced), 2), dtype=np.float32)
    plane[:, : reduced.shape[1]] = reduced[:, :2]
    return plane


def _tsne(reduced: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    start = _two_columns(reduced)
    start *= 1e-4 / start[:, 0].std()
    # Unit vectors: |a - b|^2 = 2 - 2 cos(a, b), so Euclidean neighbours are the neighbours by cosine.
    perplexity = min(30.0, (len(reduced) - 1) / 3)
    return TSNE(perplexity=perplexity, init=start, random_state=seed, n_jobs=1).fit_transform(reduced)


def _umap(reduced: np.ndarray, seed: int) -> np.ndarray:
    try:
        from umap import UMAP
    except ImportError as error:
        message = "projection 'umap' needs umap-learn: pip install -e '.[umap]', or take method 'tsne'"
        raise ParameterError(message) from error
    return UMAP(n_neighbors=min(15, len(reduced) - 1), random_state=seed, n_jobs=1).fit_transform(reduced)


def _place(reduced: np.ndarray, sample: np.ndarray, laid_out: np.ndarray) -> np.ndarray:
    """Sampled rows where they were laid out, the others at the weighted mean of their nearest sampled rows."""
    plane = np.empty((len(reduced), 2))
    plane[sample] = laid_out
    others = np.setdiff1d(np.arange(len(reduced)), sample)
    base = reduced[sample]
    k, squares = min(NEIGHBOURS, len(sample)), (base**2).sum(axis=1)
    step = max(1, BLOCK_BYTES // (8 * len(sample)))
    for start in range(0, len(others), step):
        rows = reduced[others[start : start + step]]
        distances = (rows**2).sum(axis=1)[:, None] + squares - 2 * rows @ base.T
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        weights = 1 / (np.maximum(np.take_along_axis(distances, nearest, axis=1), 0) + 1e-9)
        weights /= weights.sum(axis=1, keepdims=True)
        plane[others[start : start + step]] = (laid_out[nearest] * weights[:, :, None]).sum(axis=1)
    return plane
