"""Embeddings for the tests of losses."""

import math

import numpy as np
import torch

from reid_lib.train.losses import make_loss


def proxy(name, weights, **options):
    """A proxy loss whose class weights are the rows of `weights`; all sub-centres of a class alike."""
    weights = torch.as_tensor(weights, dtype=torch.float32)
    loss = make_loss(name, num_classes=len(weights), embedding_dim=weights.shape[1], **options)
    with torch.no_grad():
        loss.inner.W.copy_(weights.repeat_interleave(len(loss.class_weights) // len(weights), dim=0).T)
    return loss


def at_angles(*radians):
    """Unit vectors in the plane, (n, 2)."""
    return torch.tensor([[math.cos(a), math.sin(a)] for a in radians], dtype=torch.float32)


def random_images(n=24, seed=0):
    """Embeddings (n, 6) of length 1, and their classes, 0 to 3."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(n, 6))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32), rng.permutation(np.arange(n) % 4)
