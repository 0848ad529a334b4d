"""What a page says of itself: title, authors, times, addresses, summary, keywords.

JSON-LD first, then OpenGraph and other meta elements, then the page; fields given by the sender stand
above all of them and are none of this module's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from urllib.parse import urljoin, urlsplit

from lxml.etree import XPath
from lxml.html import HtmlElement

from services.workers.stages.clean import jsonld
from services.workers.stages.clean.markup import plain_text
from services.workers.stages.clean.mojibake import repair
from services.workers.stages.clean.plain import comparable, one_line
from services.workers.stages.clean.published import modified, published
from services.workers.stages.clean.titles import NO_LETTERS, Sites, choose_title, is_alike
from shared.article import DateSource
from shared.identity import strip_tracking

MAX_NAMES = 20
MAX_PLACES = 10
MAX_BYLINE = 120
SAME_LETTERS = 24
TEXT_TAGS = (
    "p",
    "div",
    "section",
    "article",
    "span",
    "a",
    "b",
    "strong",
    "em",
    "i",
    "li",
    "blockquote",
    "td",
)
MAX_META = 2_000  # elements; no page has a tenth of them
MAX_FIELD = 10_000  # characters of a meta element that are read
MAX_JSON_CHARS = 4_000_000  # of all blocks of linked data together
AUTHOR_PLACES = XPath(
    '//*[(@itemprop="author" or @rel="author" or contains(@class, "author") or contains(@class, "byline"))'
    ' and not(contains(@class, "comment"))]'
)
TITLE_META = ("og:title", "twitter:title", "dc.title", "parsely-title", "sailthru.title")
SUMMARY_META = ("og:description", "description", "twitter:description", "dc.description")
AUTHOR_META = (
    "article:author", "author", "parsely-author", "sailthru.author", "byl", "dc.creator", "citation_author",
)  # fmt: skip
IMAGE_META = ("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src")
KEYWORD_META = ("article:tag", "keywords", "news_keywords", "parsely-tags", "sailthru.tags")
SITE_META = ("og:site_name", "application-name", "twitter:site")
BY = re.compile(r"^(?:written |posted |reported )?(?:by|von|por|par|di|door|af|av)\s*:?\s+", re.IGNORECASE)
NAME_JOIN = re.compile(r"\s*(?:;|\||,\s+|\s(?:and|und|y|et|e|och|og)\s|\s&\s)\s*")
LONE_STOP = re.compile(r"(?<=\w\w)\.+$")  # the stop after an initial is part of the name
NO_NAME = re.compile(r"https?:|www\.|[@/\\<>{}=]|\d{3}|\.(?:com|org|net)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What was found; None or empty where a page says nothing usable."""

    title: str | None = None
    authors: tuple[str, ...] = ()
    published_at: datetime | None = None
    published_from: DateSource | None = None
    modified_at: datetime | None = None
    canonical_url: str | None = None
    image_url: str | None = None
    summary: str | None = None
    language: str | None = None
    keywords: tuple[str, ...] = ()
    article_body: str | None = None  # the text as JSON-LD gives it, a second opinion
    is_article: bool = False  # as the page itself declares
    is_list: bool = False  # of other pages, as it declares
    is_behind_wall: bool | None = None  # whether it says that its text is not free to read
    stated_words: int | None = None  # as many as its text has, it says


def read_metadata(tree: HtmlElement, url: str | None, latest: datetime | None = None) -> Metadata:
    """Read a parsed page's metadata; ``url`` makes relative addresses absolute and may carry the date.

    Times more than a day after ``latest`` are mistakes, and the next place is asked.
    """
    linked = jsonld.read_blocks(_jsonld_blocks(tree))
    meta = _meta(tree)
    base = _base(tree, url)
    canonical = _canonical_url(tree, meta, base, url)
    own = _own_articles(tree, linked, meta, (url, canonical))
    node = own[0] if own else {}
    if linked.articles and not own:
        _forget_linked(tree)
    sites = Sites(
        [*meta.get("og:site_name", []), *meta.get("application-name", []), *_publisher(linked, node)], url
    )
    moment = published(tree, node, linked.pages, meta, (url, canonical), latest)
    kind = (_first(meta, ("og:type",)) or "").lower()
    return Metadata(
        title=choose_title(tree, jsonld.text_of(node.get("headline")), _all(meta, TITLE_META), sites),
        authors=_authors(tree, linked.resolve(node.get("author")), meta),
        published_at=moment[0] if moment else None,
        published_from=moment[1] if moment else None,
        modified_at=modified(node, meta, latest),
        canonical_url=canonical,
        image_url=web_url(jsonld.url_of(linked.resolve(node.get("image"))) or _first(meta, IMAGE_META), base),
        summary=_text(_first(meta, SUMMARY_META)) or jsonld.text_of(node.get("description")),
        language=tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang"),
        keywords=_keywords(node, meta),
        article_body=jsonld.block_of(node.get("articleBody")),
        is_article=bool(linked.articles) or kind in ("article", "og:article", "news"),
        is_list=bool(linked.types & jsonld.LIST_TYPES) and not linked.articles,
        is_behind_wall=jsonld.is_behind_a_wall((*own, *linked.pages)),
        stated_words=_stated_words(node),
    )


def _own_articles(
    tree: HtmlElement, linked: jsonld.LinkedData, meta: dict[str, list[str]], urls: Iterable[str | None]
) -> list[jsonld.Node]:
    """Return the page's own article: the one of its address, then the one of its headline, then the first.

    Behind it stand others that may be the same. An article of another address and another headline is no
    candidate, nor one of another headline whose text the page does not hold.
    """
    if not linked.articles:
        return []
    addresses = {_address(url) for url in urls if url}
    element = tree.find(".//title")
    headings = [item.text_content()[:MAX_FIELD] for item in tree.iter("h1")][:MAX_PLACES]
    titles = [
        *_all(meta, TITLE_META),
        *headings,
        element.text_content()[:MAX_FIELD] if element is not None else "",
    ]
    said = [comparable(one_line(title)) for title in titles if title.strip()]

    def is_own(node: jsonld.Node) -> int:
        headline = comparable(jsonld.text_of(node.get("headline")) or "")
        by_address = any(_address(name) in addresses for name in _names_of(node))
        by_headline = bool(headline) and any(headline in title or title in headline for title in said)
        return 2 * by_address + by_headline

    def is_foreign(node: jsonld.Node) -> bool:
        headline = jsonld.text_of(node.get("headline"))
        if not said or not headline or is_own(node) or any(is_alike(headline, title) for title in said):
            return False
        pages = [name for name in _names_of(node) if web_url(name) and urlsplit(name).path.strip("/")]
        return bool(pages and addresses) or not _is_on_page(jsonld.block_of(node.get("articleBody")), tree)

    candidates = [node for node in linked.articles if not is_foreign(node)]
    return sorted(candidates, key=is_own, reverse=True)


def _names_of(node: jsonld.Node) -> list[str]:
    """Return the addresses by which a node goes."""
    named = (jsonld.url_of(node.get(key)) for key in ("url", "mainEntityOfPage", "@id"))
    return [name for name in named if name]


def _is_on_page(text: str | None, tree: HtmlElement) -> bool:
    """Whether the beginning of a text is on a page; a text that is not given is."""
    start = NO_LETTERS.sub("", (text or "")[:MAX_BYLINE]).casefold()[:SAME_LETTERS]
    texts = tree.itertext(*TEXT_TAGS)
    shown = "".join(islice(texts, MAX_META))
    return not start or start in NO_LETTERS.sub("", shown).casefold()


def _address(url: str) -> str:
    """Return an address as two places of a page would agree on it."""
    plain = strip_tracking(url.strip()).partition("#")[0]
    return re.sub(r"^https?://(?:www\.)?", "", plain[:3_000]).rstrip("/").lower()


def _publisher(linked: jsonld.LinkedData, node: jsonld.Node) -> list[str]:
    return jsonld.names_of(linked.resolve(node.get("publisher")))


def _stated_words(node: jsonld.Node) -> int | None:
    text = jsonld.text_of(node.get("wordCount"))
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else None


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


def _forget_linked(tree: HtmlElement) -> None:
    """Empty blocks that speak of other pages only: whoever searches the page for a date would take theirs."""
    for item in tree.iter("script"):
        if "ld+json" in (item.get("type") or "").lower():
            item.text = None


def _jsonld_blocks(tree: HtmlElement) -> list[str]:
    found, chars = [], 0
    for item in tree.iter("script"):
        if "ld+json" in (item.get("type") or "").lower() and item.text and chars < MAX_JSON_CHARS:
            found.append(repair(item.text))
            chars += len(item.text)
    return found


def _meta(tree: HtmlElement) -> dict[str, list[str]]:
    """Collect the contents of meta elements by name, in lower case."""
    found: dict[str, list[str]] = {}
    for item in islice(tree.iter("meta"), MAX_META):
        name = item.get("property") or item.get("name") or item.get("itemprop")
        content = (item.get("content") or "")[:MAX_FIELD].strip()
        if name and content and len(name) <= 100:
            found.setdefault(name.strip().lower(), []).append(repair(content))
    return found


def _all(meta: dict[str, list[str]], wanted: tuple[str, ...]) -> list[str]:
    return [meta[name][0] for name in wanted if name in meta]


def _first(meta: dict[str, list[str]], wanted: tuple[str, ...]) -> str | None:
    return next((meta[name][0] for name in wanted if name in meta), None)


def _text(value: str | None) -> str | None:
    return one_line(plain_text(value)) or None if value else None


def _base(tree: HtmlElement, url: str | None) -> str | None:
    element = tree.find(".//base[@href]")
    return web_url(element.get("href"), url) or url if element is not None else url


def _canonical_url(
    tree: HtmlElement, meta: dict[str, list[str]], base: str | None, url: str | None
) -> str | None:
    """Return the page's canonical address; one that is only the site's root is a mistake on another page."""
    said = [str(link.get("href")) for link in islice(tree.iter("link"), MAX_META)
            if "canonical" in (link.get("rel") or "").lower().split() and link.get("href")]  # fmt: skip
    has_path = bool(url) and urlsplit(web_url(url) or "").path.strip("/") != ""
    for address in (*said[:1], *_all(meta, ("og:url", "twitter:url"))):
        whole = web_url(address, base)
        if whole and not (has_path and _is_root(whole)):
            return whole
    return None


def _is_root(url: str) -> bool:
    parts = urlsplit(url)
    return not parts.path.strip("/") and not parts.query


def _authors(tree: HtmlElement, linked: object, meta: dict[str, list[str]]) -> tuple[str, ...]:
    """Take the first kind of place that names anyone."""
    found = names(jsonld.names_of(linked))
    for name in AUTHOR_META:
        found = found or names(meta.get(name, ()))
    if found:
        return found
    return _marked_authors(tree)


def _marked_authors(tree: HtmlElement) -> tuple[str, ...]:
    """Read the first element that the page marks as its author, outside of comments, and that is a name."""
    for item in AUTHOR_PLACES(tree)[:MAX_PLACES]:
        text = repair(one_line(item.text_content()[: 4 * MAX_BYLINE]))
        if 1 < len(text) <= MAX_BYLINE and (found := names([text])):
            return found
    return ()


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
