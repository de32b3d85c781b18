"""What a GPU would refuse, found without one: tensors that say they are on a GPU, have shapes and hold no numbers.

A tensor left on the CPU, or of another dtype than its partner, raises here as it would there. What it computes, and how
fast, only a real GPU tells.
"""

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily

from reid_lib.match import on_device
from reid_lib.match.groups import Groups
from reid_lib.nets.network import build_model
from reid_lib.train import augment

CUDA = torch.device("cuda", 0)
pytestmark = pytest.mark.filterwarnings("ignore:.*CUDA is not available")


@pytest.fixture
def pretended(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)  # which the pretence does not know
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)


def built(make, **options) -> torch.nn.Module:
    """A module made of numbers, as initialising it looks at some, and then moved."""
    with unset_fake_temporarily():
        module = make(**options)
    return module.to(CUDA)


def test_the_pretence_holds(pretended):
    """Else every test here would pass whatever happens."""
    with pytest.raises(RuntimeError, match="device"):
        torch.ones(2, device=CUDA) @ torch.ones(2)


@pytest.mark.parametrize("positions", [np.arange(8), np.arange(40, 48)])
def test_augmentation_stays_on_the_gpu(pretended, positions):
    images = torch.zeros((8, 3, 32, 32), dtype=torch.uint8, device=CUDA)
    varied = augment.apply_changes(images, augment.draw_changes(0, 1, positions, flip=True))
    assert (varied.device, varied.dtype, varied.shape) == (CUDA, torch.uint8, images.shape)


@pytest.mark.parametrize("backbone", ["test_efficientnet", "test_vit"])
def test_training_stays_on_the_gpu_up_to_the_loss(pretended, backbone):
    """Which pairs a loss takes depends on numbers, and torch goes backward on real devices only."""
    model = built(build_model, backbone=backbone, pretrained=False, image_size=160, embedding_dim=16).train()
    images = torch.zeros((8, 160, 160, 3), dtype=torch.uint8, device=CUDA)
    with torch.autocast("cuda", torch.bfloat16):
        features = model.backbone(model.normalise(images))
    embedded = model.embed_features(features.float())
    assert (embedded.device, embedded.dtype, embedded.shape) == (CUDA, torch.float32, (8, 16))


@pytest.mark.parametrize("dtype", [torch.float16, None])
def test_embedding_stays_on_the_gpu(pretended, dtype):
    model = built(build_model, backbone="test_efficientnet", pretrained=False, image_size=160, embedding_dim=0).eval()
    images = torch.zeros((8, 160, 160, 3), dtype=torch.uint8, device=CUDA)
    with torch.inference_mode(), torch.autocast("cuda", dtype, enabled=dtype is not None):
        embedded = model.embed_features(model.backbone(model.normalise(images)))
    assert embedded.device == CUDA and embedded.shape == (8, model.embedding_dim)


def test_search_stays_on_the_gpu(pretended, monkeypatch):
    """What the ranking does with the values before it looks at any number."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**30, 2**30))
    queries, gallery = np.ones((5, 16), np.float32), np.ones((9, 16), np.float32)
    groups = Groups(np.array([0, 1, 5]), 9)
    (some,) = on_device.estimate_cosines(queries, gallery, "cuda:0", numbers_per_query=18, max_bytes=2**20)
    maxima = groups.maxima(some.values, some.arrays)
    best = maxima.argmax(1)
    maxima[some.arrays.index(np.arange(5)), best] = -np.inf
    mask = maxima >= some.arrays.like(maxima, np.zeros(5))[:, None]
    assert {tensor.device for tensor in (some.values, maxima, best, mask)} == {CUDA}
    assert some.values.shape == (5, 9) and maxima.shape == mask.shape == (5, 3) and some.values.dtype == torch.float64
