"""When a page was published, and what of it says so: linked data, meta, marked elements, address, its text."""

# ruff: noqa: E501 - patterns and lists of words are as long as they are

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from htmldate import find_date
from lxml.html import HtmlElement

from services.workers.stages.clean import jsonld
from services.workers.stages.clean.dates import date_in_url, read_time, sane
from services.workers.stages.clean.plain import one_line
from services.workers.stages.clean.written import written_dates
from shared.article import DateSource

PUBLISHED_META = (
    "article:published_time", "og:article:published_time", "article:published", "og:published_time", "datepublished",
    "parsely-pub-date", "sailthru.date", "pubdate", "publishdate", "publish-date", "publication_date",
    "publish_date", "published_date", "published", "publication-date", "dc.date.issued", "dcterms.issued",
    "dcterms.created", "dc.date.created", "dc.date", "dcterms.date", "cxenseparse:recs:publishtime",
    "cxenseparse:publishtime", "article_date_original", "article.published", "article:post_date", "displaydate",
    "citation_publication_date", "citation_date", "originalpublicationdate", "og:pubdate", "bt:pubdate", "rnews:datepublished",
    "timestamp", "created", "date",
)  # fmt: skip
MODIFIED_META = (
    "article:modified_time", "og:article:modified_time", "og:updated_time", "datemodified", "dcterms.modified",
    "lastmod", "last-modified", "article:modified",
)  # fmt: skip
# Bounds for the search in a page's text, fixed so that the same page gives the same date tomorrow.
SEARCH_FROM, SEARCH_TO = datetime(1990, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - htmldate's are naive
MAX_PLACES = 20
MARKED_CHARS = 120
LINE_CHARS = 160
LOOK_ABOVE, LOOK_BELOW = 12, 60  # pieces of text around the headline
SAME_DAY = timedelta(days=1, hours=14)  # as far as time zones carry a day
PUBLISHED_NAME = re.compile(
    r"publi|posted|post-?date|entry-?date|article-?date|date-?(?:line|time|publi)|story-?date|created|fecha|datum",
    re.IGNORECASE,
)
MODIFIED_NAME = re.compile(r"modif|updat|edit|aktualis|actualiz|revis|chang", re.IGNORECASE)
OTHERS = re.compile(
    r"comment|related|sidebar|widget|teaser|recommend|recirc|most-|popular|trending|footer|promo|latest|ticker"
    r"|archive|event|menu|(?:^|[\s_-])nav|breaking",
    re.IGNORECASE,
)
ASIDE = frozenset(("aside", "nav", "footer", "form"))
NAMING = ("class", "id", "itemprop", "data-testid", "property")
DATED = (
    "datetime",
    "content",
    "data-datetime",
    "data-date",
    "data-published",
    "data-time",
    "data-timestamp",
    "title",
)
UNSEEN = frozenset(("script", "style", "noscript", "template", "select", "option", "svg"))
PUBLISHED_WORD = re.compile(
    r"\b(?:(?:first |originally |date )?(?:published|posted|created|issued|filed|released)|publication date|publish date"
    r"|date|veröffentlicht|erschienen|erstellt|publié[es]?|publication|mis en ligne|paru|publicad[oa]|publicación"
    r"|fecha|pubblicato|pubblicata|data|gepubliceerd|geplaatst|publicerad|publisert|udgivet|opublikowano|dodano"
    r"|опубликовано|дата|yayınlanma|yayın tarihi|diterbitkan|dipublikasikan|terbit|نشر|تاريخ النشر|发布|發布|掲載|公開"
    r"|入力|등록|입력|기사입력|승인)(?!\w)",
    re.IGNORECASE,
)
UPDATED_WORD = re.compile(
    r"(?<!\w)(?:(?:last )?(?:updated?|modified|edited|revised|changed|reviewed)|aktualisiert|zuletzt|stand|geändert|mis à jour"
    r"|modifié|maj|actualizad[oa]|actualización|modificado|aggiornato|aggiornata|atualizad[oa]|bijgewerkt|uppdaterad"
    r"|oppdatert|opdateret|aktualizacja|обновлено|güncelleme|güncellendi|diperbarui|تحديث|更新|수정|copyright|©|retrieved"
    r"|accessed|expires|born|until|from)(?!\w)",
    re.IGNORECASE,
)
# What may stand beside a date in a line of its own: names of days and writers, signs, a place of the site.
BESIDE_CHARS = 60

Moment = tuple[datetime, DateSource]

logging.getLogger("htmldate").setLevel(logging.CRITICAL)


def published(
    tree: HtmlElement,
    node: jsonld.Node,
    pages: Iterable[jsonld.Node],
    meta: dict[str, list[str]],
    urls: Iterable[str | None],
    latest: datetime | None,
) -> Moment | None:
    """Return when the page was published and what told; dates after ``latest`` are passed over as absurd."""
    month_first = _writes_month_first(tree)
    days = [day for url in urls if (day := sane(date_in_url(url), latest))]

    def said(texts: Iterable[str | None]) -> datetime | None:
        times = (sane(read_time(text, month_first=month_first), latest) for text in texts if text)
        return next((time for time in times if time), None)

    linked = (
        jsonld.text_of(item.get(name)) for item in (node, *pages) for name in ("datePublished", "dateCreated")
    )
    if time := said(linked):
        return time, "json-ld"
    if time := said(text for name in PUBLISHED_META for text in meta.get(name, ())):
        return time, "meta"
    if time := _marked(tree, said):
        return time, "page"
    return _unmarked(tree, days, latest, month_first=month_first)


def modified(node: jsonld.Node, meta: dict[str, list[str]], latest: datetime | None) -> datetime | None:
    """Return when the page says it was last changed."""
    texts = [
        jsonld.text_of(node.get("dateModified")),
        *(t for name in MODIFIED_META for t in meta.get(name, ())),
    ]
    return next((time for text in texts if (time := sane(read_time(text), latest))), None)


def _unmarked(
    tree: HtmlElement, days: list[datetime], latest: datetime | None, *, month_first: bool
) -> Moment | None:
    """Return the day in the address, or the date that stands by the headline; the latter if both agree."""
    written = sane(_by_headline(tree, month_first=month_first), latest)
    if days and (written is None or abs(written - days[0]) > SAME_DAY):
        return days[0], "url"
    found = written or sane(_searched(tree), latest)
    return (found, "text") if found else None


def _writes_month_first(tree: HtmlElement) -> bool:
    language = (tree.get("lang") or tree.get("xml:lang") or "").lower()
    return language.startswith(("en-us", "en_us"))


def _marked(tree: HtmlElement, said: Callable[[Iterable[str | None]], datetime | None]) -> datetime | None:
    """Read the element that is marked as the date of publication, else the first time by the headline."""
    marked = list(islice(_places(tree), MAX_PLACES))
    for test in (_is_published, _is_near, _is_time):
        # What is written for programs is more exact than what is written for readers.
        for read in (_attributes, _words):
            for item in filter(test, marked):
                if time := said(read(item)):
                    return time
    return None


def _places(tree: HtmlElement) -> Iterator[HtmlElement]:
    """Find elements that give a date and do not belong to another article, a comment or an update."""
    for item in tree.iter():
        if (
            not isinstance(item.tag, str)
            or item.tag in UNSEEN
            or item.tag in ("meta", "link", "body", "html")
        ):
            continue
        name = _name(item)
        is_update = MODIFIED_NAME.search(name) and not _is_published(item)
        is_date = (item.tag == "time" or PUBLISHED_NAME.search(name)) and not is_update
        if is_date and (item.get("itemprop") == "datePublished" or not _is_aside(item)):
            yield item


def _name(item: HtmlElement) -> str:
    return " ".join(value[:200] for name in NAMING if (value := item.get(name)))


def _is_published(item: HtmlElement) -> bool:
    """Whether an element, or what it stands in, is named after the publication."""
    if item.get("itemprop") == "datePublished" or item.get("pubdate") is not None:
        return True
    around = (item, *islice(item.iterancestors("span", "div", "p", "li"), 2))
    return any("publi" in _name(above).lower() for above in around)


def _is_near(item: HtmlElement) -> bool:
    """Whether an element stands in an article, or in what holds the headline."""
    for number, above in enumerate(item.iterancestors()):
        if above.tag in ("article", "main") or (number < 4 and next(above.iter("h1"), None) is not None):
            return bool(above.tag != "body")
    return False


def _is_aside(item: HtmlElement) -> bool:
    for number, above in enumerate(item.iterancestors()):
        if above.tag in ASIDE or (number < 8 and above.tag != "body" and OTHERS.search(_name(above))):
            return True
    return OTHERS.search(_name(item)) is not None


def _is_time(item: HtmlElement) -> bool:
    return bool(item.tag == "time")


def _attributes(item: HtmlElement) -> Iterator[str | None]:
    return ((item.get(name) or "")[:MARKED_CHARS] for name in DATED)


def _words(item: HtmlElement) -> Iterator[str | None]:
    """Give what an element says to readers, if that is short and no update."""
    text = one_line(item.text_content()[: 4 * MARKED_CHARS])
    if len(text) <= MARKED_CHARS:
        yield UPDATED_WORD.split(text)[0].strip() or None


def _by_headline(tree: HtmlElement, *, month_first: bool) -> datetime | None:
    """Return the date in the lines by the headline: one that says it is of publication, else one of its own."""
    loose: datetime | None = None
    for line in _lines_by_headline(tree):
        told = len(line) > BESIDE_CHARS and line.endswith((".", "!", "?"))  # in a sentence of the story
        for found in written_dates(line, month_first=month_first):
            before = line[: found.start][-BESIDE_CHARS:]
            updated = [match.end() for match in UPDATED_WORD.finditer(before)]
            labelled = [match.end() for match in PUBLISHED_WORD.finditer(before)]
            if not told and labelled and max(labelled) > max(updated, default=0):
                return found.moment
            rest = len(line) - (found.end - found.start)
            if not updated and loose is None and rest <= BESIDE_CHARS and not line.endswith((".", "!", "?")):
                loose = found.moment
    return loose


def _lines_by_headline(tree: HtmlElement) -> list[str]:
    """Return short pieces of text above and below the page's headline; an element's pieces are one line."""
    pieces: list[str] = []
    headline = -1
    for item in tree.iter():
        if not isinstance(item.tag, str) or item.tag in UNSEEN:
            continue
        if item.tag == "h1" and headline < 0:
            headline = len(pieces)
        if 0 <= headline < len(pieces) - LOOK_BELOW or len(pieces) > 3_000:
            break
        text = " ".join(part for part in (item.text, *(child.tail for child in islice(item, 8))) if part)
        if text.strip():
            line = one_line(text[: 4 * LINE_CHARS])
            pieces.append(line if len(line) <= LINE_CHARS and item.tag not in ("a", "title") else "")
    if headline < 0:
        return []
    return pieces[max(0, headline - LOOK_ABOVE) : headline + LOOK_BELOW]


def _searched(tree: HtmlElement) -> datetime | None:
    """Search the page's text for the day it was written, as far as that is done without guessing."""
    try:
        day = find_date(
            tree, extensive_search=False, original_date=True, min_date=SEARCH_FROM, max_date=SEARCH_TO
        )
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError):
        return None
    return read_time(day)
