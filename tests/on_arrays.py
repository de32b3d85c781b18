"""Metrics of `OperatingCurves` on plain arrays, as the tests write them: a float, or (B,) for weights (B, n)."""

import numpy as np

from reid_lib.openset.metrics import OperatingCurves


def _of(name: str, score, named, known, weights, *arguments, **options):
    values = getattr(OperatingCurves.of(score, named, known, weights=weights), name)(*arguments, **options)
    return values if np.ndim(weights) == 2 else float(values[0])


def auroc(score, known, *, weights=None):
    return _of("auroc", score, known, known, weights)


def fpr_at_95_tpr(score, known, *, weights=None):
    return _of("fpr_at_95_tpr", score, known, known, weights)


def oscr(score, named, known, *, weights=None):
    return _of("oscr", score, named, known, weights)


def detection_identification_rate(score, named, known, *, false_alarm_rate, min_unknown=100, weights=None):
    arguments = (score, named, known, weights, false_alarm_rate)
    return _of("detection_identification_rate", *arguments, min_unknown=min_unknown)
