"""Blocks of a page that are no part of its article, told by what they are: class, id, role, label, heading.

A block is cut before the main text is looked for; one that holds too much of the page's text stays, whatever
it is called. Single lines are ``rules.py``'s.
"""

# ruff: noqa: E501 - patterns and lists of words are as long as they are

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lxml.html import HtmlElement

from services.workers.stages.clean.phrases import phrase
from services.workers.stages.clean.plain import comparable, lines_of, one_line
from shared.article import Removed

NAMING = ("class", "id", "aria-label", "data-module", "data-component", "data-module-name", "data-testid")
NAME_CHARS = 200  # no name is longer; what is may be a trap
TEXT_CHARS = 40  # less in one piece is a label or a menu's entry
MOST_TEXT = 0.4  # of a page's running text; a block that holds more is no aside
MOST_TEXT_OF_BODY = 0.1  # where the same name also says "article" or "content"
HEADING_CHARS = 60
MOST_LINKED = 0.5  # of a block's characters are links' where other articles are listed
SHOWN_LINES, SHOWN_CHARS = 60, 200
CANDIDATES = frozenset((
    "div", "section", "aside", "ul", "ol", "li", "nav", "form", "footer", "article", "p", "table", "dl",
    "details", "figure", "center", "dialog", "header", "blockquote",
))  # fmt: skip
HEADINGS = ("h2", "h3", "h4", "h5", "h6")
HIDDEN = "hidden"  # what no reader saw is not listed as cut
WHOLE = frozenset(("html", "body", "main", "head"))
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
SEPARATORS = re.compile(r"[\W_]+")
# What sites call such blocks, as words of class names, ids and labels; the first that fits gives the reason.
NAMES = (
    ("comments", (r"comments(?: \w+)?|^comment$|comment (?:list|area|section|form|thread|box|count|item|wrapper|container)|disqus|livefyre|viafoura|(?:comment|discussion) (?:list|area|section)s?|kommentare"
     r"|comentarios|commentaires")),
    ("cookie-notice", (r"cookies?\w*|gdpr|onetrust|didomi|truste|ccpa|cmp (?:container|wrapper|modal)|sp message\w*"
     r"|(?:consent|privacy) (?:banner|notice|popup|modal|dialog|manager|bar|wall)")),
    ("newsletter", (r"newsletters?\w*|e?mail(?:ing)? ?(?:list|sign ?up|capture|form|subscri\w+|scrim|ty)"
     r"|sign ?up (?:form|box|block|module|widget|unit|promo)|mc embed sign ?up|mailchimp|mailmunch|boletin|optin"
     r"|(?:subscribe|subscription) (?:box|form|block|module|widget|unit|promo|banner|bar|offer|prompt|cta)")),
    ("share", (r"(?<!market )(?<!price )(?:social|article|post|story|page)? ?(?:share|sharing|shares)(?! (?:prices?|index|markets?|capital|deals?|value|holders?)) ?(?:bar|box|buttons?|icons?|links?|tools?"
     r"|this|widget|block|bottom|top|list|post|container|wrapper)?|addthis\w*|addtoany\w*|sharedaddy|a2a kit"
     r"|social (?:bar|buttons?|icons?|links?|media|tools?|icons?|follow|nav|list|container)"
     r"|(?:article|print|story|page) tools|print (?:article|button|tools)|teilen|compartir|partager|condividi")),
    ("advert", (r"adverts?|advertis\w+|adsbygoogle|dfp(?: ad)?|gpt ad|google ads?|ads?(?: ?(?:slot|unit|container|wrapper"
     r"|wrap|box|placement|banner|block|label|text|zone|holder|area|module|rail|leaderboard|mpu|sense))|sponsored?"
     r"(?: \w+)?|promoted|werbung|anzeige|publicidad|publicite")),
    ("related", (r"related\w*|recirc\w*|outbrain\w*|taboola\w*|zergnet|revcontent|mgid|nrelate|jp relatedposts|trending"
     r"|recommend(?:ed|ations?|er)?|most (?:read|popular|viewed|shared|commented|recent|discussed|watched)"
     r"|(?:more|other|latest|trending|popular|top|similar|recommended|recent|featured|further|read|also|next) (?:stories|story"
     r"|news|articles?|posts?|headlines?|reading|from|on|coverage|more|next|also|like|box|in|about|links?)"
     r"|see also|you (?:may|might)(?: also)?(?: like)?|up next|read ?(?:more|next|also)|in case you missed"
     r"|promo(?: ?(?:items?|box|container|block|module|section|list|unit|card|text|links?|strip|rail))?|pushdown\w*"
     r"|teaser list|story package|article river|relacionad[oa]s?|(?:lo )?mas (?:leid|vist|popular)\w*|lire aussi|a lire"
     r"|(?:les )?plus lus?|meistgelesen\w*|mehr zum thema|verwandte|auch interessant|leggi anche|correlat[ie]|piu letti"
     r"|leia (?:mais|tambem)|mais (?:lidas|vistas)|gerelateerd|lees ook|meest gelezen|powiazane|ilgili haberler"
     r"|baca juga|terkait|terpopuler")),
    ("author-bio", (r"(?:about (?:the )?|post |article |entry )?(?:author|writer|contributor) ?(?:bio\w*|box|card|profile"
     r"|description|about|details|block|footer)|about (?:the )?author|bio ?box")),
    ("site-note", (r"breadcrumbs?|correction form|feedback form|skip links?|back to top|app (?:banner|promo|download)"
     r"|(?:article|post|story|entry) (?:tags|topics|categories)|tags? ?(?:list|links|cloud)|rate this|survey(?: (?:box|form|widget|link|prompt|banner))$"
     r"|push notifications?|donat(?:e|ion)s?(?: \w+)?")),
)  # fmt: skip
NAMED = tuple((reason, re.compile(rf"(?<!\S)(?:{words})(?!\S)")) for reason, words in NAMES)
# Reasons whose names are also words for what an article tells; one such word alone is believed less.
BY_A_WORD = frozenset(("comments", "site-note", "share"))
PLAIN_NAME = re.compile(r"comments?|survey(?:[-_]\w+)?|shares?", re.IGNORECASE)
ASKING = ("form", "input", "button", "textarea", "iframe", "time")
FORM_CHARS = 300
ASKS = re.compile(r"newsletter|inbox|e-?mails?\b|mailing|posteingang|boletín|infolettre", re.IGNORECASE)
# A name such as "article-body has-related" is about the article.
BODY_NAME = re.compile(
    r"(?<!\S)(?:(?:article|story|post|entry|page|main|news|text) ?(?:body|content|text|main|wrapper|container)?"
    r"|content|main|single)(?!\S)"
)
# What is laid out around something is not the thing itself: "layout--adrail", "has-related", "no-ads".
STATE = re.compile(
    r"(?<!\S)(?:has|with|no|is|show|hide|without|enable[sd]?|can|not|layout|grid|theme|template)(?!\S)"
)
ROLES = {
    "navigation": "site-note", "search": "site-note", "dialog": "site-note", "alertdialog": "site-note",
    "contentinfo": "site-note", "menu": "site-note", "menubar": "site-note", "toolbar": "share",
}  # fmt: skip


@dataclass(slots=True)
class Sizes:
    """Characters of text, of running text and of links in each element of a page, its descendants' included."""

    text: dict[HtmlElement, int]
    prose: dict[HtmlElement, int]
    linked: dict[HtmlElement, int]
    headed: set[HtmlElement]  # those that hold the page's headline


def cut_blocks(tree: HtmlElement) -> list[Removed]:
    """Take the blocks that are no part of an article out of a page; return the beginning of what they said."""
    elements = [item for item in tree.iter() if isinstance(item.tag, str)]
    sizes = _measure(elements)
    allowed = sizes.prose.get(tree, 0)
    gone: set[HtmlElement] = set()
    shown: list[Removed] = []
    for element in elements:
        if element.getparent() in gone:
            gone.add(element)
            continue
        reason = _reason(element, sizes, allowed)
        if reason is not None:
            gone.add(element)
            _show(element, reason, shown)
    tops = [element for element in elements if element in gone and element.getparent() not in gone]
    forms = _around_forms(elements, gone, sizes, allowed, shown)
    for element in [*tops, *forms, *_under_headings(elements, gone, sizes, allowed, shown)]:
        _drop(element)
    return shown


def _measure(elements: list[HtmlElement]) -> Sizes:
    """Add up the text of every element, from the leaves to the root."""
    sizes = Sizes({}, {}, {}, set())
    text, prose, linked = sizes.text, sizes.prose, sizes.linked
    for element in reversed(elements):
        tag = element.tag
        own = 0 if tag in ("script", "style", "noscript", "template") else len(element.text or "")
        whole = text.get(element, 0) + own
        running = prose.get(element, 0) + (own if own >= TEXT_CHARS else 0)
        if tag == "a":
            linked[element], running = whole, 0
        elif tag in ("script", "style", "noscript", "template"):
            whole = running = 0
        elif tag == "h1":
            sizes.headed.add(element)
        text[element], prose[element] = whole, running
        parent = element.getparent()
        if parent is None:
            continue
        tail = len(element.tail or "")
        text[parent] = text.get(parent, 0) + whole + tail
        prose[parent] = prose.get(parent, 0) + running + (tail if tail >= TEXT_CHARS else 0)
        linked[parent] = linked.get(parent, 0) + linked.get(element, 0)
        if element in sizes.headed:
            sizes.headed.add(parent)
    return sizes


def _reason(element: HtmlElement, sizes: Sizes, allowed: int) -> str | None:
    """Say what an element is when it is no part of an article, and holds little enough to be believed."""
    if element.tag not in CANDIDATES or element in sizes.headed:
        return None
    role = HIDDEN if is_hidden(element) else ROLES.get(element.get("role") or "")
    names = " ".join(value[:NAME_CHARS] for name in NAMING if (value := element.get(name)))
    reason, of_body = (role, False) if role else _named(names)
    if reason in BY_A_WORD and _is_told(element, sizes):
        # What looks for the main text afterwards goes by names too.
        for name in ("class", "id"):
            element.attrib.pop(name, None)
        return None
    if reason is None:
        return None
    most = MOST_TEXT_OF_BODY if of_body else MOST_TEXT
    return reason if sizes.prose[element] <= most * allowed else None


def is_hidden(element: HtmlElement) -> bool:
    """Whether a page hides an element from its readers, as far as the element itself says."""
    style = (element.get("style") or "")[:NAME_CHARS].replace(" ", "").lower()
    return "display:none" in style or element.get("hidden") is not None


def _is_told(element: HtmlElement, sizes: Sizes) -> bool:
    """Whether a block in the article itself has running text, is no list of links and asks for nothing.

    A letter, a quotation or a survey's result is part of its article, whatever its name.
    """
    if not sizes.prose[element] or _is_links(element, sizes) or element.tag in ("form", "ol", "ul", "li"):
        return False
    if not sizes.headed.intersection(element.iterancestors("article")):
        return False
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    return PLAIN_NAME.fullmatch(names.strip()) is not None and next(element.iter(*ASKING), None) is None


@lru_cache(maxsize=4_096)  # the blocks of a site have the same names on every page
def _named(names: str) -> tuple[str | None, bool]:
    """Return the reason that names give, and whether they also name the article itself."""
    for name in names.split():
        words = SEPARATORS.sub(" ", CAMEL.sub(" ", name)).lower().strip()
        if STATE.search(words):
            continue
        for reason, pattern in NAMED:
            if pattern.search(words):
                return reason, BODY_NAME.search(SEPARATORS.sub(" ", names.lower())) is not None
    return None, False


def _under_headings(
    elements: list[HtmlElement], gone: set[HtmlElement], sizes: Sizes, allowed: int, shown: list[Removed]
) -> Iterator[HtmlElement]:
    """Find lists of other articles by the heading above them, such as "Most read" or "Lesen Sie auch"."""
    for element in elements:
        if element.tag not in HEADINGS or element in gone or sizes.text[element] > HEADING_CHARS:
            continue
        if phrase("related")(comparable(one_line(element.text_content()))) is None:
            continue
        for block in _listed_under(element, sizes):
            if block not in gone and block not in sizes.headed and sizes.prose[block] <= MOST_TEXT * allowed:
                gone.update(block.iter())
                _show(block, "related", shown)
                yield block


def _around_forms(
    elements: list[HtmlElement], gone: set[HtmlElement], sizes: Sizes, allowed: int, shown: list[Removed]
) -> Iterator[HtmlElement]:
    """Find the small blocks around forms that ask for an address to send a newsletter to."""
    for form in elements:
        if form.tag != "form" or form in gone or sizes.text[form] > FORM_CHARS:
            continue
        block, above = form, form.getparent()
        while above is not None and above.tag in ("div", "section", "aside") and _is_small(above, sizes):
            block, above = above, above.getparent()
        if (
            block not in sizes.headed
            and sizes.prose[block] <= MOST_TEXT * allowed
            and ASKS.search(block.text_content())
        ):
            gone.update(block.iter())
            _show(block, "newsletter", shown)
            yield block


def _is_small(element: HtmlElement, sizes: Sizes) -> bool:
    return sizes.text[element] <= FORM_CHARS and element not in sizes.headed


def _listed_under(heading: HtmlElement, sizes: Sizes) -> list[HtmlElement]:
    """Return the block of links that a heading opens: its parent, or itself and the lists that follow it."""
    parent = heading.getparent()
    if (
        parent is not None
        and parent.tag not in WHOLE
        and parent.tag != "article"
        and _is_links(parent, sizes)
    ):
        return [parent]
    lists = []
    for element in heading.itersiblings():
        if not isinstance(element.tag, str) or not _is_links(element, sizes):
            break
        lists.append(element)
    return [heading, *lists] if lists else []


def _is_links(element: HtmlElement, sizes: Sizes) -> bool:
    """Whether most of what an element says is links."""
    return 0 < sizes.text[element] <= sizes.linked.get(element, 0) / MOST_LINKED


def _show(element: HtmlElement, reason: str, shown: list[Removed]) -> None:
    """Write down the beginning of what a block says."""
    if len(shown) >= SHOWN_LINES or reason == HIDDEN:
        return
    for item in element.iter("script", "style", "noscript", "template"):
        item.text = None
    lines = lines_of(element.text_content()[: SHOWN_LINES * SHOWN_CHARS])
    shown += [Removed(line[:SHOWN_CHARS], reason) for line in lines[: SHOWN_LINES - len(shown)]]


def _drop(element: HtmlElement) -> None:
    """Take an element out of its tree; what stands behind it stays."""
    if element.getparent() is not None:
        element.drop_tree()
