"""A whole run by the steps of the notebooks: for tests of what its files do."""

from reid_lib import pipeline


def run_all(params):
    """The experiment and its results."""
    catalogue = pipeline.read(params)
    experiment = pipeline.start(params, catalogue, pipeline.split(catalogue, params))
    pipeline.train(experiment)
    results = pipeline.evaluate(experiment)
    pipeline.finish(experiment, results)
    return experiment, results
