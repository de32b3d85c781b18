"""What the tests of model share."""

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

LITE0 = "tf_efficientnet_lite0"


def photograph(name, px) -> torch.Tensor:
    image = Image.fromarray(load_sample_image(name))
    left = (image.width - image.height) // 2
    square = image.crop((left, 0, left + image.height, image.height)).resize((px, px), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(square))[None]
