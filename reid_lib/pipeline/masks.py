"""The sheet of masks: where the parameter `mask` lets keypoints count on the animal alone, does it find the animal?"""

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.core.names import IMAGE_ID, ROLE, UNUSED
from reid_lib.figures.masks import LEAST, MOST, MaskedPhoto, mask_sheet
from reid_lib.figures.style import percent
from reid_lib.match.mask_store import Masks, find_masks, hash_photos, list_photos
from reid_lib.pipeline.drawing import save_figure
from reid_lib.pipeline.experiment import Experiment
from reid_lib.pipeline.local_scores import find_keypoints, mask_of
from reid_lib.pipeline.masking import NONE, make_masker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKED_AT = 2_000  # masks; of more photographs, those drawn by a hash of their names
SHOWN, DOUBTFUL = 12, 6  # on the sheet; most of them doubtful ones
SIDE_PX = 192  # of a mask as it is drawn


def show_masks(experiment: Experiment) -> None:
    """Show masks of a run's photographs, where it has any; those that have probably failed come first."""
    if experiment.params.features and mask_of(experiment) != NONE:
        save_figure(experiment, "masks", draw_masks, experiment)


def draw_masks(experiment: Experiment) -> "Axes":
    """The figure of `show_masks`; masks and keypoints come from the cache."""
    rows = experiment.split.rows
    rows = rows[rows[ROLE] != UNUSED]
    lot = rows[IMAGE_ID].map(lambda name: hashlib.sha256(str(name).encode()).hexdigest())
    rows = rows.loc[lot.sort_values(kind="stable").index[:LOOKED_AT]].reset_index(drop=True)
    items = list_photos(rows, experiment.catalogue.root)
    masks = find_masks(make_masker(mask_of(experiment)), items, hash_photos(items))
    covered = np.array([masks.share(i) for i in range(len(masks))])
    chosen = choose_masks(covered)
    photos = _with_keypoints(experiment, rows, chosen, masks, covered)
    return mask_sheet(photos, experiment.photo, told=_tell(covered))


def choose_masks(covered: np.ndarray) -> list[int]:
    """Positions of the masks that are drawn: the most doubtful ones, then the first of the others.

    Args:
        covered: (n,) shares of the photographs, in the order in which they were drawn.
    """
    most = np.flatnonzero(covered > MOST)
    least = np.flatnonzero(covered < LEAST)
    sides = most[np.argsort(-covered[most], kind="stable")], least[np.argsort(covered[least], kind="stable")]
    doubtful = [int(side[k]) for k in range(max(map(len, sides), default=0)) for side in sides if k < len(side)]
    others = np.setdiff1d(np.arange(len(covered)), np.concatenate(sides)).tolist()
    doubtful = doubtful[: max(DOUBTFUL, SHOWN - len(others))]
    return doubtful + others[: SHOWN - len(doubtful)]


def _with_keypoints(
    experiment: Experiment, rows: pd.DataFrame, chosen: list[int], masks: Masks, covered: np.ndarray
) -> list[MaskedPhoto]:
    keypoints = find_keypoints(experiment, experiment.params.features[0], rows.iloc[chosen])
    photos = []
    for k, i in enumerate(chosen):
        size = np.array(keypoints[k].size)  # width, height
        height, width = np.maximum(size[::-1] * SIDE_PX // size.max(), 1).tolist()
        mask = masks.at(i, (height, width))
        photos.append(MaskedPhoto(str(rows[IMAGE_ID][i]), mask, covered[i], keypoints[k].xy / size))
    return photos


def _tell(covered: np.ndarray) -> str:
    everything, nothing = int((covered > MOST).sum()), int((covered < LEAST).sum())
    return (
        f"Of {counted(len(covered), 'photograph')}, the mask covers nearly everything in {everything:,} and nearly "
        f"nothing in {nothing:,}; the median covers {percent(float(np.median(covered)))}."
    )
