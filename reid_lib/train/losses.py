"""Metric-learning losses with margins in stated units, around pytorch-metric-learning.

Three of them are *proxy* losses (arcface, cosface, subcenter_arcface): they hold class weights, which have to be given
to the optimiser and saved. The others compare the images of a batch in pairs and hold nothing.

Whatever runs outside, a loss computes in float32: under autocast the library would turn its class weights into
bfloat16 for good, and an angle near 0 has no digits to spare.
"""

import math

import numpy as np
import torch
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning import miners
from torch import Tensor, nn
from torch.nn import functional

from reid_lib.core.errors import ParameterError
from reid_lib.nets.device import full_precision
from reid_lib.params.loss_units import LOSS_DEFAULTS

SUB_CENTERS = 3  # per class, as in the paper (Deng et al., ECCV 2020)
ALPHA, BETA, BASE = 2.0, 50.0, 0.5  # multisimilarity (Wang et al., CVPR 2019)
MAX_PAIRS = 2**22  # compared at once when a pair loss is evaluated


def make_loss(
    name: str,
    *,
    num_classes: int,
    embedding_dim: int,
    margin: float | None = None,
    scale: float | None = None,
    seed: int = 0,
) -> "ReidLoss":
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
        >>> loss(functional.normalize(torch.randn(4, 64)), torch.tensor([0, 0, 1, 9])).shape
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


class ProxyLoss(ReidLoss):
    """Cross-entropy of scaled cosines between embeddings and class weights, with a margin on the right class.

    arcface (Deng et al., CVPR 2019): -log softmax(s cos(theta + m)); where theta + m > pi, cos(theta) - m sin(m) in its
    place, which keeps falling. cosface (Wang et al., CVPR 2018): s (cos(theta) - m). subcenter_arcface (Deng et al.,
    ECCV 2020): each class has three weights, and the nearest one counts.
    """

    is_proxy = True

    def __init__(self, name: str, num_classes: int, embedding_dim: int, margin: float, scale: float):
        super().__init__(name, margin, scale)
        self.num_classes = num_classes
        # The library wants ArcFace's margin in degrees, which the replaced system overlooked.
        unit = margin if name == "cosface" else math.degrees(margin)
        self.inner = PROXY_LOSSES[name](num_classes=num_classes, embedding_size=embedding_dim, margin=unit, scale=scale)

    @property
    def class_weights(self) -> Tensor:
        """(num_classes, d), or (num_classes * 3, d) for sub-centres, those of a class one after the other."""
        return self.inner.W.t()

    def compute(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """What the library computes, by its own steps; it picks the right classes by a mask, for which a GPU waits."""
        inner = self.inner
        cosine = inner.get_cosine(embeddings)
        right = cosine.gather(1, labels[:, None])
        change = inner.modify_cosine_of_target_classes(right) - right
        logits = cosine + functional.one_hot(labels, self.num_classes) * change
        return inner.cross_entropy(inner.scale_logits(logits, embeddings), labels).mean()

    @torch.no_grad()
    def start_at_class_means(self, embeddings: Tensor, labels: Tensor) -> None:
        """Point each class weight to the mean direction of its first embeddings; classes without any stay random.

        The first sub-centre is the mean, each next one the image least like those before it. Every weight gets the
        length sqrt(d), that of the library's random start: its entries are about 1, so an Adam step of size lr turns
        it by about lr radians, where a weight of length 1 would jump.

        Args:
            embeddings: (n, d) of the training images, a tensor or an array.
            labels: (n,) int class of each.
        """
        weights = self.inner.W
        embeddings = functional.normalize(torch.as_tensor(embeddings).to(weights))
        labels = torch.as_tensor(labels).to(weights.device)
        per_class = weights.shape[1] // self.num_classes
        for label in labels.unique().tolist():
            members = embeddings[labels == label]
            centres = functional.normalize(members.mean(dim=0, keepdim=True))
            while len(centres) < per_class:
                farthest = (members @ centres.T).amax(dim=1).argmin()
                centres = torch.cat([centres, members[farthest : farthest + 1]])
            columns = slice(label * per_class, (label + 1) * per_class)
            weights[:, columns] = centres.T * math.sqrt(weights.shape[0])

    @torch.no_grad()
    def val_loss(
        self,
        queries: Tensor | np.ndarray,
        query_labels: Tensor | np.ndarray,
        gallery: Tensor | np.ndarray | None = None,
        gallery_labels: Tensor | np.ndarray | None = None,
    ) -> tuple[float, int]:
        """Mean loss of images whose class was trained, and the number left out because theirs was not.

        Args:
            queries: (q, d) embeddings, a tensor or an array.
            query_labels: (q,) int class; outside 0 ... num_classes - 1 (say -1) for a class that was not trained.
            gallery, gallery_labels: not looked at; there so that all losses are called alike.

        Returns:
            The loss (NaN when no image is left) and how many images were left out.
        """
        queries = torch.as_tensor(queries).to(self.inner.W)
        labels = torch.as_tensor(query_labels).to(queries.device)
        trained = (labels >= 0) & (labels < self.num_classes)
        queries, labels = queries[trained], labels[trained]
        left_out = int((~trained).sum())
        if not len(labels):
            return math.nan, left_out
        step = max(1, MAX_PAIRS // self.inner.W.shape[1])
        chunks = range(0, len(labels), step)
        total = sum(
            float(self(queries[i : i + step], labels[i : i + step])) * len(labels[i : i + step]) for i in chunks
        )
        return total / len(labels), left_out


class PairLoss(ReidLoss):
    """Losses that compare images with each other: triplet, contrastive, multisimilarity.

    Training uses the library with each loss's usual miner, and averages over what is not zero. Evaluation has no miner
    and averages over all there is, since a mean over the hard cases stays where it is while the model gets better.
    """

    def __init__(self, name: str, margin: float | None):
        super().__init__(name, margin)
        self.miner = None
        if name == "triplet":
            self.inner = pml.TripletMarginLoss(margin=margin)
            self.miner = miners.TripletMarginMiner(margin=margin, type_of_triplets="semihard")
        elif name == "contrastive":
            self.inner = pml.ContrastiveLoss(pos_margin=0.0, neg_margin=margin)
        else:
            self.inner = pml.MultiSimilarityLoss(alpha=ALPHA, beta=BETA, base=BASE)
            self.miner = miners.MultiSimilarityMiner(epsilon=0.1)

    def compute(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        if self.training:
            return self.inner(embeddings, labels, self.miner(embeddings, labels) if self.miner else None)
        same = labels[:, None] == labels[None, :]
        other_image = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        return sum(total / count for total, count in self._sums(embeddings, embeddings, same & other_image, ~same))

    @torch.no_grad()
    def val_loss(
        self,
        queries: Tensor | np.ndarray,
        query_labels: Tensor | np.ndarray,
        gallery: Tensor | np.ndarray,
        gallery_labels: Tensor | np.ndarray,
    ) -> tuple[float, int]:
        """Mean loss of query images as anchors against gallery images, without a miner.

        Args:
            queries, gallery: (q, d) and (g, d) embeddings, tensors or arrays.
            query_labels, gallery_labels: (q,) and (g,) int class; negative for a class that was not trained.

        Returns:
            The loss (NaN when there is nothing to compare), and how many queries were left out because their class is
            negative (not trained), or not in the gallery.
        """
        queries, gallery = torch.as_tensor(queries).float(), torch.as_tensor(gallery).float()
        labels, gallery_labels = torch.as_tensor(query_labels), torch.as_tensor(gallery_labels)
        gallery, gallery_labels = gallery[gallery_labels >= 0], gallery_labels[gallery_labels >= 0]
        there = torch.isin(labels, gallery_labels)
        queries, labels = queries[there], labels[there]
        left_out = int((~there).sum())
        sums = None
        step = max(1, MAX_PAIRS // max(len(gallery), 1))
        for start in range(0, len(labels), step):
            same = labels[start : start + step, None] == gallery_labels[None, :]
            chunk = self._sums(queries[start : start + step], gallery, same, ~same)
            chunk = torch.tensor([[float(total), float(count)] for total, count in chunk], dtype=torch.float64)
            sums = chunk if sums is None else sums + chunk
        if sums is None:
            return math.nan, left_out
        return float((sums[:, 0] / sums[:, 1]).sum()), left_out

    def _sums(self, anchors: Tensor, others: Tensor, positive: Tensor, negative: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Terms of the loss as (sum, count): the loss is the sum of their means.

        Args:
            anchors, others: (a, d), (o, d).
            positive, negative: (a, o) bool, which pairs are of one class and of two.
        """
        anchors, others = functional.normalize(anchors), functional.normalize(others)
        if self.name == "multisimilarity":
            return [_multisimilarity(anchors @ others.T, positive, negative)]
        distance = torch.cdist(anchors, others)
        if self.name == "triplet":
            return [_triplets(distance, positive, negative, self.margin)]
        near = (self.margin - distance).clamp(min=0)
        return [(distance[positive].sum(), positive.sum()), (near[negative].sum(), negative.sum())]


def _multisimilarity(cosine: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over anchors of log(1 + sum exp(-a (s - l))) / a over positives + the same with b (s - l) over negatives."""
    zero = cosine.new_zeros(len(cosine), 1)
    pull = (-ALPHA * (cosine - BASE)).masked_fill(~positive, -math.inf)
    push = (BETA * (cosine - BASE)).masked_fill(~negative, -math.inf)
    loss = torch.cat([zero, pull], 1).logsumexp(1) / ALPHA + torch.cat([zero, push], 1).logsumexp(1) / BETA
    return loss.sum(), torch.tensor(len(cosine))


def _triplets(distance: Tensor, positive: Tensor, negative: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Sum over all triplets of max(0, d_ap - d_an + margin), and their number, without listing them.

    With the negatives of an anchor in order, those nearer than t = d_ap + margin are the first k, and their terms sum
    to k t - (sum of the first k): memory stays that of the distances.
    """
    in_order = distance.masked_fill(~negative, math.inf).sort(dim=1).values
    summed = functional.pad(in_order.masked_fill(in_order.isinf(), 0).cumsum(dim=1), (1, 0))
    reach = (distance + margin).masked_fill(~positive, -math.inf)
    nearer = torch.searchsorted(in_order, reach)
    terms = nearer * reach.masked_fill(~positive, 0) - summed.gather(1, nearer)
    return terms.sum(), (positive.sum(1) * negative.sum(1)).sum()


class _SafeAngle:
    """Keeps the cosine one rounding step from 1, where the derivative of arccos is infinite.

    An image that is alone in its class starts exactly at its class weight; some versions of torch then give a gradient
    that is not a number.
    """

    def get_angles(self, cosine: Tensor) -> Tensor:
        edge = 1 - torch.finfo(cosine.dtype).eps
        return torch.acos(cosine.clamp(-edge, edge))


class _ArcFace(_SafeAngle, pml.ArcFaceLoss):
    pass


class _SubCenterArcFace(_SafeAngle, pml.SubCenterArcFaceLoss):
    def __init__(self, **options):
        super().__init__(sub_centers=SUB_CENTERS, **options)


PROXY_LOSSES = {"arcface": _ArcFace, "cosface": pml.CosFaceLoss, "subcenter_arcface": _SubCenterArcFace}


def _given_or_default(name: str, what: str, given: float | None) -> float | None:
    default = getattr(LOSS_DEFAULTS[name], what)
    if given is not None and default is None:
        having = ", ".join(other for other, defaults in LOSS_DEFAULTS.items() if getattr(defaults, what) is not None)
        raise ParameterError(f"loss {name!r} has no {what}, got {given!r}: leave it empty, or choose one of {having}")
    return default if given is None else given
