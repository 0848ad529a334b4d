"""The words for fields that cannot be used: what they must look like, and nothing of the program inside."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.push import InvalidPush, read_push, read_stage_item
from shared.settings import Settings

NOW = datetime(2026, 2, 1, tzinfo=UTC)
ITEM = {"url": "https://news.example/1", "body": "Text of an article."}
ZONE = "names no zone that exists; it is Z or an offset, as in 2026-01-31T09:30:00+01:00"
NO_DATE = "is no date and time that exists; it must look like 2026-01-31T09:30:00Z"


def told(**fields: object) -> dict[str, str]:
    with pytest.raises(InvalidPush) as caught:
        read_push({**ITEM, **fields}, Settings(), NOW)
    return {error.field: error.message for error in caught.value.errors}


@pytest.mark.parametrize("source", [7, 7.5, True, ["wire.example"], []], ids=str)
def test_a_source_that_is_neither_text_nor_object_is_told_of_both(source: object) -> None:
    assert told(source=source) == {"source": "must be a text or an object"}


@pytest.mark.parametrize("source", ["wire.example", {"id": "wire.example"}, None])
def test_a_source_may_be_a_text_an_object_or_nothing(source: object) -> None:
    read = read_push({**ITEM, "source": source}, Settings(), NOW)
    assert read.source.id == ("wire.example" if source else "news.example")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("2026-01-31T09:30:00+25:00", ZONE),
        ("2026-01-31T09:30:00-24:00", ZONE),
        ("2026-01-31T09:30:00+01:60", ZONE),
        ("2026-01-31 09:30+99:99", ZONE),
        ("2026-02-30T09:30:00Z", NO_DATE),
        ("2026-13-01T09:30:00Z", NO_DATE),
        ("2026-01-31T25:30:00Z", NO_DATE),
        ("2026-01-31T09:61:00Z", NO_DATE),
        ("0000-01-31T09:30:00Z", NO_DATE),
        ("0001-01-01T00:00:00+23:59", NO_DATE),
    ],
)
def test_a_date_that_does_not_exist_is_told_what_one_looks_like(given: str, words: str) -> None:
    assert told(published_at=given) == {"published_at": words}


@pytest.mark.parametrize(
    "given", ["2026-01-31T09:30:00+23:59", "2026-01-31T09:30:00-23:59", "2026-01-31t09:30z"]
)
def test_the_widest_zones_are_zones(given: str) -> None:
    assert read_push({**ITEM, "published_at": given}, Settings(), NOW).published_at is not None


def test_a_stage_that_checks_a_date_takes_none_and_a_good_one_and_refuses_another() -> None:
    checked = ("published_at",)
    assert read_stage_item({"id": "a", "published_at": None, "url": "../x"}, checked).published_at is None
    assert read_stage_item({"id": "a", "published_at": "2026-01-31T09:30:00Z"}, checked).published_at
    with pytest.raises(InvalidPush, match="RFC 3339") as caught:
        read_stage_item({"id": "a", "published_at": "foo", "url": "../x"}, checked)
    assert caught.value.field == "published_at"
