"""What a run is called: the name given, the short one made, or the long one of a run that is there."""

from reid_lib.params.fields import TrainParams
from reid_lib.runs.naming import name_of


def test_a_run_under_its_long_name_of_before_keeps_it_and_others_are_short(clean_dirs):
    params = TrainParams(dataset="demo:small", lr=1e-4)
    assert name_of(params) == "demo-small_lr-1e-4"
    assert name_of(params.model_copy(update={"run_name": "mine"})) == "mine"
    (clean_dirs / "runs" / "dataset-demo-small_lr-0.0001").mkdir(parents=True)
    assert name_of(params) == "dataset-demo-small_lr-0.0001"
    assert name_of(TrainParams(dataset="demo:small", lr=1e-4, seed=1)) == "demo-small_lr-1e-4_seed-1"
