"""Why a network without local scores gave an answer: cells of its last feature map that are most alike."""

import numpy as np
import pandas as pd

from reid_lib.core.names import IMAGE_ID, ranked_column
from reid_lib.figures.match_lines import MatchedPair
from reid_lib.match.cells import match_cells
from reid_lib.openset.answers import Answers
from reid_lib.openset.outcomes import classify_outcomes, describe_answer
from reid_lib.pipeline.experiment import Experiment
from reid_lib.runs.folder import load_run


def match_best_cells(experiment: Experiment, predictions: pd.DataFrame) -> list[MatchedPair]:
    """Mutual nearest cells of queries and their best candidates, by the run's network.

    Args:
        predictions: a few; each photograph goes through the network.

    Raises:
        ModelError: the network has no map of cells.
    """
    from reid_lib.nets.feature_maps import map_features
    from reid_lib.nets.model_files import load_model

    shown = predictions[predictions[ranked_column("image", 1)].notna()]
    wanted = pd.unique(np.concatenate([shown[IMAGE_ID], shown[ranked_column("image", 1)]]))
    if not len(wanted):
        return []
    place = pd.Index(experiment.catalogue.rows[IMAGE_ID]).get_indexer(wanted)
    evaluated = getattr(experiment.params, "run", "")
    model = load_model((load_run(evaluated) if evaluated else experiment.run).folder)
    found = map_features(model, experiment.pixels(model)[place], device=experiment.device)
    maps = dict(zip(wanted, found, strict=True))
    pairs = []
    for (_, row), kind in zip(shown.iterrows(), classify_outcomes(Answers.of(shown)), strict=True):
        both = row[IMAGE_ID], row[ranked_column("image", 1)]
        ours, theirs, worth = match_cells(*(maps[name] for name in both))
        height, width = maps[both[0]].shape[:2]
        words, verdict = describe_answer(row, kind)
        words += f"\n{len(worth)} of {height * width} cells\nmost alike to each other"
        every = np.ones(len(worth), dtype=bool)
        pairs.append(MatchedPair(*both, words, verdict, ours, theirs, worth, every, (1 / width, 1 / height)))
    return pairs
