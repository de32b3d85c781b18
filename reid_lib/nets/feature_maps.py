"""A backbone's last feature map: what it sees in each part of an image, before it pools."""

import numpy as np
import torch

from reid_lib.core.errors import ModelError
from reid_lib.nets.network import ReidModel

AT_ONCE = 16  # images


def map_features(model: ReidModel, pixels: np.ndarray, *, device: str = "cpu") -> np.ndarray:
    """The last feature map of images, in eval mode.

    Args:
        model: a convolutional network or a transformer of timm; its mode is put back afterwards.
        pixels: (n, s, s, 3) uint8, at least one image.
        device: where to compute; the model is moved there.

    Returns:
        (n, h, w, d) float32, rows from top to bottom.

    Raises:
        ModelError: the backbone has no feature map.
    """
    was_training = model.training
    model.to(device).eval()
    try:
        with torch.inference_mode():
            parts = [
                _map(model.backbone, model.normalise(torch.from_numpy(pixels[begin : begin + AT_ONCE]).to(device)))
                for begin in range(0, len(pixels), AT_ONCE)
            ]
    finally:
        model.train(was_training)
    return np.concatenate(parts)


def _map(backbone: torch.nn.Module, images: torch.Tensor) -> np.ndarray:
    found = backbone.forward_features(images) if hasattr(backbone, "forward_features") else None
    if isinstance(found, torch.Tensor) and found.ndim == 3:  # tokens; those before the patches belong to no place
        found = _as_grid(found[:, getattr(backbone, "num_prefix_tokens", 0) :])
    elif isinstance(found, torch.Tensor) and found.ndim == 4 and found.shape[1] == getattr(backbone, "num_features", 0):
        found = found.permute(0, 2, 3, 1)
    if not isinstance(found, torch.Tensor) or found.ndim != 4 or min(found.shape[1:3]) < 2:
        raise ModelError("the backbone gives no map of what it sees where: its likeness cannot be shown in photographs")
    return found.float().cpu().numpy()


def _as_grid(tokens: torch.Tensor) -> torch.Tensor | None:
    """(n, h, w, d) of the patches of square images (n, h * w, d)."""
    side = round(tokens.shape[1] ** 0.5)
    return tokens.unflatten(1, (side, side)) if side**2 == tokens.shape[1] else None
