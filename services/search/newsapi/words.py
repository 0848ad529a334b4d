"""NewsAPI's query words as a query tree: its language has no fields, stars or ranges of ours."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from shared.errors import InvalidRequest
from shared.index.parser import parse_query
from shared.index.query import And, Node, Not, Or, TextField

MOST_CHARS: Final = 500
# What our own language would take for a field, a prefix, dates or a distance: here it divides words.
_FOREIGN: Final = re.compile(r"[:*\[\]{}~^/\\<>=]")


def read_words(text: str, name: str) -> Node:
    """The tree of a query; raises ``InvalidRequest`` naming the parameter.

    ``+`` and ``-``, AND, OR, NOT, brackets and phrases in double quotes mean what they mean there; words side
    by side must all be found.
    """
    if len(text) > MOST_CHARS:
        raise InvalidRequest(name, f"has {len(text)} characters; at most {MOST_CHARS} are allowed")
    parts = text.split('"')
    parts[::2] = [_FOREIGN.sub(" ", part) for part in parts[::2]]
    parts[1::2] = [part.replace("*", " ") for part in parts[1::2]]
    try:
        node = parse_query('"'.join(parts))
    except InvalidRequest as error:
        raise InvalidRequest(name, error.message, error.position) from error
    if node is None:
        raise InvalidRequest(name, "has no word to look for")
    return node


def within(node: Node, field: TextField | None) -> Node:
    """The same query, for one field of text only; None: for all of them."""
    if field is None:
        return node
    match node:
        case And(children):
            return And(tuple(within(child, field) for child in children))
        case Or(children):
            return Or(tuple(within(child, field) for child in children))
        case Not(child):
            return Not(within(child, field))
    plain: Any = node
    return replace(plain, field=field) if getattr(plain, "field", field) is None else node
