"""``/v1/suggest``: its query string, and the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.search.params import check_names, read_pairs
from shared.errors import InvalidRequest
from shared.index.port import Suggestion, Suggestions
from shared.index.suggest import MAX_SUGGESTIONS

DEFAULT_SUGGESTIONS = 10
MAX_CHARS = 100
SUGGEST_PARAMETERS = ("q", "size")
_SIZE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Beginning:
    """What was typed so far, and how many suggestions of each kind are wanted."""

    text: str
    size: int


def read_beginning(query: bytes) -> Beginning:
    """Read the query string; raises ``InvalidRequest`` naming the parameter at fault."""
    given = read_pairs(query)
    check_names(given, SUGGEST_PARAMETERS)
    for name, values in given.items():
        if len(values) > 1:
            raise InvalidRequest(name, f"is given {len(values)} times; give it once")
    text = given.get("q", [""])[0].strip()
    if len(text) > MAX_CHARS:
        raise InvalidRequest("q", f"is longer than {MAX_CHARS} characters")
    if not text.isprintable():
        raise InvalidRequest("q", "has a control character in it")
    return Beginning(text, _size(given.get("size", [str(DEFAULT_SUGGESTIONS)])[0]))


def suggestions_json(found: Suggestions, took_ms: float) -> dict[str, Any]:
    """A whole answer; each kind is largest first, titles are newest first."""
    return {
        "sources": [{"value": one.value, "count": one.count} for one in found.sources],
        "topics": _named(found.topics),
        "entities": [{"value": one.name, "count": one.count} for one in found.entities],
        "titles": found.titles,
        "partial": found.partial,
        "took_ms": took_ms,
    }


def _named(found: Sequence[Suggestion]) -> list[dict[str, Any]]:
    return [{"value": one.value, "name": one.name, "count": one.count} for one in found]


def _size(text: str) -> int:
    if not _SIZE.fullmatch(text) or not 1 <= int(text) <= MAX_SUGGESTIONS:
        raise InvalidRequest("size", f'must be a whole number from 1 to {MAX_SUGGESTIONS}, not "{text[:50]}"')
    return int(text)
