"""What answers the queries of an evaluation: the embedding alone, or several scores, calibrated and fused on val.

Everything is fitted on the pairs of val and frozen before a label of test is looked at: queries of val are answered by
fits that never saw their animal, so the threshold that is fitted on them is not too high.
"""

from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    CALIBRATION_JSON,
    EMBEDDING,
    HEADLINE,
    IMAGE_ID,
    ROLE,
    SAME_PHOTOS_CSV,
    SCORES,
    TEST,
    VAL,
)
from reid_lib.match.fuse import Fusion, fit_fusion
from reid_lib.match.fused import Fused
from reid_lib.match.pairs import PairTable
from reid_lib.match.reliability import summarise_reliability
from reid_lib.match.rerank import SHARED_NEIGHBOURS
from reid_lib.match.sift import RootSift
from reid_lib.match.similarity import Similarity
from reid_lib.openset import summary
from reid_lib.openset.answers import Answers
from reid_lib.openset.paired import compare_answers, describe_differences, to_entry
from reid_lib.pipeline.evaluation import answer_queries
from reid_lib.pipeline.experiment import Experiment
from reid_lib.pipeline.local_scores import SIFT, LocalScores
from reid_lib.pipeline.same_photo import LEAVE_OUT, find_own_photos, leave_out_own, measure_own_photos
from reid_lib.runs.run import Run

FUSED = "fused"
OF_EMBEDDINGS = (EMBEDDING, SHARED_NEIGHBOURS)


@dataclass(frozen=True)
class Scored:
    """How alike queries and gallery are, for val and for test.

    Attributes:
        alike: role -> the similarity that answers.
        alone: score -> role -> the similarity of that score alone; empty where the embedding answers.
        fusion: the frozen fit; None likewise.
        pairs: role -> shortlisted pairs with all their scores.
        probability: role -> (p,) of the pairs.
        own_photos: queries whose own photograph is in the gallery, see `same_photo.find_own_photos`; None where nobody
            looked for them.
        local: the local features of all photographs; None where there are none.
    """

    alike: dict[str, Similarity]
    alone: dict[str, dict[str, Similarity]] = field(default_factory=dict)
    fusion: Fusion | None = None
    pairs: dict[str, PairTable] = field(default_factory=dict)
    probability: dict[str, np.ndarray] = field(default_factory=dict)
    own_photos: pd.DataFrame | None = None
    local: LocalScores | None = None


def score_roles(experiment: Experiment, cosines: dict[str, Similarity]) -> Scored:
    """The similarities that answer val and test, by the parameter `scores`.

    Args:
        cosines: role -> cosine of the embeddings of its queries and of the images enrolled for them.
    """
    params = experiment.params
    if getattr(params, "scores", EMBEDDING) == EMBEDDING:
        return Scored(cosines)
    local = LocalScores(experiment)
    tables = {role: local.score(cosine) for role, cosine in cosines.items()}
    own_photos = find_own_photos(experiment, local, tables)
    if params.same_photo == LEAVE_OUT:
        cosines, tables = leave_out_own(experiment, own_photos, cosines, tables)
    alone = {name: {role: table.similarity(name) for role, table in tables.items()} for name in tables[VAL].scores}
    everything: dict[str, Similarity | None] = dict(cosines)
    if params.scores == "local":  # the embedding proposes candidates, and says nothing of them
        local_ones = [name for name in tables[VAL].scores if name not in OF_EMBEDDINGS]
        tables = {role: table.only(local_ones) for role, table in tables.items()}
        everything = dict.fromkeys(cosines)
    alone[EMBEDDING] = cosines
    tried = [SHARED_NEIGHBOURS] if SHARED_NEIGHBOURS in tables[VAL].scores else []
    fitted = fit_fusion(tables[VAL], everything[VAL], kind=params.fusion, tried=tried)
    if tried:
        taken = "taken" if fitted.fusion.uses(SHARED_NEIGHBOURS) else "not taken: they do not lower the loss on val"
        LOGGER.info(f"shared neighbours as one more score: {taken}")
    for remark in fitted.fusion.remarks():
        LOGGER.warning(remark)
    alike = {
        VAL: Fused.out_of_fold(tables[VAL], fitted, everything[VAL]),
        TEST: Fused.frozen(tables[TEST], fitted.fusion, everything[TEST]),
    }
    probability = {role: fused.pair_probability for role, fused in alike.items()}
    return Scored(alike, alone, fitted.fusion, tables, probability, own_photos, local)


def store_scores(run: Run, scored: Scored) -> None:
    """Write calibration.json, same_photos.csv and scores/val.npz, scores/test.npz: all scores of pairs by image id.

    Without fused scores nothing is written.
    """
    if scored.fusion is None:
        return
    run.write_json(CALIBRATION_JSON, scored.fusion.to_dict())
    run.write_csv(SAME_PHOTOS_CSV, scored.own_photos)
    for role, table in scored.pairs.items():
        ids = [rows[IMAGE_ID].to_numpy(dtype=str) for rows in (table.queries, table.gallery)]
        with run.write(f"{SCORES}/{role}.npz") as path, open(path, "wb") as file:
            np.savez(
                file,
                query=ids[0][table.query],
                image=ids[1][table.image],
                probability=scored.probability[role].astype(np.float32),
                same=table.same,
                judged=_judged(table),
                **table.scores,
            )


def measure_scores(experiment: Experiment, scored: Scored, predictions: pd.DataFrame, role: str) -> dict:
    """What metrics.json says of the scores: which is the headline, how far its probabilities can be believed, each
    score alone, and the paired differences of the fused answer to each.

    Args:
        predictions: of val and test, by `scored.alike`.
        role: whose queries the differences are of: `summary.judged_role`.
    """
    if scored.fusion is None:
        return {"score": EMBEDDING}
    n = experiment.params.threshold_individuals
    fused, alone, differences = Answers.of(predictions), {}, {}
    for name, similarities in scored.alone.items():
        answers = Answers.of(answer_queries(similarities, n)[0])
        alone[name] = {
            of: {m: e for m, e in summary.summarise(answers.of_role(of))["overall"].items() if m in HEADLINE}
            for of in (VAL, TEST)
        }
        found = compare_answers(fused, answers, role=role, min_individuals=n)
        differences[name] = {ROLE: role, "differences": {m: to_entry(d) for m, d in found.items()}}
    return {
        "score": FUSED,
        "fusion": experiment.params.fusion,
        **({"rerank": scored.fusion.uses(SHARED_NEIGHBOURS)} if SHARED_NEIGHBOURS in scored.alone else {}),
        "calibration": {role: _reliability(scored, role) for role in (VAL, TEST)},
        "mask": asdict(scored.local.masking),
        **({SIFT: RootSift().size} if SIFT in scored.local.keypoints else {}),
        "recall": scored.local.recall,
        **measure_own_photos(experiment, scored.own_photos, scored.alike, predictions),
        "alone": alone,
        "than_alone": differences,
    }


def describe_fusion(metrics: dict) -> str:
    """The line a fused evaluation ends with: is it better than the embedding alone? "" where nothing was fused."""
    if EMBEDDING not in metrics.get("than_alone", {}):
        return ""
    found = metrics["than_alone"][EMBEDDING]
    line = describe_differences(found["differences"], what="the fused answer", than="the embedding alone")
    return f"{line} (paired differences on {found[ROLE]})" if found["differences"] else line


def _reliability(scored: Scored, role: str) -> dict:
    """ECE and Brier score of the probabilities of the labelled pairs of a role; those of val are out of fold."""
    table = scored.pairs[role]
    use = _judged(table)
    return summarise_reliability(scored.probability[role][use], table.same[use])


def _judged(table: PairTable) -> np.ndarray:
    """(p,) bool: pairs whose probabilities are judged: labelled, and no image with itself or its own encounter."""
    return table.labelled & table.apart
