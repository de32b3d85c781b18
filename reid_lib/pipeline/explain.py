"""Why an answer was given: the matches of a query with its best candidate; how far probabilities can be believed."""

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.arrays import read_arrays
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    CALIBRATION_JSON,
    DATASET,
    IMAGE_ID,
    MATCHES_NPZ,
    SCORE,
    SCORES,
    TEST,
    VAL,
    ranked_column,
)
from reid_lib.figures.match_lines import MatchedPair, match_lines
from reid_lib.figures.reliability import reliability_panels
from reid_lib.figures.sheets import examples
from reid_lib.figures.stored_matches import save_matches
from reid_lib.match.keypoints import KeypointSet
from reid_lib.match.matches import Matcher
from reid_lib.match.pair_scores import match_as_scored
from reid_lib.match.reliability import bin_reliability, summarise_reliability
from reid_lib.openset.answers import Answers
from reid_lib.openset.outcomes import MISTAKES, classify_outcomes, describe_answer
from reid_lib.openset.threshold import Threshold
from reid_lib.pipeline.cells import match_best_cells
from reid_lib.pipeline.drawing import save_figure
from reid_lib.pipeline.experiment import Evaluation, Experiment
from reid_lib.pipeline.local_scores import find_keypoints, make_matcher

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXPLAINED = 300  # queries whose matches are kept
SHOWN, WRONG, DOUBTFUL = 5, 3, 2  # queries in the figures: of every outcome; wrong and doubtful ones
N_BINS = 10  # of the figure; fewer pairs than this spread over more bins say nothing


def store_matches(experiment: Experiment, results: Evaluation) -> None:
    """Keep the matches of queries with their best candidates in the run, where local features were used.

    Of the judged queries these are the ones that are shown, all mistakes and the most doubtful answers; then those of
    the other role; `EXPLAINED` at most.
    """
    if not getattr(experiment.params, "features", ()):
        return
    others = results.predictions.drop(results.judged.index)
    rows = [examples(results.judged)]  # those of `retrieval`, among them those of `show_matches`
    for part in (results.judged, others):
        rows += [list_mistakes(part), rank_by_doubt(part, results.threshold)]
    chosen = pd.concat(rows).drop_duplicates(IMAGE_ID).head(EXPLAINED)
    with experiment.run.write(MATCHES_NPZ) as path:
        save_matches(path, match_best(experiment, chosen))


def list_mistakes(predictions: pd.DataFrame) -> pd.DataFrame:
    """The queries that were answered wrongly, the most confident first."""
    wrong = np.isin(classify_outcomes(Answers.of(predictions)).astype(str), list(MISTAKES))
    return predictions[wrong].sort_values([SCORE, IMAGE_ID], ascending=[False, True])


def rank_by_doubt(predictions: pd.DataFrame, threshold: Threshold) -> pd.DataFrame:
    """The queries by the distance of their score to the threshold of their data set, the nearest first.

    Those without a finite threshold or score are left out: nothing is doubtful about them.
    """
    limits = {name: np.nan if limit is None else limit for name, limit in threshold.values.items()}
    distance = (predictions[SCORE] - predictions[DATASET].map(limits).astype(float)).abs()
    order = pd.DataFrame({"distance": distance, IMAGE_ID: predictions[IMAGE_ID]})[np.isfinite(distance)]
    return predictions.loc[order.sort_values(["distance", IMAGE_ID]).index]


def show_matches(experiment: Experiment, results: Evaluation) -> None:
    """Show where queries and their best candidates are alike: of every kind of outcome, and wrong and doubtful ones.

    Local features show spots; a run without them shows cells of its network's last feature map.
    """
    judged = results.judged
    wrong = list_mistakes(judged).head(WRONG)
    doubtful = rank_by_doubt(judged.drop(wrong.index), results.threshold).head(DOUBTFUL)
    chosen = {
        "matches": ("Where photographs are alike", examples(judged, n=SHOWN)),
        "doubtful": ("Wrong and doubtful answers: where photographs are alike", pd.concat([wrong, doubtful])),
    }
    every = pd.concat([rows for _, rows in chosen.values()]).drop_duplicates(IMAGE_ID)
    explained = cache(lambda: {pair.query: pair for pair in explain_answers(experiment, every)})

    def draw(title: str, rows: pd.DataFrame) -> "Axes":
        pairs = [explained()[name] for name in rows[IMAGE_ID] if name in explained()]
        return match_lines(pairs, experiment.photo, title=title)

    for name, (title, rows) in chosen.items():
        if len(rows):
            save_figure(experiment, name, draw, title, rows, about=results.about)


def explain_answers(experiment: Experiment, predictions: pd.DataFrame) -> list[MatchedPair]:
    """The matches of some queries with their best candidates: kept ones, else spots or cells that are matched now."""
    kept = experiment.matches
    if set(predictions[IMAGE_ID]) <= set(kept):
        return [kept[name] for name in predictions[IMAGE_ID]]
    if getattr(experiment.params, "features", ()):
        return match_best(experiment, predictions)
    return match_best_cells(experiment, predictions)


def match_best(experiment: Experiment, predictions: pd.DataFrame) -> list[MatchedPair]:
    """The matches of queries with their best candidates, by the first of the local features.

    Keypoints come from the cache, only these few pairs are matched.
    """
    features = experiment.params.features[0]
    best = predictions[ranked_column("image", 1)]
    shown = predictions[best.notna()]
    wanted = pd.unique(np.concatenate([shown[IMAGE_ID], shown[ranked_column("image", 1)]]))
    rows = experiment.split.rows.set_index(IMAGE_ID, drop=False).loc[wanted]
    keypoints = find_keypoints(experiment, features, rows)
    pairs = [(row[IMAGE_ID], row[ranked_column("image", 1)]) for _, row in shown.iterrows()]
    found = match_spots(make_matcher(features, experiment.local_device), keypoints, pairs)
    told = []
    for spots, (_, row), kind in zip(found, shown.iterrows(), classify_outcomes(Answers.of(shown)), strict=True):
        words, verdict = describe_answer(row, kind)
        told.append(replace(spots, words=f"{words}\n{spots.words}", verdict=verdict))
    return told


def match_spots(matcher: Matcher, keypoints: KeypointSet, pairs: list[tuple[str, str]]) -> list[MatchedPair]:
    """The matches of pairs of photographs as they were scored, in words how many there are.

    Args:
        keypoints: of the photographs, found by image id.
        pairs: image ids, in the order in which they are shown.
    """
    place = {name: k for k, name in enumerate(keypoints.rows[IMAGE_ID])}
    spots = [tuple(keypoints[place[name]] for name in pair) for pair in pairs]
    names = [tuple(keypoints.images[place[name]] for name in pair) for pair in pairs]
    told = []
    for pair, both, matches in zip(pairs, spots, match_as_scored(matcher, spots, names, progress=False), strict=True):
        ours, theirs = matches.places(*both)
        words = f"{int(matches.inlier.sum())} of {len(matches.inlier)} matches\nby one geometry"
        told.append(MatchedPair(*pair, words, "unlabelled", ours, theirs, matches.confidence, matches.inlier))
    return told


def show_reliability(experiment: Experiment) -> None:
    """Show the reliability diagram of a fused evaluation."""
    if experiment.run.path(CALIBRATION_JSON).exists():
        save_figure(experiment, "reliability", draw_reliability, experiment)


def draw_reliability(experiment: Experiment) -> "Figure":
    """The figure of `show_reliability`, of the pairs that metrics.json judges."""
    bins, measured = {}, {}
    for role in (VAL, TEST):
        stored = read_arrays(experiment.run.path(f"{SCORES}/{role}.npz"), ("judged", "probability", "same"))
        use = stored["judged"]
        probability, same = stored["probability"].astype(np.float64)[use], stored["same"][use]
        if use.any():
            bins[role] = bin_reliability(probability, same, n_bins=N_BINS)
            measured[role] = summarise_reliability(probability, same)
        else:
            LOGGER.info(f"no labelled pairs of {role}: its probabilities cannot be judged")
    return reliability_panels(bins, measured)
