"""The functions of `openset` on a table of predictions, as the tests write them."""

from reid_lib.openset import fitting, outcomes, summary, threshold
from reid_lib.openset import resample as bootstrap
from reid_lib.openset.answers import Answers


def summarise(predictions, **options):
    return summary.summarise(Answers.of(predictions), **options)


def val_score(predictions):
    return summary.val_score(Answers.of(predictions))


def fit_threshold(predictions, **options):
    return threshold.fit_threshold(Answers.of(predictions), **options)


def oracle(predictions):
    return threshold.fit_oracle(Answers.of(predictions))


def fit(predictions):
    """What the slider of compare.ipynb shows."""
    return fitting.fit_best_threshold(Answers.of(predictions))


def at(found, threshold):
    """The numbers in a row of the slider."""
    return found.rates(threshold) | outcomes.count_outcomes(found.answers, threshold)


def resample(predictions, **options):
    return bootstrap.resample(Answers.of(predictions), **options)
