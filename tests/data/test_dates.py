"""Dates of every spelling: which day, on the clock of the place."""

import doctest
from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reid_lib.data import dates
from reid_lib.data.dates import parse_days


def read(*texts):
    return parse_days(pd.Series(texts, dtype=object))


def test_the_example_runs():
    assert doctest.testmod(dates).failed == 0


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01",
        "2024:05:01",
        "2024:05:01 23:30:00",
        "2024:05:01T23:30:00",
        "20240501",
        "2024-05-01T23:30:00Z",
        "2024-05-01T23:30:00+02:00",
        "2024-05-01 23:30 -0700",
        "2024-05-01 11:30 PM +02",
        "20240501T233000Z",
        "2024-05-01 23:30:00.5 CEST",
        "2024-05-01T23:30+02:00[Europe/Berlin]",
        "20240501_102030",
        "2024_05_01",
        "2024-05-01 10.20.30",
        "2024:05:01 24:00:00",
        "2024-05-01 10:20:30 America/New_York",
        "Wed May 01 2024 23:30:00 GMT+0200 (CEST)",
    ],
)
def test_a_date_is_the_day_at_its_place(text):
    assert read(text).dt.strftime("%Y-%m-%d").tolist() == ["2024-05-01"]


@pytest.mark.parametrize(
    "text", ["10:20", "10:20:30", "now", "today", "May", "0000:00:00 00:00:00", "2024:13:01", "?", "20241301_1"]
)
def test_what_names_no_day_is_missing(text):
    """pandas would take the day the program runs for a clock time, and so another split every day."""
    assert read(text).isna().all()


def test_missing_dates_stay_missing():
    assert read(None, float("nan"), "2024-05-01").isna().tolist() == [True, True, False]
    assert len(read()) == 0 and read(None).isna().all()


TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)).map(lambda time: time.replace(microsecond=0))
ZONES = st.one_of(st.none(), st.integers(-14 * 4, 14 * 4).map(lambda q: timezone(timedelta(minutes=15 * q))))
SPELLINGS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y:%m:%d %H:%M:%S", "%d %b %Y %H:%M:%S")


@given(st.lists(st.tuples(TIMES, ZONES, st.sampled_from(SPELLINGS)), max_size=8))
def test_any_mixture_of_zones_and_spellings_keeps_every_clock(rows):
    found = read(*(time.replace(tzinfo=zone).strftime(spelling + "%z") for time, zone, spelling in rows))
    assert found.tolist() == [time for time, _, _ in rows]
