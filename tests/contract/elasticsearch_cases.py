"""Articles and calls that the tests of the Elasticsearch adapter share."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.article import Article, Source
from shared.errors import Unavailable
from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.port import SearchRequest

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def article(number: int, **changed: Any) -> Article:
    known: dict[str, Any] = {
        "id": f"{number:032x}",
        "source": Source("paper.example"),
        "title": f"Report {number}",
        "body": "The harbour reopens and ferries sail again.",
        "ingested_at": NOW,
        "language": "en",
        "change": 1,
        "sort_key": number,
    }
    return Article(**(known | changed))


def words(outcomes: Any) -> list[str]:
    return [outcome.word for outcome in outcomes]


EVERYTHING: list[tuple[str, Callable[[ElasticsearchIndex], Any]]] = [
    ("write", lambda index: index.write([article(1)])),
    ("search", lambda index: index.search(SearchRequest(NOW))),
    ("get", lambda index: index.get(["a"], NOW)),
    ("count", lambda index: index.count()),
    ("changes", lambda index: index.changes(["a"])),
    ("digests", lambda index: index.digests(["a"])),
    ("tombstones", lambda index: index.remove_tombstones(1, 1)),
    ("refresh", lambda index: index.refresh()),
    ("check", lambda index: index.check()),
]
each_call = pytest.mark.parametrize(
    "call", [call for _, call in EVERYTHING], ids=[name for name, _ in EVERYTHING]
)


def eventually(call: Callable[[], Any], seconds: float = 20) -> None:
    """Call until it is not ``Unavailable`` any more."""
    end = time.monotonic() + seconds
    while True:
        try:
            call()
        except Unavailable:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
