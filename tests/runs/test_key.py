"""The key of a run: what changes the result, and how two keys differ, in words."""

from reid_lib.params.fields import TrainParams
from reid_lib.runs.key import DATA_DIFFERS, OTHER_ROLES, list_differences, make_run_key


def test_the_key_is_what_changes_the_result():
    a = make_run_key(TrainParams(), "c", "s")
    assert a == make_run_key(
        TrainParams(run_name="x", device="cpu", num_workers=2, data_root="y", reference="z"), "c", "s"
    )
    assert a != make_run_key(TrainParams(lr=1e-4), "c", "s")
    assert a != make_run_key(TrainParams(), "other", "s")
    assert a != make_run_key(TrainParams(), "c", "other")


def test_a_parameter_that_came_later_changes_no_key_at_its_default():
    key = make_run_key(TrainParams(), "c", "s")
    assert "encounter" not in key, "or every run made before would be refused"
    assert make_run_key(TrainParams(encounter="{encounter}/*"), "c", "s") == key | {"encounter": "{encounter}/*"}


def test_equal_keys_have_no_differences_also_where_a_value_is_not_a_number():
    key = make_run_key(TrainParams(), "c", "s")
    assert list_differences(key, key) == []
    assert list_differences({"margin": None}, {"margin": float("nan")}) == [], "JSON has no NaN"


def test_each_difference_is_one_line_with_both_values():
    assert list_differences({"lr": 0.1, "seed": 0}, {"lr": 0.2, "seed": 0}) == ["lr: 0.1 there, 0.2 here"]
    assert list_differences({"lr": 0.1}, {}) == ["lr: 0.1 there, None here"]


def test_fingerprints_are_told_in_words():
    both = list_differences({"catalogue": "a", "split": "b"}, {"catalogue": "c", "split": "d"})
    assert both == list(DATA_DIFFERS.values())
    assert list_differences({"split": "b"}, {"split": "d"}) == [OTHER_ROLES], "the same photographs, other roles"
