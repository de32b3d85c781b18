"""Names that read alike."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reid_lib.data.spellings import describe_look_alikes, fold_spelling, group_look_alikes, is_blank


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lynx", "Lynx"),
        ("Straße", "STRASSE"),
        ("lynx 1", "lynx1"),
        ("lynx 1", "lynx  1"),
        ("lynx 1", "lynx\xa01"),
        ("lynx", "ly\u200bnx"),
        ("lynx", "\ufefflynx"),
        ("lynx", "lynx\u200e"),
        ("Zoë", "Zoe\u0308"),
        ("lynx 12", "lynx １２"),
    ],
)
def test_what_the_eye_does_not_tell_apart(one, other):
    assert group_look_alikes([one, "else", other, one]) == [sorted([one, other])]


def test_other_names_are_left_alone():
    assert group_look_alikes(["a", "b", "a1", "a-1", "01", "1", "zoe", "zoë"]) == []


def test_hidden_letters_are_written_out():
    assert describe_look_alikes([["a", "a\u200b"]]) == r"'a' and 'a\u200b'"
    assert describe_look_alikes([["Zoe\u0308", "Zoë"]]) == r"'Zoe\u0308' and 'Zo\xeb'"
    assert describe_look_alikes([[f"{i}", f"{i} "] for i in range(7)]).endswith("'4' and '4 ', and 2 more")


def test_blank_is_what_shows_nothing():
    assert all(map(is_blank, ["", " \t", "\u200b", "\ufeff \u3164"])) and not is_blank("\u200b.")


@given(st.lists(st.text(max_size=4)))
def test_every_group_reads_alike_and_no_name_is_lost_or_invented(names):
    groups = group_look_alikes(names)
    members = [name for group in groups for name in group]
    assert len(members) == len(set(members)) and set(members) <= set(names)
    assert all(len({fold_spelling(name) for name in group}) == 1 for group in groups)
    assert len({fold_spelling(name) for name in names}) == len(set(names)) - len(members) + len(groups)


@given(st.text(max_size=8))
def test_forms_of_a_name_fold_into_one(name):
    forms = (unicodedata.normalize(form, name) for form in ("NFC", "NFD", "NFKC", "NFKD"))
    assert {fold_spelling(form) for form in forms} | {fold_spelling(fold_spelling(name))} == {fold_spelling(name)}
