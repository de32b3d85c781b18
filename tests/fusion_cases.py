"""Simulated studies of animals with two scores of known worth, for the tests of fusion."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pair_cases import Dense, rows_of

from reid_lib.core.names import ROLE
from reid_lib.match.fuse import FittedFusion, fit_fusion
from reid_lib.match.fused import Fused
from reid_lib.match.pairs import PairTable, join_pairs, look_up, shortlist
from reid_lib.openset.answers import Answers
from reid_lib.openset.predictions import score_individuals


@dataclass(frozen=True)
class Side:
    """Pairs of one role, and the global score of all pairs."""

    table: PairTable
    everything: Dense

    def only(self, *names: str) -> "Side":
        return Side(
            PairTable(
                self.table.queries, self.table.gallery, self.table.query, self.table.image,
                {name: self.table.scores[name] for name in names},
            ),
            self.everything,
        )  # fmt: skip


@dataclass(frozen=True)
class Animals:
    """How much the scores of a study are worth.

    Attributes:
        known, unknown: animals with and without gallery photographs, in val and in test each.
        photos, enrolled: photographs of each in a role, and in the gallery.
        worth: of the embedding and of the local score: distance of animals in units of the scatter of photographs.
        shortlist: gallery photographs compared in detail.
        haze: how much photographs differ in what they share with all others: a query in fog is like everything.
    """

    known: int = 20
    unknown: int = 20
    photos: int = 3
    enrolled: int = 3
    worth: tuple[float, float] = (1.0, 1.0)
    shortlist: int = 15
    haze: float = 0.0
    dataset: str = "d"

    def draw(self, rng: np.random.Generator) -> dict[str, Side]:
        """Sides of "val" and "test": other photographs of the same known animals, other unknown ones."""
        enrolled = np.repeat(np.arange(self.known), self.enrolled)
        spaces = [Space(rng, worth, self.known + 2 * self.unknown, self.haze) for worth in self.worth]
        gallery = rows_of("g" + self.dataset, [f"a{k}" for k in enrolled], dataset=self.dataset)
        shown = [space.photograph(enrolled) for space in spaces]
        sides = {}
        for number, role in enumerate(("val", "test")):
            first = self.known + number * self.unknown
            asked = np.repeat(np.append(np.arange(self.known), first + np.arange(self.unknown)), self.photos)
            queries = rows_of(role + self.dataset, [f"a{k}" for k in asked], dataset=self.dataset).assign(
                **{ROLE: role}
            )
            cosine, other = (space.photograph(asked) @ there.T for space, there in zip(spaces, shown, strict=True))
            counts = rng.poisson(np.exp(1 + 4 * other)).astype(float)  # as numbers of matches: skewed, never negative
            sides[role] = side(queries, gallery, cosine, counts, self.shortlist)
        return sides


class Space:
    """Photographs as directions in a space in which animals lie apart."""

    def __init__(self, rng: np.random.Generator, worth: float, n: int, haze: float):
        self.rng, self.haze, self.centres = rng, haze, worth * rng.standard_normal((n, 12))

    def photograph(self, animals: np.ndarray) -> np.ndarray:
        shown = self.centres[animals] + self.rng.standard_normal((len(animals), self.centres.shape[1]))
        shown[:, 0] += self.haze * self.rng.exponential(size=len(animals))
        return shown / np.linalg.norm(shown, axis=1, keepdims=True)


def side(queries: pd.DataFrame, gallery: pd.DataFrame, cosine, counts, k: int) -> Side:
    everything = Dense(cosine, queries, gallery)
    everything.unit = "cosine"
    query, image = shortlist(everything, k)
    scores = {"cosine": look_up(everything, query, image), "matches": counts[query, image]}
    return Side(PairTable(queries, gallery, query, image, scores), everything)


def together(studies: list[dict[str, Side]]) -> dict[str, Side]:
    """Several data sets as one study."""
    return {role: _joined([study[role] for study in studies]) for role in ("val", "test")}


def _joined(sides: list[Side]) -> Side:
    queries, gallery = (
        pd.concat([getattr(one.table, what) for one in sides], ignore_index=True) for what in ("queries", "gallery")
    )
    values = np.full((len(queries), len(gallery)), -np.inf)
    row = column = 0
    pairs, scores = [], {name: [] for name in sides[0].table.scores}
    for one in sides:
        n, g = one.everything.values.shape
        values[row : row + n, column : column + g] = one.everything.values
        pairs.append((one.table.query + row, one.table.image + column))
        for name, found in one.table.scores.items():
            scores[name].append(found)
        row, column = row + n, column + g
    everything = Dense(values, queries, gallery)
    everything.unit = "cosine"
    query, image = join_pairs(pairs)  # one after the other already: each data set's queries follow the former's
    return Side(
        PairTable(queries, gallery, query, image, {k: np.concatenate(v) for k, v in scores.items()}), everything
    )


def answered(study: dict[str, Side]) -> tuple[Answers, Answers, FittedFusion]:
    """Answers of val, out of fold, and of test, by the frozen fit."""
    fitted = fit_fusion(study["val"].table, study["val"].everything)
    val = Fused.out_of_fold(study["val"].table, fitted, study["val"].everything)
    test = Fused.frozen(study["test"].table, fitted.fusion, study["test"].everything)
    return Answers.of(score_individuals(val)), Answers.of(score_individuals(test)), fitted


def auroc(answers: Answers) -> float:
    """Known against unknown, by score."""
    known, unknown = answers.score[answers.known], answers.score[~answers.known]
    return float(np.mean((known[:, None] > unknown) + 0.5 * (known[:, None] == unknown)))


def top1(answers: Answers) -> float:
    return float(answers.named[answers.known].mean())


def fused_of(side: Side, fitted: FittedFusion) -> Answers:
    """Answers by the frozen fit, also of val, which it was fitted on."""
    return Answers.of(score_individuals(Fused.frozen(side.table, fitted.fusion, side.everything)))


def raw_of(side: Side) -> Answers:
    """Answers by the global score as it is."""
    return Answers.of(score_individuals(side.everything))


def log_loss_of(answers: Answers) -> float:
    """Of the probability that the best individual is the right one."""
    probability = np.clip(answers.score, 1e-9, 1 - 1e-9)
    return float(-np.log(np.where(answers.named, probability, 1 - probability)).mean())
