"""Two-dimensional layouts of embeddings."""

import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from reid_lib.core.errors import ParameterError
from reid_lib.embed.projection import reduce_to_plane


def clusters(n_each=30, d=20, n_clusters=3, spread=0.05, seed=0):
    """Unit-length rows around orthogonal directions, and the cluster of each row."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(n_clusters), n_each)
    return np.eye(d)[which] + rng.normal(0, spread, (len(which), d)), which


def nearest_other(plane):
    distances = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return distances.argmin(axis=1)


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_what_is_alike_lies_close(method):
    features, which = clusters()
    plane = reduce_to_plane(features, method=method, seed=1)
    assert plane.shape == (90, 2) and plane.dtype == np.float32
    assert (which[nearest_other(plane)] == which).all()


@pytest.mark.parametrize("shape", [(12, 5), (6, 6), (6, 40)])
def test_pca_equals_the_singular_value_decomposition_of_unit_rows(shape):
    features = np.random.default_rng(0).normal(size=shape)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    u, s, _ = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
    plane = reduce_to_plane(features, method="pca")
    for column in range(2):
        expected = u[:, column] * s[column]
        sign = np.sign(expected @ plane[:, column])
        assert plane[:, column] == pytest.approx(sign * expected, abs=1e-5)


def test_no_decomposition_is_larger_than_the_number_of_photographs(monkeypatch):
    """Embeddings of 8,192 numbers: a matrix of that side takes minutes, for 48 photographs as for a million."""
    sides, eigh = [], np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: sides.append(len(matrix)) or eigh(matrix))
    features = np.random.default_rng(0).normal(size=(48, 8192))
    plane = reduce_to_plane(features, method="pca")
    assert sides == [48] and np.isfinite(plane).all()
    reduce_to_plane(features[:, :20], method="pca")
    assert sides == [48, 20]


@pytest.mark.parametrize("seed", range(6))
def test_signs_of_the_principal_axes_are_fixed(seed):
    features = np.random.default_rng(seed).normal(size=(15, 4))
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    centred = unit - unit.mean(axis=0)
    plane = reduce_to_plane(features, method="pca")
    for column in range(2):
        axis = centred.T @ plane[:, column]  # along the principal axis, with the sign that was used
        assert axis[np.abs(axis).argmax()] > 0


def test_pca_does_not_depend_on_the_order_of_rows():
    features, _ = clusters()
    order = np.random.default_rng(1).permutation(len(features))
    assert reduce_to_plane(features[order], method="pca") == pytest.approx(
        reduce_to_plane(features, method="pca")[order], abs=1e-5
    )


def test_length_of_an_embedding_does_not_matter():
    features, _ = clusters()
    lengths = np.random.default_rng(1).uniform(0.5, 4, (len(features), 1))
    plane = reduce_to_plane(features, method="pca")
    assert reduce_to_plane(features * lengths, method="pca") == pytest.approx(plane, abs=1e-5)


def test_same_seed_same_picture_whatever_the_number_of_threads():
    features, _ = clusters()
    with threadpool_limits(1):
        one = reduce_to_plane(features, seed=3)
    with threadpool_limits(2):
        two = reduce_to_plane(features, seed=3)
    assert np.array_equal(one, two)


@pytest.mark.parametrize("method", ["tsne", "pca"])
@pytest.mark.parametrize("n", range(8))
def test_any_small_number_of_rows_works(n, method):
    plane = reduce_to_plane(np.random.default_rng(0).normal(size=(n, 6)), method=method)
    assert plane.shape == (n, 2) and np.isfinite(plane).all()


@pytest.mark.parametrize("d", [1, 2])
def test_embeddings_of_one_or_two_dimensions_work(d):
    plane = reduce_to_plane(np.random.default_rng(0).normal(size=(20, d)))
    assert plane.shape == (20, 2) and np.isfinite(plane).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_rows_that_are_all_the_same_lie_on_one_point(value):
    plane = reduce_to_plane(np.full((25, 7), value))
    assert (plane == 0).all()


def test_rows_beyond_the_sample_are_placed_in_the_cluster_of_their_neighbours():
    features, which = clusters(n_each=60)
    plane = reduce_to_plane(features, seed=0, most_tsne=60)
    assert plane.shape == (180, 2) and np.isfinite(plane).all()
    assert (which[nearest_other(plane)] == which).all()


def test_row_that_equals_a_sampled_one_is_placed_upon_it():
    features, _ = clusters(n_each=20)
    twice = np.concatenate([features, features])
    plane = reduce_to_plane(
        twice, seed=0, most_tsne=90
    )  # of 120 rows: most of the 30 left out have their twin in the sample
    apart = np.linalg.norm(plane[:60] - plane[60:], axis=1)
    sampled = np.sort(np.random.default_rng(0).permutation(120)[:90])
    in_sample = np.isin(np.arange(120), sampled)
    one_of_two = in_sample[:60] != in_sample[60:]
    assert one_of_two.any()
    assert apart[one_of_two].max() < 1e-2 * np.ptp(plane)


def test_features_are_left_as_they_were():
    features, _ = clusters()
    before = features.copy()
    reduce_to_plane(features, method="pca")
    assert np.array_equal(features, before)


def test_unknown_method_is_refused_with_those_there_are():
    with pytest.raises(ParameterError, match="'tsn'.*tsne, pca, umap"):
        reduce_to_plane(np.eye(6), method="tsn")


@pytest.mark.parametrize("features", [np.ones(4), np.ones((3, 0)), np.array([[1.0, np.nan]])])
def test_features_of_another_shape_or_not_finite_are_refused(features):
    with pytest.raises(ValueError, match="features must be"):
        reduce_to_plane(features)


def test_umap_that_is_not_installed_says_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ParameterError, match="umap-learn.*tsne"):
        reduce_to_plane(np.random.default_rng(0).normal(size=(10, 4)), method="umap")
