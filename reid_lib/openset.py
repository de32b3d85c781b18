"""Open-set identification: a score per individual, a threshold fitted on val alone, and the decision."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid_lib import threshold as thresholds
from reid_lib.embed import EmbeddingSet
from reid_lib.errors import CatalogueError, ParameterError
from reid_lib.names import (
    AVERAGE_PRECISION,
    DATASET,
    ENCOUNTER,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    N_RANKS,
    NEW_INDIVIDUAL,
    ORIENTATION,
    PATH,
    PREDICTED,
    RANK,
    ROLE,
    SCORE,
    SPECIES,
    TRUE_SCORE,
    VAL,
    ranked,
)
from reid_lib.ranking import Ranking, rank_groups

# Columns of the predictions that say which flanks met; only there where the gallery has orientations.
SAME_ORIENTATION = "same_orientation"  # has the query's own individual a gallery image of the query's orientation?
MATCH_ORIENTATION = ranked(ORIENTATION, 1)  # orientation of image_1

_CARRIED = (IMAGE_ID, DATASET, IDENTITY, INDIVIDUAL, ROLE, ENCOUNTER, ORIENTATION, SPECIES, PATH)


def score_individuals(queries: EmbeddingSet, gallery: EmbeddingSet, *, max_bytes: int = 2**28) -> pd.DataFrame:
    """Compare each query with the gallery images of its own data set and rank the individuals.

    An individual's score is the highest cosine similarity to its gallery images. Equal scores go by the individual's
    name, then by image_id, so neither the order of rows nor `max_bytes` changes anything, to the last bit.

    Args:
        queries: rows with image_id, dataset, identity (missing where unlabelled).
        gallery: likewise, every image labelled; no image of `queries`.
        max_bytes: bound of the working memory, in bytes, beside the embeddings and one copy of them.

    Returns:
        One row per query, in the order of `queries`: the columns carried over from its rows; `known` (boolean: the
        individual is in this gallery; <NA> where unlabelled); identity_1 ... 5, score_1 ... 5 (cosine, descending),
        image_1 ... 5 (the individual's most similar gallery image), missing beyond the gallery's individuals; `score`
        (score_1), `true_score`, `rank` (of the query's own individual) and `average_precision` over gallery images
        (precision and recall where a score is reached, as in scikit-learn), NaN for unknown and unlabelled queries.

    Raises:
        CatalogueError: an image is in both sets, or a gallery image has no identity.
    """
    for what, part in (("queries", queries), ("gallery", gallery)):
        missing = [column for column in (IMAGE_ID, DATASET, IDENTITY) if column not in part.rows]
        if missing:
            raise CatalogueError(f"the rows of the {what} lack {', '.join(missing)}")
    _check_gallery(queries.rows, gallery.rows)
    identity, image_id = _texts(gallery.rows[IDENTITY]), _texts(gallery.rows[IMAGE_ID])
    dataset, gallery_dataset = _texts(queries.rows[DATASET]), _texts(gallery.rows[DATASET])
    answers, alone = Ranking.empty(len(queries), N_RANKS), []
    for name in sorted(set(dataset)):
        asked, enrolled = np.flatnonzero(dataset == name), np.flatnonzero(gallery_dataset == name)
        if not len(enrolled):
            alone.append(f"{name!r} ({len(asked)} queries)")
            continue
        enrolled = np.array(sorted(enrolled, key=lambda row: (identity[row], image_id[row])))
        names, first = np.unique(identity[enrolled], return_index=True)
        own = _places(queries.rows[IDENTITY].iloc[asked], names)
        found = rank_groups(
            queries.features[asked], gallery.features[enrolled], first, own, k=N_RANKS, max_bytes=max_bytes
        )
        # From rows of this data set to rows of the whole gallery; -1, for nothing found, stays -1.
        answers.group[asked] = np.append(enrolled[first], -1)[found.group]
        answers.image[asked] = np.append(enrolled, -1)[found.image]
        for attribute in ("score", "own_score", "own_rank", "average_precision"):
            getattr(answers, attribute)[asked] = getattr(found, attribute)
    if alone:
        warnings.warn(f"no gallery image in data set {', '.join(alone)}: these are all called new", stacklevel=2)
    return _predictions(queries.rows, gallery.rows, answers)


def _check_gallery(queries: pd.DataFrame, gallery: pd.DataFrame) -> None:
    both = set(queries[IMAGE_ID]) & set(gallery[IMAGE_ID])
    if both:
        raise CatalogueError(
            f"{len(both)} images are both query and gallery, e.g. {min(map(str, both))!r}: they would find themselves. "
            "Give every image one role"
        )
    nameless = gallery.loc[gallery[IDENTITY].isna(), IMAGE_ID]
    if len(nameless):
        raise CatalogueError(
            f"gallery image {nameless.iloc[0]!r} has no identity: only labelled images can be enrolled"
        )
    if (gallery[IDENTITY] == NEW_INDIVIDUAL).any():
        raise CatalogueError(f"an individual of the gallery is named {NEW_INDIVIDUAL!r}, which means none of them")


def _texts(column: pd.Series) -> np.ndarray:
    return column.astype(str).to_numpy(dtype=object)


def _places(identity: pd.Series, names: np.ndarray) -> np.ndarray:
    """(n,) index of each identity in the sorted `names`, -1 where it is missing or not among them."""
    place = {name: k for k, name in enumerate(names)}
    return np.where(identity.isna(), -1, [place.get(text, -1) for text in _texts(identity)])


def _predictions(rows: pd.DataFrame, gallery: pd.DataFrame, answers: Ranking) -> pd.DataFrame:
    known = answers.own_rank > 0
    columns = {column: rows[column].to_numpy() for column in _CARRIED if column in rows}
    columns[KNOWN] = pd.array(np.where(rows[IDENTITY].notna(), known, None), dtype="boolean")
    for what, found, source in ((IDENTITY, answers.group, IDENTITY), ("image", answers.image, IMAGE_ID)):
        names = np.append(_texts(gallery[source]), None)  # row -1, for nothing found, is the None
        columns |= {ranked(what, k + 1): names[found[:, k]] for k in range(N_RANKS)}
    columns |= {ranked(SCORE, k + 1): answers.score[:, k] for k in range(N_RANKS)}
    columns |= {SCORE: answers.score[:, 0], TRUE_SCORE: answers.own_score, RANK: answers.own_rank}
    columns[AVERAGE_PRECISION] = answers.average_precision
    if ORIENTATION in rows and ORIENTATION in gallery:
        columns[MATCH_ORIENTATION] = np.append(gallery[ORIENTATION].to_numpy(dtype=object), None)[answers.image[:, 0]]
        enrolled = set(zip(*(_texts(gallery[column]) for column in (DATASET, IDENTITY, ORIENTATION)), strict=True))
        asked = zip(*(_texts(rows[column]) for column in (DATASET, IDENTITY, ORIENTATION)), strict=True)
        same = np.array([flank in enrolled for flank in asked], dtype=object)
        columns[SAME_ORIENTATION] = pd.array(np.where(known & rows[ORIENTATION].notna(), same, None), dtype="boolean")
    return pd.DataFrame(columns)


def labelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """The labelled queries, sorted by image_id, so that sums do not depend on the order of rows.

    Returns:
        The predictions' rows with `known` as plain bool, and `named` (bool): the best individual is the right one.
    """
    known = predictions[KNOWN].astype("boolean")
    rows = predictions[known.notna().to_numpy()].sort_values(IMAGE_ID, kind="stable", ignore_index=True)
    known = rows[KNOWN].astype("boolean").to_numpy(dtype=bool)
    best = rows[ranked(IDENTITY, 1)]
    named = known & best.notna().to_numpy(dtype=bool) & (_texts(best) == _texts(rows[IDENTITY]))
    return rows.assign(**{KNOWN: known, "named": named})


@dataclass(frozen=True)
class Threshold:
    """The least score at which a query is given a name; fitted by `fit_threshold`, then frozen.

    Attributes:
        values: data set -> cosine similarity in force there; -inf accepts all, +inf none; None: nothing is refused.
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


def fit_threshold(val_predictions: pd.DataFrame, *, min_individuals: int = 10) -> Threshold:
    """The threshold that maximises sqrt(BAKS * BAUS) on val, exactly, over all distinct scores (`threshold.fit`).

    A data set gets its own threshold when it has enough individuals of both kinds, else the overall one, fitted on all
    val queries together.

    Args:
        val_predictions: from `score_individuals`, every row of role val.
        min_individuals: known and unknown individuals that a data set needs for a threshold of its own.

    Raises:
        ParameterError: a row is not of role val: test labels must never reach a threshold.
    """
    if ROLE not in val_predictions or not (val_predictions[ROLE] == VAL).all():
        raise ParameterError(
            f"a threshold is fitted on queries of role {VAL!r} only: pass predictions[predictions[{ROLE!r}] == {VAL!r}]"
        )
    queries = labelled(val_predictions)
    overall = _fit(queries, "")
    fits = {name: _fit(queries[queries[DATASET] == name], name) for name in sorted(val_predictions[DATASET].unique())}
    values, source, reasons = {}, {}, {"": overall.lacking}
    for name, own in fits.items():
        if min(own.n_known, own.n_unknown) >= max(min_individuals, 1):
            values[name], source[name], reasons[name] = own.best, "own", ""
        else:
            counts = (
                f"{own.n_known} known and {own.n_unknown} unknown individuals in val, not {min_individuals} of each"
            )
            values[name], source[name] = overall.best, "none" if overall.best is None else "overall"
            reasons[name] = counts + (f"; {overall.lacking}" if overall.lacking else "")
    fits[""] = overall
    return Threshold(
        values=values,
        overall=overall.best,
        source=source,
        reasons=reasons,
        at_edge={name: fit.edge if source.get(name, "own") == "own" else overall.edge for name, fit in fits.items()},
        n_known_individuals={name: fit.n_known for name, fit in fits.items()},
        n_unknown_individuals={name: fit.n_unknown for name, fit in fits.items()},
        curve=pd.concat([fits[name].curve for name in sorted(fits)], ignore_index=True),
    )


def fit(queries: pd.DataFrame) -> thresholds.ThresholdFit:
    """The one fit of a threshold, on what `labelled` gave."""
    columns = (queries[column].to_numpy() for column in (SCORE, "named", KNOWN))
    return thresholds.fit(*columns, individual_keys(queries))


@dataclass
class _Fit:
    """The best threshold of some queries (None: `lacking` says why), whether it is at an edge, the whole curve."""

    best: float | None
    lacking: str
    edge: str
    n_known: int
    n_unknown: int
    curve: pd.DataFrame


def _fit(queries: pd.DataFrame, name: str) -> _Fit:
    found = fit(queries)
    curve = {column: getattr(found, column) for column in ("threshold", "baks", "baus", "geometric_mean")}
    kind = "unknown" if found.n_known else "known"
    lacking = f"val has no {kind} individuals: nothing is refused" if found.best is None else ""
    return _Fit(
        found.best, lacking, found.edge, found.n_known, found.n_unknown, _empty_curve(**{DATASET: name} | curve)
    )


def _empty_curve(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns, columns=[DATASET, "threshold", "baks", "baus", "geometric_mean"])


def individual_keys(queries: pd.DataFrame) -> np.ndarray:
    """(n,) int: a code per animal, in the order of their names; the same name in two data sets is two animals."""
    names = _texts(queries[DATASET]) + "\0" + _texts(queries[IDENTITY])
    return pd.factorize(names, sort=True)[0]


def decide(predictions: pd.DataFrame, threshold: Threshold) -> pd.Series:
    """The answer to each query: the best individual where its score reaches the threshold, else `new_individual`.

    Returns:
        (n,) with the index of `predictions`, named "predicted". A query without a score is always new.
    """
    limits = {name: threshold.values.get(name, threshold.overall) for name in predictions[DATASET].unique()}
    limits = predictions[DATASET].map({name: -np.inf if t is None else t for name, t in limits.items()})
    accepted = predictions[SCORE].to_numpy(dtype=float) >= limits.to_numpy(dtype=float)
    named = predictions[ranked(IDENTITY, 1)].to_numpy(dtype=object)
    return pd.Series(np.where(accepted, named, NEW_INDIVIDUAL), index=predictions.index, name=PREDICTED)


def oracle(test_predictions: pd.DataFrame) -> dict:
    """The best threshold of each data set in hindsight: an upper bound to report, never a result.

    Returns:
        "values": data set ("": all together) -> threshold, None where the best is at an edge or there is none;
        "datasets": data set -> threshold, and baks, baus, geometric_mean at the best;
        "geometric_mean": averaged over data sets, undefined as 0.
    """
    queries = labelled(test_predictions)
    values, datasets = {}, {}
    for name in ["", *sorted(queries[DATASET].unique())]:
        found = fit(queries if name == "" else queries[queries[DATASET] == name])
        values[name] = None if found.best is None or found.edge else found.best
        if name:
            place = 0 if found.best is None else found.place(found.best)
            rates = ("baks", "baus", "geometric_mean")
            datasets[name] = {rate: float(getattr(found, rate)[place]) for rate in rates}
            datasets[name]["threshold"] = values[name]
    means = [entry["geometric_mean"] for entry in datasets.values()]
    return {
        "values": values,
        "datasets": datasets,
        "geometric_mean": float(np.mean(np.nan_to_num(means))) if means else float("nan"),
    }
