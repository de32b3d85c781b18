"""Fusion of a run: fitted on the pairs of val, for each data set, cross-fitted by individual, and frozen for test.

What is learnt is the probability that a pair *of a shortlist* shows one individual: on test, too, only shortlisted
pairs are matched, and among those positive ones are far more frequent, and negative ones harder, than among all pairs.
A pair outside the shortlist is judged by the global score alone, by a curve fitted on such pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, ROLE, VAL
from reid_lib.match.answer import AnswerFit, fit_answers
from reid_lib.match.calibrate import Calibration
from reid_lib.match.cues import add_margins, margin_of
from reid_lib.match.evidence import Evidence, Folds, find_best_two
from reid_lib.match.outside import Outside, sample_outside
from reid_lib.match.pairs import PairTable, encode_columns
from reid_lib.match.similarity import Similarity
from reid_lib.match.stack import Curves, FusionKind, PairFusion, fit_pairs
from reid_lib.match.stored import Stored

MIN_POSITIVE = 20  # positive pairs, and
MIN_INDIVIDUALS = 5  # individuals with one, that a data set needs for a fit of its own
N_FOLDS = 5  # of individuals; the fit of a fold sees no pair with one of its individuals on either side


class DatasetFit(Stored):
    """All that is fitted on the pairs of one data set, or of all together.

    Attributes:
        pairs: of shortlisted pairs.
        outside: of the global score of pairs outside the shortlist; None where these are not compared.
        answer: from pairs to the answer; None: the highest probability of a pair is the answer's.
        n_same, n_different, n_individuals: positive and negative pairs, and individuals with a positive one.
    """

    pairs: PairFusion
    outside: Calibration | None
    answer: AnswerFit | None
    n_same: int
    n_different: int
    n_individuals: int


class Fusion(Stored):
    """Calibration and fusion of a run, frozen: the contents of calibration.json; made by `fit_fusion`.

    Attributes:
        format: of the file.
        scores: names of the scores that are fused; the fit may have kept their margins as well (`cues.add_margins`).
        fits: data set -> its fit; "": that of all together, in force where a data set has none of its own.
        source: data set -> "own" or "overall".
        reasons: data set -> why the fit is not its own, or why it is weak, or "".
    """

    format: Literal[1] = 1
    scores: list[str]
    fits: dict[str, DatasetFit]
    source: dict[str, Literal["own", "overall"]]
    reasons: dict[str, str]

    def of(self, dataset: str) -> DatasetFit:
        """The fit in force for a data set, also for one that val did not have."""
        return self.fits[dataset if self.source.get(dataset) == "own" else ""]

    def uses(self, score: str) -> bool:
        """Does any fit look at a score of this name?"""
        return any(score in fit.pairs.calibrations for fit in self.fits.values())

    def remarks(self) -> list[str]:
        """What a reader must know of the fits, one sentence for each data set that has a reason."""
        return [f"{name}: {reason}" for name, reason in self.reasons.items() if reason]


@dataclass(frozen=True, eq=False)
class FittedFusion:
    """A frozen fit, and for each query of val one that never saw its individual.

    Attributes:
        fusion: for test.
        fits: the fits of the folds, then those of `fusion`.
        fit_of: (n_queries,) int, which of `fits` answers each query of val.
    """

    fusion: Fusion
    fits: list[DatasetFit]
    fit_of: np.ndarray


@dataclass(frozen=True, eq=False)
class _Sample:
    """What one fit learns from.

    Attributes:
        evidence: shortlisted pairs.
        outside: pairs that are not, or None.
        answered: positions of the queries whose answers are learnt from, those that lack no pair, by image_id.
        asked: (n_queries,) individual of each query (code).
    """

    evidence: Evidence
    outside: Outside | None
    answered: np.ndarray
    asked: np.ndarray

    def without(self, individuals: np.ndarray) -> "_Sample":
        return replace(
            self,
            evidence=self.evidence.without(individuals),
            outside=self.outside and self.outside.without(individuals),
            answered=self.answered[~np.isin(self.asked[self.answered], individuals)],
        )

    def of_queries(self, queries: np.ndarray) -> "_Sample":
        return replace(
            self,
            evidence=self.evidence.where(np.isin(self.evidence.query, queries)),
            outside=self.outside and self.outside.of_queries(queries),
            answered=self.answered[np.isin(self.answered, queries)],
        )


def fit_fusion(
    table: PairTable,
    everything: Similarity | None = None,
    *,
    kind: FusionKind = "auto",
    tried: Sequence[str] = (),
) -> FittedFusion:
    """Fit calibration and fusion on val.

    A data set with at least `MIN_POSITIVE` positive pairs of `MIN_INDIVIDUALS` individuals gets a fit of its own, any
    other one the fit of all data sets together; `Fusion.reasons` says so. Without any positive pair at all the fit is
    that of the priors: each score's evidence rises with it, and all count the same.

    Args:
        table: pairs of val with their scores, drawn as those of test will be.
        everything: the global score of all pairs, for those outside the shortlist; None: these are not compared.
        kind: "auto", "logistic", "mean" (see `stack.PairFusion`), or "wildfusion": WildFusion's own recipe, for
            comparison: the mean of isotonic probabilities, nothing outside the shortlist, no second calibration.
        tried: names of scores of the table that are kept only if they lower the cross-validated log loss, as margins
            are; the others are always fused. WildFusion has none.

    Raises:
        ParameterError: a query is not of role val, there is no score, or the kind is not known.
    """
    if ROLE in table.queries and (table.queries[ROLE] != VAL).any():
        raise ParameterError(f"a fusion is fitted on queries of role {VAL!r} only: labels of test must not reach it")
    if kind not in FusionKind.__args__:
        raise ParameterError(f"fusion {kind!r} is not one of {', '.join(FusionKind.__args__)}")
    scores = [name for name in table.scores if name not in tried]
    plain = kind == "wildfusion"
    if plain:
        table = replace(table, scores={name: table.scores[name] for name in scores})
    everything = None if plain else everything
    sample = _sample(table if plain else add_margins(table, scores), everything)
    cues = [] if plain else [*(margin_of(score) for score in scores), *tried]
    return _Learner(table, kind, cues).fit(sample, scores)


def _sample(table: PairTable, everything: Similarity | None) -> _Sample:
    asked, _ = encode_columns(table.queries, table.gallery, DATASET, IDENTITY)
    labelled = table.queries[IDENTITY].notna().to_numpy(dtype=bool)
    lacking = np.unique(table.query[~table.apart])  # a photograph of their encounter is in the gallery
    by_name = np.argsort(table.queries[IMAGE_ID].astype(str).to_numpy(dtype=str), kind="stable")
    answered = by_name[labelled[by_name] & ~np.isin(by_name, lacking)]
    outside = None if everything is None else sample_outside(everything, table)
    return _Sample(Evidence.of(table), outside, answered, asked)


class _Learner:
    """Fits of data sets, of all together, and of all folds of both."""

    def __init__(self, table: PairTable, kind: FusionKind, cues: list[str]):
        self.kind, self.cues = kind, cues
        self.dataset = table.queries[DATASET].astype(str).to_numpy(dtype=object)
        self.labelled = table.queries[IDENTITY].notna().to_numpy(dtype=bool)
        self.asked, enrolled = encode_columns(table.queries, table.gallery, DATASET, IDENTITY)
        self.known = np.isin(self.asked, enrolled)
        self.names = (table.queries[DATASET].astype(str) + "\0" + table.queries[IDENTITY].astype(str)).tolist()

    def fit(self, sample: _Sample, scores: list[str]) -> FittedFusion:
        """The whole: which data set gets a fit of its own, the frozen fits, and those of the folds."""
        fits, source, reasons, out_of_fold = {}, {}, {}, []
        fit_of = np.full(len(self.dataset), -1)
        names = sorted(set(self.dataset))
        for name in names:
            mine = np.flatnonzero(self.dataset == name)
            lacking = _lacking(sample.of_queries(mine).evidence)
            source[name], reasons[name] = "overall" if lacking and len(names) > 1 else "own", lacking
        for name in [*(name for name in names if source[name] == "own"), ""]:
            if name == "" and len(fits) == len(names) == 1:
                fits[""] = fits[names[0]]
                break
            mine = np.flatnonzero((self.dataset == name) | (name == ""))
            part, folds, curves = sample.of_queries(mine), self.deal(mine), Curves()
            fits[name] = self.fit_one(part, folds, curves)
            users = [name] if name else [other for other in names if source[other] == "overall"]
            asked = mine[np.isin(self.dataset[mine], users) & self.labelled[mine]]
            for fold, members in enumerate(folds.members):
                rows = asked[np.isin(self.asked[asked], members)]
                if len(rows):
                    fit_of[rows] = len(out_of_fold)
                    own = self.fit_one(part.without(members), folds.without(fold), curves)
                    out_of_fold.append(self._on_one_scale(own, fits[name], part))
        reasons = {name: _words(reason, source[name], fits[""]) for name, reason in reasons.items()}
        fusion = Fusion(scores=scores, fits=fits, source=source, reasons=reasons)
        for name in names:  # an unlabelled query of val was in no fit
            fit_of[(fit_of < 0) & (self.dataset == name)] = len(out_of_fold)
            out_of_fold.append(fusion.of(name))
        return FittedFusion(fusion, out_of_fold, fit_of)

    def deal(self, queries: np.ndarray) -> Folds:
        """Folds of the individuals of some queries (positions)."""
        queries = queries[self.labelled[queries]]
        individuals, first = np.unique(self.asked[queries], return_index=True)
        rows = queries[first]
        return Folds.deal(individuals, self.known[rows], [self.names[row] for row in rows], N_FOLDS)

    def fit_one(self, sample: _Sample, folds: Folds, curves: Curves) -> DatasetFit:
        """One fit, by what the sample holds and nothing else."""
        evidence, outside = sample.evidence, sample.outside
        pairs, odds = fit_pairs(evidence, folds, kind=self.kind, cues=self.cues, curves=curves)
        counts = {
            "n_same": int(evidence.same.sum()),
            "n_different": int((~evidence.same).sum()),
            "n_individuals": len(np.unique(evidence.asked[evidence.same])),
        }
        if self.kind == "wildfusion":
            return DatasetFit(pairs=pairs, outside=None, answer=None, **counts)
        beyond = None if outside is None else _fit_outside(outside.sample)
        answer = self._fit_answer(sample, odds, folds)
        return DatasetFit(pairs=pairs, outside=beyond, answer=answer, **counts)

    def _fit_answer(self, sample: _Sample, odds: np.ndarray, folds: Folds) -> AnswerFit:
        evidence, outside = sample.evidence, sample.outside
        query, enrolled = evidence.query, evidence.enrolled
        if outside is not None:
            far, fold = np.empty(len(outside.score)), folds.of(outside.asked)
            for one, members in enumerate(folds.members):
                curve = _fit_outside(outside.sample.without(members))
                far[fold == one] = curve.log_odds(outside.score[fold == one])
            query, odds = np.append(query, outside.query), np.append(odds, far)
            enrolled = np.append(enrolled, outside.enrolled)
        best, who, rival = find_best_two(query, enrolled, odds, len(self.asked))
        rows = sample.answered
        asked = self.asked[rows]
        return fit_answers(best[rows], rival[rows], who[rows] == asked, asked, folds)

    def _on_one_scale(self, fit: DatasetFit, frozen: DatasetFit, sample: _Sample) -> DatasetFit:
        """A fold's fit whose answers have mean and spread of the frozen one's, over the same queries.

        A fold without its positive pairs expects fewer of them everywhere, one without its negative pairs more: where
        scores are worth little, that alone would put right answers below wrong ones, and would put the threshold, one
        number for all folds, at a height that the answers of test do not have. What is shared is two numbers for all
        folds, which no order of queries follows from.
        """
        if fit.answer is None or frozen.answer is None:
            return fit
        ours, theirs = (self._answers(one, sample) for one in (fit, frozen))
        if len(ours) < 2 or not ours.std() or not theirs.std():
            return fit
        scale = float(theirs.std() / ours.std())
        answer = {"slope": scale * fit.answer.slope, "margin": scale * fit.answer.margin}
        answer["intercept"] = scale * (fit.answer.intercept - float(ours.mean())) + float(theirs.mean())
        return fit.model_copy(update={"answer": fit.answer.model_copy(update=answer)})

    def _answers(self, fit: DatasetFit, sample: _Sample) -> np.ndarray:
        """Log odds of the answers to the queries that answers are learnt from."""
        evidence, outside = sample.evidence, sample.outside
        odds = fit.pairs.log_odds(dict(zip(evidence.names, evidence.scores.T, strict=True)))
        query, enrolled = evidence.query, evidence.enrolled
        if outside is not None:
            odds = np.append(odds, fit.outside.log_odds(outside.score))
            query, enrolled = np.append(query, outside.query), np.append(enrolled, outside.enrolled)
        best, _, rival = find_best_two(query, enrolled, odds, len(self.asked))
        rows = sample.answered[np.isfinite(best[sample.answered])]
        return fit.answer.log_odds(best[rows], rival[rows])


def _fit_outside(sample: Evidence) -> Calibration:
    return Calibration.fit(sample.scores[:, 0], sample.same, kind="logistic", weight=sample.weight)


def _lacking(evidence: Evidence) -> str:
    """What a data set lacks for a fit of its own, or ""."""
    n, individuals = int(evidence.same.sum()), len(np.unique(evidence.asked[evidence.same]))
    if n >= MIN_POSITIVE and individuals >= MIN_INDIVIDUALS:
        return ""
    return (
        f"{n} positive pairs of {individuals} individuals in the shortlists of val, "
        f"where a fit of its own takes {MIN_POSITIVE} of {MIN_INDIVIDUALS}"
    )


def _words(lacking: str, source: str, overall: DatasetFit) -> str:
    if not lacking:
        return ""
    used = "the fit of all data sets together is used" if source == "overall" else "the fit leans on its priors"
    if not overall.n_same:
        used = "nothing can be learnt from val: all scores count the same, and probabilities say no more than an order"
    return f"{lacking}: {used}"


def choose_fits(dataset: pd.Series, fusion: Fusion) -> tuple[list[DatasetFit], np.ndarray]:
    """The frozen fits, and for each query (n,) int64 the place of the one that answers it, by its data set (n,)."""
    names = sorted(set(dataset.astype(str)))
    place = {name: k for k, name in enumerate(names)}
    return [fusion.of(name) for name in names], np.array([place[name] for name in dataset.astype(str)], dtype=np.int64)
