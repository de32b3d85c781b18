"""Calibration: what a score is worth, as the probability that two photographs show one individual.

A count of matches, a cosine and a number of votes cannot be added; their probabilities can be. Each kind of
calibration rises strictly, so that it never changes the order in which a score puts two pairs. Beyond the scores it was
fitted on, log odds rise by the logarithm alone: a score ten times as high as any seen is not ten times as sure.

With few positive pairs a curve of two or three numbers is fitted (logistic, beta), from about 200 on one of any shape
(isotonic). A prior holds the slope where there is nearly nothing to learn from: without any positive pair the result is
a curve that rises by the scores' own spread, at about the lowest level that the number of negative pairs allows.
"""

from typing import Literal, Self

import numpy as np
from scipy.special import expit, logit

from reid_lib.core.errors import ParameterError
from reid_lib.match.logistic import fit_logistic, log_loss, smooth_targets
from reid_lib.match.stored import Stored

Kind = Literal["auto", "logistic", "beta", "isotonic", "wildfusion"]
# Positive pairs; below, its steps follow single pairs: isotonic regression overfits scarce data (Niculescu-Mizil and
# Caruana, "Predicting good probabilities with supervised learning", ICML 2005).
ENOUGH_FOR_ISOTONIC = 200
_LEAST_SLOPE = 1e-3  # per standard deviation of the score
_MARGIN = 0.01  # of the range: the beta curve's ends lie so far outside what was seen
_BLEND = 0.01  # share of the logistic curve in the isotonic one, which makes its steps rise
_BEYOND = 0.1  # slope of the beta curve outside of what was seen, per logarithm of standard deviations


class Calibration(Stored):
    """A strictly rising curve from one score to the probability of "same individual"; made by `Calibration.fit`.

    Attributes:
        kind: of the curve: "logistic", "beta", "isotonic" or "wildfusion".
        centre, spread: mean and standard deviation of the scores it was fitted on.
        lowest, highest: of these scores.
        slopes, intercept: of the logistic or beta curve.
        knots, heights: of the isotonic curve: scores, ascending, and probabilities.
        prevalence: share of positive pairs among those it was fitted on, in (0, 1).
        n_same, n_different: pairs it was fitted on.
    """

    kind: Literal["logistic", "beta", "isotonic", "wildfusion"]
    centre: float
    spread: float
    lowest: float
    highest: float
    slopes: list[float]
    intercept: float
    knots: list[float] = []
    heights: list[float] = []
    prevalence: float
    n_same: int
    n_different: int

    @classmethod
    def fit(cls, score: np.ndarray, same: np.ndarray, *, kind: Kind = "auto", weight: np.ndarray | None = None) -> Self:
        """Fit the curve.

        Args:
            score: (p,) float, of pairs drawn as those that will be asked about; NaN: not scored, and left out.
            same: (p,) bool, does the pair show one individual?
            kind: "logistic": log odds linear in the score (Platt 1999); "beta": in the logarithms of its distance from
                both ends of its range (Kull, Silva Filho and Flach 2017); "isotonic": of any rising shape (Zadrozny and
                Elkan 2002), blended with a little of the logistic curve so that it rises strictly; "wildfusion": as in
                WildFusion (Cermak et al. 2024), isotonic with a PCHIP spline through the middles between its knots,
                probabilities 0 and 1 included. "auto": isotonic from `ENOUGH_FOR_ISOTONIC` positive pairs on, below
                that logistic or beta, whichever has the lower BIC.
            weight: (p,) how often each pair counts, 0: not at all; None: once.

        Raises:
            ParameterError: lengths differ, a score is infinite, or the kind is not known.
        """
        score, same = np.asarray(score, dtype=np.float64), np.asarray(same, dtype=bool)
        weight = np.ones(len(score)) if weight is None else np.asarray(weight, dtype=np.float64)
        if not score.shape == same.shape == weight.shape or score.ndim != 1:
            raise ParameterError(
                f"each pair has one score, label and weight: {score.shape} {same.shape} {weight.shape}"
            )
        if np.isinf(score).any():
            raise ParameterError("a score is infinite: give NaN for a pair without a score")
        if kind not in Kind.__args__:
            raise ParameterError(f"calibration {kind!r} is not one of {', '.join(Kind.__args__)}")
        there = ~np.isnan(score) & (weight > 0)
        score, same, weight = score[there], same[there], weight[there]
        if kind == "auto" and same.sum() < ENOUGH_FOR_ISOTONIC:
            curves = [cls._fit_curve(shape, score, same, weight) for shape in ("logistic", "beta")]
            return min(curves, key=lambda curve: curve._bic(score, same, weight))
        if kind in ("auto", "isotonic"):
            return cls._fit_isotonic(score, same, weight)
        if kind == "wildfusion":
            return cls._fit_wildfusion(score, same, weight)
        return cls._fit_curve(kind, score, same, weight)

    def probability(self, score: np.ndarray) -> np.ndarray:
        """(p,) float64 in [0, 1], of scores (p,); NaN where there is no score."""
        if self.kind == "wildfusion":
            return self._wildfusion(np.asarray(score, dtype=np.float64))
        return expit(self.log_odds(score))

    def log_odds(self, score: np.ndarray) -> np.ndarray:
        """(p,) float64: the logarithm of probability / (1 - probability), of scores (p,); NaN where there is none."""
        score = np.asarray(score, dtype=np.float64)
        if self.kind == "wildfusion":
            return logit(np.clip(self._wildfusion(score), 1e-12, 1 - 1e-12))
        if self.kind == "isotonic":
            line = self.model_copy(update={"kind": "logistic"})
            rise = np.interp(score, self.knots, self.heights)
            return logit((1 - _BLEND) * rise + _BLEND * line.probability(score))
        inside, beyond = self._inside(score)
        last = self.slopes[0] if self.kind == "logistic" else _BEYOND
        return self._inputs(inside) @ np.array(self.slopes) + self.intercept + last * beyond

    def evidence(self, score: np.ndarray) -> np.ndarray:
        """(p,) log odds less those of a pair of unknown score: 0 where there is none, which speaks neither way."""
        return np.nan_to_num(self.log_odds(score) - logit(self.prevalence), nan=0.0)

    # ---- curves of a few numbers ------------------------------------------------------------------------------------

    def _inside(self, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores within what was seen, and by how much they are beyond: logarithms of standard deviations."""
        inside = np.clip(score, self.lowest, self.highest)
        off = (score - inside) / self.spread
        return inside, np.sign(off) * np.log1p(np.abs(off))

    def _inputs(self, inside: np.ndarray) -> np.ndarray:
        if self.kind == "logistic":
            return ((inside - self.centre) / self.spread)[..., None]
        margin = _MARGIN * (self.highest - self.lowest) or self.spread
        from_below, from_above = inside - self.lowest + margin, self.highest - inside + margin
        width = self.highest - self.lowest + 2 * margin
        return np.stack([np.log(from_below / width), -np.log(from_above / width)], axis=-1)

    @classmethod
    def _empty(cls, kind: str, score: np.ndarray, same: np.ndarray, weight: np.ndarray) -> Self:
        n, total = len(score), weight.sum()
        centre = float((weight * score).sum() / total) if n else 0.0
        spread = float(np.sqrt((weight * (score - centre) ** 2).sum() / total)) if n else 0.0
        spread = spread if spread > 1e-9 * max(abs(centre), 1e-30) else 1.0  # all equal: rounding is no spread
        ends = (float(score.min()), float(score.max())) if n else (0.0, 0.0)
        return cls(
            kind=kind,
            centre=centre,
            spread=spread,
            lowest=ends[0],
            highest=ends[1],
            slopes=[1.0, 1.0] if kind == "beta" else [1.0],
            intercept=0.0,
            prevalence=_prevalence(same, weight),
            n_same=int(same.sum()),
            n_different=int((~same).sum()),
        )

    @classmethod
    def _fit_curve(cls, kind: str, score: np.ndarray, same: np.ndarray, weight: np.ndarray) -> Self:
        blank = cls._empty(kind, score, same, weight)
        inputs, prior = blank._inputs(score), 1.0 if kind == "logistic" else 0.5
        target = smooth_targets(same, weight)
        slopes, intercept = fit_logistic(
            inputs, target, weight=weight, centre=prior, precision=1.0, lowest=_LEAST_SLOPE
        )
        if not len(score):
            intercept = float(logit(blank.prevalence))
        return blank.model_copy(update={"slopes": slopes.tolist(), "intercept": intercept})

    def _bic(self, score: np.ndarray, same: np.ndarray, weight: np.ndarray) -> float:
        """Bayesian information criterion; the sample's size is that of the rarer pairs."""
        rare = max(min(same.sum(), (~same).sum()), 2)
        return float(2 * (weight * log_loss(self.log_odds(score), same)).sum() + (len(self.slopes) + 1) * np.log(rare))

    # ---- curves of any shape ----------------------------------------------------------------------------------------

    @classmethod
    def _fit_isotonic(cls, score: np.ndarray, same: np.ndarray, weight: np.ndarray) -> Self:
        line = cls._fit_curve("logistic", score, same, weight)
        if not len(score):
            return line
        from sklearn.isotonic import IsotonicRegression  # here, since importing it takes a second

        found = IsotonicRegression(out_of_bounds="clip").fit(score, smooth_targets(same, weight), sample_weight=weight)
        knots = {"knots": found.X_thresholds_.tolist(), "heights": found.y_thresholds_.tolist()}
        return line.model_copy(update={"kind": "isotonic", **knots})

    @classmethod
    def _fit_wildfusion(cls, score: np.ndarray, same: np.ndarray, weight: np.ndarray) -> Self:
        blank = cls._empty("wildfusion", score, same, weight)
        if not len(score) or blank.lowest == blank.highest or same.all() or not same.any():
            return blank  # no curve: the prevalence
        from sklearn.isotonic import IsotonicRegression

        found = IsotonicRegression(out_of_bounds="clip").fit(score, same.astype(float), sample_weight=weight)
        middles = (found.X_thresholds_[:-1] + found.X_thresholds_[1:]) / 2
        knots = np.unique(np.concatenate([middles, [blank.lowest, blank.highest]]))
        return blank.model_copy(update={"knots": knots.tolist(), "heights": found.predict(knots).tolist()})

    def _wildfusion(self, score: np.ndarray) -> np.ndarray:
        if not self.knots:
            return np.where(np.isnan(score), np.nan, self.prevalence)
        from scipy.interpolate import PchipInterpolator

        rise = PchipInterpolator(self.knots, self.heights)(np.clip(score, self.lowest, self.highest))
        rise = np.where(score < self.lowest, 0.0, np.where(score > self.highest, 1.0, rise))
        return rise + score * np.finfo(np.float64).eps


def _prevalence(same: np.ndarray, weight: np.ndarray) -> float:
    """Share of positive pairs; one in two of one more pair, so that it is neither 0 nor 1."""
    return float((weight[same].sum() + 0.5) / (weight.sum() + 1))
