"""How many views of a photograph an embedding is the mean of: those that were asked for, or those val speaks for.

Several views cost as many passes through the network, and on photographs that are framed alike they may change nothing:
`auto` takes what is better than the whole photograph on val by more than chance, and else the whole photograph alone.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.logs import LOGGER
from reid_lib.core.names import GALLERY, ROLE, UNUSED, VAL
from reid_lib.data.flanks import find_flanked_datasets, may_be_mirrored, read_orientations
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.embed.store import embed_images
from reid_lib.embed.views import CROPS, FLIP, ONE
from reid_lib.match.cosine import Cosine
from reid_lib.openset.answers import Answers
from reid_lib.openset.difference import BETTER, FEW, Difference
from reid_lib.openset.paired import compare_answers, describe_differences, to_entry
from reid_lib.openset.predictions import score_individuals
from reid_lib.pipeline.experiment import Experiment

if TYPE_CHECKING:
    from reid_lib.nets.network import ReidModel

AUTO = "auto"  # value of the parameter, beside those of `embed.views`
DECIDING = ("geometric_mean", "top1")  # the first of these that val allows decides


@dataclass(frozen=True)
class Viewing:
    """The views of a run, and where they were chosen, in words why.

    Attributes:
        used: "one", "flip" or "crops".
        mirrored: photographs of the run whose mirror image is one of their views.
        flanked: data sets that tell flanks.
        tried: what was tried on val -> its paired differences to the whole photograph.
        asked: the parameter; at "one" metrics.json says nothing of views.
    """

    used: str = ONE
    why: str = ""
    mirrored: int = 0
    flanked: tuple[str, ...] = ()
    tried: dict[str, dict[str, Difference]] = field(default_factory=dict)
    asked: str = ONE

    def to_dict(self) -> dict:
        """What metrics.json says of the views."""
        if self.asked == ONE:
            return {}
        tried = {views: {name: to_entry(d) for name, d in found.items()} for views, found in self.tried.items()}
        told = {"used": self.used, "why": self.why, "mirrored": self.mirrored, "flanked": list(self.flanked)}
        return {"views": told | {"tried": tried}}


def choose_views(experiment: Experiment, model: "ReidModel", pixels: np.ndarray) -> Viewing:
    """The views for the parameter `views` of a run; `auto` asks val, and no photograph of test.

    Args:
        pixels: of all images, as the network takes them.
    """
    asked, rows = getattr(experiment.params, "views", ONE), experiment.split.rows
    if asked == ONE:
        return Viewing()
    flanked = tuple(find_flanked_datasets(rows))
    may, used = may_be_mirrored(rows, flanked), (rows[ROLE] != UNUSED).to_numpy()
    tried, chosen, why = {}, asked, ""
    if asked == AUTO:
        tried = _try_views(experiment, model, pixels, flanked)
        chosen, why = pick_views(tried)
        for views, found in tried.items():
            entries = {name: to_entry(difference) for name, difference in found.items()}
            LOGGER.info(f"{describe_differences(entries, what=f'views {views}', than='one view')} (on val)")
        LOGGER.info(f"views {why}")
    n_mirrored = int((may & used).sum()) if chosen == FLIP else 0
    if chosen == FLIP:
        _tell_mirrored(rows[used], may[used])
    return Viewing(chosen, why, n_mirrored, flanked, tried, asked)


def pick_views(tried: dict[str, dict[str, Difference]]) -> tuple[str, str]:
    """The views whose score on val is better than that of one view, and in words why.

    The score is the geometric mean of BAKS and BAUS, or top-1 where val has no unknown animals. Better is what the
    verdict of the difference calls so: an interval above 0, of enough animals to be believed. Of several, the best.
    """
    better, words = {}, []
    for views, found in tried.items():
        metric = next((name for name in DECIDING if name in found), None)
        if metric is None:
            words.append(f"{views} has nothing to be judged by")
        elif found[metric].verdict == BETTER:
            better[views] = found[metric].value
        elif found[metric].verdict == FEW:
            words.append(f"val has too few animals to tell {views} from one view")
        else:
            words.append(f"{views} is not better than one view on val")
    if better:
        best = max(better, key=better.__getitem__)
        return best, f"{best}: better than one view on val by {better[best]:.3f}"
    return ONE, f"{ONE}: {' and '.join(words) or 'there is nothing to try'}"


def embed_viewed(
    experiment: Experiment, model: "ReidModel", pixels: np.ndarray, viewing: Viewing, roles: Collection[str]
) -> EmbeddingSet:
    """The images of some roles, embedded by the mean over their views unless that was done before."""
    from reid_lib.embed.extract import Way
    from reid_lib.nets.device import embedding_precision

    rows, params = experiment.split.rows, experiment.params
    how = {"batch_size": params.batch_size, "device": experiment.device, "torch_compile": params.torch_compile}
    return embed_images(
        model.to(experiment.device),
        pixels,
        rows,
        where=rows[ROLE].isin(roles),
        views=viewing.used,
        mirrored=may_be_mirrored(rows, viewing.flanked),
        way=Way.of(int((rows[ROLE] != UNUSED).sum()), **how),
        precision=embedding_precision(params.precision, experiment.device),
        progress=True,
        **how,
    )


def _try_views(
    experiment: Experiment, model: "ReidModel", pixels: np.ndarray, flanked: tuple[str, ...]
) -> dict[str, dict[str, Difference]]:
    """Each way beside the whole photograph -> paired differences of what the embedding alone answers on val."""
    rows = experiment.split.rows
    some = rows[rows[ROLE].isin((GALLERY, VAL))]
    tried = [FLIP] * bool(may_be_mirrored(some, flanked).any()) + [CROPS]
    answers = {}
    for views in (ONE, *tried):
        found = embed_viewed(experiment, model, pixels, Viewing(views, flanked=flanked), (GALLERY, VAL))
        val, gallery = (found.where(found.rows[ROLE] == role) for role in (VAL, GALLERY))
        answers[views] = Answers.of(score_individuals(Cosine(val, gallery, device=experiment.device)))
    how = {"role": VAL, "min_individuals": experiment.params.threshold_individuals}
    return {views: compare_answers(answers[views], answers[ONE], **how) for views in tried}


def _tell_mirrored(rows: pd.DataFrame, may: np.ndarray) -> None:
    """A note on which photographs are mirrored: of those without an orientation nobody knows whether they may be."""
    unknown = int((may & (read_orientations(rows) == "")).sum())
    told = f"views flip: {may.sum():,} of {len(may):,} photographs are mirrored, too"
    if unknown:
        LOGGER.warning(
            f"{told}; of {unknown:,} of them the orientation is not known: the mirror image of a flank looks like the "
            "other flank of another animal. A column orientation (left, right, front, ...) keeps flanks from it"
        )
    else:
        LOGGER.info(f"{told}; the others show a flank, or nobody knows" if not may.all() else told)
