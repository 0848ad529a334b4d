"""Which sources are of a country, as values that an index can look for: no document says it itself.

So that a setting may change without a new index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shared.countries import Told, endings_of

_SIGNS = re.compile(r"[].\\+*?()|[{}^$\"&~@#-]")  # that mean something in either engine's expressions


@dataclass(frozen=True, slots=True)
class Ending:
    """Values that begin with ``start`` and end in ``end``, with one character or more between these.

    The first of those between is none of ``never``.
    """

    start: str
    never: str
    end: str

    def pattern(self) -> str:
        """The same as a regular expression, of those signs alone that mean the same in both engines."""
        start, never, end = (_SIGNS.sub(r"\\\g<0>", text) for text in (self.start, self.never, self.end))
        return f"{start}{f'[^{never}]' if never else '.'}.*{end}"


@dataclass(frozen=True, slots=True)
class OfCountry:
    """The sources of some countries: those named, and those of certain endings."""

    sources: tuple[str, ...]
    endings: tuple[Ending, ...]


def sources_of(codes: Iterable[str], told: Told) -> OfCountry:
    """The sources for which ``country_of`` gives one of some codes, each in lower case."""
    codes = dict.fromkeys(codes)
    sources = dict.fromkeys(source for source, code in told.items() if code in codes)
    endings: dict[Ending, None] = {}
    for code in codes:
        for end in endings_of(code):
            others = {name.removesuffix(end) for name in told if name.endswith(end) and told[name] != code}
            whole, found = _all_but(others, end)
            sources.update(dict.fromkeys(whole))
            endings.update(dict.fromkeys(found))
    return OfCountry(tuple(sources), tuple(endings))


def _all_but(others: set[str], end: str) -> tuple[list[str], list[Ending]]:
    """All values of an ending but some, which stand here without it: whole ones, and the others.

    An article of several sources may have one of those some and be found by another, so that it does not do
    to leave out who has one. So the rest itself is told: what ends before one of the some does, and what goes
    another way than they do at one of their characters.
    """
    following: dict[str, set[str]] = {"": set(), **{name: set() for name in others}}
    for name in others:
        for at, sign in enumerate(name):
            following.setdefault(name[:at], set()).add(sign)
    whole = [start + end for start in following if start and start not in others]
    return whole, [Ending(start, "".join(sorted(never)), end) for start, never in following.items()]
