"""The classes of the loss: individuals, or each flank of one."""

from dataclasses import dataclass

import numpy as np

from reid_lib.core.errors import SplitError
from reid_lib.core.names import GALLERY, IMAGE_ID, INDIVIDUAL, ORIENTATION
from reid_lib.data.split import Split


@dataclass(frozen=True)
class TrainingClasses:
    """Which images are trained on, and as which class.

    Attributes:
        rows: (n,) int64 positions of the training images in the catalogue, ascending.
        labels: (n,) int64 class of each, 0 ... len(names) - 1.
        names: name of each class.
        of_row: (N,) int64 class of every image of the catalogue; -1 where its class has no training image.
    """

    rows: np.ndarray
    labels: np.ndarray
    names: list[str]
    of_row: np.ndarray


def assign_classes(split: Split, *, classes: str, n: int, seed: int) -> TrainingClasses:
    """Give every training image, that is every gallery image, its class of the loss.

    Args:
        split: roles of all images.
        classes: "identity", or "identity+orientation" (each flank of an individual is a class of its own).
        n: most training images, drawn at random; 0 means all.
        seed: of that draw.

    Raises:
        SplitError: there are fewer than two classes, so there is nothing to learn.
    """
    names = split.rows[INDIVIDUAL].astype(object)
    if classes == "identity+orientation" and ORIENTATION in split.rows:
        names = names + "/" + split.rows[ORIENTATION].astype(object).fillna("")
    rows = np.flatnonzero(split.queries(GALLERY))
    if 0 < n < len(rows):
        by_id = rows[np.argsort(split.rows[IMAGE_ID].to_numpy()[rows].astype(str))]
        rows = np.sort(np.random.default_rng(seed).permutation(by_id)[:n])
    trained = sorted(set(names.iloc[rows]))
    if len(trained) < 2:
        cure = f"raise n ({n})" if n else "add photographs of others"
        raise SplitError(f"{len(rows)} training images of {len(trained)} animal: expected two to tell apart; {cure}")
    codes = {name: code for code, name in enumerate(trained)}
    of_row = names.map(codes).fillna(-1).astype(np.int64).to_numpy()
    return TrainingClasses(rows, of_row[rows], trained, of_row)
