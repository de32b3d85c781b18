"""A whole run by the steps of the notebooks: for tests of what its files do."""

from reid_lib.params.fields import TrainParams
from reid_lib.pipeline import data, steps


def run_all(params):
    """The experiment and its results."""
    catalogue = data.read(params)
    experiment = steps.start(params, catalogue, data.split(catalogue, params))
    if isinstance(params, TrainParams):
        steps.train(experiment)
    results = steps.evaluate(experiment)
    steps.finish(experiment, results)
    return experiment, results
