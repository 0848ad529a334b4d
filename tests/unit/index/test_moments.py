"""Dates and date math: what they mean at a moment that is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequest
from shared.index.moments import after, before, floor_ms, read_date, resolve_math, resolve_range
from shared.index.query import DateMath, Range

NOW = datetime(2026, 3, 31, 12, 34, 56, 789_123, tzinfo=UTC)  # a Tuesday
LAST = "T23:59:59.999999"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31" + LAST),
        ("2026-02", "2026-02-01", "2026-02-28" + LAST),
        ("2028-02", "2028-02-01", "2028-02-29" + LAST),
        ("9999", "9999-01-01", "9999-12-31" + LAST),
        ("2026-01-31", "2026-01-31", "2026-01-31" + LAST),
        ("2026-01-31T18:00", "2026-01-31T18:00", "2026-01-31T18:00"),
        ("2026-01-31t18:00:00+02:00", "2026-01-31T16:00", "2026-01-31T16:00"),
    ],
)
def test_a_date_has_a_first_and_a_last_moment(text, first, last):
    assert read_date(text) == (at(first), at(last))


NO_DATES = ["", "0000", "2026-13", "2026-1", "2026-02-29", "26", "now", "2026-01-31 18:00", "２０２６",
            "0001-01-01T00:00+14:00"]  # fmt: skip


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_no_date_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"is no date|out of the years|is out of range|must be in"):
        read_date(text)


# What math means as the start and as the end of a range.
MATH = [
    ("now", "2026-03-31T12:34:56.789123", None),
    ("NOW+1h", "2026-03-31T13:34:56.789123", None),
    ("now-7d", "2026-03-24T12:34:56.789123", None),
    ("now-d", "2026-03-30T12:34:56.789123", None),
    ("now-2w", "2026-03-17T12:34:56.789123", None),
    ("now-90m", "2026-03-31T11:04:56.789123", None),
    ("now+4s", "2026-03-31T12:35:00.789123", None),
    ("now-1M", "2026-02-28T12:34:56.789123", None),
    ("now-13M", "2025-02-28T12:34:56.789123", None),
    ("now+9M", "2026-12-31T12:34:56.789123", None),
    ("now-1y", "2025-03-31T12:34:56.789123", None),
    ("now/s", "2026-03-31T12:34:56", "2026-03-31T12:34:56.999999"),
    ("now/m", "2026-03-31T12:34", "2026-03-31T12:34:59.999999"),
    ("now/h", "2026-03-31T12:00", "2026-03-31T12:59:59.999999"),
    ("now/d", "2026-03-31", "2026-03-31" + LAST),
    ("now/w", "2026-03-30", "2026-04-05" + LAST),
    ("now/M", "2026-03-01", "2026-03-31" + LAST),
    ("now/y", "2026-01-01", "2026-12-31" + LAST),
    ("now-1d/d", "2026-03-30", "2026-03-30" + LAST),
    ("now/d-1h", "2026-03-30T23:00", "2026-03-31T22:59:59.999999"),
    ("2026-01-31||+1M", "2026-02-28", None),
    ("2026-01||-1d/w", "2025-12-29", "2026-01-04" + LAST),
    ("2026-01-31T18:00Z||/d", "2026-01-31", "2026-01-31" + LAST),
]


@pytest.mark.parametrize(("text", "first", "last"), MATH)
def test_date_math_means_this_moment(text, first, last):
    assert resolve_math(text, NOW, last=False) == at(first)
    assert resolve_math(text, NOW, last=True) == at(last or first)


def test_now_may_be_told_in_any_zone():
    there = NOW.astimezone(timezone(timedelta(hours=14)))
    assert resolve_math("now/d", there, last=False) == at("2026-03-31")


NO_MATH = ["now7d", "now-7", "now-7D", "now/x", "now - 7d", "now-12345d", "soon", "||+1d", "2026-02-30||+1d",
           "now-9999y", "now+9999y", "9999||/y+1y"]  # fmt: skip


@pytest.mark.parametrize("text", NO_MATH)
@pytest.mark.parametrize("last", [False, True])
def test_math_that_leads_nowhere_is_a_value_error(text, last):
    with pytest.raises(ValueError, match=r"no date|out of the years|out of range"):
        resolve_math(text, NOW, last=last)


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        (Range(DateMath("now/d"), DateMath("now/d")), "2026-03-31", "2026-03-31" + LAST),
        (Range(DateMath("now/d", excluded=True)), "2026-04-01T00:00:00.000999", None),
        (Range(None, DateMath("now/d", excluded=True)), None, "2026-03-30T23:59:59.999"),
        (Range(at("2026-01-01"), DateMath("now")), "2026-01-01", "2026-03-31T12:34:56.789123"),
    ],
)
def test_a_range_of_date_math_has_ends_when_it_is_now(wanted, start, end):
    assert resolve_range(wanted, NOW) == (start and at(start), end and at(end))


@pytest.mark.parametrize(
    ("wanted", "position"),
    [
        (Range(DateMath("now"), DateMath("now-7d"), 4), 4),
        (Range(DateMath("now"), at("2026-01-01"), 4), 4),
        (Range(DateMath("now-9999y", position=9), None, 4), 9),
        (Range(None, DateMath("now+9999y", position=9), 4), 9),
        (Range(DateMath("now+7973y/y", position=9, excluded=True), None, 4), 9),
    ],
)
def test_a_range_that_is_none_at_that_moment_is_the_callers_error(wanted, position):
    with pytest.raises(InvalidRequest) as caught:
        resolve_range(wanted, NOW)
    assert (caught.value.field, caught.value.position) == ("q", position)


def test_milliseconds_are_rounded_down_before_1970_too():
    assert floor_ms(at("1970-01-01" + LAST)) == 86_399_999
    assert floor_ms(at("1969-12-31" + LAST)) == -1
    assert floor_ms(at("1951-01-01" + LAST)) < floor_ms(at("1951-01-02"))


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))  # noqa: DTZ001
def test_what_comes_after_and_before_is_another_millisecond(moment):
    assert floor_ms(after(moment)) > floor_ms(moment)
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert floor_ms(before(whole)) < floor_ms(whole)
