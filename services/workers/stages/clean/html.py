"""Main text from a page's HTML, by trafilatura; what is too big or too deep for it is read as plain text.

Metadata are ``metadata.py``'s. Nothing here touches the network.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from itertools import islice

import trafilatura
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring
from trafilatura.settings import Document

from services.workers.stages.clean.plain import comparable, lines_of, one_line
from services.workers.stages.clean.text import mark_furniture
from shared.article import Removed

# Less than this is nearly nothing, and worth a second look; a text that is found instead must be much longer.
SHORT_CHARS = 400
MUCH_LONGER = 2
LINK_CHARS = 20
MOST_LINKS = 0.25
MOST_SIBLINGS = 3  # a picture, a line break; more of them, and the link does not stand alone
# trafilatura takes some 50 microseconds an element: 5 s for a page of 100,000.
MAX_ELEMENTS = 20_000
XML_CHARS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>", re.IGNORECASE)
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav",
    "ol", "p", "pre", "section", "table", "tbody", "td", "th", "thead", "title", "tr", "ul",
))  # fmt: skip
EMPHASIS = frozenset(("b", "strong", "em", "i", "span", "u", "font"))
UNSEEN = frozenset(("script", "style", "noscript", "template", "iframe", "svg"))
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>|<!--.*?(?:-->|$)|<![^<>]*>", re.DOTALL)

# Its warnings say "discarding data" of pages for which this module gives a reason itself.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed page, and whether the parser could read it to its end."""

    tree: HtmlElement
    whole: bool
    elements: int


def parse_page(html: str) -> Page | None:
    """Parse a page, broken or not; None when there is no element in it. At most 256 levels are read."""
    markup = DECLARATION.sub("", XML_CHARS.sub("", html)).encode("utf-8", "replace")
    # One parser a page: they keep their error log, and are not shared between threads.
    parser = HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False, default_doctype=False,
        huge_tree=False, no_network=True,
    )  # fmt: skip
    try:
        tree = document_fromstring(markup, parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return None
    cut_off = any(error.level >= etree.ErrorLevels.FATAL for error in parser.error_log)
    return Page(tree, not cut_off, sum(1 for _ in tree.iter()))


def extract_body(page: Page, stated: str | None = None) -> str | None:
    """Return the page's main text, or None when the page has to be read as plain text instead.

    ``stated`` is the text its metadata give, which is taken where it is much longer than what was found.

    trafilatura's rules alone come first: with its rescuers it takes nearly twice the time and scores the same
    (4-gram F1 .967 and .959 on 88 pages, .962 and .964 on 181). Where they find next to nothing, the whole
    cascade decides, precise or not.
    """
    if page.elements > MAX_ELEMENTS or not page.whole:
        return None
    text = _extract(page.tree, fast=True)
    if stated is not None and _is_better(stated, text):
        return stated
    if len(text) < SHORT_CHARS:
        other = max(_extract(page.tree, precise=True), _extract(page.tree), key=len)
        text = other if len(other) > MUCH_LONGER * len(text) else text
    return text


def _is_better(stated: str, found: str) -> bool:
    """Whether the text of the metadata is much longer, or the same with the paragraphs that were lost."""
    if len(stated) < SHORT_CHARS:
        return False
    if len(stated) > MUCH_LONGER * len(found):
        return True
    return "\n" in stated and "\n" not in found and 0.9 < len(stated) / len(found) < 1.1


def cut_furniture(page: Page, body: str) -> tuple[list[str], list[Removed]]:
    """Split extracted text into lines that stay and lines that are furniture all the same."""
    marks = mark_furniture(lines_of(body))
    links = link_lines(page.tree)
    alone = [n for n, line in enumerate(marks.lines) if line.key in links and not line.ends]
    # A page made of links, such as a list of recommendations, is another matter.
    if len(alone) <= MOST_LINKS * len(marks.lines):
        for number in alone:
            marks.cut(number, "see-also")
    return marks.kept(), marks.removed()


def link_lines(tree: HtmlElement) -> frozenset[str]:
    """Return the comparable form of paragraphs and list items that are one link and nothing else."""
    found = set()
    for link in tree.iter("a"):
        block = _block_around(link)
        text = link.text_content() if block is not None else ""
        if block is not None and len(text) >= LINK_CHARS and one_line(block.text_content()) == one_line(text):
            found.add(comparable(one_line(text)))
    return frozenset(found)


def _block_around(link: HtmlElement) -> HtmlElement | None:
    """Return the paragraph or item around a link, if there is hardly anything else in it."""
    element = link
    while (parent := element.getparent()) is not None and _has_few_children(parent):
        if parent.tag not in EMPHASIS:
            return parent if parent.tag in ("p", "li") else None
        element = parent
    return None


def _has_few_children(element: HtmlElement) -> bool:
    """Whether an element has no more than a few children; ``len`` would count thousands."""
    return next(islice(element.iterchildren(), MOST_SIBLINGS, None), None) is None


def visible_text(html: str) -> str:
    """Return the visible text of markup, a line for each block, without building a tree of it."""
    parts: list[str] = []
    place, hidden_by = 0, ""
    for tag in TAG.finditer(html):
        name = (tag[2] or "").lower()
        if not hidden_by:
            parts.append(html[place : tag.start()])
            parts.append("\n" if name in BLOCKS else "")
            hidden_by = name if name in UNSEEN and not tag[1] else ""
        elif name == hidden_by and tag[1]:
            hidden_by = ""
        place = tag.end()
    return unescape("".join([*parts, "" if hidden_by else html[place:]]))


def without_headline(lines: Sequence[str], title: str) -> list[str]:
    """Drop the headline where it is repeated at the beginning of the body."""
    wanted = comparable(title)
    return [line for number, line in enumerate(lines) if number > 4 or comparable(line) != wanted]


def _extract(tree: HtmlElement, *, fast: bool = False, precise: bool = False) -> str:
    """Run trafilatura on a copy of the tree; text it cannot find is an empty string."""
    try:
        document = trafilatura.bare_extraction(
            tree, fast=fast, favor_precision=precise, include_comments=False
        )
    except (etree.LxmlError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        # Odd trees trip its many steps in ways that differ by version: the page then counts as empty.
        return ""
    return document.text or "" if isinstance(document, Document) else ""
