"""What a page says of itself in JSON-LD: the nodes that describe articles, read tolerantly.

Blocks may be lists, graphs, nested, commented out or broken; what cannot be read is passed over. Which of
several articles is the page's own is ``metadata.py``'s question.
"""

# ruff: noqa: E501 - patterns and lists of words are as long as they are

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from services.workers.stages.clean.markup import plain_text

MAX_BLOCK = 2_000_000
MAX_BLOCKS = 100
MAX_NODES = 2_000
MAX_DOCUMENTS = 50  # JSON texts written one after the other in a block
MAX_NAME = 300
ARTICLE_TYPES = frozenset((
    "article", "newsarticle", "reportagenewsarticle", "analysisnewsarticle", "opinionnewsarticle",
    "reviewnewsarticle", "backgroundnewsarticle", "asknewsarticle", "advertisercontentarticle",
    "satiricalarticle", "blogposting", "liveblogposting", "socialmediaposting", "techarticle",
    "scholarlyarticle", "report",
))  # fmt: skip
LIST_TYPES = frozenset(("collectionpage", "searchresultspage", "itemlist"))
# Where nodes lie in others; the parts and items of a list page are other articles, and are not walked into.
INNER = ("mainEntityOfPage", "mainEntity", "@graph")
OPENINGS = ("<!--", "//<![CDATA[", "/*<![CDATA[*/", "<![CDATA[")
CLOSINGS = ("-->", "//]]>", "/*]]>*/", "]]>", ";", "//")
TRAILING_COMMA = re.compile(r",\s*(?=[}\]])")
BAD_ESCAPE = re.compile(r"\\(?![\"\\/bfnrtu])")
# The few fields worth saving from a block that no parser takes, with their greatest length; a value ends before
# the next name or bracket, so that quotation marks inside it do no harm.
BROKEN_FIELDS = {
    "headline": 500, "datePublished": 64, "dateModified": 64, "description": 2_000, "articleBody": 50_000,
}  # fmt: skip
BROKEN_AUTHOR = re.compile(
    r'"author"\s*:\s*\[?\s*(?:\{[^{}"]{0,50}(?:"@?\w{1,20}"\s*:\s*"[^"]{0,300}"\s*,\s*){0,5}"name"\s*:\s*)?"([^"]{1,100})"'
)
BROKEN_TRIES = 3  # how often a name is looked for; a trap repeats it thousands of times

Node = dict[str, Any]


@dataclass(slots=True)
class LinkedData:
    """A page's nodes: those of articles, of the page itself, and all that have an id."""

    articles: list[Node] = field(default_factory=list)
    pages: list[Node] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    by_id: dict[str, Node] = field(default_factory=dict)

    def resolve(self, value: object) -> object:
        """Return the node that a mere reference such as ``{"@id": "#author"}`` means, also in a list."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value[:50]]
        if isinstance(value, dict) and not value.keys() - {"@id", "@type"}:
            name = value.get("@id")
            return self.by_id.get(name, value) if isinstance(name, str) else value
        return value


def read_blocks(blocks: Iterable[str]) -> LinkedData:
    """Read the nodes of a page's blocks; a broken block gives the plain fields of its article."""
    data = LinkedData()
    saved: list[Node] = []
    for number, block in enumerate(blocks):
        if number >= MAX_BLOCKS:
            break
        parsed = _parse(block[:MAX_BLOCK])
        for node in _nodes(parsed):
            _sort(node, data)
        if parsed is None and (fields := _rescue(block[:MAX_BLOCK])):
            saved.append(fields)
    data.articles = data.articles or saved
    return data


def types_of(node: Node) -> set[str]:
    """Return a node's types in lower case, without their namespace."""
    value = node.get("@type")
    values = value if isinstance(value, list) else [value]
    return {re.split(r"[/:#]", item[-100:])[-1].lower() for item in values[:20] if isinstance(item, str)}


def text_of(value: object) -> str | None:
    """Return a value's text on one line: the first of a list, the ``@value`` of a node, markup undone."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("@value")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else None
    if not isinstance(value, str):
        return None
    return " ".join(plain_text(value).split()) or None


def block_of(value: object) -> str | None:
    """Return a long text value with its line breaks, markup and entities undone."""
    if isinstance(value, list):
        value = "\n".join(item for item in value if isinstance(item, str))
    if not isinstance(value, str):
        return None
    return plain_text(value).strip() or None


def names_of(value: object) -> list[str]:
    """Return the names in a value: a string, a node with ``name``, or a list of them."""
    if isinstance(value, list):
        return [name for item in value[:50] if not isinstance(item, list) for name in names_of(item)]
    if isinstance(value, dict):
        name = value.get("name")
        return names_of(name) if not isinstance(name, dict) else []
    name = text_of(value[:MAX_NAME]) if isinstance(value, str) else None
    return [name] if name else []


def url_of(value: object, depth: int = 3) -> str | None:
    """Return the URL in a value: a string, a node with ``url``, ``contentUrl`` or ``@id``, or a list."""
    if depth == 0:
        return None
    if isinstance(value, list):
        return next((url for url in (url_of(item, depth - 1) for item in value[:10]) if url), None)
    if isinstance(value, dict):
        found = (url_of(value.get(key), depth - 1) for key in ("url", "contentUrl", "@id"))
        return next((url for url in found if url), None)
    return value.strip() if isinstance(value, str) and value.strip() else None


def is_behind_a_wall(nodes: Iterable[Node]) -> bool | None:
    """Return whether a page's nodes say that its text is not free to read; None when they do not say."""
    said = [
        str(value).lower()
        for node in nodes
        for item in (node, *_dicts(node.get("hasPart")))
        if isinstance(value := item.get("isAccessibleForFree"), bool | str)
    ]
    return any(word.rpartition("/")[2] in ("false", "no") for word in said) if said else None


def _dicts(value: object) -> list[Node]:
    values = value if isinstance(value, list) else [value]
    return [item for item in values[:50] if isinstance(item, dict)]


def _sort(node: Node, data: LinkedData) -> None:
    """Put a node where it is looked for."""
    types = types_of(node)
    data.types |= types
    if isinstance(name := node.get("@id"), str) and node.keys() - {"@id", "@type"}:
        data.by_id.setdefault(name, node)
    if types & ARTICLE_TYPES or (not types and "headline" in node and "datePublished" in node):
        data.articles.append(node)
    elif any(word.endswith("page") for word in types):
        data.pages.append(node)


def _parse(block: str) -> object:
    """Parse a block, as it stands or after the usual mistakes are mended; None when it stays broken."""
    text = _unwrapped(block)
    for mend in (None, _without_commas, _with_good_escapes, _with_quotes):
        mended = text if mend is None else mend(text)
        if mend is not None and mended == text:
            continue
        text = mended
        try:
            return json.loads(text, strict=False)
        except (ValueError, RecursionError, MemoryError):
            continue
    return _one_after_the_other(text)


def _unwrapped(block: str) -> str:
    """Take a block out of the comments that hid it from old browsers."""
    text = block.strip()
    for opening in OPENINGS:
        text = text.removeprefix(opening)
    text = text.rstrip()
    for _ in range(2):
        for closing in CLOSINGS:
            text = text.removesuffix(closing).rstrip()
    return text


def _with_quotes(text: str) -> str:
    return html.unescape(text) if "&quot;" in text else text


def _without_commas(text: str) -> str:
    return TRAILING_COMMA.sub("", text)


def _with_good_escapes(text: str) -> str:
    return BAD_ESCAPE.sub(r"\\\\", text)


def _one_after_the_other(text: str) -> object:
    """Read JSON texts that stand in one block without a list around them."""
    decoder = json.JSONDecoder(strict=False)
    found: list[object] = []
    place = 0
    while len(found) < MAX_DOCUMENTS and (place := text.find("{", place)) >= 0:
        try:
            item, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError, MemoryError):
            break
        found.append(item)
    return found or None


def _nodes(value: object) -> Iterator[Node]:
    """Walk the nodes of a parsed block in the order of the page, without recursion and with a limit."""
    waiting, seen = [value], 0
    while waiting and seen < MAX_NODES:
        item = waiting.pop()
        seen += 1
        if isinstance(item, list):
            waiting.extend(reversed(item[:MAX_NODES]))
        elif isinstance(item, dict):
            yield item
            waiting.extend(item[key] for key in reversed(INNER) if isinstance(item.get(key), dict | list))


def _rescue(block: str) -> Node:
    """Read the article's plain fields out of a block that is no JSON."""
    found: Node = {}
    for name, most in BROKEN_FIELDS.items():
        if (value := _broken_value(block, name, most)) is not None:
            found[name] = re.sub(r"\\(.)", r"\1", re.sub(r"\\[nrt]", "\n", value))
    if "headline" not in found:
        return {}
    author = BROKEN_AUTHOR.match(block, max(0, block.find('"author"')))
    return found | ({"author": author[1]} if author else {})


def _broken_value(block: str, name: str, most: int) -> str | None:
    pattern = re.compile(
        rf'"{name}"\s{{0,50}}:\s{{0,50}}"(.{{1,{most}}}?)"\s{{0,50}}(?=,\s{{0,50}}"[\w@:]{{1,50}}"\s{{0,50}}:|[}}\]]|$)',
        re.DOTALL,
    )
    place = -1
    for _ in range(BROKEN_TRIES):
        place = block.find(f'"{name}"', place + 1)
        if place < 0:
            return None
        if match := pattern.match(block, place):
            return match[1]
    return None
