"""What a backbone sees where: of convolutions and of transformers, rows from top to bottom."""

import numpy as np
import pytest
import torch

from reid_lib.core.errors import ModelError
from reid_lib.nets.feature_maps import map_features
from reid_lib.nets.network import build_model


@pytest.mark.parametrize(
    ("backbone", "side", "cells"),
    [
        ("resnet10t", 96, (3, 3)),
        ("tf_efficientnet_lite0", 64, (2, 2)),
        ("vit_tiny_patch16_224", 64, (4, 4)),
        ("swin_tiny_patch4_window7_224", 224, (7, 7)),
    ],
)
def test_a_map_of_each_image(backbone, side, cells):
    model = build_model(backbone, pretrained=False, image_size=side, embedding_dim=0)
    pixels = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), dtype=np.uint8)
    maps = map_features(model, pixels)
    assert maps.shape == (3, *cells, model.backbone.num_features) and maps.dtype == np.float32
    assert model.training
    assert not np.allclose(maps[0], maps[1])


def test_the_mean_of_the_cells_is_what_the_network_pools():
    model = build_model("resnet10t", pretrained=False, image_size=96, embedding_dim=0).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)
    with torch.inference_mode():
        pooled = model.backbone(model.normalise(torch.from_numpy(pixels))).numpy()
    np.testing.assert_allclose(map_features(model, pixels).mean(axis=(1, 2)), pooled, atol=1e-5)


def test_what_is_at_the_top_left_is_the_first_cell():
    """A spot changes the cell in which it lies most."""
    model = build_model("resnet10t", pretrained=False, image_size=128, embedding_dim=0)
    pixels = np.full((2, 128, 128, 3), 128, dtype=np.uint8)
    pixels[1, 100:124, 4:28] = 255  # lower left
    change = np.abs(np.subtract(*map_features(model, pixels))).sum(axis=2)
    assert np.unravel_index(change.argmax(), change.shape) == (3, 0)


def test_a_backbone_without_a_map_is_told():
    model = build_model("resnet10t", pretrained=False, image_size=32, embedding_dim=0)  # one cell
    with pytest.raises(ModelError, match="no map"):
        map_features(model, np.zeros((1, 32, 32, 3), np.uint8))
