"""A whole run takes the steps in their order, and trains where it is asked to."""

import pytest

from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import data, steps
from reid_lib.pipeline.whole_run import run_all


@pytest.mark.parametrize("params, trained", [(TrainParams(), ["train"]), (EvaluateParams(), [])])
def test_the_steps_follow_each_other(monkeypatch, params, trained):
    taken = []
    for module, names in ((data, ("read", "split")), (steps, ("start", "train", "evaluate", "finish"))):
        for name in names:
            monkeypatch.setattr(module, name, lambda *_, name=name: taken.append(name) or name)
    assert run_all(params) == ("start", "evaluate")
    assert taken == ["read", "split", "start", *trained, "evaluate", "finish"]
