"""Pairs of photographs among each other, and the probability that both show one animal."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from reid_lib.core.names import DATASET, EMBEDDING, IDENTITY
from reid_lib.match.cosine import Cosine
from reid_lib.match.evidence import Evidence, Folds
from reid_lib.match.fuse import MIN_INDIVIDUALS, MIN_POSITIVE, N_FOLDS
from reid_lib.match.pairs import PairTable, join_pairs, shortlist
from reid_lib.match.stack import FusionKind, PairFusion, fit_pairs


def list_pairs(cosine: Cosine, k: int, *, within: str = DATASET) -> PairTable:
    """Each photograph's k nearest others of its data set as pairs, a pair once whichever of both found the other.

    Args:
        cosine: of photographs with themselves: its queries and its gallery are the same rows, ascending by image_id.
        k: others of each, at least 1.
        within: a column; only photographs with the same value of it are compared: `dataset`, or `individual` for the
            nearest of the same name.

    Returns:
        Pairs with query < image and their cosine, the score `EMBEDDING`.
    """
    rows = cosine.queries
    own, other = shortlist(cosine, k + 1, within=within)  # one of which is the photograph itself
    own, other = own[own != other], other[own != other]
    first, second = join_pairs([(np.minimum(own, other), np.maximum(own, other))])
    return PairTable(rows, rows, first, second, {EMBEDDING: cosine.exact(first, second)})


@dataclass(frozen=True, eq=False)
class PairFits:
    """From the scores of pairs to probabilities, fitted on the pairs among the photographs of val.

    Attributes:
        fits: data set -> its fit, where val has enough positive pairs for one; "": of all data sets together.
        out_of_fold: (p,) probabilities of the pairs of val, each by a fit that did not see the individual of its first
            photograph.
    """

    fits: dict[str, PairFusion]
    out_of_fold: np.ndarray

    def probability(self, table: PairTable) -> np.ndarray:
        """(p,) float64 in [0, 1] of pairs scored as those of val were; 0 where nothing is known."""
        found = np.zeros(len(table))
        for name in np.unique(table.dataset):
            of = table.dataset == name
            fit = self.fits.get(name, self.fits.get(""))
            if fit is not None:
                found[of] = fit.probability({s: values[of].astype(np.float64) for s, values in table.scores.items()})
        return np.nan_to_num(found, nan=0.0)


def fit_pair_probabilities(val: PairTable, *, kind: FusionKind = "auto") -> PairFits:
    """Calibrate and fuse the scores of pairs among the photographs of val.

    Pairs of one encounter teach nothing: anything calls them alike. Without a labelled pair there is no fit, and every
    probability is 0.

    Args:
        val: pairs of `list_pairs` with all their scores; rows ascending by image_id.
        kind: as the fusion of a run.
    """
    evidence = Evidence.of(val)
    fits: dict[str, PairFusion] = {}
    if not len(evidence):
        return PairFits(fits, np.zeros(len(val)))
    usable = np.flatnonzero(val.labelled & val.apart)  # the order of the evidence: both go by image_id
    dataset = val.dataset[usable]
    held_out, own = {}, []
    for name in sorted(set(dataset)):
        part = evidence.where(dataset == name)
        enough = part.same.sum() >= MIN_POSITIVE and len(np.unique(part.asked[part.same])) >= MIN_INDIVIDUALS
        if enough:
            fits[name], held_out[name] = fit_pairs(part, _deal(val, part), kind=kind)
            own.append(name)
    fits[""], together = fit_pairs(evidence, _deal(val, evidence), kind=kind)
    found = PairFits(fits, np.empty(0)).probability(val)
    found[usable] = expit(together)
    for name in own:
        found[usable[dataset == name]] = expit(held_out[name])
    return PairFits(fits, np.nan_to_num(found, nan=0.0))


def _deal(val: PairTable, evidence: Evidence) -> Folds:
    """Folds of the individuals that the first photographs of the pairs show."""
    rows = val.queries
    individuals, at = np.unique(evidence.asked, return_index=True)
    first = rows.iloc[evidence.query[at]]
    names = (first[DATASET].astype(str) + "\0" + first[IDENTITY].astype(str)).tolist()
    return Folds.deal(individuals, np.isin(individuals, evidence.asked[evidence.same]), names, N_FOLDS)
