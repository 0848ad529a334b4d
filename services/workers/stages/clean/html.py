"""Main text from a page's HTML, by trafilatura; what is too big or too deep for it is read as plain text.

Metadata are ``metadata.py``'s. Nothing here touches the network.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import trafilatura
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring
from trafilatura.settings import Document

from services.workers.stages.clean.blocks import cut_blocks
from services.workers.stages.clean.layout import lines_below, lines_beside
from services.workers.stages.clean.markup import visible_text
from services.workers.stages.clean.parts import PART_CHARS, join_parts, open_tables, paragraph_chars
from services.workers.stages.clean.plain import comparable, lines_of, one_line
from services.workers.stages.clean.text import mark_furniture
from services.workers.stages.clean.titles import is_alike
from shared.article import Removed

# Less than this is nearly nothing, and worth a second look; a text that is found instead must be much longer.
SHORT_CHARS = 400
MUCH_LONGER = 2
SHORT_BODY = 2_000  # characters; the beginning of an article that is sold has fewer
LEAST_FOUND = 0.15  # of the characters in a page's paragraphs; a page may have many comments
# A text given by the metadata: how long it may be to be compared, how much of it must be found, and be of it.
MOST_STATED, NEARLY_ALL, MOST_OF_IT = 100_000, 0.9, 0.7
LINE_LETTERS, SAME_LETTERS = 16, 24
NO_LETTERS = re.compile(r"[\W_]+")
LINK_CHARS = 20
MOST_LINKS = 0.25
MAX_TITLE, MAX_SIBLINGS = 1_000, 50
MOST_SIBLINGS = 3  # a picture, a line break; more of them, and the link does not stand alone
# trafilatura takes some 50 microseconds an element: 5 s for a page of 100,000; its cascade, four times that.
MAX_ELEMENTS, MAX_CASCADE = 20_000, 8_000
# Elements take some 500 bytes of memory each.
MAX_TAGS, MAX_HEAD_CHARS = 100_000, 1_000_000
__all__ = ["Page", "cut_furniture", "parse_page", "read_body", "visible_text", "without_headline"]

XML_CHARS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
LONG_PAGE = 200_000
# Comparing a tag's attributes with each other takes the parser quadratic time.
LONG_TAG = re.compile(r"<([a-zA-Z][\w-]{0,40})\s[^<>]{200000,}>")
DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>", re.IGNORECASE)
UNREAD = ("noscript", "template", "svg", "iframe", "object")
EMPHASIS = frozenset(("b", "strong", "em", "i", "span", "u", "font"))
# Its warnings say "discarding data" of pages for which this module gives a reason itself.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed page, and whether the parser could read it to its end."""

    tree: HtmlElement
    whole: bool
    elements: int


def parse_page(html: str) -> Page | None:
    """Parse a page, broken or not; None when there is no element in it. At most 256 levels are read.

    Of a page of more tags than any page of news has, only the beginning is read, where its metadata are.
    """
    whole = html.count("<") <= MAX_TAGS
    markup = html if whole else html[:MAX_HEAD_CHARS]
    markup = LONG_TAG.sub(r"<\1>", markup) if len(markup) > LONG_PAGE else markup
    markup = DECLARATION.sub("", XML_CHARS.sub("", markup), count=1)
    # One parser a page: they keep their error log, and are not shared between threads.
    parser = HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False, default_doctype=False,
        huge_tree=False, no_network=True,
    )  # fmt: skip
    try:
        tree = document_fromstring(markup.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return None
    etree.strip_elements(tree, *UNREAD, with_tail=False)
    cut_off = any(error.level >= etree.ErrorLevels.FATAL for error in parser.error_log)
    return Page(tree, whole and not cut_off, sum(1 for _ in tree.iter()))


def read_body(markup: str, page: Page, stated: str | None = None) -> tuple[str | None, list[Removed]]:
    """Return a page's main text with the blocks that were cut first; None when it must be read as text.

    ``stated`` is the text its metadata give. The page's tree is changed; where next to nothing is left of it,
    the page is read once more as it was.
    """
    if page.elements > MAX_ELEMENTS or not page.whole:
        return None, []
    _drop_menus(page.tree)
    blocks = cut_blocks(page.tree)
    open_tables(page.tree)
    join_parts(page.tree)
    text = extract_body(page, stated)
    outside: list[Removed] = []
    if stated is not None and len(stated) <= MOST_STATED:
        text, outside = trim_to(stated, text)
    if len(text) < SHORT_CHARS and blocks and (whole := parse_page(markup)) is not None:
        _drop_menus(whole.tree)
        other = extract_body(whole, stated)
        if len(other) > MUCH_LONGER * len(text):
            return other, []
    return text, [*outside, *blocks]


def extract_body(page: Page, stated: str | None = None) -> str:
    """Return the page's main text; ``stated`` is taken where it is much longer than what was found.

    trafilatura's rules alone come first: with its rescuers it takes nearly twice the time and scores the same
    (4-gram F1 .967 and .959 on 88 pages, .962 and .964 on 181). Where they find next to nothing, or one line
    of a page that is laid out with tables, the whole cascade decides, precise or not.
    """
    text = _extract(page.tree, fast=True)
    if stated is not None and _is_better(stated, text) and _is_same(stated, text, page.tree):
        return stated
    if page.elements > MAX_CASCADE:
        return text
    if len(text) < SHORT_CHARS or len(text) < LEAST_FOUND * paragraph_chars(page.tree):
        other = max(_extract(page.tree, precise=True), _extract(page.tree), key=len)
        return other if len(other) > MUCH_LONGER * len(text) else text
    if _is_row(text) and "\n" in (other := _extract(page.tree, precise=True)):
        return other
    return text


def _is_better(stated: str, found: str) -> bool:
    """Whether the text of the metadata is much longer, or the same with the paragraphs that were lost."""
    if len(stated) < SHORT_CHARS:
        return False
    if len(stated) > MUCH_LONGER * len(found):
        return True
    return "\n" in stated and "\n" not in found and 0.9 < len(stated) / len(found) < 1.1


def _is_same(stated: str, found: str, tree: HtmlElement) -> bool:
    """Whether the text of the metadata is the page's: it holds a line of the found one, or the headline."""
    wanted = _letters(stated[:MOST_STATED])
    lines = (_letters(line) for line in found[:MOST_STATED].split("\n"))
    if any(line[:SAME_LETTERS] in wanted for line in lines if len(line) >= SAME_LETTERS):
        return True
    titles = [item.text_content()[:MAX_TITLE] for item in islice(tree.iter("h1", "title"), MAX_SIBLINGS)]
    return not any(map(str.strip, titles)) or any(is_alike(title, stated) for title in titles)


def _drop_menus(tree: HtmlElement) -> None:
    """Take menus and footers out of a page, unless there is running text in them.

    Where next to nothing else is found, trafilatura takes them for text.
    """
    menus = [item for item in islice(tree.iter("nav", "footer", "header"), MAX_SIBLINGS) if _is_menu(item)]
    for item in menus:
        sizes = (len(one_line(part.text_content())) for part in item.iter("p", "li"))
        if item.getparent() is not None and max(sizes, default=0) < PART_CHARS:
            item.drop_tree()


def _is_menu(item: HtmlElement) -> bool:
    """Whether an element is a menu or a footer, or a page's header around a menu and without a headline."""
    if item.tag != "header":
        return True
    return next(item.iter("nav"), None) is not None and next(item.iter("h1", "h2"), None) is None


def trim_to(stated: str, text: str) -> tuple[str, list[Removed]]:
    """Cut what is above and below the text that a page's metadata give, where that is nearly all of it."""
    wanted = _letters(stated)
    lines = text.split("\n")
    sizes = [
        len(line) if len(line := _letters(text)) >= LINE_LETTERS and line in wanted else 0 for text in lines
    ]
    if sum(sizes) < NEARLY_ALL * len(wanted) or sum(sizes) < MOST_OF_IT * len(_letters(text)):
        return text, []
    inside = [number for number, size in enumerate(sizes) if size]
    first, last = inside[0], inside[-1]
    removed = [Removed(line, "above-article") for line in lines[:first]]
    removed += [Removed(line, "below-article") for line in lines[last + 1 :]]
    return "\n".join(lines[first : last + 1]), removed


def _letters(text: str) -> str:
    return NO_LETTERS.sub("", text).casefold()


def _is_row(text: str) -> bool:
    """Whether most of a text was read as one row of a table."""
    return any(line.startswith("|") and len(line) > len(text) / 2 for line in text.split("\n"))


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


def beside(page: Page, body: str, blocks: Sequence[Removed]) -> tuple[str, ...]:
    """Return the lines that may ask for a subscription beside a short text; beside a long one nobody asks."""
    if len(body) > SHORT_BODY:
        return ()
    lines = frozenset(body.split("\n"))
    shown = (line for line in lines_beside(page.tree) if line not in lines)
    return (*(item.text for item in blocks if item.reason == "newsletter"), *shown)


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


def without_headline(lines: Sequence[str], title: str, is_said: bool = False) -> list[str]:
    """Drop the headline where it is repeated at the beginning of the body.

    A flash is only its headline: where that ``is_said`` in a paragraph too, and nothing else, it stays once.
    """
    wanted = comparable(title)
    kept = [line for number, line in enumerate(lines) if number > 4 or comparable(line) != wanted]
    return kept or ([title] if is_said else [])


def says_again(page: Page, title: str) -> bool:
    """Whether a page repeats its title as a paragraph."""
    wanted = comparable(title)
    texts = (item.text_content()[: 2 * MAX_TITLE] for item in islice(page.tree.iter("p"), MAX_SIBLINGS))
    return bool(wanted) and any(comparable(one_line(text)) == wanted for text in texts)


def below(page: Page, lines: Sequence[str]) -> list[str]:
    """Return the short lines that a page shows right under a short text, in the same block."""
    if not lines or sum(map(len, lines)) > SHORT_BODY:
        return []
    return lines_below(page.tree, lines[-1])


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
