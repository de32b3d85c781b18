"""All photographs of an encounter as one query: their similarities combined into one answer.

Photographs that were taken of one animal in one sighting are asked about together. Each may resemble another image of
its individual, the left flank one and the right flank another; so what is combined is, for each individual, the best
similarity of each photograph. Probabilities are combined as log odds, in which evidence adds.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET, ENCOUNTER, IDENTITY, IMAGE_ID, PHOTOGRAPHS, PROBABILITY
from reid_lib.match.pairs import encode_columns
from reid_lib.match.similarity import Similarity, check_block

Combination = Literal["mean", "max"]
_SUREST = 40.0  # log odds: beyond, float64 has no probability below 1
_LEAST_SURE = -1e6  # of a probability of 0: finite, since -inf means "not compared"


class ByEncounter:
    """A similarity whose queries are encounters; each row is that of its first photograph by image_id.

    For each individual, the best similarity of each photograph of the encounter is combined; the individual's best
    image gets that number. Each other image of the individual gets less, by as much as its own best similarity to a
    photograph of the encounter is below that of the best image. An individual that a photograph was not compared with
    counts as similar to it as the least similar one that it was compared with.

    Encounters come in the order in which the rows of queries complete them. Memory is that of one block, and of the
    encounters that are begun and not complete: rows of one encounter should lie together.

    Args:
        similarity: of photographs. Those of one data set, identity and encounter are one query, as one animal's
            encounter is everywhere here; a photograph without an encounter is one by itself.
        combine: "mean" of the photographs, or "max", the most similar one of them.

    Raises:
        ParameterError: the combination is not known.
    """

    def __init__(self, similarity: Similarity, combine: Combination = "mean"):
        if combine not in Combination.__args__:
            raise ParameterError(f"combination {combine!r} is not one of {', '.join(Combination.__args__)}")
        self.photographs, self.combine, self.unit = similarity, combine, similarity.unit
        self.limits = getattr(similarity, "limits", (-np.inf, np.inf))
        self.gallery = similarity.gallery
        encounter = group_by_encounter(similarity.queries)
        last = pd.Series(np.arange(len(encounter))).groupby(encounter).max().to_numpy()
        place = np.empty(len(last), dtype=np.int64)
        place[np.argsort(last)] = np.arange(len(last))
        self._encounter = place[encounter]
        self._n = np.bincount(self._encounter, minlength=len(last))
        self.queries = self._first_rows()

    def _first_rows(self) -> pd.DataFrame:
        rows = self.photographs.queries
        names = rows[IMAGE_ID].astype(str).to_numpy(dtype=str)
        order = np.lexsort((names, self._encounter))
        first = order[np.searchsorted(self._encounter[order], np.arange(len(self._n)))]
        return rows.iloc[first].reset_index(drop=True).assign(**{PHOTOGRAPHS: self._n})

    def spread(self, answers: pd.DataFrame) -> pd.DataFrame:
        """Answers to encounters, in the order of `queries`, as one row for each photograph, with its own image_id."""
        rows = answers.iloc[self._encounter].reset_index(drop=True)
        return rows.assign(**{IMAGE_ID: self.photographs.queries[IMAGE_ID].to_numpy()})

    def blocks(self, *, max_bytes: int = 2**28) -> Iterator[tuple[int, int, np.ndarray]]:
        """(start, stop, block (stop - start, g) float64); see `Similarity.blocks`."""
        individual = encode_columns(self.gallery, self.gallery, DATASET, IDENTITY)[0]
        begun: dict[int, list[np.ndarray]] = {}
        done = 0
        for start, _, block in self.photographs.blocks(max_bytes=max_bytes // 3):
            block = self._to_log_odds(check_block(block, start, self.unit).astype(np.float64, copy=False))
            complete = []
            for row, encounter in zip(block, self._encounter[start : start + len(block)].tolist(), strict=True):
                begun.setdefault(encounter, []).append(row.copy())
                if len(begun[encounter]) == self._n[encounter]:
                    complete.append(_combined(np.array(begun.pop(encounter)), individual, self.combine))
            if complete:
                found = self._from_log_odds(np.array(complete))
                yield done, done + len(found), found
                done += len(found)

    def _to_log_odds(self, block: np.ndarray) -> np.ndarray:
        if self.unit != PROBABILITY:
            return block
        compared = block > -np.inf
        odds = np.clip(logit(np.where(compared, block, 0.5)), -np.inf, _SUREST)
        return np.where(compared, np.maximum(odds, _LEAST_SURE), -np.inf)

    def _from_log_odds(self, block: np.ndarray) -> np.ndarray:
        if self.unit != PROBABILITY:
            return block
        return np.where(block > -np.inf, expit(block), -np.inf)


def _combined(rows: np.ndarray, individual: np.ndarray, combine: Combination) -> np.ndarray:
    """(g,) numbers of one encounter from those of its photographs (n, g)."""
    best_image = rows.max(axis=0, initial=-np.inf)
    if combine == "max" or len(rows) == 1:
        return best_image
    of_photo = np.full((len(rows), int(individual.max(initial=-1)) + 1), -np.inf)
    for row, found in zip(rows, of_photo, strict=True):
        np.maximum.at(found, individual, row)
    best = of_photo.max(axis=0)
    compared = of_photo > -np.inf
    of_photo = of_photo[compared.any(axis=1)]
    least = np.where(np.isneginf(of_photo), np.inf, of_photo).min(axis=1, initial=np.inf, keepdims=True)
    together = np.where(np.isneginf(of_photo), least, of_photo)
    together = together.mean(axis=0) if len(together) else best
    below = np.where(np.isneginf(best_image), -np.inf, 0.0)
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(below), -np.inf, together[individual] + best_image - best[individual])


def group_by_encounter(rows: pd.DataFrame) -> np.ndarray:
    """(n,) int64: a number for the encounter of each row; of its own where none is known."""
    if ENCOUNTER not in rows:
        return np.arange(len(rows))
    code = encode_columns(rows, rows, DATASET, IDENTITY, ENCOUNTER)[0].copy()
    alone = rows[ENCOUNTER].isna().to_numpy(dtype=bool)
    code[alone] = code.max(initial=-1) + 1 + np.arange(alone.sum())
    return np.unique(code, return_inverse=True)[1].reshape(-1)
