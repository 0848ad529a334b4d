"""The query tree: what a user asked for, free of any engine's syntax.

The parser (``parser.py``) builds it, the planner analyses its words, each adapter translates the plan.
Positions are offsets into the user's text, from 0, so that an error can point at its cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

TextField = Literal["title", "body"]  # None in a node means both
KeywordField = Literal["source", "topic", "language"]


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
class Keyword:
    """An exact value of a keyword field; a topic code matches its narrower topics too."""

    field: KeywordField
    value: str
    position: int = 0


@dataclass(frozen=True, slots=True)
class Range:
    """Published between ``start`` and ``end``, both included; None leaves a side open."""

    start: datetime | None = None
    end: datetime | None = None
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


Node = Word | Phrase | Keyword | Range | And | Or | Not
