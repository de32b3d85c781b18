"""What a competition wants to be sent: one line per test image.

AnimalCLEF 2025 asks for the individual or `new_individual`; AnimalCLEF 2026 asks for clusters of test images.
"""

from pathlib import Path

import pandas as pd

from reid_lib.core.logs import LOGGER
from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, PREDICTED
from reid_lib.data.catalogue import Catalogue
from reid_lib.discover.measures import CLUSTER

CLUSTERED, ANSWERED = "animalclef2026", "animalclef2025"
SAMPLE_CSV = "sample_submission.csv"  # beside the photographs of a competition: which lines it wants, in which order


def make_submission(answers: pd.DataFrame, clusters: pd.DataFrame | None, catalogue: Catalogue) -> pd.DataFrame:
    """The answers in the competition's format, in the order of its sample, or by image id where there is none.

    Args:
        answers: of the test photographs, with `predicted`.
        clusters: image_id, dataset, cluster of the same photographs; wanted for AnimalCLEF 2026 alone.
        catalogue: its name says which competition it is; its root holds the sample.

    Returns:
        (image_id, identity), or (image_id, cluster) for AnimalCLEF 2026, whose names start "cluster_<data set>_".
    """
    if catalogue.name == CLUSTERED:
        names = "cluster_" + clusters[DATASET].astype(str) + "_" + clusters[CLUSTER].str.replace(" ", "_", n=1)
        table = pd.DataFrame({IMAGE_ID: clusters[IMAGE_ID], CLUSTER: names})
    else:
        table = answers[[IMAGE_ID, PREDICTED]].rename(columns={PREDICTED: IDENTITY})
    table = table.sort_values(IMAGE_ID).reset_index(drop=True)
    if catalogue.name in (CLUSTERED, ANSWERED):
        table = _order_as_sample(table, catalogue.root / SAMPLE_CSV)
    return table


def _order_as_sample(table: pd.DataFrame, sample: Path) -> pd.DataFrame:
    """The lines in the order of the sample; as they are, with a warning, where the sample has other photographs."""
    if not sample.is_file():
        return table
    try:
        wanted = pd.read_csv(sample, dtype=str)[IMAGE_ID]
    except (OSError, ValueError, KeyError) as error:
        LOGGER.warning(f"{sample} cannot be read ({error}): submission.csv is ordered by {IMAGE_ID}")
        return table
    lacking, others = set(wanted) - set(table[IMAGE_ID]), set(table[IMAGE_ID]) - set(wanted)
    if lacking or others or wanted.duplicated().any():
        examples = ", ".join(sorted(lacking or others)[:3])
        LOGGER.warning(
            f"submission.csv would be refused: {sample} names {len(wanted):,} photographs, {len(lacking)} of them are "
            f"not among the test photographs of this run, and {len(others)} of these it does not name"
            + (f" (as {examples})" if examples else "")
            + "; take photographs and sample of one download, and leave none out"
        )
        return table
    return table.set_index(IMAGE_ID).loc[wanted].reset_index()
