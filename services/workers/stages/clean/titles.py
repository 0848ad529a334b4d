"""The headline of a page: what its metadata and its headings say, without the name of the site."""

# ruff: noqa: E501 - patterns and lists of words are as long as they are

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from services.workers.stages.clean.markup import plain_text
from services.workers.stages.clean.plain import UNSPACED, comparable, one_line

MAX_TITLE = 1_000
MAX_HEADINGS = 20
HEADING_CHARS = 400
SITE_WORDS = 4  # a site's name has no more
LEAST_LABEL = 3
ALIKE, LONG_WORD = 0.25, 4
# A hyphen without spaces belongs to a word, a colon to the headline.
SEPARATOR = re.compile(r"\s+(?:[|–—·•»«:]|-{1,3}|::)\s+|\s*[|»]\s*")
NO_LETTERS = re.compile(r"[\W_]+")


class Sites:
    """The names that a site goes by: as it gives them, and the label of its host."""

    def __init__(self, names: Iterable[str], url: str | None) -> None:
        self.names = frozenset(key for name in names if (key := comparable(one_line(name)).removeprefix("@")))
        self.squeezed = frozenset(NO_LETTERS.sub("", name) for name in self.names)
        self.label, self.path = _host_label(url)

    def knows(self, text: str) -> bool:
        """Whether a text is the site's name: as given, or in the manner of its host, such as "BBC News"."""
        key = comparable(text)
        letters = NO_LETTERS.sub("", key)
        if key in self.names or (letters and letters in self.squeezed):
            return True
        if len(self.label) < LEAST_LABEL or not letters or len(key.split()) > SITE_WORDS:
            return False
        letters, host = letters.removeprefix("the"), self.label.removeprefix("the")
        if min(len(letters), len(host)) < LEAST_LABEL:
            return False
        return letters.startswith(host) or host.startswith(letters)

    def has_section(self, text: str) -> bool:
        """Whether a text is a section that the page's address names too."""
        key = NO_LETTERS.sub("", comparable(text))
        return bool(key) and key in self.path


def _host_label(url: str | None) -> tuple[str, frozenset[str]]:
    """Return the name in a host, such as ``bbc`` of ``www.bbc.co.uk``, and the folders of the path."""
    try:
        parts = urlsplit(url or "")
        labels = (parts.hostname or "").split(".")
    except ValueError:
        return "", frozenset()
    named = [
        label
        for label in labels[:-1]
        if label not in ("www", "co", "com", "m", "amp", "news", "org", "edition")
    ]
    folders = frozenset(NO_LETTERS.sub("", part.casefold()) for part in parts.path.split("/")[:-1])
    return NO_LETTERS.sub("", max(named, key=len, default="").casefold()), folders - {""}


def is_alike(one: str, other: str) -> bool:
    """Whether a good part of a headline's longer words, or pairs of unspaced signs, is in another text."""
    pieces, text = _pieces(one), other.casefold()
    return sum(piece in text for piece in pieces) >= ALIKE * len(pieces)


def _pieces(text: str) -> set[str]:
    words = NO_LETTERS.sub(" ", text.casefold()).split()
    pairs = {word[n : n + 2] for word in words if UNSPACED.search(word) for n in range(len(word) - 1)}
    return pairs or {word for word in words if len(word) >= LONG_WORD} or set(words)


def choose_title(tree: HtmlElement, linked: str | None, meta: Iterable[str], sites: Sites) -> str | None:
    """Return the headline: of the linked data, of the meta elements, the page's heading, its title element."""
    headings = _headings(tree)
    element = tree.find(".//title")
    titled = one_line(plain_text(element.text_content()[:MAX_TITLE])) if element is not None else ""
    given = [one_line(plain_text(text[:MAX_TITLE])) for text in (linked, *meta) if text]
    keys = frozenset(map(comparable, headings))
    found = [without_site(text, sites, keys) for text in given if text]
    page = [_heading_of(headings, titled, sites), without_site(titled, sites, keys) if titled else ""]
    candidates = [text for text in (*found, *page) if text]
    best = next(
        (text for text in candidates if len(text.split()) > SITE_WORDS or not sites.knows(text)), None
    )
    return (best or next(iter(candidates), ""))[:MAX_TITLE] or None


def without_site(title: str, sites: Sites, headings: frozenset[str]) -> str:
    """Cut the site's name off a title when it is known, and what stands behind the page's own heading."""
    cuts = [match.span() for match in SEPARATOR.finditer(title)]
    for start, end in reversed(cuts):
        head, tail = title[:start].strip(), title[end:].strip()
        if head and (comparable(head) in headings or (sites.knows(tail) and not sites.knows(head))):
            return without_site(head, sites, headings)
    if cuts:
        head, tail = title[: cuts[-1][0]].strip(), title[cuts[-1][1] :].strip()
        if head and len(tail.split()) <= 2 and sites.has_section(tail):
            return without_site(head, sites, headings)
        head, tail = title[: cuts[0][0]], title[cuts[0][1] :].strip()
        if tail and sites.knows(head):
            return tail
    return title


def _headings(tree: HtmlElement) -> list[str]:
    """Return the page's first-level headings, those that are only the site's logo left out."""
    found = []
    for item in tree.iter("h1"):
        text = one_line(item.text_content()[: 4 * HEADING_CHARS])
        if 1 < len(text) <= HEADING_CHARS and text not in found:
            found.append(text)
        if len(found) >= MAX_HEADINGS:
            break
    return found


def _heading_of(headings: list[str], titled: str, sites: Sites) -> str | None:
    """Choose among headings: the one that the title element repeats, else the only one that is no site's name."""
    named = [text for text in headings if not sites.knows(text)]
    key = comparable(titled)
    # A word such as "Reviews" may be a heading and stand in the title all the same.
    repeated = [
        text for text in named if key.startswith(comparable(text)) or _is_most_of(comparable(text), key)
    ]
    if repeated:
        return max(repeated, key=len)
    if len(named) == 1 and (
        len(named[0].split()) > SITE_WORDS or not titled or len(key.split()) <= SITE_WORDS
    ):
        return named[0]
    return None


def _is_most_of(part: str, whole: str) -> bool:
    return part in whole and 2 * len(part) > len(whole)
