"""Logistic regression of a few inputs, with a prior and lower bounds on the weights: what scikit-learn's lacks.

Newton's method on the free weights; those that a bound holds stay there (projected Newton, Bertsekas 1982). With two
to ten inputs it takes a few steps and a fifth of the time of a general optimiser, which fusion would call a thousand
times.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit

from reid_lib.core.errors import ParameterError

_MOST_STEPS = 200
_INTERCEPT = 1e-9  # precision of its prior: what keeps it finite where all outcomes are one


def fit_logistic(
    inputs: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    centre: np.ndarray | float = 0.0,
    precision: np.ndarray | float = 0.0,
    lowest: float = -np.inf,
    offset: np.ndarray | float = 0.0,
) -> tuple[np.ndarray, float]:
    """The most probable weights w and intercept b of P(true) = 1 / (1 + exp(-(offset + inputs w + b))).

    Minimises the sum of weight * log loss + sum(precision * (w - centre)**2) / 2.

    Args:
        inputs: (n, d) float, finite.
        target: (n,) in [0, 1].
        weight: (n,) how often each counts; None: once.
        centre, precision: (d,) or one for all: mean and 1 / variance of the prior of the weights.
        lowest: lower bound of the weights.
        offset: (n,) or one for all: what is added without a weight.

    Returns:
        w (d,), b. The centre and 0 where there is nothing to fit.

    Raises:
        ParameterError: an input is not finite.
    """
    inputs, target = np.asarray(inputs, dtype=np.float64), np.asarray(target, dtype=np.float64)
    n, d = inputs.shape
    if not np.isfinite(inputs).all():
        raise ParameterError("logistic regression takes finite numbers: leave out what has no score")
    weight = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
    columns = np.column_stack([inputs, np.ones(n)])
    centre, precision = (np.broadcast_to(given, d).astype(float) for given in (centre, precision))
    prior = _Prior(np.append(centre, 0.0), np.append(precision, _INTERCEPT))
    bounds = np.append(np.full(d, lowest), -np.inf)
    found = np.maximum(prior.centre, bounds)
    if not n or not weight.sum():
        return found[:-1], 0.0
    rate = np.clip((weight * target).sum() / weight.sum(), 1e-9, 1 - 1e-9)
    found[-1] = np.log(rate / (1 - rate)) - np.mean(offset)
    problem = _Problem(columns, target, weight, offset, prior)
    loss = problem.loss(found)
    for _ in range(_MOST_STEPS):
        before, (found, loss) = loss, problem.improve(found, loss, bounds)
        if before - loss <= 1e-13 * abs(loss):
            break
    return found[:-1], float(found[-1])


@dataclass(frozen=True)
class _Problem:
    columns: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    offset: np.ndarray | float
    prior: "_Prior"

    def loss(self, found: np.ndarray) -> float:
        odds = self.columns @ found + self.offset
        own = float((self.weight * ((1 - self.target) * odds - log_expit(odds))).sum())
        return own + float((self.prior.precision * (found - self.prior.centre) ** 2).sum() / 2)

    def improve(self, found: np.ndarray, loss: float, bounds: np.ndarray) -> tuple[np.ndarray, float]:
        """One step, halved until the loss falls: what is found then, and its loss."""
        probability = expit(self.columns @ found + self.offset)
        slope = self.columns.T @ (self.weight * (probability - self.target))
        slope += self.prior.precision * (found - self.prior.centre)
        weighed = self.columns * (self.weight * probability * (1 - probability))[:, None]
        curvature = weighed.T @ self.columns + np.diag(self.prior.precision)
        free, step = (found > bounds) | (slope < 0), np.zeros(len(found))
        try:
            step[free] = -np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        except np.linalg.LinAlgError:  # inputs that say the same, without a prior
            step[free] = -np.linalg.lstsq(curvature[np.ix_(free, free)], slope[free], rcond=1e-14)[0]
        for size in 0.5 ** np.arange(40):
            new = np.maximum(found + size * step, bounds)
            if (less := self.loss(new)) < loss:
                return new, less
        return found, loss


@dataclass(frozen=True)
class _Prior:
    centre: np.ndarray
    precision: np.ndarray


def smooth_targets(target: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Targets that are a little short of 0 and 1, so that odds stay finite where the outcomes are separable.

    (n₊ + 1) / (n₊ + 2) for what is true and 1 / (n₋ + 2) for what is not. Source: Platt, "Probabilistic outputs for
    support vector machines" (1999), as `sklearn.calibration` has it.

    Args:
        target: (n,) bool.
        weight: (n,) how often each counts; None: once.
    """
    target = np.asarray(target, dtype=bool)
    weight = np.ones(len(target)) if weight is None else weight
    n_true, n_false = weight[target].sum(), weight[~target].sum()
    return np.where(target, (n_true + 1) / (n_true + 2), 1 / (n_false + 2))


def log_loss(odds: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(n,) -log of the probability of what happened (n,) bool, from log odds (n,)."""
    return -log_expit(np.where(target, odds, -odds))
