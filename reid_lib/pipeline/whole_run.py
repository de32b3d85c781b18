"""A run by the steps of the notebooks, from its parameters to its report."""

from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import data, steps
from reid_lib.pipeline.experiment import Evaluation, Experiment


def run_all(params: TrainParams | EvaluateParams) -> tuple[Experiment, Evaluation]:
    """The experiment of these parameters, trained where they say so, and its results.

    What is finished under this name is not computed again. Parameters of an evaluation are settled ones
    (`takeover.settle_params`).

    Raises:
        ReidError: as the steps do.
    """
    catalogue = data.read(params)
    experiment = steps.start(params, catalogue, data.split(catalogue, params))
    if isinstance(params, TrainParams):
        steps.train(experiment)
    results = steps.evaluate(experiment)
    steps.finish(experiment, results)
    return experiment, results
