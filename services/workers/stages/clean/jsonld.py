"""What a page says of itself in JSON-LD: the node that describes the article, read tolerantly.

Blocks may be lists, graphs, nested, commented out or broken; what cannot be read is passed over.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

MAX_BLOCK = 2_000_000
MAX_NODES = 2_000
ARTICLE_TYPES = frozenset((
    "article", "newsarticle", "reportagenewsarticle", "analysisnewsarticle", "opinionnewsarticle",
    "reviewnewsarticle", "backgroundnewsarticle", "asknewsarticle", "advertisercontentarticle",
    "satiricalarticle", "blogposting", "liveblogposting", "socialmediaposting", "techarticle",
    "scholarlyarticle", "report",
))  # fmt: skip
WRAPPERS = re.compile(r"^\s*(?:<!--|//<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\]\]>|\]\]>)\s*;?\s*$")
TRAILING_COMMA = re.compile(r",\s*(?=[}\]])")
# The few fields worth saving from a block that no parser takes.
BROKEN_FIELD = re.compile(
    r'"(headline|datePublished|dateModified|description|articleBody)"\s*:\s*"((?:[^"\\]|\\.)*)"'
)
TAG = re.compile(r"<[^<>]+>")
BREAKS = re.compile(r"(?i)<\s*(?:br\s*/?|/p|/div|/li|/h\d)\s*>")

Node = dict[str, Any]


def article_node(blocks: Iterable[str]) -> Node:
    """Return the first node that describes an article, a broken block's fields, or an empty dict."""
    saved: Node = {}
    for block in blocks:
        parsed = _parse(block[:MAX_BLOCK])
        for node in _nodes(parsed):
            if types_of(node) & ARTICLE_TYPES:
                return node
        if parsed is None and "headline" in (fields := _rescue(block[:MAX_BLOCK])):
            saved = saved or fields
    return saved


def types_of(node: Node) -> set[str]:
    """Return a node's types in lower case, without their namespace."""
    value = node.get("@type")
    values = value if isinstance(value, list) else [value]
    return {re.split(r"[/:#]", item)[-1].lower() for item in values if isinstance(item, str)}


def text_of(value: object) -> str | None:
    """Return a value's text on one line: the first of a list, the ``@value`` of a node, entities undone."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("@value")
    if not isinstance(value, str):
        return None
    return " ".join(TAG.sub(" ", _unescape(value)).split()) or None


def block_of(value: object) -> str | None:
    """Return a long text value with its line breaks, markup and entities undone."""
    if not isinstance(value, str):
        return None
    return TAG.sub(" ", BREAKS.sub("\n", _unescape(value))).strip() or None


def names_of(value: object) -> list[str]:
    """Return the names in a value: a string, a node with ``name``, or a list of them."""
    if isinstance(value, list):
        return [name for item in value[:50] for name in names_of(item)]
    if isinstance(value, dict):
        return names_of(value.get("name"))
    name = text_of(value)
    return [name] if name else []


def url_of(value: object) -> str | None:
    """Return the URL in a value: a string, a node with ``url``, ``contentUrl`` or ``@id``, or a list."""
    if isinstance(value, list):
        return next((url for url in map(url_of, value[:10]) if url), None)
    if isinstance(value, dict):
        return next((url for key in ("url", "contentUrl", "@id") if (url := url_of(value.get(key)))), None)
    return value.strip() if isinstance(value, str) and value.strip() else None


def _parse(block: str) -> object:
    """Parse a block, as it stands or after the usual mistakes are mended; None when it stays broken."""
    text = WRAPPERS.sub("", block)
    for attempt in (text, TRAILING_COMMA.sub("", text)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _nodes(value: object) -> Iterator[Node]:
    """Walk the nodes of a parsed block in the order of the page, without recursion and with a limit."""
    waiting, seen = [value], 0
    while waiting and seen < MAX_NODES:
        item = waiting.pop()
        seen += 1
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, dict):
            yield item
            waiting.extend(item[key] for key in ("mainEntityOfPage", "mainEntity", "@graph") if key in item)


def _rescue(block: str) -> Node:
    """Read the article's plain fields out of a block that is no JSON."""
    found: Node = {}
    for name, value in BROKEN_FIELD.findall(block):
        found.setdefault(name, re.sub(r"\\(.)", r"\1", re.sub(r"\\[nrt]", " ", value)))
    return found


def _unescape(text: str) -> str:
    """Undo entities, twice where they were escaped twice."""
    return html.unescape(html.unescape(text)) if "&" in text else text
