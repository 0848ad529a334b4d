"""Dates as pages write them."""

from datetime import UTC, datetime, timedelta

import pytest

from services.workers.stages.clean.dates import date_in_url, read_time, sane


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-11-12T18:40:00Z", datetime(2025, 11, 12, 18, 40, tzinfo=UTC)),
        ("2025-11-12T18:40:00+01:00", datetime(2025, 11, 12, 17, 40, tzinfo=UTC)),
        ("2025-11-12T18:40:00-0500", datetime(2025, 11, 12, 23, 40, tzinfo=UTC)),
        ("2025-11-12 18:40", datetime(2025, 11, 12, 18, 40, tzinfo=UTC)),
        ("2025-11-12 18:40 UTC", datetime(2025, 11, 12, 18, 40, tzinfo=UTC)),
        ("2025-1-2", datetime(2025, 1, 2, tzinfo=UTC)),
        ("2025/01/02", datetime(2025, 1, 2, tzinfo=UTC)),
        ("20250102", datetime(2025, 1, 2, tzinfo=UTC)),
        ("20250102T030405Z", datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2025-01-02T03:04:05.123456789Z", datetime(2025, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
        ("Wed, 12 Nov 2025 18:40:00 GMT", datetime(2025, 11, 12, 18, 40, tzinfo=UTC)),
        ("Wed, 12 Nov 2025 18:40:00 +0200", datetime(2025, 11, 12, 16, 40, tzinfo=UTC)),
    ],
)
def test_dates_are_read(text, expected):
    assert read_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [None, "", "yesterday", "2025-13-40", "2025-02-30", "0001-01-01T00:00:00+05:00", "20259999", "12/11/25"],
)
def test_what_is_no_date_is_none(text):
    assert read_time(text) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/2025/11/12/ferry", datetime(2025, 11, 12, tzinfo=UTC)),
        ("https://example.org/news/20251112-ferry.html", datetime(2025, 11, 12, tzinfo=UTC)),
        ("https://example.org/2025/02/31/ferry", None),
        ("https://example.org/item/12345678901", None),
        (None, None),
    ],
)
def test_the_day_in_an_address_is_read(url, expected):
    assert date_in_url(url) == expected


def test_absurd_times_are_dropped():
    now = datetime(2025, 11, 12, tzinfo=UTC)
    assert sane(now, now) == now
    assert sane(now + timedelta(hours=20), now) is not None
    assert sane(now + timedelta(days=2), now) is None
    assert sane(now + timedelta(days=2), None) is not None
    assert sane(datetime(1899, 12, 31, tzinfo=UTC), None) is None
