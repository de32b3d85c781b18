"""Small networks, and images for them, for the tests of networks."""

from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image

from reid_lib.nets.network import ReidModel, build_model

LITE0 = "tf_efficientnet_lite0"
SMALL = "resnet10t"  # three times faster than the default


def photograph(name, px) -> torch.Tensor:
    from sklearn.datasets import load_sample_image  # seconds, that who only collects the tests need not wait for

    image = Image.fromarray(load_sample_image(name))
    left = (image.width - image.height) // 2
    square = image.crop((left, 0, left + image.height, image.height)).resize((px, px), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(square))[None]


def small(**options) -> ReidModel:
    return build_model(SMALL, **{"pretrained": False, "image_size": 32, "embedding_dim": 8} | options)


def images(n=3, px=32, seed=0) -> torch.Tensor:
    return torch.randint(0, 256, (n, px, px, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def embed(model, batch=None) -> torch.Tensor:
    with torch.inference_mode():
        return model(model.normalise(images() if batch is None else batch))


def writer(folder):
    @contextmanager
    def write(name):
        yield folder / name

    return write
