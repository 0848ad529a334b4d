"""The query tree: what a user asked for, free of any engine's syntax.

The parser (``parser.py``) builds it, the planner analyses its words, each adapter translates the plan.
Positions are offsets into the user's text, from 0, so that an error can point at its cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

TextField = Literal["title", "body"]  # None in a node means both


@dataclass(frozen=True, slots=True)
class DateMath:
    """A moment told from now, or from a date, in Elasticsearch's words: ``now-7d/d``, ``2026-01-31||-1M``.

    It becomes a moment when a search is planned (``moments.resolve``). ``excluded``: beyond the unit that
    the text ends with, and not in it, as ``<now/d`` says.
    """

    text: str
    excluded: bool = False
    position: int = 0


Moment = datetime | DateMath


@dataclass(frozen=True, slots=True)
class Word:
    """One word, matched in any of its inflected forms."""

    text: str
    field: TextField | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand side by side in this order."""

    text: str
    field: TextField | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class Prefix:
    """Words that begin with ``text``, in all their forms; of a keyword field, values that begin so."""

    text: str
    field: str | None = None  # a text field, a name of ``keywords.KEYWORDS``, or None for title and body
    position: int = 0


@dataclass(frozen=True, slots=True)
class Near:
    """One of ``left`` and one of ``right`` in one field, in any order, fewer than ``distance`` words between.

    They do not overlap: ``a near/5 a`` needs two of them. The sides have no field of their own.
    """

    left: tuple[Word | Phrase, ...]
    right: tuple[Word | Phrase, ...]
    distance: int
    field: TextField | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class Keyword:
    """An exact value of a keyword field; a topic code matches its narrower topics too."""

    field: str  # a name of ``keywords.KEYWORDS``
    value: str
    position: int = 0


@dataclass(frozen=True, slots=True)
class Range:
    """Published between ``start`` and ``end``, both included; None leaves a side open.

    Only where the other side is open may date math be ``excluded``.
    """

    start: Moment | None = None
    end: Moment | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class And:
    """Every child matches."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one child matches."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The child does not match; a query may consist of it alone."""

    child: Node


Node = Word | Phrase | Prefix | Near | Keyword | Range | And | Or | Not
