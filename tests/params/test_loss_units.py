"""Parameters: spellings that are understood, mix-ups that are refused with their cure, names of runs."""

from reid_lib.params.fields import TrainParams
from reid_lib.params.loss_units import LOSS_DEFAULTS


def test_every_loss_is_a_choice():
    choices = TrainParams.model_fields["loss"].annotation.__args__
    assert set(choices) == set(LOSS_DEFAULTS)
