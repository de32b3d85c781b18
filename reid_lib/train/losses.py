"""Metric-learning losses by name, with margins in stated units.

Three of them are *proxy* losses (arcface, cosface, subcenter_arcface): they hold class weights. The others compare the
images of a batch in pairs and hold nothing.
"""

import torch

from reid_lib.core.errors import ParameterError
from reid_lib.params.loss_units import LOSS_DEFAULTS
from reid_lib.train.pair_losses import PairLoss
from reid_lib.train.proxy_losses import PROXY_LOSSES, ProxyLoss
from reid_lib.train.reid_loss import ReidLoss


def make_loss(
    name: str,
    *,
    num_classes: int,
    embedding_dim: int,
    margin: float | None = None,
    scale: float | None = None,
    seed: int = 0,
) -> ReidLoss:
    """A loss by name.

    Args:
        name: see `LOSS_DEFAULTS`, which also holds the units of margin and scale.
        num_classes, embedding_dim: shape of the class weights of a proxy loss.
        margin: arcface, subcenter_arcface: radians added to the angle; cosface: subtracted from the cosine; triplet,
            contrastive: Euclidean distance between embeddings of length 1 (0 to 2). None: the loss's own default.
        scale: of the logits of a proxy loss. None: the loss's own default.
        seed: of the class weights; the global generator stays as it is.

    Raises:
        ParameterError: unknown name, or a margin or scale for a loss that has none.

    Example:
        >>> loss = make_loss("arcface", num_classes=10, embedding_dim=64, margin=0.3)
        >>> loss(torch.randn(4, 64), torch.tensor([0, 0, 1, 9])).shape
        torch.Size([])
    """
    if name not in LOSS_DEFAULTS:
        raise ParameterError(f"loss {name!r} is not known: expected one of {', '.join(LOSS_DEFAULTS)}")
    margin, scale = _given_or_default(name, "margin", margin), _given_or_default(name, "scale", scale)
    if name in PROXY_LOSSES:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return ProxyLoss(name, num_classes, embedding_dim, margin, scale)
    return PairLoss(name, margin)


def _given_or_default(name: str, what: str, given: float | None) -> float | None:
    default = getattr(LOSS_DEFAULTS[name], what)
    if given is not None and default is None:
        having = ", ".join(other for other, defaults in LOSS_DEFAULTS.items() if getattr(defaults, what) is not None)
        raise ParameterError(f"loss {name!r} has no {what}, got {given!r}: leave it empty, or choose one of {having}")
    return default if given is None else given
