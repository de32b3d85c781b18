"""Why an answer was given: the matches of a query with its best candidate; how far probabilities can be believed."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    CALIBRATION_JSON,
    IDENTITY,
    IMAGE_ID,
    NEW_INDIVIDUAL,
    PREDICTED,
    SCORE,
    SCORES,
    TEST,
    VAL,
    ranked_column,
)
from reid_lib.figures.match_lines import MatchedPair, match_lines
from reid_lib.figures.reliability import reliability_panels
from reid_lib.figures.sheets import examples
from reid_lib.match.keypoints import KeypointSet
from reid_lib.match.matches import Matcher, Matches
from reid_lib.match.reliability import bin_reliability, summarise_reliability
from reid_lib.openset.answers import Answers
from reid_lib.openset.outcomes import outcomes
from reid_lib.pipeline.drawing import save_figure
from reid_lib.pipeline.experiment import Evaluation, Experiment
from reid_lib.pipeline.local_scores import find_keypoints, make_matcher

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_BINS = 10  # of the figure; fewer pairs than this spread over more bins say nothing


def show_matches(experiment: Experiment, results: Evaluation, *, n: int = 5) -> None:
    """Show where photographs match, for queries that show every kind of outcome; where local features were used."""
    if experiment.params.features:
        save_figure(experiment, "matches", draw_matches, experiment, results.judged, n=n, about=results.about)


def draw_matches(
    experiment: Experiment, predictions: pd.DataFrame, *, n: int = 5, image_ids: list[str] | None = None
) -> "Axes":
    """The figure of `show_matches`; or of these queries (`image_ids`)."""
    rows = examples(predictions, n=n) if image_ids is None else predictions[predictions[IMAGE_ID].isin(image_ids)]
    return match_lines(match_best(experiment, rows), experiment.photo)


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
    place = {name: k for k, name in enumerate(wanted)}
    pairs = [(row[IMAGE_ID], row[ranked_column("image", 1)]) for _, row in shown.iterrows()]
    spots = [tuple(keypoints[place[name]] for name in pair) for pair in pairs]
    found = _match(
        make_matcher(features, experiment.local_device), spots, [_turned(keypoints, place, p) for p in pairs]
    )
    told = []
    for pair, spot, matches, (_, row), kind in zip(
        pairs, spots, found, shown.iterrows(), outcomes(Answers.of(shown)), strict=True
    ):
        ours, theirs = (
            keypoint.xy[at] / np.array(keypoint.size)
            for keypoint, at in zip(spot, (matches.first, matches.second), strict=True)
        )
        words, verdict = _describe(row, kind, matches.inlier)
        told.append(MatchedPair(*pair, words, verdict, ours, theirs, matches.confidence, matches.inlier))
    return told


def _turned(keypoints: KeypointSet, place: dict[str, int], pair: tuple[str, str]) -> bool:
    """Was this pair scored the other way round? Each pair is matched once (`pair_scores`), by the order of names."""
    ours, theirs = (keypoints.images[place[name]] for name in pair)
    return bool(theirs < ours)


def _match(matcher: Matcher, spots: list[tuple], turned: list[bool]) -> list[Matches]:
    """The matches of pairs of keypoints as they were scored, the query's first."""
    found = matcher.match([pair[::-1] if turn else pair for pair, turn in zip(spots, turned, strict=True)])
    return [
        replace(matches, first=matches.second, second=matches.first) if turn else matches
        for matches, turn in zip(found, turned, strict=True)
    ]


def _describe(row: pd.Series, kind: str, inlier: np.ndarray) -> tuple[str, str]:
    """What is said beside a pair, and whether the candidate is the query's animal."""
    candidate = str(row[ranked_column(IDENTITY, 1)])
    answer = "called new" if row[PREDICTED] == NEW_INDIVIDUAL else f"named {row[PREDICTED]}"
    same = candidate == str(row[IDENTITY]) and kind.startswith("known")
    truth = "true name not known" if kind == "unlabelled" else f"is {row[IDENTITY]}"
    truth = "is not in the gallery" if kind.startswith("unknown") else truth
    spots = f"{int(inlier.sum())} of {len(inlier)} matches\nby one geometry"
    words = f"{answer}\n({row[SCORE]:.2f} for {candidate})\n{truth}\n{spots}"
    return words, "unlabelled" if kind == "unlabelled" else "right" if same else "wrong"


def show_reliability(experiment: Experiment) -> None:
    """Show the reliability diagram of a fused evaluation."""
    if experiment.run.path(CALIBRATION_JSON).exists():
        save_figure(experiment, "reliability", draw_reliability, experiment)


def draw_reliability(experiment: Experiment) -> "Figure":
    """The figure of `show_reliability`, of the pairs that metrics.json judges."""
    bins, measured = {}, {}
    for role in (VAL, TEST):
        with np.load(experiment.run.path(f"{SCORES}/{role}.npz"), allow_pickle=False) as stored:
            use = stored["judged"]
            probability, same = stored["probability"].astype(np.float64)[use], stored["same"][use]
        if use.any():
            bins[role] = bin_reliability(probability, same, n_bins=N_BINS)
            measured[role] = summarise_reliability(probability, same)
        else:
            LOGGER.info(f"no labelled pairs of {role}: its probabilities cannot be judged")
    return reliability_panels(bins, measured)
