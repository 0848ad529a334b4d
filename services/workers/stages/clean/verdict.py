"""Whether what was read is an article at all, and the reason word when it is not."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from services.workers.stages.clean.phrases import phrase
from services.workers.stages.clean.plain import UNSPACED, comparable

LEAST_LETTERS = 25
ENOUGH_CHARS = 1_000  # the fewest letters are found in it, or it is no text
ERROR_WORDS = 120
FEED = re.compile(
    r"\s*(?:(?:<!--(?:(?!-->).)*-->|<\?[^>]*>)\s*)*<(?:rss|feed|rdf:rdf|urlset|sitemapindex|opml)\b",
    re.IGNORECASE | re.DOTALL,
)
MARKUP_START = 4_000
FRONT_PATHS = frozenset({"", "/", "/index.html", "/index.php", "/index.htm", "/home"})


def of_body(text: str) -> str | None:
    """Judge clean text: only emptiness speaks against it, since its sender vouches for it."""
    return None if any(map(str.isalnum, text)) else "empty"


def of_page(title: str, body: str) -> str | None:
    """Judge what was read out of a page."""
    if phrase("error_title")(comparable(title)) and body.count(" ") < ERROR_WORDS:
        return "error-page"
    letters = sum(map(str.isalnum, body[:ENOUGH_CHARS]))
    if not letters and not any(map(str.isalnum, title)):
        return "empty"
    return (
        "too-little-text"
        if letters + 2 * len(UNSPACED.findall(body[:ENOUGH_CHARS])) < LEAST_LETTERS
        else None
    )


def of_markup(markup: str) -> str | None:
    """Judge a page by its first element: feeds and site maps are no pages."""
    return "feed" if FEED.match(markup[:MARKUP_START]) else None


def of_address(url: str | None, *, is_article: bool) -> str | None:
    """Judge a page by its address: a site's root is its front page, unless the page says it is an article."""
    if url is None or is_article:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return "front-page" if parts.path in FRONT_PATHS and not parts.query else None
