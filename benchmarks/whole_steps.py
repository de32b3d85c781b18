"""A run from parameters as a notebook gets them: what benchmarks evaluate or train."""

from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import takeover
from reid_lib.pipeline.experiment import Evaluation, Experiment
from reid_lib.pipeline.whole_run import run_all


def make_run(params: TrainParams | EvaluateParams) -> tuple[Experiment, Evaluation]:
    """See `run_all`; the parameters of an evaluation are settled first."""
    return run_all(takeover.settle_params(params) if isinstance(params, EvaluateParams) else params)
