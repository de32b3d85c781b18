"""What one query is: a photograph, or all photographs of an encounter. How these are combined is chosen on val."""

from collections.abc import Mapping

import numpy as np

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import ROLE, TEST, VAL
from reid_lib.match.encounters import ByEncounter, Combination
from reid_lib.match.similarity import Similarity
from reid_lib.openset import metrics
from reid_lib.openset.answers import Answers
from reid_lib.openset.predictions import score_individuals


def combine_encounters(similarities: Mapping[str, Similarity]) -> tuple[dict[str, ByEncounter], dict[str, float]]:
    """Queries that are encounters in place of photographs, combined in the way that is better on val.

    Better is the larger area under BAKS over BAUS (`metrics.baks_baus_area`), averaged over data sets: it needs no
    threshold. The mean is taken where both are equal, or where val has no known or no unknown individual.

    Args:
        similarities: of photographs, by role; those of val are looked at, those of any other role are not.

    Returns:
        The similarities by role, their `queries` one row for each encounter with a column `photographs`; and the area
        of each combination, NaN where it has none.

    Raises:
        ParameterError: there is no val, or its queries are not of that role.
    """
    if VAL not in similarities or (similarities[VAL].queries[ROLE] != VAL).any():
        raise ParameterError(f"how photographs are combined is chosen on queries of role {VAL!r}, never on {TEST!r}")
    areas = {}
    for combine in Combination.__args__:
        answers = Answers.of(score_individuals(ByEncounter(similarities[VAL], combine)))
        found = [
            metrics.baks_baus_area(some.score, some.named, some.known, some.individual)
            for some in answers.by_dataset.values()
        ]
        found = [area for area in found if not np.isnan(area)]
        areas[combine] = float(np.mean(found)) if found else float("nan")
    best = "max" if areas["max"] > areas["mean"] else "mean"
    return {role: ByEncounter(similarity, best) for role, similarity in similarities.items()}, areas
