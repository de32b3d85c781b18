"""What a competition wants to be sent: one line per test image, checked before it is written.

AnimalCLEF 2025 asks for the individual or `new_individual`; AnimalCLEF 2026 asks for clusters of test images.
"""

from pathlib import PurePosixPath

import pandas as pd

from reid_lib.core.errors import CatalogueError, SubmissionError
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, NEW_INDIVIDUAL, PATH, PREDICTED, TEST
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.split import Split
from reid_lib.discover.measures import CLUSTER

CLUSTERED, ANSWERED = "animalclef2026", "animalclef2025"
OFFICIAL = "official"  # the split policy whose test photographs a competition asks about
SAMPLE_CSV = "sample_submission.csv"  # beside the photographs of a competition: which lines it wants, in which order
PREFIX = "cluster_"  # then the data set, then "_"
_CURE = (
    f"take photographs, metadata.csv and {SAMPLE_CSV} of one download; without {SAMPLE_CSV} the lines go by {IMAGE_ID}"
)


def check_sample(catalogue: Catalogue, split: Split) -> None:
    """Is the sample of a competition, where there is one, of these photographs? Asked before hours are spent.

    Raises:
        CatalogueError: it is not, and what would be written would be refused.
    """
    if (sample := _sample_of(catalogue, split)) is None:
        return
    rows = catalogue.rows.set_index(IMAGE_ID)
    asked, there = set(split.rows.loc[split.queries(TEST), IMAGE_ID]), set(rows.index) | set(_left_out(catalogue).index)
    ids = sample[IMAGE_ID]
    wrong = [
        _say(ids[ids.duplicated()], "stand there more than once"),
        _say(ids[~ids.isin(there)], "are not among the photographs"),
        _say(pd.Series(sorted(asked - set(ids))), "are test photographs that it does not name"),
    ]
    if CLUSTER in sample:
        here = ids.map(rows[DATASET].astype(str))
        says = sample[CLUSTER].map(lambda name: _dataset_in(name, set(here.dropna())))
        wrong.append(_say(ids[says.notna() & here.notna() & (says != here)], "are of another data set there"))
    if wrong := [line for line in wrong if line]:
        raise CatalogueError(
            f"{catalogue.root / SAMPLE_CSV} does not fit: of its {len(ids):,} photographs {'; '.join(wrong)}. {_CURE}"
        )


def make_submission(
    answers: pd.DataFrame, clusters: pd.DataFrame | None, catalogue: Catalogue, split: Split
) -> pd.DataFrame:
    """The answers in the competition's format, in the order of its sample, or by image id where there is none.

    Photographs that the sample names and the run was not asked, such as unreadable ones, are animals of their own.

    Args:
        answers: of the test photographs, with `predicted`.
        clusters: image_id, dataset, cluster of the same photographs; wanted for AnimalCLEF 2026 alone.
        catalogue: its name says which competition it is; its root holds the sample.
        split: under another policy than "official" no sample is looked at.

    Returns:
        (image_id, identity), or (image_id, cluster) for AnimalCLEF 2026, whose names start "cluster_<data set>_".

    Raises:
        SubmissionError: it would be refused.
    """
    if catalogue.name == CLUSTERED:
        table = pd.DataFrame({IMAGE_ID: clusters[IMAGE_ID], CLUSTER: _cluster_names(clusters)})
    else:
        table = answers[[IMAGE_ID, PREDICTED]].rename(columns={PREDICTED: IDENTITY})
    table = table.sort_values(IMAGE_ID).reset_index(drop=True)
    if catalogue.name not in (CLUSTERED, ANSWERED):
        return table
    sample = _sample_of(catalogue, split)
    if sample is not None:
        table = _fill(table, sample[IMAGE_ID], catalogue)
        order = sample[IMAGE_ID].drop_duplicates()
        table = table.set_index(IMAGE_ID).reindex(order[order.isin(table[IMAGE_ID])]).reset_index()
    elif split.policy != OFFICIAL:
        LOGGER.warning(f"submission.csv is not for the competition: that asks about -p split_policy {OFFICIAL}")
    dataset = catalogue.rows.set_index(IMAGE_ID)[DATASET].astype(str)
    check_submission(table, catalogue.name, pd.concat([dataset, _left_out(catalogue)]), sample)
    return table


def check_submission(
    table: pd.DataFrame, competition: str, dataset: pd.Series, sample: pd.DataFrame | None = None
) -> None:
    """Would the competition take it?

    Args:
        table: what is to be sent.
        competition: `CLUSTERED` or `ANSWERED`.
        dataset: of each photograph, by image_id.
        sample: the lines that are wanted, in their order, with `image_id`; None: not known.

    Raises:
        SubmissionError: it would not; all that is wrong is told together.
    """
    answer = CLUSTER if competition == CLUSTERED else IDENTITY
    if list(table.columns) != [IMAGE_ID, answer]:
        raise SubmissionError(f"submission.csv has the columns {IMAGE_ID}, {answer}; got {', '.join(table.columns)}")
    ids, names = table[IMAGE_ID], table[answer].fillna("").astype(str)
    wrong = [
        _say(ids[ids.duplicated()], "stand there more than once"),
        _say(ids[~ids.isin(dataset.index)], "are no photographs of this data set"),
        _say(ids[names.str.strip() == ""], f"have no {answer}"),
    ]
    if competition == CLUSTERED:
        of = ids.map(dataset.groupby(level=0).first())
        fits = [n.startswith(f"{PREFIX}{d}_") and n != f"{PREFIX}{d}_" for n, d in zip(names, of, strict=True)]
        odd = ids[of.notna() & ~pd.Series(fits, index=ids.index, dtype=bool)]
        wrong.append(_say(odd, f"have a name that does not start {PREFIX}<data set>_"))
    if sample is not None:
        wanted = sample[IMAGE_ID]
        wrong += [
            _say(wanted[~wanted.isin(ids)], "are wanted and not there"),
            _say(ids[~ids.isin(wanted)], "are there and not wanted"),
        ]
        if not any(wrong) and wanted.tolist() != ids.tolist():
            wrong.append(f"the lines are not in the order of {SAMPLE_CSV}")
    if wrong := [line for line in wrong if line]:
        raise SubmissionError(f"submission.csv would be refused: {'; '.join(wrong)}. {_CURE}")


def _sample_of(catalogue: Catalogue, split: Split) -> pd.DataFrame | None:
    """The sample of a competition, all as text; None where there is none, or other photographs are asked about."""
    path = catalogue.root / SAMPLE_CSV
    if catalogue.name not in (CLUSTERED, ANSWERED) or split.policy != OFFICIAL or not path.is_file():
        return None
    try:
        sample = pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise CatalogueError(f"{path} cannot be read ({error}): {_CURE}") from error
    if IMAGE_ID not in sample:
        raise CatalogueError(f"{path} has no column {IMAGE_ID}, but {', '.join(sample.columns)}: {_CURE}")
    return sample


def _dataset_in(name: str, datasets: set[str]) -> str | None:
    """The data set in the name of a cluster; None where it tells none of these."""
    return next((d for d in datasets if str(name).startswith(f"{PREFIX}{d}_")), None)


def _cluster_names(clusters: pd.DataFrame) -> pd.Series:
    return PREFIX + clusters[DATASET].astype(str) + "_" + clusters[CLUSTER].str.replace(" ", "_", n=1)


def _left_out(catalogue: Catalogue) -> pd.Series:
    """The data set of each photograph that was left out, by image_id: as competitions have it, a folder of its path."""
    known = set(catalogue.rows[DATASET].astype(str))
    found = catalogue.left_out.dropna(subset=[IMAGE_ID]).drop_duplicates(IMAGE_ID).set_index(IMAGE_ID)[PATH]
    parts = found.map(lambda path: next((p for p in PurePosixPath(str(path)).parts if p in known), None))
    return parts.dropna().astype(str)


def _fill(table: pd.DataFrame, wanted: pd.Series, catalogue: Catalogue) -> pd.DataFrame:
    """The table with lines for the photographs of the catalogue that the run was not asked."""
    dataset = pd.concat([catalogue.rows.set_index(IMAGE_ID)[DATASET].astype(str), _left_out(catalogue)])
    missing = wanted[~wanted.isin(table[IMAGE_ID]) & wanted.isin(dataset.index)].drop_duplicates()
    if missing.empty:
        return table
    LOGGER.warning(
        f"{len(missing)} photographs that {SAMPLE_CSV} names were left out of this run: in submission.csv each is an "
        f"animal of its own (as {', '.join(missing[:3])})"
    )
    lines = pd.DataFrame({IMAGE_ID: missing.to_numpy(), table.columns[1]: NEW_INDIVIDUAL})
    if CLUSTER in table:
        lines[CLUSTER] = PREFIX + missing.map(dataset).to_numpy() + "_left_out_" + lines.index.astype(str)
    return pd.concat([table, lines], ignore_index=True)


def _say(ids: pd.Series, what: str) -> str:
    """ "3 (as 1, 2) <what>"; "" for none."""
    some = ids.astype(str).drop_duplicates().tolist()
    return f"{len(some)} (as {', '.join(some[:3])}) {what}" if some else ""
