"""The threshold: fitted on val alone, frozen, and the decision it leads to."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET, IDENTITY, NEW_INDIVIDUAL, PREDICTED, ROLE, SCORE, VAL, ranked_column
from reid_lib.openset.answers import Answers
from reid_lib.openset.fitting import RATES, ThresholdFit, fit_best_threshold


@dataclass(frozen=True)
class Threshold:
    """The least score at which a query is given a name; fitted by `fit_threshold`, then frozen.

    Attributes:
        values: data set -> lowest score that is named there, in the unit of the scores; -inf accepts all, +inf none;
            None: nothing is refused.
        overall: the same over all data sets together; in force for data sets without val queries too.
        source: data set -> "own", "overall" or "none".
        reasons: data set ("": overall) -> why it is not its own, or "".
        at_edge: data set ("": overall) -> what is suspicious about its best threshold, or "".
        n_known_individuals, n_unknown_individuals: data set ("": overall) -> individuals it was fitted on.
        curve: every candidate: dataset ("": overall), threshold, baks, baus, geometric_mean.
    """

    values: dict[str, float | None]
    overall: float | None
    source: dict[str, str]
    reasons: dict[str, str]
    at_edge: dict[str, str]
    n_known_individuals: dict[str, int]
    n_unknown_individuals: dict[str, int]
    curve: pd.DataFrame

    def to_dict(self) -> dict:
        """Everything but the curve, for JSON: infinities, which JSON has no word for, are "inf" and "-inf"."""
        return {
            "values": {name: _to_json(value) for name, value in self.values.items()},
            "overall": _to_json(self.overall),
            "source": dict(self.source),
            "reasons": dict(self.reasons),
            "at_edge": dict(self.at_edge),
            "n_known_individuals": dict(self.n_known_individuals),
            "n_unknown_individuals": dict(self.n_unknown_individuals),
        }

    @classmethod
    def from_dict(cls, stored: dict, *, curve: pd.DataFrame | None = None) -> "Threshold":
        """What `to_dict` gave, with the curve from its own file."""
        stored = dict(stored)
        values = {name: _from_json(value) for name, value in stored.pop("values").items()}
        curve = _empty_curve() if curve is None else curve.assign(**{DATASET: curve[DATASET].fillna("")})
        return cls(values=values, overall=_from_json(stored.pop("overall")), curve=curve, **stored)


def _to_json(value: float | None):
    return value if value is None or np.isfinite(value) else str(value)


def _from_json(value) -> float | None:
    return None if value is None else float(value)


def fit_threshold(val: Answers, *, min_individuals: int = 10) -> Threshold:
    """The threshold that maximises sqrt(BAKS * BAUS) on val, exactly, over all distinct scores; see `fitting`.

    A data set gets its own threshold when it has enough individuals of both kinds, else the overall one, fitted on all
    val queries together.

    Args:
        val: every query of role val.
        min_individuals: known and unknown individuals that a data set needs for a threshold of its own.

    Raises:
        ParameterError: a query is not of role val: test labels must never reach a threshold.
    """
    if (val.role != VAL).any():
        raise ParameterError(
            f"a threshold is fitted on queries of role {VAL!r} only: pass answers.of_role({VAL!r}), "
            f"made from predictions with a column {ROLE!r}"
        )
    overall = fit_best_threshold(val)
    fits = {name: fit_best_threshold(val.of_dataset(name)) for name in sorted(set(val.dataset))}
    values, source, reasons = {}, {}, {"": _lacking(overall)}
    for name, own in fits.items():
        if min(own.n_known, own.n_unknown) >= max(min_individuals, 1):
            values[name], source[name], reasons[name] = own.best, "own", ""
        else:
            counts = (
                f"{own.n_known} known and {own.n_unknown} unknown individuals in val, not {min_individuals} of each"
            )
            values[name], source[name] = overall.best, "none" if overall.best is None else "overall"
            reasons[name] = counts + (f"; {_lacking(overall)}" if _lacking(overall) else "")
    fits[""] = overall
    return Threshold(
        values=values,
        overall=overall.best,
        source=source,
        reasons=reasons,
        at_edge={
            name: found.edge if source.get(name, "own") == "own" else overall.edge for name, found in fits.items()
        },
        n_known_individuals={name: found.n_known for name, found in fits.items()},
        n_unknown_individuals={name: found.n_unknown for name, found in fits.items()},
        curve=pd.concat([_curve(fits[name], name) for name in sorted(fits)], ignore_index=True),
    )


def _lacking(found: ThresholdFit) -> str:
    """Why there is no threshold, or ""."""
    kind = "unknown" if found.n_known else "known"
    return f"val has no {kind} individuals: nothing is refused" if found.best is None else ""


def _curve(found: ThresholdFit, name: str) -> pd.DataFrame:
    return _empty_curve(**{DATASET: name} | {column: getattr(found, column) for column in ("threshold", *RATES)})


def _empty_curve(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns, columns=[DATASET, "threshold", *RATES])


def decide(predictions: pd.DataFrame, threshold: Threshold) -> pd.Series:
    """The answer to each query: the best individual where its score reaches the threshold, else `new_individual`.

    Returns:
        (n,) with the index of `predictions`, named "predicted". A query without a score is always new.
    """
    limits = {name: threshold.values.get(name, threshold.overall) for name in predictions[DATASET].unique()}
    limits = predictions[DATASET].map({name: -np.inf if t is None else t for name, t in limits.items()})
    accepted = predictions[SCORE].to_numpy(dtype=float) >= limits.to_numpy(dtype=float)
    named = predictions[ranked_column(IDENTITY, 1)].to_numpy(dtype=object)
    return pd.Series(np.where(accepted, named, NEW_INDIVIDUAL), index=predictions.index, name=PREDICTED)


def fit_oracle(test: Answers) -> dict:
    """The best threshold of each data set in hindsight: an upper bound to report, never a result.

    Returns:
        "values": data set ("": all together) -> threshold, None where the best is at an edge or there is none;
        "datasets": data set -> threshold, and baks, baus, geometric_mean at the best;
        "geometric_mean": averaged over data sets, undefined as 0.
    """
    values, datasets = {}, {}
    for name, queries in {"": test, **test.by_dataset}.items():
        found = fit_best_threshold(queries)
        values[name] = None if found.best is None or found.edge else found.best
        if name:
            datasets[name] = found.rates(found.best) | {"threshold": values[name]}
    means = [entry["geometric_mean"] for entry in datasets.values()]
    return {
        "values": values,
        "datasets": datasets,
        "geometric_mean": float(np.mean(np.nan_to_num(means))) if means else float("nan"),
    }


def threshold_for(threshold: Threshold | Mapping | Real | None, dataset: str) -> float | None:
    """The threshold (in the unit of the scores) of one data set, None where there is none.

    Args:
        threshold: None, a number for all data sets, a mapping data set -> number or None (also as the "values" of a
            mapping: `fit_oracle`), or a fitted `threshold.Threshold` (its `values`; its `overall` for "").
    """
    if isinstance(threshold, Real) or threshold is None:
        value = threshold
    elif isinstance(threshold, Mapping):
        inner = threshold.get("values")
        value = (inner if isinstance(inner, Mapping) else threshold).get(dataset)
    else:
        value = threshold.overall if dataset == "" else threshold.values.get(dataset, threshold.overall)
    return None if value is None or math.isnan(value) else float(value)
