"""A page of search hits as RSS 2.0, Atom 1.0 (RFC 4287) and JSON Feed 1.1; knows neither Flask nor the index.

The bytes depend on the hits and the address alone, never on the clock, so that their hash is an ETag.
Readers know an entry by the article's URN, whatever its title and address become.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from services.search.answers import Json
from services.search.outward import TOPIC_SCHEME, article_link, article_urn, made_at, topic_uri, web_uri
from shared.article import Article, Tag
from shared.codec import to_json

OPENING_CHARS: Final = 280
NO_TITLE: Final = "(no title)"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)  # Atom wants a time even of a feed without entries
RSS_TYPE: Final = "application/rss+xml"
ATOM_TYPE: Final = "application/atom+xml"
JSON_TYPE: Final = "application/feed+json"
_JSON_VERSION: Final = "https://jsonfeed.org/version/1.1"
_SPACES: Final = {
    "xmlns:atom": "http://www.w3.org/2005/Atom",
    "xmlns:dc": "http://purl.org/dc/elements/1.1/",
    "xmlns:media": "http://search.yahoo.com/mrss/",
}
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0
_MARKUP: Final = re.compile(r"<[A-Za-z/!?]")


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed says of itself, and its articles in order; addresses are absolute.

    ``root`` is where this service is reached, with a slash at its end. ``partial``: the engine ran out of
    time, so that there may be more.
    """

    title: str
    description: str
    root: str
    home: str
    address: str
    articles: Sequence[Article]
    partial: bool = False

    def link(self, article: Article) -> str:
        """Where an article can be read: at its source, else here."""
        return article_link(article) or f"{self.root}v1/articles/{article.id}"


def last_change(articles: Sequence[Article]) -> datetime | None:
    """The newest moment in which one of the articles came, changed or was released; None without any."""
    moments = (
        moment
        for article in articles
        for moment in (
            article.indexed_at, article.modified_at, article.published_at,
            # What was under embargo came to light as that ended, long after it was indexed.
            article.embargo_until,
        )
    )  # fmt: skip
    return max((moment for moment in moments if moment is not None), default=None)


def opening(article: Article) -> str:
    """The summary of an article, else its first paragraph, cut after a word where there are spaces."""
    if article.summary:
        return article.summary
    text = article.body.partition("\n")[0]
    if len(text) <= OPENING_CHARS:
        return text
    cut = text[:OPENING_CHARS]
    return (cut.rpartition(" ")[0] or cut) + " …"  # Chinese has no spaces to cut at


def rss(feed: Feed) -> bytes:
    """A feed as RSS 2.0, with elements of Atom, Dublin Core and Media RSS for what RSS has no place for."""
    root = Element("rss", {"version": "2.0", **_SPACES})
    channel = SubElement(root, "channel")
    _add(channel, "title", feed.title)
    _add(channel, "link", feed.home)
    _add(channel, "description", html.escape(feed.description, quote=False))
    _add(channel, "atom:link", href=feed.address, rel="self", type=RSS_TYPE)
    _add(channel, "generator", "Copydesk")
    changed = last_change(feed.articles)
    if changed:
        _add(channel, "lastBuildDate", _mail_date(changed))
    for article in feed.articles:
        _rss_item(channel, feed, article)
    return _xml(root)


def _rss_item(channel: Element, feed: Feed, article: Article) -> None:
    item = SubElement(channel, "item")
    _add(item, "title", _rss_title(article))
    _add(item, "link", feed.link(article))
    _add(item, "guid", article_urn(article.id), isPermaLink="false")
    if article.published_at:
        _add(item, "pubDate", _mail_date(article.published_at))
    _add(item, "atom:updated", _rfc3339(made_at(article)))
    # Readers take a description for HTML, so that plain text is escaped once more than XML asks for.
    _add(item, "description", html.escape(opening(article), quote=False))
    for author in article.authors:
        _add(item, "dc:creator", author)
    _add(item, "dc:publisher", article.source.name or article.source.id)
    if article.language != "und":
        _add(item, "dc:language", article.language)
    for tag in article.topics:
        _add(item, "category", tag.name, **({"domain": TOPIC_SCHEME} if topic_uri(tag.code) else {}))
    image = web_uri(article.image_url)
    if image:  # an enclosure would have to tell length and type, and nobody knows them
        _add(item, "media:content", url=image, medium="image")


def _rss_title(article: Article) -> str:
    """The title for readers that may take it for HTML: escaped where it would read as markup.

    Everywhere else it stands plain: the many readers that take it for text would show ``AT&amp;T``.
    """
    title = article.title or NO_TITLE
    return html.escape(title, quote=False) if _MARKUP.search(title) else title


def atom(feed: Feed) -> bytes:
    """A feed as Atom 1.0."""
    root = Element("feed", {"xmlns": _SPACES["xmlns:atom"]})
    _add(root, "id", feed.address)
    _add(root, "title", feed.title)
    _add(root, "subtitle", feed.description)
    _add(root, "link", rel="self", type=ATOM_TYPE, href=feed.address)
    _add(root, "link", rel="alternate", type="text/html", href=feed.home)
    _add(root, "updated", _rfc3339(last_change(feed.articles) or EPOCH))
    _add(root, "generator", "Copydesk")
    for article in feed.articles:
        _atom_entry(root, feed, article)
    return _xml(root)


def _atom_entry(root: Element, feed: Feed, article: Article) -> None:
    language = {} if article.language == "und" else {"xml:lang": article.language}
    entry = SubElement(root, "entry", language)
    _add(entry, "id", article_urn(article.id))
    _add(entry, "title", article.title or NO_TITLE)
    _add(entry, "link", rel="alternate", href=feed.link(article))
    image = web_uri(article.image_url)
    if image:
        _add(entry, "link", rel="enclosure", href=image)
    if article.published_at:
        _add(entry, "published", _rfc3339(article.published_at))
    _add(entry, "updated", _rfc3339(made_at(article)))
    for author in _authors(article):
        _add(SubElement(entry, "author"), "name", author)
    for tag in article.topics:
        _add(entry, "category", **_atom_category(tag))
    _add(entry, "summary", opening(article))
    _add(SubElement(entry, "source"), "title", article.source.name or article.source.id)


def _atom_category(tag: Tag) -> dict[str, str]:
    known = {"term": tag.code.rpartition(":")[2], "scheme": TOPIC_SCHEME}
    return (known if topic_uri(tag.code) else {"term": tag.code}) | {"label": tag.name}


def json_feed(feed: Feed) -> bytes:
    """A feed as JSON Feed 1.1; what has no place there stands under ``_copydesk``."""
    whole: Json = {
        "version": _JSON_VERSION,
        "title": feed.title,
        "description": feed.description,
        "home_page_url": feed.home,
        "feed_url": feed.address,
        "items": [_json_item(feed, article) for article in feed.articles],
    }
    return to_json(whole | ({"_copydesk": {"partial": True}} if feed.partial else {}))


def _json_item(feed: Feed, article: Article) -> Json:
    item: Json = {
        "id": article_urn(article.id),
        "url": feed.link(article),
        "title": article.title,
        "content_text": article.body or article.summary or article.title,
        "summary": opening(article),
        "image": web_uri(article.image_url),
        "date_published": _rfc3339(article.published_at) if article.published_at else None,
        "date_modified": _rfc3339(made_at(article)),
        "authors": [{"name": name} for name in _authors(article)],
        "tags": [tag.name for tag in article.topics],
        "language": article.language if article.language != "und" else None,
    }
    # The text has to be there even when it is empty.
    kept = {name: value for name, value in item.items() if value or name == "content_text"}
    return kept | {"_copydesk": _extension(article)}


def _extension(article: Article) -> Json:
    return {
        "id": article.id,
        "source": {"id": article.source.id, "name": article.source.name},
        "story_id": article.story_id,
        "verdict": article.verdict,
        "duplicate_of": article.duplicate_of,
        "duplicates": sum(copy.verdict == "duplicate" for copy in article.copies),
    }


def _authors(article: Article) -> tuple[str, ...]:
    """The authors; where none is named, the source speaks for them."""
    return article.authors or (article.source.name or article.source.id,)


def _add(parent: Element, tag: str, text: str = "", **attributes: str) -> None:
    made = SubElement(parent, tag, {name: _allowed(value) for name, value in attributes.items()})
    made.text = _allowed(text) or None


def _allowed(text: str) -> str:
    """The text without the characters that XML 1.0 forbids, even escaped."""
    return _FORBIDDEN.sub("", text)


def _xml(root: Element) -> bytes:
    found: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return found


def _mail_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
