"""What is measured on val while training: losses in eval mode without augmentation, and open-set scores.

The train loss includes dropout and augmentation; so that the val loss has something to be compared with, the loss of a
fixed part of the gallery is measured in the same way as the val loss.
"""

import numpy as np
import torch

from reid_lib.core.names import IMAGE_ID, KNOWN, ROLE, UNUSED, VAL
from reid_lib.data.split import Split
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.embed.extract import Way, extract
from reid_lib.embed.store import Store, fingerprint_images
from reid_lib.match.cosine import Cosine
from reid_lib.match.similarity import Similarity
from reid_lib.nets.device import embedding_precision
from reid_lib.nets.network import ReidModel
from reid_lib.openset import summary
from reid_lib.openset.answers import Answers
from reid_lib.openset.predictions import score_individuals
from reid_lib.params.fields import TrainParams
from reid_lib.train.classes import TrainingClasses
from reid_lib.train.group import ALONE, Group
from reid_lib.train.reid_loss import ReidLoss

# Most training images whose loss is measured in eval mode.
N_TRAIN_EVAL = 256


class Validation:
    """Measures val for the training loop, which calls it as `validation(model, loss) -> dict`.

    Args:
        pixels: (N, s, s, 3) uint8 of the whole catalogue.
        split: roles of all images.
        classes: of the loss.
        params: of the run.
        device: "cpu", "cuda" or "mps".
        group: the processes that train together; each embeds its share.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        split: Split,
        classes: TrainingClasses,
        params: TrainParams,
        *,
        device: str,
        group: Group = ALONE,
    ):
        self.pixels, self.split, self.classes, self.params = pixels, split, classes, params
        # The way in which the run's evaluation will embed: it then finds these embeddings in the cache.
        n_images = int((split.rows[ROLE] != UNUSED).sum())
        self.way = Way.of(n_images, batch_size=params.batch_size, device=device, torch_compile=params.torch_compile)
        self.how = {"device": device, "precision": embedding_precision(params.precision, device), "way": self.way}
        self.batch_size = params.batch_size
        self.group = group
        # At most half of the training images: pair losses compare them with the others.
        n_chosen = min(N_TRAIN_EVAL, (len(classes.rows) + 1) // 2)
        chosen = np.random.default_rng(params.seed).permutation(len(classes.rows))[:n_chosen]
        self.train_eval_ids = set(split.rows[IMAGE_ID].iloc[classes.rows[chosen]])
        self.class_of = dict(zip(split.rows[IMAGE_ID], classes.of_row, strict=True))
        self.latest: list[tuple[np.ndarray, np.ndarray]] = []  # fingerprints and features of the last evaluation
        self._fingerprints: dict[bytes, np.ndarray] = {}
        self._store: Store | None = None

    def prepare(self, model: ReidModel, loss: ReidLoss) -> None:
        """Before the first step: set the head's batch statistics, and class weights to the class means, by the
        gallery.
        """
        rows, size = self.group.part(self.classes.rows), self.batch_size
        batches = (torch.from_numpy(self.pixels[rows[begin : begin + size]]) for begin in range(0, len(rows), size))
        projected = model.project(batches)
        whole = self.group.all_gather_array(projected.cpu().numpy(), len(self.classes.rows))
        embeddings = model.start_head(torch.from_numpy(whole).to(projected.device))
        if loss.is_proxy:
            loss.start_at_class_means(embeddings, torch.as_tensor(self.classes.labels, device=embeddings.device))

    def __call__(self, model: ReidModel, loss: ReidLoss) -> dict:
        """Embed gallery and queries of val; returns `compute_val_scores`, `val_loss`, `val_loss_left_out` (known images
        that are not in it) and `train_eval_loss` (of the fixed training images). All processes get the same.

        Args:
            model, loss: on the device.
        """
        self.latest = []
        gallery = self.embed(model, self.split.gallery_for(VAL))
        queries = self.embed(model, self.split.queries(VAL))
        return self.group.broadcast_object(self._measured(loss, queries, gallery) if self.group.first else None)

    def embed(self, model: ReidModel, where: np.ndarray) -> EmbeddingSet:
        """Embeddings of the images of a mask (N,) over the catalogue, computed by all processes together."""
        positions = np.flatnonzero(where)
        mine = np.zeros(len(where), dtype=bool)
        mine[self.group.part(positions)] = True
        features = extract(model, self.pixels, self.split.rows, where=mine, **self.how).features
        everything = self.group.all_gather_array(features, len(positions))
        if self.group.first:
            self.latest.append((self._fingerprints_of(positions), everything))
        return EmbeddingSet(everything, self.split.rows.iloc[positions])

    def keep(self, model: ReidModel) -> None:
        """Store the embeddings of the last evaluation in the cache, where the run's evaluation finds them.

        Those stored before are removed, since they belong to weights that are no longer the best.

        Args:
            model: the network as it was in that evaluation.
        """
        if not self.latest:  # the best weights are only written again, after resuming
            return
        if self._store is not None:
            self._store.remove()
        self._store = Store.of(model, **self.how)
        self._store.add(*(np.concatenate(parts) for parts in zip(*self.latest, strict=True)))

    def _fingerprints_of(self, positions: np.ndarray) -> np.ndarray:
        """`fingerprint_images`, remembered: they take a while, and are the same in every epoch."""
        key = positions.tobytes()
        if key not in self._fingerprints:
            self._fingerprints[key] = fingerprint_images(self.pixels, positions)
        return self._fingerprints[key]

    def _measured(self, loss, queries: EmbeddingSet, gallery: EmbeddingSet) -> dict:
        known = queries.where(queries.rows[KNOWN].fillna(False))
        val_loss, left_out = self._loss(loss, known, gallery)
        fixed = gallery.rows[IMAGE_ID].isin(self.train_eval_ids).to_numpy()
        train_eval_loss, _ = self._loss(loss, gallery.where(fixed), gallery.where(~fixed))
        losses = {"val_loss": val_loss, "val_loss_left_out": left_out, "train_eval_loss": train_eval_loss}
        return losses | compute_val_scores(Cosine(queries, gallery, device=self.how["device"]))

    def _loss(self, loss, queries: EmbeddingSet, gallery: EmbeddingSet) -> tuple[float, int]:
        """Loss in eval mode, and how many queries were left out since their class was not trained or has no partner."""
        labels = self._labels(gallery)
        gallery, labels = gallery.where(labels >= 0), labels[labels >= 0]
        arrays = (queries.features, self._labels(queries), gallery.features, labels)
        was_training = loss.training
        loss.eval()
        value = loss.val_loss(*(torch.from_numpy(array).to(self.how["device"]) for array in arrays))
        loss.train(was_training)
        return value

    def _labels(self, embeddings: EmbeddingSet) -> np.ndarray:
        return np.array([self.class_of[image_id] for image_id in embeddings.rows[IMAGE_ID]], dtype=np.int64)


def compute_val_scores(similarity: Similarity) -> dict:
    """Scores of val for the history: `val_score` (`openset.summary.val_score`), `val_top1`, `val_auroc` and
    `val_baks_baus_area` (the area under the BAKS–BAUS curve).

    Args:
        similarity: of the val queries and their gallery.
    """
    answers = Answers.of(score_individuals(similarity))
    overall = summary.summarise(answers, repetitions=0)["overall"]
    scores = {f"val_{name}": overall[name]["value"] for name in ("top1", "auroc", "baks_baus_area")}
    return {"val_score": summary.val_score(answers)} | scores
