"""What one query of an evaluation is, by the parameter `query_unit`: a photograph, or all those of an encounter."""

from dataclasses import replace

import pandas as pd

from reid_lib.core.errors import ParameterError
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import ENCOUNTER, TEST
from reid_lib.match.encounters import ByEncounter
from reid_lib.openset.query_unit import combine_encounters
from reid_lib.pipeline.experiment import Experiment
from reid_lib.pipeline.scoring import Scored

IMAGE, ENCOUNTERS = "image", "encounter"


def group_queries(experiment: Experiment, scored: Scored) -> tuple[Scored, dict]:
    """The same scores with encounters as queries, where the parameter `query_unit` says so, combined as is best on val.

    Returns:
        The scores, and what metrics.json says of the unit.

    Raises:
        ParameterError: no photograph of the data set has an encounter.
    """
    if getattr(experiment.params, "query_unit", IMAGE) == IMAGE:
        return scored, {"query_unit": IMAGE}
    rows = experiment.split.rows
    if ENCOUNTER not in rows or rows[ENCOUNTER].isna().all():
        raise ParameterError(
            "query_unit is 'encounter', but no photograph of this data set has an encounter: add a column "
            f"{ENCOUNTER!r}, or ask by 'image'"
        )
    alike, areas = combine_encounters(scored.alike)
    combine = alike[TEST].combine
    alone = {
        name: {role: ByEncounter(similarity, combine) for role, similarity in sides.items()}
        for name, sides in scored.alone.items()
    }
    LOGGER.info(
        f"each query is an encounter ({len(alike[TEST].queries):,} of test, of {len(scored.alike[TEST].queries):,} "
        f"photographs), its photographs combined by the {combine}, which is better on val"
    )
    unit = {
        "query_unit": ENCOUNTERS,
        "combination": combine,
        "combinations": areas,
        "test_fingerprint": f"{experiment.split.test_fingerprint}-by-encounter",  # no run by image has these queries
    }
    return replace(scored, alike=alike, alone=alone), unit


def spread_answers(scored: Scored, predictions: pd.DataFrame) -> pd.DataFrame:
    """The answers of test as one row for each photograph: those of an encounter share its answer.

    Args:
        predictions: of test, one row for each query.
    """
    similarity = scored.alike[TEST]
    return similarity.spread(predictions) if isinstance(similarity, ByEncounter) else predictions
