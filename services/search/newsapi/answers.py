"""Articles in NewsAPI's shape: eight keys that are always there, times in whole seconds of UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from services.search.feeds import opening
from services.search.outward import article_link
from shared.article import Article

Json = dict[str, Any]

CONTENT_CHARS: Final = 200


def article_json(article: Article) -> Json:
    """One article; ``content`` is cut after 200 characters, and says how many were left out."""
    return {
        "source": {"id": article.source.id, "name": article.source.name or article.source.id},
        "author": ", ".join(article.authors) or None,
        "title": article.title,
        "description": opening(article) or None,
        "url": article_link(article) or article.url or "",
        "urlToImage": article.image_url,
        "publishedAt": moment(article.published_at or article.ingested_at),
        "content": _content(article.body),
    }


def moment(at: datetime) -> str:
    """A time as NewsAPI writes it: ``2026-03-02T09:00:00Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _content(body: str) -> str | None:
    left = len(body) - CONTENT_CHARS
    return body or None if left <= 0 else f"{body[:CONTENT_CHARS]}… [+{left} chars]"
