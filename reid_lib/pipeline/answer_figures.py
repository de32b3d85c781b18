"""Figures of what was answered: per animal, per encounter, at any threshold, how sure, and mistakes in photographs."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.names import ENCOUNTER, IDENTITY, IMAGE_ID, PROBABILITY, RANK, ROLE, SCORE, TEST
from reid_lib.figures import animals, detection, reliability, sheets
from reid_lib.match.reliability import bin_reliability, summarise_reliability
from reid_lib.openset.answers import Answers, is_right_candidate
from reid_lib.openset.outcomes import classify_outcomes, sort_mistakes
from reid_lib.openset.probability import calibrate_candidates, estimate_probabilities
from reid_lib.pipeline.drawing import save_figure
from reid_lib.pipeline.experiment import Evaluation, Experiment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_KINDS = ("known refused", "unknown wrong")  # of the sheet, in this order
SHEET = "Most confident mistakes: known animals called new, then unknown ones given a name"
SHOWN = 2  # queries of each
N_BINS = 10


def show_answers(experiment: Experiment, results: Evaluation, *, encounters: bool = False) -> None:
    """Show results per animal, CMC and DET curves, how far probabilities can be believed, and photographs of known
    animals that were refused and of unknown ones that were accepted.

    Args:
        encounters: the answers to the photographs of each encounter, too.
    """
    judged, about = results.judged, results.about
    if not Answers.of(judged).labelled.any():
        return
    save_figure(experiment, "animals", animals.animal_panels, judged, about=about)
    if encounters and ENCOUNTER in judged and judged[ENCOUNTER].notna().any():
        save_figure(experiment, "encounters", animals.encounter_answers, judged, about=about)
    if RANK in judged:
        save_figure(experiment, "detection", detection.detection_panels, judged, results.threshold, about=about)
    if (judged[ROLE] == TEST).all() and Answers.of(results.val).labelled.any():
        save_figure(experiment, "calibration", draw_calibration, results)
    chosen = [name for kind in SHOWN_KINDS for name in list_mistakes_of_kind(judged, kind)[IMAGE_ID].head(SHOWN)]
    options = {"matches": experiment.matches, "threshold": results.threshold, "title": SHEET, "about": about}
    if chosen:
        save_figure(experiment, "mistakes", sheets.retrieval, judged, experiment.photo, image_ids=chosen, **options)


def list_mistakes_of_kind(predictions: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The queries answered in one wrong way (a key of `outcomes.MISTAKES`), the most confident mistake first."""
    return sort_mistakes(predictions[classify_outcomes(Answers.of(predictions)) == kind], kind)


def draw_calibration(results: Evaluation) -> "Figure":
    """Of the test queries, how often the best candidate is the animal, by the probability that val gives it.

    As for new photographs (`identify.ipynb`), curves from scores to probabilities are fitted on val alone.
    """
    test = results.test[results.test[IDENTITY].notna() & np.isfinite(results.test[SCORE].astype(float))]
    curves = {} if results.unit == PROBABILITY else calibrate_candidates(results.val)
    probability = estimate_probabilities(test, curves)[:, 0]
    right = is_right_candidate(test)
    bins = {TEST: bin_reliability(probability, right, n_bins=N_BINS)}
    return reliability.reliability_panels(
        bins, {TEST: summarise_reliability(probability, right)}, words=reliability.OF_ANSWERS
    )
