"""Proxy losses (arcface, cosface, subcenter_arcface), around pytorch-metric-learning.

They hold class weights, which have to be given to the optimiser and saved.
"""

import math

import numpy as np
import torch
from pytorch_metric_learning import losses as pml
from torch import Tensor
from torch.nn import functional

from reid_lib.train import reid_loss
from reid_lib.train.reid_loss import ReidLoss

SUB_CENTERS = 3  # per class, as in the paper (Deng et al., ECCV 2020)


class ProxyLoss(ReidLoss):
    """Cross-entropy of scaled cosines between embeddings and class weights, with a margin on the right class.

    arcface (Deng et al., CVPR 2019): -log softmax(s cos(theta + m)); where theta + m > pi, where this would rise again,
    cos(theta) - m sin(m) takes its place. cosface (Wang et al., CVPR 2018): s (cos(theta) - m). subcenter_arcface (Deng
    et al., ECCV 2020): each class has three weights, and the nearest one counts.

    Args:
        name: one of `PROXY_LOSSES`.
        num_classes, embedding_dim: shape of the class weights.
        margin: m; radians, for cosface a cosine.
        scale: s.
    """

    is_proxy = True

    def __init__(self, name: str, num_classes: int, embedding_dim: int, margin: float, scale: float):
        super().__init__(name, margin, scale)
        self.num_classes = num_classes
        # pytorch-metric-learning takes ArcFace's margin in degrees.
        unit = margin if name == "cosface" else math.degrees(margin)
        self.inner = PROXY_LOSSES[name](num_classes=num_classes, embedding_size=embedding_dim, margin=unit, scale=scale)

    @property
    def class_weights(self) -> Tensor:
        """(num_classes, d), or (num_classes * 3, d) with sub-centres, those of a class one after the other."""
        return self.inner.W.t()

    def compute(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """As pytorch-metric-learning computes it, with its own steps, but for one: it picks the right classes by a
        mask, for which the CPU has to wait for the GPU."""
        inner = self.inner
        cosine = inner.get_cosine(embeddings)
        right = cosine.gather(1, labels[:, None])
        change = inner.modify_cosine_of_target_classes(right) - right
        logits = cosine + functional.one_hot(labels, self.num_classes) * change
        return inner.cross_entropy(inner.scale_logits(logits, embeddings), labels).mean()

    @torch.no_grad()
    def start_at_class_means(self, embeddings: Tensor, labels: Tensor) -> None:
        """Set each class weight to the mean direction of the embeddings of its class; classes without any stay random.

        The first sub-centre is the mean, each next one the image least like those before it. Every weight gets the
        length sqrt(d), as random ones have: its entries are then about 1, so that an Adam step of size lr turns it by
        about lr radians. A weight of length 1 would be turned much further.

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
            query_labels: (q,) int class; -1, or any number outside 0 ... num_classes - 1, for one that was not trained.
            gallery, gallery_labels: not used; arguments so that all losses can be called alike.

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
        step = max(1, reid_loss.MAX_PAIRS // self.inner.W.shape[1])
        chunks = range(0, len(labels), step)
        total = sum(
            float(self(queries[i : i + step], labels[i : i + step])) * len(labels[i : i + step]) for i in chunks
        )
        return total / len(labels), left_out


class _SafeAngle:
    """Keeps cosines one rounding step from 1 and -1, where the derivative of arccos is infinite.

    The class weight of an image that is alone in its class starts at its very embedding; some versions of torch then
    give a gradient that is NaN.
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
