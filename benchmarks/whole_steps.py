"""A run by the steps of the notebooks, from its parameters to its report: what benchmarks evaluate or train."""

from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import data, steps, takeover
from reid_lib.pipeline.experiment import Evaluation, Experiment


def make_run(params: TrainParams | EvaluateParams) -> tuple[Experiment, Evaluation]:
    """The experiment of these parameters, trained where they say so, and its results.

    What is finished under this name is not computed again. Runs and caches are those of REID_RUNS and REID_CACHE.

    Raises:
        ReidError: as the steps do.
    """
    if isinstance(params, EvaluateParams):
        params = takeover.settle_params(params)
    catalogue = data.read(params)
    experiment = steps.start(params, catalogue, data.split(catalogue, params))
    if isinstance(params, TrainParams):
        steps.train(experiment)
    results = steps.evaluate(experiment)
    steps.finish(experiment, results)
    return experiment, results
