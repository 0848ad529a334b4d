"""What a page says of itself: title, authors, times, addresses, summary, keywords.

JSON-LD first, then OpenGraph and other meta elements, then the page; fields given by the sender stand
above all of them and are none of this module's business.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from urllib.parse import urljoin, urlsplit

from htmldate import find_date
from lxml.etree import XPath
from lxml.html import HtmlElement

from services.workers.stages.clean import jsonld
from services.workers.stages.clean.dates import date_in_url, read_time
from services.workers.stages.clean.plain import comparable, one_line

MAX_TITLE = 1_000
MAX_NAMES = 20
MAX_PLACES = 10
MAX_BYLINE = 120
AUTHOR_PLACES = XPath(
    '//*[(@itemprop="author" or @rel="author" or contains(@class, "author") or contains(@class, "byline"))'
    ' and not(contains(@class, "comment"))]'
)
DATE_PLACES = XPath('//*[@itemprop="datePublished" or contains(@class, "published")]')
# Bounds for the search in a page's text, fixed so that the same page gives the same date tomorrow.
SEARCH_FROM, SEARCH_TO = datetime(1990, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - htmldate's are naive
TITLE_META = ("og:title", "twitter:title", "dc.title", "parsely-title", "sailthru.title")
SUMMARY_META = ("og:description", "description", "twitter:description", "dc.description")
AUTHOR_META = (
    "article:author", "author", "parsely-author", "sailthru.author", "byl", "dc.creator", "citation_author",
)  # fmt: skip
PUBLISHED_META = (
    "article:published_time", "og:article:published_time", "article:published", "datepublished",
    "parsely-pub-date", "sailthru.date", "pubdate", "publishdate", "publish-date", "publication_date",
    "publish_date", "dc.date.issued", "dcterms.created", "dc.date", "dcterms.date",
    "cxenseparse:recs:publishtime", "article_date_original", "citation_publication_date",
    "originalpublicationdate", "date",
)  # fmt: skip
MODIFIED_META = ("article:modified_time", "og:updated_time", "datemodified", "dcterms.modified", "lastmod")
IMAGE_META = ("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src")
KEYWORD_META = ("article:tag", "keywords", "news_keywords", "parsely-tags", "sailthru.tags")
SITE_META = ("og:site_name", "application-name", "twitter:site")
SITE_SEPARATOR = re.compile(r"\s+[|–—·•»:-]+\s+|\s*[|»]\s*")
BY = re.compile(r"^(?:written |posted |reported )?(?:by|von|por|par|di|door|af|av)\s*:?\s+", re.IGNORECASE)
NAME_JOIN = re.compile(r"\s*(?:;|\||,\s+|\s(?:and|und|y|et|e|och|og)\s|\s&\s)\s*")
LONE_STOP = re.compile(r"(?<=\w\w)\.+$")  # the stop after an initial is part of the name
NO_NAME = re.compile(r"https?:|www\.|[@/\\<>{}=]|\d{3}|\.(?:com|org|net)\b", re.IGNORECASE)


logging.getLogger("htmldate").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What was found; None or empty where a page says nothing usable."""

    title: str | None = None
    authors: tuple[str, ...] = ()
    published_at: datetime | None = None
    modified_at: datetime | None = None
    canonical_url: str | None = None
    image_url: str | None = None
    summary: str | None = None
    language: str | None = None
    keywords: tuple[str, ...] = ()
    article_body: str | None = None  # the text as JSON-LD gives it, a second opinion
    is_article: bool = False  # as the page itself declares


def read_metadata(tree: HtmlElement, url: str | None) -> Metadata:
    """Read a parsed page's metadata; ``url`` makes relative addresses absolute and may carry the date."""
    node = jsonld.article_node(_jsonld_blocks(tree))
    meta = _meta(tree)
    base = _base(tree, url)
    return Metadata(
        title=_title(tree, node, meta),
        authors=_authors(tree, node, meta),
        published_at=_published(tree, node, meta, url),
        modified_at=read_time(jsonld.text_of(node.get("dateModified"))) or _first_time(meta, MODIFIED_META),
        canonical_url=web_url(_canonical(tree, meta), base),
        image_url=web_url(jsonld.url_of(node.get("image")) or _first(meta, IMAGE_META), base),
        summary=_text(_first(meta, SUMMARY_META)) or _text(jsonld.text_of(node.get("description"))),
        language=tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang"),
        keywords=_keywords(node, meta),
        article_body=jsonld.block_of(node.get("articleBody")),
        is_article=bool(node)
        or (_first(meta, ("og:type",)) or "").lower() in ("article", "og:article", "news"),
    )


def web_url(url: str | None, base: str | None = None) -> str | None:
    """Return an absolute http(s) URL, or nothing when it is none."""
    try:
        whole = urljoin(base or "", (url or "").strip())
        parts = urlsplit(whole)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and len(whole) <= 2_000
    except ValueError:
        return None
    return one_line(whole) if usable else None


def names(values: Iterable[str]) -> tuple[str, ...]:
    """Split by-lines into single names, without "By", addresses and repeats."""
    found: dict[str, str] = {}
    for value in values:
        for part in NAME_JOIN.split(BY.sub("", one_line(value))):
            name = LONE_STOP.sub("", BY.sub("", part).strip(" ,;:|-"))
            if 1 < len(name) <= 80 and len(name.split()) <= 6 and not NO_NAME.search(name):
                found.setdefault(name.casefold(), name)
    return tuple(found.values())[:MAX_NAMES]


def _jsonld_blocks(tree: HtmlElement) -> list[str]:
    return [item.text for item in tree.iter("script") if "ld+json" in (item.get("type") or "") and item.text]


def _meta(tree: HtmlElement) -> dict[str, list[str]]:
    """Collect the contents of meta elements by name, in lower case."""
    found: dict[str, list[str]] = {}
    for item in tree.iter("meta"):
        name = item.get("property") or item.get("name") or item.get("itemprop")
        content = item.get("content")
        if name and content and content.strip():
            found.setdefault(name.strip().lower(), []).append(content.strip())
    return found


def _first(meta: dict[str, list[str]], wanted: tuple[str, ...]) -> str | None:
    return next((meta[name][0] for name in wanted if name in meta), None)


def _first_time(meta: dict[str, list[str]], wanted: tuple[str, ...]) -> datetime | None:
    return next((time for name in wanted for text in meta.get(name, ()) if (time := read_time(text))), None)


def _text(value: str | None) -> str | None:
    return one_line(value) or None if value else None


def _base(tree: HtmlElement, url: str | None) -> str | None:
    element = tree.find(".//base[@href]")
    return web_url(element.get("href"), url) or url if element is not None else url


def _canonical(tree: HtmlElement, meta: dict[str, list[str]]) -> str | None:
    for link in tree.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split() and link.get("href"):
            return str(link.get("href"))
    return _first(meta, ("og:url", "twitter:url"))


def _title(tree: HtmlElement, node: jsonld.Node, meta: dict[str, list[str]]) -> str | None:
    """Choose the headline; a site's name at either end of a title is cut."""
    element = tree.find(".//title")
    found = [
        jsonld.text_of(node.get("headline")),
        _text(_first(meta, TITLE_META)),
        _only_heading(tree),
        _text(element.text_content()) if element is not None else None,
    ]
    headings = {comparable(text) for item in tree.iter("h1") if (text := one_line(item.text_content()))}
    sites = {comparable(name) for name in meta.get("og:site_name", []) + meta.get("application-name", [])}
    best = next((text for text in found if text), None)
    return without_site(one_line(best), sites, headings)[:MAX_TITLE] if best else None


def without_site(title: str, sites: set[str], headings: set[str]) -> str:
    """Cut the site's name off a title when it is named elsewhere, or when the rest is the page's headline."""
    cuts = [match.span() for match in SITE_SEPARATOR.finditer(title)]
    for start, end in reversed(cuts):
        head, tail = title[:start].strip(), title[end:].strip()
        if head and (comparable(tail) in sites or comparable(head) in headings):
            return without_site(head, sites, headings)
    if cuts and comparable(title[: cuts[0][0]]) in sites:
        return title[cuts[0][1] :].strip() or title
    return title


def _only_heading(tree: HtmlElement) -> str | None:
    headings = [text for item in tree.iter("h1") if len(text := one_line(item.text_content())) > 1]
    return headings[0] if headings and len(set(headings)) == 1 else None


def _authors(tree: HtmlElement, node: jsonld.Node, meta: dict[str, list[str]]) -> tuple[str, ...]:
    """Take the first kind of place that names anyone."""
    found = names(jsonld.names_of(node.get("author")))
    for name in AUTHOR_META:
        found = found or names(meta.get(name, ()))
    if found:
        return found
    return _marked_authors(tree)


def _marked_authors(tree: HtmlElement) -> tuple[str, ...]:
    """Read the first element that the page marks as its author, outside of comments, and that is a name."""
    for item in AUTHOR_PLACES(tree)[:MAX_PLACES]:
        text = one_line(item.text_content())
        if 1 < len(text) <= MAX_BYLINE and (found := names([text])):
            return found
    return ()


def _published(
    tree: HtmlElement, node: jsonld.Node, meta: dict[str, list[str]], url: str | None
) -> datetime | None:
    """Find when the page was published: JSON-LD, meta, a marked time, the URL."""
    found = read_time(jsonld.text_of(node.get("datePublished"))) or _first_time(meta, PUBLISHED_META)
    canonical = _canonical(tree, meta)
    return (
        found or _marked_time(tree) or date_in_url(url) or date_in_url(canonical) or _written_date(tree, url)
    )


def _marked_time(tree: HtmlElement) -> datetime | None:
    """Read the first element marked as the date of publication, else the page's first time element."""
    for item in [*DATE_PLACES(tree)[:MAX_PLACES], *islice(tree.iter("time"), 1)]:
        for text in (item.get("datetime"), item.get("content"), item.get("title")):
            if text and (time := read_time(text)):
                return time
    return None


def _written_date(tree: HtmlElement, url: str | None) -> datetime | None:
    """Search the page's text for the day it was written, as far as that is done without guessing."""
    try:
        day = find_date(
            tree,
            extensive_search=False,
            original_date=True,
            url=url,
            min_date=SEARCH_FROM,
            max_date=SEARCH_TO,
        )
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError):
        return None
    return read_time(day)


def _keywords(node: jsonld.Node, meta: dict[str, list[str]]) -> tuple[str, ...]:
    """Collect keywords of the first kind of place that has any, split at commas."""
    given = node.get("keywords")
    values = [item for item in given if isinstance(item, str)] if isinstance(given, list) else [given]
    for place in (values, *(meta.get(name, []) for name in KEYWORD_META)):
        if found := keywords_of(item for item in place if isinstance(item, str)):
            return found
    return ()


def keywords_of(values: Iterable[str]) -> tuple[str, ...]:
    """Split keyword lines at commas and semicolons, without repeats."""
    parts = (one_line(part) for value in values for part in re.split(r"[,;]", value))
    return tuple(dict.fromkeys(part for part in parts if 1 < len(part) <= 100))[:50]
