"""EXIF times of every common form."""

from datetime import datetime

import pytest

from reid_lib.data.exif_dates import parse_exif_time, read_offset

THEN = datetime(2024, 5, 1, 10, 11, 12)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2024:05:01 10:11:12", ""),
        (" 2024:05:01 10:11:12\0", ""),
        ("2024:05:01 10:11:12\0rubbish", ""),
        ("2024-05-01 10:11:12", ""),
        ("2024/05/01 10:11:12", ""),
        ("2024.05.01 10:11:12", ""),
        ("2024:05:01T10:11:12", ""),
        ("2024: 5: 1 10:11:12", ""),
        ("2024:5:1  10:11:12", ""),
        ("2024:05:01 10:11:12.345", ""),
        ("2024:05:01 10:11:12 AM", ""),
        ("2024:05:01 10:11:12+02:00", "+02:00"),
        ("2024:05:01 10:11:12 -0330", "-03:30"),
        ("2024-05-01T10:11:12Z", "+00:00"),
        ("2024:05:01 10:11:12 rubbish of a camera", ""),
    ],
)
def test_forms_of_one_time(text, zone):
    assert parse_exif_time(text) == (THEN, zone)


def test_midnight_noon_and_the_afternoon():
    assert parse_exif_time("2024:12:31 24:00:00")[0] == datetime(2025, 1, 1)
    assert parse_exif_time("2024:05:01 12:00:00 AM")[0] == datetime(2024, 5, 1)
    assert parse_exif_time("2024:05:01 12:00 pm")[0] == datetime(2024, 5, 1, 12)
    assert parse_exif_time("2024:05:01 1:30:00 p.m.")[0] == datetime(2024, 5, 1, 13, 30)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0000:00:00 00:00:00",
        "0001:01:01 00:00:00",
        "1899:12:31 23:59:59",
        "    :  :     :  :  ",
        "2024:13:01 10:00:00",
        "2024:05:01 24:00:01",
        "2024:05:01",
        "now",
    ],
)
def test_what_is_no_time(text):
    assert parse_exif_time(text) == (None, "")


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        *(("+02:00", "+02:00"), ("-3", "-03:00"), ("+0530", "+05:30"), ("UTC+2", "+02:00"), ("Z", "+00:00")),
        *((" +02:00\0", "+02:00"), ("+15:00", ""), ("+01:75", ""), ("   :  ", ""), ("", ""), ("CEST", "")),
    ],
)
def test_offsets(text, offset):
    assert read_offset(text) == offset
