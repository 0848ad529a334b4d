"""What feeds and ninjs both say of an article to the world: its URN, web addresses, and when it was made."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

import idna

from shared.article import Article
from shared.errors import InvalidRequest
from shared.identity import check_url

TOPIC_SCHEME: Final = "http://cv.iptc.org/newscodes/mediatopic/"
_TOPIC: Final = re.compile(r"medtop:([0-9]{8})")
# RFC 3986: these may stand as they are; a percent sign only in front of two hex digits.
_PATH: Final = "/:@!$&'()*+,;=-._~%"
_QUERY: Final = _PATH + "?"
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def article_urn(article_id: str) -> str:
    """The name of an article that stays the same for good, wherever this service is reached."""
    return f"urn:copydesk:article:{article_id}"


def web_uri(address: str | None) -> str | None:
    """A web address (http or https) as an RFC 3986 URI: ASCII, escaped; None when it is no such address."""
    try:
        parts = urlsplit(check_url(address or ""))
        return _escaped(parts)
    except (InvalidRequest, ValueError):  # an idna.IDNAError is a ValueError
        return None


def article_link(article: Article) -> str | None:
    """Where an article can be read at its source, the canonical address before its own; None: nowhere."""
    return web_uri(article.canonical_url) or web_uri(article.url)


def topic_uri(code: str) -> str | None:
    """The URI of a Media Topic such as ``medtop:04000000``; None for the topics of others."""
    found = _TOPIC.fullmatch(code)
    return f"{TOPIC_SCHEME}{found[1]}" if found else None


def made_at(article: Article) -> datetime:
    """When this version of an article came about: as its source says, else as it was taken in.

    A later revision without a time of its own is as old as its arrival, not as the first one.
    """
    first = article.published_at if article.revision <= 1 else None
    return article.modified_at or first or article.ingested_at


def _escaped(parts: SplitResult) -> str:
    return parts._replace(
        netloc=_netloc(parts),
        path=_quoted(parts.path, _PATH),
        query=_quoted(parts.query, _QUERY),
        fragment=_quoted(parts.fragment, _QUERY),
    ).geturl()


def _netloc(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    name = f"[{host}]" if ":" in host else host
    return name if parts.port is None else f"{name}:{parts.port}"


def _quoted(text: str, safe: str) -> str:
    return _STRAY_PERCENT.sub("%25", quote(text, safe=safe))
