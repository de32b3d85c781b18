"""The base class of all metric-learning losses.

A loss always computes in float32 (or float64): under autocast pytorch-metric-learning would turn its class weights into
bfloat16 for good, and an angle near 0 needs all the digits of its cosine.
"""

import torch
from torch import Tensor, nn

from reid_lib.nets.device import to_full_precision

MAX_PAIRS = 2**22  # pairs of an image and an image or class weight that `val_loss` compares at once


class ReidLoss(nn.Module):
    """A metric-learning loss; a subclass computes it.

    Attributes:
        is_proxy: has it class weights?
        name: as in `LOSS_DEFAULTS`.
        margin, scale: as used, in the units of `LOSS_DEFAULTS`; None where the loss has none.
    """

    is_proxy = False

    def __init__(self, name: str, margin: float | None = None, scale: float | None = None):
        super().__init__()
        self.name, self.margin, self.scale = name, margin, scale

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Mean loss, a float32 scalar (float64 for embeddings in float64).

        Args:
            embeddings: (n, d), of any length: angles and distances are taken after scaling to length 1.
            labels: (n,) int class of each.

        Raises:
            ValueError: shapes do not fit.
        """
        if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1]:
            raise ValueError(
                f"expected embeddings (n, d) and labels (n,), got {tuple(embeddings.shape)} and {tuple(labels.shape)}"
            )
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.compute(to_full_precision(embeddings), labels)

    def compute(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss of embeddings in full precision, outside autocast."""
        raise NotImplementedError
