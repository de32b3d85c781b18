"""Parameters: spellings that are understood, mix-ups that are refused with their cure, names of runs."""

from reid_lib.params.fields import EvaluateParams, TrainParams


def test_name_of_a_run_tells_what_differs_and_nothing_that_does_not_matter():
    assert TrainParams().default_name() == "default"
    assert TrainParams(lr=1e-4, loss="cosface").default_name() == "loss-cosface_lr-0.0001"
    assert TrainParams(device="cpu", num_workers=3, reference="x").default_name() == "default"
    assert EvaluateParams().default_name() == "eval"
    assert EvaluateParams(run="mine").default_name() == "eval_run-mine"


def test_name_of_a_run_has_legal_characters_and_a_bounded_length():
    odd = TrainParams(dataset="wildlife:NyalaData", data_root="../shared/data/my photos", backbone="hf-hub:a/b")
    assert odd.default_name() == "dataset-wildlife-NyalaData_data_root-my-photos_backbone-hf-hub-a-b"
    long = [TrainParams(backbone="x" * 200, lr=lr).default_name() for lr in (1e-4, 2e-4)]
    assert all(len(name) <= 80 for name in long)
    assert long[0] != long[1]


def test_values_that_differ_in_the_seventh_digit_make_two_names():
    near = [TrainParams(lr=lr).default_name() for lr in (1.2345678e-4, 1.2345679e-4)]
    assert near == ["lr-0.00012345678", "lr-0.00012345679"]
