"""What all metric-learning losses have in common.

Whatever runs outside, a loss computes in float32: under autocast pytorch-metric-learning would turn its class weights
into bfloat16 for good, and an angle near 0 has no digits to spare.
"""

import torch
from torch import Tensor, nn

from reid_lib.nets.device import full_precision

MAX_PAIRS = 2**22  # of an image with an image or a class weight: compared at once when a loss is evaluated


class ReidLoss(nn.Module):
    """What all losses have in common.

    Attributes:
        is_proxy: has class weights.
        margin, scale: as used, in the unit of `LOSS_DEFAULTS`; None where there is no such thing.
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
        """
        if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1]:
            raise ValueError(
                f"expected embeddings (n, d) and labels (n,), got {tuple(embeddings.shape)} and {tuple(labels.shape)}"
            )
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.compute(full_precision(embeddings), labels)

    def compute(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss of embeddings in full precision, outside autocast."""
        raise NotImplementedError
