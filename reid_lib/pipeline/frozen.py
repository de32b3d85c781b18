"""Did the training help? A run beside its own frozen start: the same backbone, as it came, without a head.

The start answers the same queries with a threshold of its own, fitted on val like that of the run. What is said of the
two is a paired difference on test, and decides nothing.
"""

import pandas as pd

from reid_lib.core.errors import ReidError
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import ROLE
from reid_lib.openset.answers import Answers
from reid_lib.openset.paired import compare_answers, describe_differences, to_entry
from reid_lib.openset.summary import judged_role
from reid_lib.params.fields import TrainParams
from reid_lib.pipeline.evaluation import answer_queries, compare_roles, embed_by_role
from reid_lib.pipeline.experiment import Experiment

FROZEN = "frozen"  # key of metrics.json


def compare_with_start(experiment: Experiment, predictions: pd.DataFrame, metrics: dict) -> dict:
    """metrics.json with the differences of a trained run to its own frozen start; as it is, for an evaluation.

    Args:
        predictions: of val and test, by the trained network.
        metrics: what `measure_metrics` gave for them.
    """
    params = experiment.params
    if not isinstance(params, TrainParams):
        return metrics
    try:
        start = _answer_frozen(experiment)
    except ReidError as error:  # the backbone's weights are out of reach by now: it costs this line, not the run
        LOGGER.warning(f"not compared with its own frozen start: {error}")
        return metrics
    role = judged_role(metrics)
    found = compare_answers(
        Answers.of(predictions), Answers.of(start), role=role, min_individuals=params.threshold_individuals
    )
    return metrics | {FROZEN: {ROLE: role, "differences": {name: to_entry(d) for name, d in found.items()}}}


def describe_start(metrics: dict) -> str:
    """The line a training ends with: is it better than its own frozen start? "" where that was not measured."""
    if FROZEN not in metrics:
        return ""
    entries, role = metrics[FROZEN]["differences"], metrics[FROZEN][ROLE]
    line = describe_differences(entries, what="this training", than="its own frozen start")
    return f"{line} (paired differences on {role}, one seed)" if entries else line


def _answer_frozen(experiment: Experiment) -> pd.DataFrame:
    from reid_lib.nets.network import build_model

    params = experiment.params
    LOGGER.info("the frozen start of this training answers the same queries")
    model = build_model(params.backbone, pretrained=params.pretrained, image_size=params.image_size, embedding_dim=0)
    embeddings = embed_by_role(experiment, model, experiment.pixels(model, check=False))
    predictions, _ = answer_queries(compare_roles(experiment, embeddings), params.threshold_individuals)
    return predictions
