"""Intervals that cover with few individuals: draws among the individuals seen and an imaginary one.

What a bootstrap draws from a few animals holds only what these happened to be: two that were both called new give an
interval of no width. Here each draw weighs the individuals, and one imaginary individual of each kind of which there
are few, with weights of a flat Dirichlet distribution. For the lower end the imaginary one is as bad as can be (its
queries wrong, and on the wrong side of every threshold), for the upper end as good as can be.

For a mean over individuals that are right or wrong as a whole this is Clopper and Pearson's interval; for shares in
between it is narrower. Source: Gaffke, "Three test statistics for a nonparametric one-sided hypothesis on the mean of a
nonnegative variable", Mathematical Methods of Statistics 14 (2005); Learned-Miller & Thomas, "A new confidence interval
for the mean of a bounded random variable" (arXiv:1905.06208, 2019), who conjecture that it always covers. For metrics
that are no such means (AUROC, the geometric mean), that it covers is measured: benchmarks/coverage.py.
"""

from dataclasses import fields, replace

import numpy as np

from reid_lib.openset.answers import Answers

MANY = 100  # individuals of a kind, below which the bootstrap alone is too narrow (benchmarks/coverage.py)
ENOUGH = 20  # individuals of a kind, below which a difference has no verdict (benchmarks/paired_bootstrap.py)
_IMAGINARY = -1  # code of the imaginary individual of either kind: the kinds never share a mean


def with_imaginary(answers: Answers, *, known: bool, unknown: bool, best: bool, **columns: float) -> Answers:
    """The queries with those of an imaginary individual of each kind asked for, as many as one has on average.

    Args:
        answers: labelled ones.
        known, unknown: add one of this kind?
        best: as good as can be; False: as bad as can be.
        columns: attributes of `Answers` that the imaginary known one has other values of.

    Returns:
        All answers in the order of `Answers`: by falling score, so the imaginary ones come first or last.
    """
    first, last = [], []
    for wanted, kind in ((known, True), (unknown, False)):
        if wanted:
            place = first if kind == best else last
            place.append(_imagine(answers, kind, best, columns if kind else {}))
    parts = [*first, answers, *last]
    there = [field.name for field in fields(answers) if getattr(answers, field.name) is not None]
    return replace(answers, **{name: np.concatenate([getattr(part, name) for part in parts]) for name in there})


def _imagine(answers: Answers, kind: bool, best: bool, columns: dict) -> Answers:
    """Queries of one individual that is right, or wrong, whatever the threshold."""
    mine = answers.known == kind
    n = max(round(mine.sum() / max(answers.count_individuals(mine), 1)), 1)
    values = {
        "row": -1,
        "labelled": True,
        "known": kind,
        "individual": _IMAGINARY,
        "score": np.inf if kind == best else -np.inf,
        "named": kind and best,
        "refused": kind != best,
        "correct": best,
        "rank": (1.0 if best else np.inf) if kind else np.nan,
        "average_precision": float(best) if kind else np.nan,
        "same_flank": np.nan,
        "crossed": np.nan,
    } | columns
    names = {name: np.full(n, "", dtype=object) for name in ("image_id", "dataset", "identity", "role")}
    made = names | {name: np.full(n, value) for name, value in values.items()}
    return replace(answers, **{name: own for name, own in made.items() if getattr(answers, name) is not None})


def draw_dirichlet(rng: np.random.Generator, repetitions: int, n: int) -> np.ndarray:
    """(repetitions, n) weights of n individuals; not divided by their sum, as no metric depends on it."""
    return rng.exponential(size=(repetitions, n))
