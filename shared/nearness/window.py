"""Within which time two texts can be copies of each other."""

from __future__ import annotations

from datetime import timedelta

from shared.article import Article
from shared.clock import to_ms

WINDOW_MS = 72 * 3_600_000  # wire stories and their copies run within three days
_AHEAD = timedelta(days=1)  # a wrong time zone is less than a day off; more is a wrong date


def moment_of(article: Article) -> int:
    """The milliseconds since the epoch by which an article's window is counted: published, else ingested."""
    published, ingested = article.published_at, article.ingested_at
    return to_ms(ingested if published is None or published > ingested + _AHEAD else published)


def within_window(moment: int, other: int) -> bool:
    """Whether two articles are close enough in time for one to be a copy of the other."""
    return abs(moment - other) <= WINDOW_MS
