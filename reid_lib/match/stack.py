"""Fusion of several calibrated scores of a pair into one probability of "same individual"."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.special import expit, logit

from reid_lib.core.errors import ParameterError
from reid_lib.match.calibrate import Calibration, Kind
from reid_lib.match.evidence import Evidence, Folds
from reid_lib.match.logistic import fit_logistic, log_loss, smooth_targets
from reid_lib.match.stored import Stored

FusionKind = Literal["auto", "logistic", "mean", "wildfusion"]
LEAST_TO_WEIGH = 10  # positive pairs; from fewer no weight can be told, and all are equal
_LEAST_WEIGHT = 0.05  # of the mean's: where a score seems worthless, its order still decides between equals
_PRECISION = 4.0  # of the prior of a weight around the mean: it moves freely from some tens of positive pairs on


class PairFusion(Stored):
    """Probability of "same individual" from the scores of a pair; made by `fit_pairs`.

    The evidence of a score is its calibrated log odds less those of a pair of unknown score. Log odds of the pair are
    `intercept` + the sum of `weights` * evidence, so that a score that is missing, or worthless, adds nothing.

    Attributes:
        kind: "logistic": weights were fitted, all positive; "mean": they are all equal; "wildfusion": the mean of the
            probabilities instead, without a pair of which a score is missing.
        calibrations: input -> its curve.
        weights: input -> its weight.
        intercept: log odds of a pair of which nothing is known.
        loss: log loss per pair of the candidates in cross-validation, by name; empty where nothing was compared.
    """

    kind: Literal["logistic", "mean", "wildfusion"]
    calibrations: dict[str, Calibration]
    weights: dict[str, float]
    intercept: float
    loss: dict[str, float] = {}

    def evidence(self, scores: dict[str, np.ndarray]) -> np.ndarray:
        """(p, inputs) float64 of scores by name, (p,) each."""
        missing = [name for name in self.calibrations if name not in scores]
        if missing:
            raise ParameterError(f"the fusion was fitted on {', '.join(missing)}, which these pairs have no score of")
        columns = [curve.evidence(scores[name]) for name, curve in self.calibrations.items()]
        return np.stack(columns, axis=-1)

    def log_odds(self, scores: dict[str, np.ndarray]) -> np.ndarray:
        """(p,) float64 of scores by name, (p,) each; NaN: not scored."""
        if self.kind == "wildfusion":
            return logit(np.clip(self.probability(scores), 1e-300, 1 - 1e-16))
        return self.evidence(scores) @ np.array(list(self.weights.values())) + self.intercept

    def probability(self, scores: dict[str, np.ndarray]) -> np.ndarray:
        """(p,) float64 in [0, 1], of scores by name, (p,) each; NaN: not scored."""
        if self.kind == "wildfusion":
            return np.mean([curve.probability(scores[name]) for name, curve in self.calibrations.items()], axis=0)
        return expit(self.log_odds(scores))


def fit_pairs(
    evidence: Evidence,
    folds: Folds,
    *,
    kind: FusionKind = "auto",
    cues: Sequence[str] = (),
    curves: "Curves | None" = None,
) -> tuple[PairFusion, np.ndarray]:
    """Fit calibration and fusion.

    Weights are fitted on evidence that is cross-fitted by individual: a curve of many steps follows the pairs it was
    fitted on, and would be believed too much. "auto" takes fitted weights unless the mean has the lower log loss in
    cross-validation, or there are fewer than `LEAST_TO_WEIGH` positive pairs. A cue is kept only if it lowers the log
    loss by more than its standard error over individuals.

    Args:
        evidence: pairs to learn from.
        folds: of their individuals, for the cross-validation.
        kind: of the fusion; see `PairFusion`.
        cues: names among those of the evidence that are tried as further inputs; the others are always taken.
        curves: where calibrations are taken from and left for the fits of other folds; None: nothing is shared.

    Returns:
        The fit, and log odds (p,) of the pairs of individuals that the fit behind them did not see.
    """
    scores = [name for name in evidence.names if name not in cues]
    if not scores:
        raise ParameterError("there is no score to fuse: give the table of pairs one by with_score")
    if kind == "wildfusion":
        return _fit_wildfusion(evidence)
    trial = _Trial(evidence, folds, Curves() if curves is None else curves)
    kind, kept, odds, loss = _choose(trial, scores, kind, cues)
    weights, intercept = trial.weigh(kept, kind, np.ones(len(evidence), dtype=bool))
    found = PairFusion(
        kind=kind,
        calibrations={name: trial.curves.fit(evidence, name) for name in kept},
        weights=dict(zip(kept, weights.tolist(), strict=True)),
        intercept=intercept,
        loss=loss,
    )
    return found, odds


def _choose(
    trial: "_Trial", scores: list[str], kind: str, cues: Sequence[str]
) -> tuple[str, list[str], np.ndarray, dict[str, float]]:
    """Kind and inputs of the fusion, its log odds in cross-validation, and the log losses of all candidates."""
    candidates = {"mean": trial.cross_fit(scores, "mean"), "logistic": trial.cross_fit(scores, "logistic")}
    loss = {name: trial.loss(odds) for name, odds in candidates.items()}
    few = np.count_nonzero(trial.evidence.same) < LEAST_TO_WEIGH
    tried = () if kind == "mean" or few else cues
    if kind == "auto":  # one score alone has its weight from its calibration
        kind = "mean" if few or len(scores) == 1 or loss["mean"] <= loss["logistic"] else "logistic"
    kept, odds = list(scores), candidates[kind]
    for cue in tried:
        with_cue = trial.cross_fit([*kept, cue], "logistic")
        loss[f"with {cue}"] = trial.loss(with_cue)
        if trial.is_better(with_cue, odds):
            kind, kept, odds = "logistic", [*kept, cue], with_cue
    return kind, kept, odds, loss


def _fit_wildfusion(evidence: Evidence) -> tuple[PairFusion, np.ndarray]:
    own = {name: _fit_curve(evidence, name, "wildfusion") for name in evidence.names}
    equal = dict.fromkeys(own, 1 / len(own))
    fusion = PairFusion(kind="wildfusion", calibrations=own, weights=equal, intercept=0.0)
    return fusion, fusion.log_odds(dict(zip(evidence.names, evidence.scores.T, strict=True)))


def _fit_curve(evidence: Evidence, name: str, kind: Kind) -> Calibration:
    score = evidence.scores[:, evidence.names.index(name)]
    return Calibration.fit(score, evidence.same, kind=kind, weight=evidence.weight)


class Curves:
    """Calibrations that were fitted before: leaving out the folds (1, 2) is leaving out (2, 1).

    Args:
        kind: of the curves.
    """

    def __init__(self, kind: Kind = "auto"):
        self.kind = kind
        self._fitted: dict[tuple, Calibration] = {}

    def fit(self, evidence: Evidence, name: str) -> Calibration:
        """The curve of one score."""
        key = name, evidence.left_out
        if key not in self._fitted:
            self._fitted[key] = _fit_curve(evidence, name, self.kind)
        return self._fitted[key]


class _Trial:
    """Candidates for the fusion, compared by cross-validation over the folds of individuals."""

    def __init__(self, evidence: Evidence, folds: Folds, curves: Curves):
        self.evidence, self.folds, self.curves = evidence, folds, curves
        self.fold = folds.of(evidence.asked)
        self.parts = [evidence.without(members) for members in folds.members]
        self.inputs: dict[str, np.ndarray] = {}
        self.target = smooth_targets(evidence.same, evidence.weight)

    def input(self, name: str) -> np.ndarray:
        """(p,) evidence of one score, by curves that did not see the individual that is asked about."""
        if name not in self.inputs:
            found = np.zeros(len(self.evidence))
            column = self.evidence.names.index(name)
            for fold, part in enumerate(self.parts):
                rows = self.fold == fold
                found[rows] = self.curves.fit(part, name).evidence(self.evidence.scores[rows, column])
            self.inputs[name] = found
        return self.inputs[name]

    def weigh(self, names: list[str], kind: str, rows: np.ndarray) -> tuple[np.ndarray, float]:
        """Weights and intercept from some pairs (p,) bool."""
        inputs = np.stack([self.input(name)[rows] for name in names], axis=1)
        mean = np.full(len(names), 1 / len(names))
        fit = {"target": self.target[rows], "weight": self.evidence.weight[rows]}
        if kind == "mean":
            return mean, fit_logistic(inputs[:, :0], offset=inputs @ mean, **fit)[1]
        return fit_logistic(inputs, centre=mean, precision=_PRECISION, lowest=_LEAST_WEIGHT / len(names), **fit)

    def cross_fit(self, names: list[str], kind: str) -> np.ndarray:
        """(p,) log odds, by weights fitted on the other folds."""
        inputs = np.stack([self.input(name) for name in names], axis=1)
        odds = np.zeros(len(self.evidence))
        for fold in range(len(self.folds.members)):
            rows = self.fold == fold
            weights, intercept = self.weigh(names, kind, ~rows)
            odds[rows] = inputs[rows] @ weights + intercept
        return odds

    def _losses(self, odds: np.ndarray) -> np.ndarray:
        return self.evidence.weight * log_loss(odds, self.evidence.same)

    def loss(self, odds: np.ndarray) -> float:
        """Mean log loss of a pair; 0 where there is none."""
        return float(self._losses(odds).sum() / max(self.evidence.weight.sum(), 1e-12))

    def is_better(self, odds: np.ndarray, than: np.ndarray) -> bool:
        """Is the log loss lower by more than the standard error of the difference over individuals?"""
        return is_less(self._losses(odds), self._losses(than), self.evidence.asked)


def is_less(losses: np.ndarray, than: np.ndarray, individual: np.ndarray) -> bool:
    """Is the sum of losses (n,) less by more than its standard error over individuals (n,)? One's go together."""
    _, code = np.unique(individual, return_inverse=True)
    gains = np.bincount(code, weights=than - losses)
    return len(gains) > 1 and bool(gains.sum() > np.sqrt(len(gains) * np.var(gains, ddof=1)))
