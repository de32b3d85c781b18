"""How far probabilities can be believed: reliability bins, expected calibration error, Brier score."""

import numpy as np
import pandas as pd

from reid_lib.core.errors import ParameterError

_COLUMNS = ("low", "high", "n", "predicted", "observed")


def bin_reliability(probability: np.ndarray, happened: np.ndarray, *, n_bins: int = 15) -> pd.DataFrame:
    """Probabilities in bins of equal width, beside how often it happened: the reliability diagram.

    Args:
        probability: (n,) float in [0, 1].
        happened: (n,) bool.
        n_bins: number of bins from 0 to 1.

    Returns:
        One row per bin, empty ones too: low, high (its edges; a probability on an edge is in the bin below it, 0 in the
        first), n, predicted (mean probability), observed (share that happened); NaN where n is 0.

    Raises:
        ParameterError: lengths differ, or a probability is not in [0, 1].
    """
    probability, happened = _checked(probability, happened)
    edges = np.linspace(0, 1, n_bins + 1)
    place = np.clip(np.searchsorted(edges, probability, side="left") - 1, 0, n_bins - 1)
    n = np.bincount(place, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        sums = (np.bincount(place, weights=values, minlength=n_bins) / n for values in (probability, happened))
        return pd.DataFrame(dict(zip(_COLUMNS, (edges[:-1], edges[1:], n, *sums), strict=True)))


def expected_calibration_error(probability: np.ndarray, happened: np.ndarray, *, n_bins: int = 15) -> float:
    """Mean distance of probability and frequency over the bins of `bin_reliability`, each weighed by its n; in [0, 1].

    Source: Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017 (15 bins). NaN where n is 0.
    """
    bins = bin_reliability(probability, happened, n_bins=n_bins)
    there = bins[bins["n"] > 0]
    if not len(there):
        return float("nan")
    return float(np.average((there["predicted"] - there["observed"]).abs(), weights=there["n"]))


def brier_score(probability: np.ndarray, happened: np.ndarray) -> float:
    """Mean squared distance of probability and outcome (Brier 1950), in [0, 1]; NaN where n is 0."""
    probability, happened = _checked(probability, happened)
    return float(np.mean((probability - happened) ** 2)) if len(happened) else float("nan")


def summarise_reliability(probability: np.ndarray, happened: np.ndarray) -> dict[str, float]:
    """ece, brier, n and rate (share that happened) of probabilities (n,), for metrics.json and calibration.json."""
    probability, happened = _checked(probability, happened)
    return {
        "ece": expected_calibration_error(probability, happened),
        "brier": brier_score(probability, happened),
        "n": len(happened),
        "rate": float(happened.mean()) if len(happened) else float("nan"),
    }


def _checked(probability: np.ndarray, happened: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    probability, happened = np.asarray(probability, dtype=np.float64), np.asarray(happened, dtype=bool)
    if probability.shape != happened.shape or probability.ndim != 1:
        raise ParameterError(f"one outcome for each probability: {probability.shape} and {happened.shape}")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ParameterError("probabilities lie from 0 to 1: calibrate scores before they are judged")
    return probability, happened
