"""How a page is laid out: whether it has a story of its own, or leads to many others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from services.workers.stages.clean.blocks import is_hidden
from services.workers.stages.clean.parts import has_chars
from services.workers.stages.clean.plain import UNSPACED, comparable, one_line

HEADLINE_WORDS = 4
MAX_HEADINGS = 20
PAGE = frozenset(("html", "body", "main"))
WHOLE = PAGE | {"article"}
PARAGRAPH_WORDS = 15  # a teaser's may be longer, but has no neighbour
STORY_WORDS = 40
LONE_WORDS = 70
CARD_LEVELS = 3
CARD_CHARS = 800
MAX_LINKS = 2_000
ASIDE = frozenset(("nav", "footer", "aside"))
UNSEEN = frozenset(("nav", "footer", "aside", "header", "script", "style", "noscript", "template", "head"))
SPEAKING = frozenset(
    ("p", "div", "span", "section", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "b", "a", "li", "button")
)
LINE_CHARS = 300
MAX_SEEN = 20_000
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5"))
LIST_FOLDERS = frozenset((
    "tag", "tags", "category", "categories", "topic", "topics", "section", "sections", "search", "archive",
    "archives", "author", "authors", "writer", "writers", "page", "label", "schlagwort", "thema", "themen",
    "suche", "kategorie", "etiqueta", "etiquetas", "tema", "temas", "categoria", "buscar", "busca",
    "busqueda", "recherche", "rubrique",
    "tags.html", "etiket", "kategori", "tagged", "keyword", "keywords",
))  # fmt: skip
SEARCH_QUERY = re.compile(r"(?:^|&)(?:q|s|query|search|keyword|keywords|term|suchbegriff)=", re.IGNORECASE)
FRONT_PATHS = frozenset(
    {"", "/", "/index.html", "/index.php", "/index.htm", "/home", "/index.asp", "/default.aspx"}
)
LOCALE = re.compile(r"/(?:[a-z]{2}(?:[-_][a-z]{2})?|international|edition|global|home)/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layout:
    """What was counted on a page: headlines that lead elsewhere, and whether it has a story of its own."""

    cards: int = 0
    has_story: bool = True
    has_headline: bool = False  # of some length, that is no link


def read_layout(tree: HtmlElement, title: str | None = None) -> Layout:
    """Count the headlines that are links, outside of menus and footers, and look for running text.

    A heading that repeats the page's ``title`` is its headline, whatever its level.
    """
    cards: set[str] = set()
    blocks: set[HtmlElement] = set()
    places: list[HtmlElement] = []
    for link in islice(tree.iter("a"), MAX_LINKS):
        if (card := _card(link)) is not None:
            cards.add(link.get("href") or "")
            places.append(card)
            if card not in blocks:
                blocks.update(_around(card))
    headline = next((item for item in islice(tree.iter("h1"), MAX_HEADINGS) if _is_headline(item)), None)
    has_story = _has_story(tree, blocks, comparable(title or "")) or _is_about(headline, places)
    return Layout(len(cards), has_story, headline is not None)


def _is_headline(heading: HtmlElement) -> bool:
    """Whether a heading is of some length, and no link."""
    text = one_line(heading.text_content()[:1_000])
    return _words(text) >= HEADLINE_WORDS and next(heading.iter("a"), None) is None


def _is_about(headline: HtmlElement | None, cards: list[HtmlElement]) -> bool:
    """Whether most links to other stories stand in the article that a headline opens: it is about them."""
    article = next(headline.iterancestors("article"), None) if headline is not None else None
    if article is None:
        return False
    inside = sum(article in islice(card.iterancestors("article"), 3) for card in cards)
    return 2 * inside > len(cards)


def lines_below(tree: HtmlElement, last: str) -> list[str]:
    """Return the short texts that stand under a paragraph in the block around it, teasers left out."""
    found: list[str] = []
    item = _last_that_says(tree, last)
    for _ in range(CARD_LEVELS):
        above = item.getparent() if item is not None else None
        if item is None or above is None or item.tag in WHOLE or above.tag in PAGE:
            break
        found += [
            one_line(block.text_content()[: 2 * LINE_CHARS])
            for block in islice(item.itersiblings(), MAX_HEADINGS)
            if isinstance(block.tag, str) and block.tag not in UNSEEN and not _leads_elsewhere(block)
        ]
        item = above
    return [line for line in found if line and len(line) <= LINE_CHARS]


def _last_that_says(tree: HtmlElement, text: str) -> HtmlElement | None:
    """Return the last and innermost paragraph of a text."""
    found = None
    for item in islice(tree.iter("p", "div", "li", "blockquote", "span"), MAX_SEEN):
        if not has_chars(item, 2 * len(text) + LINE_CHARS) and one_line(item.text_content()) == text:
            found = item
    return found


def _leads_elsewhere(block: HtmlElement) -> bool:
    """Whether a block has a headline's worth of link beside other text."""
    whole = one_line(block.text_content()[:1_000])
    links = (one_line(link.text_content()[:1_000]) for link in islice(block.iter("a"), MAX_HEADINGS))
    return any(_words(text) >= HEADLINE_WORDS and text != whole for text in links)


def lines_beside(tree: HtmlElement) -> list[str]:
    """Return the short pieces of text that a reader sees on a page, outside of its head, menus and footer."""
    lines: list[str] = []
    hidden: set[HtmlElement] = set()
    for item in islice(tree.iter(), MAX_SEEN):
        if (
            item.getparent() in hidden
            or not isinstance(item.tag, str)
            or item.tag in UNSEEN
            or _is_veiled(item)
        ):
            hidden.add(item)
        elif item.tag in SPEAKING and 0 < len(text := item.text_content()[: 2 * LINE_CHARS]) <= LINE_CHARS:
            lines.append(one_line(text))
    return [line for line in dict.fromkeys(lines) if " " in line]


def _is_veiled(item: HtmlElement) -> bool:
    return (
        is_hidden(item) or item.get("aria-hidden") == "true" or item.get("role") in ("dialog", "alertdialog")
    )


def is_root(url: str | None) -> bool:
    """Whether an address is a site's root."""
    parts = _split(url)
    return parts is not None and parts[0] in FRONT_PATHS and not parts[1]


def may_be_front(url: str | None) -> bool:
    """Whether an address may be the front page of an edition, such as ``/en/``."""
    parts = _split(url)
    return parts is not None and LOCALE.fullmatch(parts[0]) is not None and not parts[1]


def is_list_address(url: str | None) -> bool:
    """Whether an address is one of a list of pages: of a tag, a section, a writer, a search."""
    parts = _split(url)
    if parts is None:
        return False
    folders = [folder.lower() for folder in parts[0].split("/") if folder]
    if len(folders) > 1 and folders[-2] in ("page", "p") and folders[-1].isdigit():
        return True
    # An article may stand in a folder of that name too; its own name is long.
    named = any(folder in LIST_FOLDERS for folder in folders[:3]) and folders[-1].count("-") < HEADLINE_WORDS
    return named or SEARCH_QUERY.search(parts[1]) is not None


def _split(url: str | None) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    return (parts.path, parts.query) if parts.hostname else None


def _card(link: HtmlElement) -> HtmlElement | None:
    """Return the heading or item of a list that a link is the whole of, when it reads like a headline."""
    href = link.get("href") or ""
    if (
        not href
        or href.startswith("#")
        or _words(text := one_line(link.text_content()[:1_000])) < HEADLINE_WORDS
    ):
        return None
    heading = next((item for item in islice(link.iter(*HEADINGS), 1)), None)
    for number, above in enumerate(link.iterancestors()):
        if above.tag in ASIDE or above.tag == "p":
            return None
        if number < CARD_LEVELS and heading is None and above.tag in HEADINGS:
            heading = above
        if number == 0 and heading is None and above.tag == "li" and not has_chars(above, len(text) * 2):
            heading = above
        if number > 20:
            break
    return link if heading is not None and heading.tag == "a" else heading


def _around(card: HtmlElement) -> list[HtmlElement]:
    """Return what belongs to a headline of another page: the small blocks around it."""
    found = [card]
    for above in islice(card.iterancestors(), CARD_LEVELS):
        if above.tag in ("body", "main", "html") or has_chars(above, CARD_CHARS):
            break
        found.append(above)
    return found


def _has_story(tree: HtmlElement, cards: set[HtmlElement], title: str) -> bool:
    """Whether paragraphs of running text stand side by side, or one that is long or under a headline."""
    together: dict[HtmlElement, tuple[int, int]] = {}
    for item in tree.iter("p", "div"):
        if item.tag == "div" and len(item):
            continue
        parent = item.getparent()
        words = _words(one_line(item.text_content()[:10_000]))
        if parent is None or words < PARAGRAPH_WORDS or item in cards or _is_inside(item, cards):
            continue
        if item.tag == "div":  # a teaser may be one too
            if _is_under_headline(item, title):
                return True
            continue
        count, total = together.get(parent, (0, 0))
        together[parent] = count + 1, total + words
        if words >= LONE_WORDS or (count and total + words >= STORY_WORDS) or _is_under_headline(item, title):
            return True
    return _has_broken_text(tree, cards)


def _has_broken_text(tree: HtmlElement, cards: set[HtmlElement]) -> bool:
    """Whether text whose paragraphs are only line breaks stands somewhere."""
    for item in islice(tree.iter("br"), MAX_LINKS):
        parent = item.getparent()
        if parent is None or _words(item.tail or "") < PARAGRAPH_WORDS or _is_inside(item, cards):
            continue
        if sum(_words(child.tail or "") for child in islice(parent, 200)) >= STORY_WORDS:
            return True
    return False


def _is_inside(item: HtmlElement, cards: set[HtmlElement]) -> bool:
    return any(above in cards or above.tag in ASIDE for above in islice(item.iterancestors(), 12))


def _is_under_headline(item: HtmlElement, title: str) -> bool:
    """Whether a paragraph stands close to the page's title or a headline of some length, none a link."""
    for above in islice(item.iterancestors(), CARD_LEVELS):
        if above.tag in ("body", "html"):
            break
        heading = next(above.iter("h1", "h2"), None)
        if heading is not None and heading.tag == "h2":
            text = comparable(one_line(heading.text_content()[:1_000]))
            if text == title and next(heading.iter("a"), None) is None:
                return True
            heading = next(above.iter("h1"), None)
        if heading is not None:
            return _is_headline(heading)
    return False


def _words(text: str) -> int:
    return len(text.split()) + (0 if text.isascii() else len(UNSPACED.findall(text[:1_000])) // 2)
