"""Dates of every spelling: which day, on the clock of the place."""

from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reid_lib.data.dates import parse_days, settle_day_first


def read(*texts):
    return parse_days(pd.Series(texts, dtype=object))


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
    "text",
    [
        *("10:20", "10:20:30", "now", "today", "May", "0000:00:00 00:00:00", "2024:13:01", "?", "20241301_1"),
        *("10:20 AM", "T10:20", "10.20.30", "102030", "1020", "3 May", "24-05-03"),  # clocks and days without a year
        *("44317", "44317.43", "1619863200", "1619863200000"),  # days since 1900, and seconds since 1970, of a program
    ],
)
def test_what_names_no_day_is_missing(text):
    """pandas would take the day the program runs for a clock time, and so another split every day."""
    assert read(text).isna().all()


@pytest.mark.parametrize(
    "text",
    ["0001-01-01", "0001:01:01 00:00:00", "1899-12-30", "1899-12-31T23:59:59+02:00", "01.05.1824", "0024-05-01"],
)
def test_years_before_1900_are_no_dates(text):
    assert read(text).isna().all() and read("1900-01-01").notna().all()
    assert parse_days(settle_day_first(pd.Series([text]))[0]).isna().all()


def test_rows_in_the_form_of_exif_are_days_of_their_own():
    """They all became the first day of the year 1, and so one encounter: `%Y:%m:%d` was read as a clock."""
    days = [f"2021:04:{day:02d} 10:00:00" for day in range(1, 29)]
    plain = [f"2021-04-{day:02d} 10:00:00" for day in range(1, 29)]
    assert read(*days).equals(read(*plain)) and read(*days).dt.day.nunique() == 28
    mixed = [exif if i % 2 else iso for i, (exif, iso) in enumerate(zip(days, plain, strict=True))]
    assert read(*mixed).equals(read(*plain))


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


@pytest.mark.parametrize(
    ("texts", "days", "said"),
    [
        (["13/05/2024", "01/05/2024"], ["2024-05-13", "2024-05-01"], "as '13/05/2024' can only be"),
        (["05/13/2024", "01/05/2024"], ["2024-05-13", "2024-01-05"], ""),  # the month first, as one date can only be
        (["01/05/2024 10:20", "2/5/24"], ["2024-05-01", "2024-05-02"], "2 dates are read day first"),
        (["1.5.24", "02.05.2024 10:20", "03.05.99"], ["2024-05-01", "2024-05-02", "1999-05-03"], ""),
        (["1-5-2024"], ["2024-05-01"], "'1-5-2024' as 2024-05-01: write YYYY-MM-DD"),
        (
            ["13/05/2024", "05/14/2024", "1/2/2024"],
            ["2024-05-13", "2024-05-14", "2024-02-01"],
            "though the column holds",
        ),
        (["2024-05-01", "2024:05:02", None, "May 3 2024"], ["2024-05-01", "2024-05-02", "NaT", "2024-05-03"], ""),
        (["31/31/2024"], ["NaT"], ""),
    ],
)
def test_which_number_is_the_day_is_settled_by_the_column_and_told(texts, days, said):
    settled, notes = settle_day_first(pd.Series(texts, dtype=object))
    assert parse_days(settled).dt.strftime("%Y-%m-%d").fillna("NaT").tolist() == days
    assert bool(notes) == bool(said) and said in "".join(notes)
