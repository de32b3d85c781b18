"""`Answers`: the queries of a run with what was answered, as arrays, made once from its predictions.

Metrics, bootstrap, threshold, outcomes and figures all read these arrays; none of them looks at the table again.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import pandas as pd

from reid_lib.core.names import (
    AVERAGE_PRECISION,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    KNOWN,
    MATCH_ORIENTATION,
    NEW_INDIVIDUAL,
    ORIENTATION,
    PREDICTED,
    RANK,
    ROLE,
    SAME_ORIENTATION,
    SCORE,
    ranked_column,
)


def to_texts(column: pd.Series) -> np.ndarray:
    """(n,) object: each value as text, a missing one as "nan"."""
    return column.astype(str).to_numpy(dtype=object)


def is_right_candidate(predictions: pd.DataFrame, rank: int = 1) -> np.ndarray:
    """(n,) bool: is the individual at this rank (from 1), before any threshold, the query's own?

    False where one of the two is missing.
    """
    candidate, own = predictions[ranked_column(IDENTITY, rank)], predictions[IDENTITY]
    there = (candidate.notna() & own.notna()).to_numpy(dtype=bool)
    return there & (to_texts(candidate) == to_texts(own))


def mask_known(known: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Boolean arrays (n,) known and unknown; an unlabelled row is neither."""
    known = known.astype("boolean")
    return known.fillna(False).to_numpy(bool), (~known).fillna(False).to_numpy(bool)


@dataclass(frozen=True, eq=False)
class Answers:
    """Queries as arrays (n,), by falling score, equal ones by image_id, those without a score last.

    The order does not depend on that of the rows, so neither does any sum over them, to the last bit.

    Attributes:
        row: int, position among the rows of the predictions.
        image_id, dataset, identity, role: object; role is "" where the predictions name none.
        labelled: bool. The attributes from `known` on mean something for these queries alone.
        known: bool, the individual is in the gallery that was searched.
        individual: int, a code for each animal in the order of names; the same name in two data sets is two animals.
        score: float64, of the best individual; NaN where there was nothing to compare with.
        named: bool, the best individual, before any threshold, is the right one.
        refused, correct: bool, called new, answered rightly; None where no decision was taken.
        rank, average_precision: float64, NaN for unknown queries; None where the predictions have no such column.
        same_flank: float64, has its individual a gallery image of its flank? 1, 0, NaN where not known, or None.
        crossed: float64, does the best match show another flank? 1, 0, NaN where not known, or None.
    """

    row: np.ndarray
    image_id: np.ndarray
    dataset: np.ndarray
    identity: np.ndarray
    role: np.ndarray
    labelled: np.ndarray
    known: np.ndarray
    individual: np.ndarray
    score: np.ndarray
    named: np.ndarray
    refused: np.ndarray | None = None
    correct: np.ndarray | None = None
    rank: np.ndarray | None = None
    average_precision: np.ndarray | None = None
    same_flank: np.ndarray | None = None
    crossed: np.ndarray | None = None

    @classmethod
    def of(cls, predictions: pd.DataFrame) -> "Answers":
        """One row per query, as `predictions.score_individuals` and predictions.csv have them, in any order."""
        rows = predictions.reset_index(drop=True).sort_values(IMAGE_ID, kind="stable")
        rows = rows.sort_values(SCORE, ascending=False, kind="stable")
        known, unknown = mask_known(rows[KNOWN])
        identity, dataset = to_texts(rows[IDENTITY]), to_texts(rows[DATASET])
        labelled = known | unknown
        individual = np.full(len(rows), -1)
        individual[labelled] = pd.factorize(dataset[labelled] + "\0" + identity[labelled], sort=True)[0]
        return cls(
            row=rows.index.to_numpy(),
            image_id=rows[IMAGE_ID].to_numpy(),
            dataset=dataset,
            identity=identity,
            role=to_texts(rows[ROLE]) if ROLE in rows else np.full(len(rows), "", dtype=object),
            labelled=labelled,
            known=known,
            individual=individual,
            score=rows[SCORE].to_numpy(dtype=float),
            named=known & is_right_candidate(rows),
            **_decisions(rows, known, identity),
            **{name: rows[name].to_numpy(dtype=float) for name in (RANK, AVERAGE_PRECISION) if name in rows},
            **_flanks(rows),
        )

    def __len__(self) -> int:
        return len(self.score)

    def where(self, mask: np.ndarray) -> "Answers":
        """The queries of a mask (n,), in the same order."""
        there = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: values[mask] for name, values in there.items() if values is not None})

    def of_role(self, role: str) -> "Answers":
        """The queries of one role."""
        return self.where(self.role == role)

    def of_dataset(self, dataset: str) -> "Answers":
        """The queries of one data set."""
        return self.where(self.dataset == dataset)

    @cached_property
    def labelled_only(self) -> "Answers":
        """Those with a label: only they take part in a metric or a threshold."""
        return self if self.labelled.all() else self.where(self.labelled)

    @cached_property
    def by_dataset(self) -> dict[str, "Answers"]:
        """Data set -> its labelled queries, by name; a data set without any is left out."""
        queries = self.labelled_only
        return {name: queries.of_dataset(name) for name in sorted(set(queries.dataset))}

    def count_individuals(self, among: np.ndarray) -> int:
        """How many individuals the queries of a mask (n,) are of."""
        return len(np.unique(self.individual[among]))

    def in_rows(self, values: np.ndarray) -> np.ndarray:
        """Values (n,) of all queries of the predictions in the order of their rows."""
        found = np.empty_like(values)
        found[self.row] = values
        return found


def _decisions(rows: pd.DataFrame, known: np.ndarray, identity: np.ndarray) -> dict[str, np.ndarray]:
    if PREDICTED not in rows:
        return {}
    predicted = to_texts(rows[PREDICTED])
    return {
        "refused": predicted == NEW_INDIVIDUAL,
        "correct": predicted == np.where(known, identity, NEW_INDIVIDUAL),
    }


def _flanks(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    if not {SAME_ORIENTATION, ORIENTATION, MATCH_ORIENTATION} <= set(rows):
        return {}
    same = rows[SAME_ORIENTATION].astype("boolean").astype("Float64")
    comparable = rows[[ORIENTATION, MATCH_ORIENTATION]].notna().all(axis=1).to_numpy()
    other = to_texts(rows[ORIENTATION]) != to_texts(rows[MATCH_ORIENTATION])
    return {"same_flank": same.to_numpy(dtype=float, na_value=np.nan), "crossed": np.where(comparable, other, np.nan)}
