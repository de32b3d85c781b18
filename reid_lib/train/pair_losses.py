"""Pair losses (triplet, contrastive, multisimilarity), around pytorch-metric-learning: they hold no weights."""

import math

import numpy as np
import torch
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning import miners
from torch import Tensor
from torch.nn import functional

from reid_lib.train import reid_loss
from reid_lib.train.reid_loss import ReidLoss

ALPHA, BETA, BASE = 2.0, 50.0, 0.5  # multisimilarity (Wang et al., CVPR 2019)


class PairLoss(ReidLoss):
    """Losses that compare images with each other: triplet, contrastive, multisimilarity.

    In training, pytorch-metric-learning computes the loss with its usual miner, and averages over the terms that are
    not zero. Evaluation has no miner and averages over all terms, since a mean over the hard ones stays the same while
    the model gets better.

    Args:
        name: "triplet", "contrastive" or "multisimilarity".
        margin: distance between embeddings of length 1; None for "multisimilarity".
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
            The loss (NaN when there is nothing to compare), and how many queries were left out because their class was
            not trained or is not in the gallery.
        """
        queries, gallery = torch.as_tensor(queries).float(), torch.as_tensor(gallery).float()
        labels, gallery_labels = torch.as_tensor(query_labels), torch.as_tensor(gallery_labels)
        gallery, gallery_labels = gallery[gallery_labels >= 0], gallery_labels[gallery_labels >= 0]
        there = torch.isin(labels, gallery_labels)
        queries, labels = queries[there], labels[there]
        left_out = int((~there).sum())
        sums = None
        step = max(1, reid_loss.MAX_PAIRS // max(len(gallery), 1))
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
    """Sum over anchors, and their number, of log(1 + sum over positives of exp(-a (s - l))) / a
    + log(1 + sum over negatives of exp(b (s - l))) / b, with cosine s, a = ALPHA, b = BETA, l = BASE."""
    zero = cosine.new_zeros(len(cosine), 1)
    pull = (-ALPHA * (cosine - BASE)).masked_fill(~positive, -math.inf)
    push = (BETA * (cosine - BASE)).masked_fill(~negative, -math.inf)
    loss = torch.cat([zero, pull], 1).logsumexp(1) / ALPHA + torch.cat([zero, push], 1).logsumexp(1) / BETA
    return loss.sum(), torch.tensor(len(cosine))


def _triplets(distance: Tensor, positive: Tensor, negative: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Sum over all triplets of max(0, d_ap - d_an + margin), and their number, in the memory of the distances alone.

    With the negatives of an anchor sorted by distance, those nearer than t = d_ap + margin are the first k, and their
    terms sum to k t - (sum of the first k distances).
    """
    in_order = distance.masked_fill(~negative, math.inf).sort(dim=1).values
    summed = functional.pad(in_order.masked_fill(in_order.isinf(), 0).cumsum(dim=1), (1, 0))
    reach = (distance + margin).masked_fill(~positive, -math.inf)
    nearer = torch.searchsorted(in_order, reach)
    terms = nearer * reach.masked_fill(~positive, 0) - summed.gather(1, nearer)
    return terms.sum(), (positive.sum(1) * negative.sum(1)).sum()
