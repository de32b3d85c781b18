"""The loop: exact resume, schedule, early stopping, the best epoch, a loss that is not a number."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from reid_lib.train.schedule import Schedule


def make_schedule(kind, *, steps_per_epoch=10, num_epochs=4, warmup=1.0):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    params = SimpleNamespace(scheduler=kind, warmup=warmup, num_epochs=num_epochs)
    return Schedule(optimizer, params, steps_per_epoch=steps_per_epoch)


def test_cosine_warms_up_linearly_and_ends_near_zero():
    schedule = make_schedule("cosine")
    factors = [schedule.factor(step) for step in range(40)]
    assert np.allclose(factors[:10], np.arange(1, 11) / 11)
    assert factors[10] == 1.0
    assert factors[25] == pytest.approx(0.5)  # half way between step 10 and step 40
    assert factors[39] < 0.01


def test_plateau_halves_after_two_evaluations_without_a_better_score():
    schedule = make_schedule("plateau", warmup=0)
    seen = []
    for score in [0.1, 0.2, 0.2, 0.1, 0.3, 0.1, 0.1]:
        schedule.after_evaluation(score)
        seen.append(schedule.factor(5))
    assert seen == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_no_schedule_stays_where_it_is():
    schedule = make_schedule("none", warmup=0)
    assert {schedule.factor(step) for step in range(40)} == {1.0}
