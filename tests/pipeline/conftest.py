"""What several tests of this folder share."""

import os

import pytest

from reid_lib.params.fields import EvaluateParams
from reid_lib.pipeline import data, drawing, steps, takeover


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Of all tests that start from what others computed, in all processes that test at once."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    shared.mkdir(exist_ok=True)
    return shared


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory, cache):
    """A frozen random backbone on demo:small, evaluated once for the tests that only look: none changes its files."""
    return evaluate_once(tmp_path_factory, cache, scores="embedding")


@pytest.fixture(scope="session")
def fused(tmp_path_factory, cache):
    """The same, its embedding fused with local scores, as evaluate.ipynb does where nothing else is asked for."""
    return evaluate_once(tmp_path_factory, cache, mask="none")  # which is what val chooses there, in half a minute


@pytest.fixture(scope="session")
def by_encounter(tmp_path_factory, cache):
    """The same, asked by encounter."""
    return evaluate_once(tmp_path_factory, cache, query_unit="encounter", mask="none")


def evaluate_once(tmp_path_factory, cache, **given):
    """The experiment, its results, and what the background gives away."""
    old = {name: os.environ.get(name) for name in ("REID_RUNS", "REID_CACHE")}
    os.environ |= {"REID_RUNS": str(tmp_path_factory.mktemp("runs")), "REID_CACHE": str(cache)}
    try:
        small = {"backbone": "resnet10t", "pretrained": False, "image_size": 32, "dataset": "demo:small"}
        params = takeover.settle_params(EvaluateParams(**small | given))
        catalogue = data.read(params)
        experiment = steps.start(params, catalogue, data.split(catalogue, params))
        results = steps.evaluate(experiment)
        leak = drawing.measure_leak(experiment)
        steps.finish(experiment, results)
        return experiment, results, leak
    finally:
        for name, value in old.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
