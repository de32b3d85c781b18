"""Embeddings keep their rows: for any batch size, order and subset, in memory and on disk."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch

from reid_lib.core.names import IDENTITY, IMAGE_ID
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.embed.extract import Way, _fetch, extract
from reid_lib.nets.device import embedding_precision
from reid_lib.nets.network import build_model


@pytest.fixture(scope="module")
def model():
    return build_model("resnet10t", pretrained=False, image_size=32, embedding_dim=8, seed=0)


@pytest.fixture(scope="module")
def images():
    """23 images that all differ, and their rows."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (23, 32, 32, 3), dtype=np.uint8)
    rows = pd.DataFrame({IMAGE_ID: [f"i{k}" for k in range(23)], IDENTITY: [f"animal {k % 5}" for k in range(23)]})
    return pixels, rows


def one_by_one(model, pixels) -> np.ndarray:
    """The slow way: each image alone."""
    model.eval()
    with torch.inference_mode():
        return np.concatenate([model(model.normalise(torch.from_numpy(p[None]))).numpy() for p in pixels])


@pytest.mark.parametrize("batch_size", [1, 2, 7, 23, 64])
def test_rows_follow_images_for_any_batch_size(model, images, batch_size):
    """The replaced system took the identities of the first batch for every batch."""
    pixels, rows = images
    embedded = extract(model, pixels, rows, batch_size=batch_size)
    assert embedded.rows[IDENTITY].tolist() == rows[IDENTITY].tolist()
    np.testing.assert_allclose(embedded.features, one_by_one(model, pixels), atol=1e-5)


def test_rows_follow_images_for_any_order_and_subset(model, images):
    pixels, rows = images
    everything = dict(zip(rows[IMAGE_ID], extract(model, pixels, rows).features, strict=True))
    order = np.random.default_rng(1).permutation(23)
    where = np.arange(23) % 3 != 0
    part = extract(model, pixels[order], rows.iloc[order], where=where, batch_size=4)
    assert part.rows[IMAGE_ID].tolist() == rows[IMAGE_ID].iloc[order[where]].tolist()
    for image_id, identity, feature in zip(part.rows[IMAGE_ID], part.rows[IDENTITY], part.features, strict=True):
        np.testing.assert_allclose(feature, everything[image_id], atol=1e-5)
        assert identity == f"animal {int(image_id[1:]) % 5}"


@pytest.mark.parametrize("n", [1, 16, 17, 50])
def test_in_the_same_way_an_image_is_embedded_the_same_to_the_last_bit_beside_any_others(n):
    model = build_model("tf_efficientnet_lite0", pretrained=False, image_size=64, embedding_dim=16)
    pixels = np.random.default_rng(0).integers(0, 256, (66, 64, 64, 3), dtype=np.uint8)
    rows = pd.DataFrame({IMAGE_ID: [str(k) for k in range(66)]})
    way = Way.of(66, batch_size=24, device="cpu")
    assert way == Way(16, folded=True, compiled=False)
    whole = extract(model, pixels, rows, batch_size=24).features
    chosen = np.random.default_rng(1).permutation(66)[:n]
    part = extract(model, pixels[chosen], rows.iloc[chosen], way=way).features
    np.testing.assert_array_equal(part, whole[chosen])


def test_one_image_that_float16_cannot_hold_changes_no_other():
    """Computed again in float32 is that image alone."""
    from types import SimpleNamespace

    images = torch.zeros(3, 1)
    model = SimpleNamespace(
        normalise=lambda x: x, backbone=lambda x: x, embed_features=lambda x: torch.full((3, 2), 0.5)
    )
    features = np.empty((3, 2), dtype=np.float32)
    output = torch.tensor([[1.0, 0.0], [torch.inf, 0.0], [0.25, 1.0]])
    _fetch(model, features, 0, images, output)
    assert features.tolist() == [[1, 0], [0.5, 0.5], [0.25, 1]]


def test_embeddings_have_length_one_and_the_model_its_mode_back(model, images):
    model.train()
    embedded = extract(model, *images)
    np.testing.assert_allclose(np.linalg.norm(embedded.features, axis=1), 1, atol=1e-5)
    assert embedded.features.dtype == np.float32
    assert model.training


def test_bfloat16_gives_nearly_the_same_embeddings(model, images):
    plain, quick = extract(model, *images), extract(model, *images, precision="bf16")
    assert (plain.features * quick.features).sum(axis=1).min() > 0.99


@pytest.mark.filterwarnings("ignore:.*CPU autocast")
def test_float16_gives_the_same_embeddings_even_where_it_overflows(model, images):
    """0.999 is what every embedding is held to. Weights a thousand times larger leave its range in the second layer."""
    plain = extract(model, *images).features
    assert (plain * extract(model, *images, precision="fp16").features).sum(axis=1).min() > 0.9999
    large = copy.deepcopy(model).eval()
    with torch.no_grad():
        next(m for m in large.backbone.modules() if isinstance(m, torch.nn.Conv2d)).weight.mul_(1e6)
    for module in large.backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as it comes: nothing that brings the values back
            module.reset_running_stats()
    plain = extract(large, *images).features
    assert (plain * extract(large, *images, precision="fp16").features).sum(axis=1).min() > 0.9999


def test_a_batch_that_does_not_fit_is_embedded_in_halves(model, images):
    """Of a GPU; the memory of a CPU is not asked for by batches."""
    sizes = []

    def little_memory(module, taken):
        if len(taken[0]) > 3:
            raise torch.OutOfMemoryError("out of memory")
        sizes.append(len(taken[0]))

    plain = extract(model, *images, batch_size=7)
    hook = model.backbone.register_forward_pre_hook(little_memory)
    halved = extract(model, *images, batch_size=7)
    hook.remove()
    assert max(sizes) <= 3 and sum(sizes) == 4 * 7  # the last batch is filled up
    assert (plain.features * halved.features).sum(axis=1).min() > 0.99999


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_embeddings_are_those_of_float32():
    model = build_model("tf_efficientnet_lite0", image_size=160, embedding_dim=0).to("cuda")
    pixels = np.random.default_rng(0).integers(0, 256, (96, 160, 160, 3), dtype=np.uint8)
    rows = pd.DataFrame({IMAGE_ID: [str(k) for k in range(96)]})
    plain = extract(model, pixels, rows, device="cuda").features
    quick = extract(model, pixels, rows, device="cuda", precision=embedding_precision("auto", "cuda")).features
    assert (plain * quick).sum(axis=1).min() > 0.999


def test_stored_embeddings_come_back_joined_by_image_id(model, images, tmp_path):
    pixels, rows = images
    embedded = extract(model, pixels, rows)
    embedded.save(tmp_path / "x.npz")
    shuffled = rows.sample(frac=1, random_state=0)
    back = EmbeddingSet.load(tmp_path / "x.npz", shuffled)
    np.testing.assert_array_equal(back.features, embedded.features)
    pd.testing.assert_frame_equal(back.rows, embedded.rows)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as stored:  # readable without pickle
        assert set(stored) == {"features", "image_id"}


def test_an_embedded_image_without_a_row_is_an_error(model, images, tmp_path):
    pixels, rows = images
    extract(model, pixels, rows).save(tmp_path / "x.npz")
    with pytest.raises(KeyError):
        EmbeddingSet.load(tmp_path / "x.npz", rows.iloc[1:])
