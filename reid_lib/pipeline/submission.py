"""What a competition wants to be sent: one line per test image.

AnimalCLEF 2025 asks for the individual or `new_individual`; AnimalCLEF 2026 asks for clusters of test images.
"""

import pandas as pd

from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, NEW_INDIVIDUAL, PREDICTED
from reid_lib.discover.clusters import find_components
from reid_lib.match.similarity import Similarity
from reid_lib.openset.threshold import Threshold

CLUSTER = "cluster"


def make_submission(
    predictions: pd.DataFrame, among: Similarity, threshold: Threshold, *, dataset: str
) -> pd.DataFrame:
    """The answers in the competition's format, ordered by image id.

    Args:
        predictions: of the test queries, with `predicted`.
        among: how alike the same test queries are to each other, in the unit of the threshold.
        threshold: the frozen one; two new animals that resemble each other as much are one animal.
        dataset: the catalogue's name; "animalclef2026" gives clusters.

    Returns:
        (image_id, identity), or (image_id, cluster) for AnimalCLEF 2026.
    """
    answers = predictions[[IMAGE_ID, DATASET, PREDICTED]].sort_values(IMAGE_ID).reset_index(drop=True)
    if dataset != "animalclef2026":
        return answers[[IMAGE_ID, PREDICTED]].rename(columns={PREDICTED: IDENTITY})
    names = "cluster_" + answers[DATASET].astype(str) + "_" + answers[PREDICTED].astype(str)
    for name, part in answers[answers[PREDICTED] == NEW_INDIVIDUAL].groupby(DATASET):
        labels = find_components(among, part[IMAGE_ID].tolist(), threshold.values.get(name))
        names[part.index] = [f"cluster_{name}_new{label}" for label in labels]
    return pd.DataFrame({IMAGE_ID: answers[IMAGE_ID], CLUSTER: names})
