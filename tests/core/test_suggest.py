"""The name that a mistyped one may stand for."""

from pathlib import Path

import pytest

from reid_lib.core.suggest import did_you_mean, find_near

KNOWN = ("folder", "csv", "wildlife:<ClassName>", "LynxID2025")


@pytest.mark.parametrize(
    ("typed", "near"), [("foldr", ["folder"]), ("FOLDER", ["folder"]), ("lynxid2026", ["LynxID2025"]), ("zebra", [])]
)
def test_the_nearest_name_is_found_whatever_its_capitals(typed, near):
    assert find_near(typed, KNOWN) == near


def test_names_come_best_first_and_no_more_than_asked_for():
    assert find_near("resnet5", ["resnet101", "resnet50", "vit"], most=3, least_alike=0.5) == ["resnet50", "resnet101"]


def test_names_that_differ_in_capitals_alone_are_one():
    assert find_near("date", ["Date", "DATE"], most=2) == ["Date"]


def test_a_message_ends_with_the_names_or_with_what_is_said_otherwise():
    assert did_you_mean(["lr", "wd"]) == "; did you mean 'lr' or 'wd'?"
    assert did_you_mean([], ": expected one of a, b") == ": expected one of a, b" and did_you_mean([]) == ""


def test_no_other_module_looks_for_near_names_itself():
    package = Path(__file__).parents[2] / "reid_lib"
    assert [file.name for file in package.rglob("*.py") if "difflib" in file.read_text()] == ["suggest.py"]
