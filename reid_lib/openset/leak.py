"""How much the background gives away: the same embeddings, asked under two splits."""

from collections.abc import Callable

import pandas as pd

from reid_lib.core.errors import SplitError
from reid_lib.core.names import IDENTITY, INDIVIDUAL, KNOWN, PREDICTED, ROLE, TEST, ranked_column
from reid_lib.data import occasions, split
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.similarity import Similarity
from reid_lib.openset import predictions, summary
from reid_lib.openset.answers import Answers
from reid_lib.params.fields import EvaluateParams, TrainParams

Compare = Callable[[EmbeddingSet, EmbeddingSet], Similarity]  # of queries with a gallery: `match.Cosine`


def measure_top1_by_split(
    stored: list[EmbeddingSet], params: TrainParams | EvaluateParams, compare: Compare
) -> pd.DataFrame:
    """Top-1 under an encounter split, and under a random one that leaves photographs of one sighting on both sides.

    Args:
        stored: embeddings of disjoint sets of images.
        params: shares and seed of the split.
        compare: makes the similarity of queries and gallery.

    Returns:
        One row per split: `split`, `value`, `low`, `high` (top-1 averaged over data sets, 95 % interval), `n` queries.

    Raises:
        SplitError: encounters are not known, or no animal can be found again in another encounter.
    """
    everything = stored[0]
    for part in stored[1:]:
        everything = everything.joined(part)
    labelled = everything.where(everything.rows[INDIVIDUAL].notna())
    if not occasions.has_occasions(labelled.rows):
        raise SplitError(
            "encounters are unknown, so what the background gives away cannot be measured: it takes photographs with "
            "their EXIF times, or a table with a column `encounter` or `date`"
        )
    return pd.DataFrame([_top1_under(policy, labelled, params, compare) for policy in ("encounter", "random")])


def _top1_under(policy: str, embeddings: EmbeddingSet, params: TrainParams | EvaluateParams, compare: Compare) -> dict:
    rows = embeddings.rows.drop(columns=[ROLE, KNOWN])
    roles = split.assign_roles(
        rows,
        policy=policy,
        val_split=params.val_split,
        test_split=params.test_split,
        unknown_split=params.unknown_split,
        seed=params.split_seed,
    )
    again = EmbeddingSet(embeddings.features, roles.rows)
    alike = compare(again.where(roles.queries(TEST)), again.where(roles.gallery_for(TEST)))
    test = predictions.score_individuals(alike)
    test[PREDICTED] = test[ranked_column(IDENTITY, 1)]
    top1 = summary.summarise(Answers.of(test))["overall"]["top1"]
    return {"split": policy, "value": top1["value"], "low": top1["low"], "high": top1["high"], "n": top1["n"]}
