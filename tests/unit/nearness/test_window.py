"""The time by which an article's window is counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.article import Article, Source
from shared.clock import to_ms
from shared.nearness.window import WINDOW_MS, moment_of, within_window

CAME = datetime(2026, 3, 2, 12, tzinfo=UTC)
ARTICLE = Article(id="1" * 32, source=Source("harbour.example"), title="", body="", ingested_at=CAME)


@pytest.mark.parametrize(
    ("ahead", "counted"),
    [(None, 0), (-24 * 400, -24 * 400), (-1, -1), (24, 24), (24.01, 0), (24 * 400, 0)],
)
def test_it_is_the_publication_unless_that_cannot_be(ahead: float | None, counted: float) -> None:
    published = None if ahead is None else CAME + timedelta(hours=ahead)
    assert moment_of(replace(ARTICLE, published_at=published)) == to_ms(CAME + timedelta(hours=counted))


@pytest.mark.parametrize(("apart", "within"), [(0, True), (WINDOW_MS, True), (WINDOW_MS + 1, False)])
def test_the_window_is_three_days_both_ways(apart: int, within: bool) -> None:
    assert within_window(apart, 0) is within_window(0, apart) is within
