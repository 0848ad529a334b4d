"""The query language: a user's text to a tree, by hand, so that no engine ever parses what users type.

Grammar, AND before OR: ``any := all (OR all)*``, ``all := one ((AND)? one)*``, ``one := (NOT | - | +) one |
( any ) | field:( any ) | field:value | published:[day TO day] | "phrase" | word``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Literal, cast

from shared.index.analysis import UNSTEMMED, forms, locate
from shared.index.query import And, Keyword, KeywordField, Node, Not, Or, Phrase, Range, TextField, Word
from shared.index.scanner import OPERATORS, Lexeme, LexemeKind, check_word, refuse, scan

MAX_CHARACTERS = 512
MAX_CLAUSES = 32  # words, phrases, values and ranges
MAX_DEPTH = 16  # of brackets and negations; recursion must end long before Python's own limit

_FieldName = Literal["title", "body", "source", "topic", "language"]
_DATES = "dates look like 2026-01-31 or 2026-01-31T18:00:00Z"
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt][0-9:.]+(?:[Zz]|[+-][0-9:]+)?)?")
_TOPIC = re.compile(r"[^\s:]+:\S.*", re.DOTALL)
_NEWSCODE = re.compile(r"[0-9]{8}")


def parse_query(text: str, max_characters: int = MAX_CHARACTERS) -> Node | None:
    """Parse a query; None when it is blank. Raises ``InvalidRequest("q", sentence, position from 0)``.

    Nested ANDs and ORs come out flat. ``AND``, ``OR``, ``NOT`` are operators in capitals only.
    """
    if len(text) > max_characters:
        refuse(
            f"The query is {len(text):,} characters long; at most {max_characters} are allowed.",
            max_characters,
        )
    if not text.strip():
        return None
    lexemes = scan(text)
    if len(lexemes) == 1:
        refuse("There is no letter or digit to search for in this query.", 0)
    return _Parser(lexemes).parse()


class _Parser:
    """Recursive descent over the lexemes; one object parses one query."""

    def __init__(self, lexemes: list[Lexeme]) -> None:
        self._lexemes = lexemes
        self._at = 0
        self._depth = 0
        self._clauses = 0
        self._field: _FieldName | None = None  # of the field group that is being read

    def parse(self) -> Node:
        node = self._any()
        if self._next.kind == "close":
            refuse("This closing bracket has no opening one before it.", self._next.position)
        return node

    @property
    def _next(self) -> Lexeme:
        return self._lexemes[self._at]

    def _take(self) -> Lexeme:
        lexeme = self._next
        self._at += 1
        return lexeme

    def _take_if(self, kind: LexemeKind) -> bool:
        if self._next.kind != kind:
            return False
        self._at += 1
        return True

    def _any(self) -> Node:
        children = [self._all()]
        while self._take_if("or"):
            children.append(self._all())
        return children[0] if len(children) == 1 else Or(_flat(children, Or))

    def _all(self) -> Node:
        children = [self._one()]
        while self._take_if("and") or self._next.kind not in ("or", "close", "end"):
            children.append(self._one())
        return children[0] if len(children) == 1 else And(_flat(children, And))

    def _one(self) -> Node:
        lexeme = self._take()
        match lexeme.kind:
            case "not":
                return Not(self._nested(lexeme, self._one))
            case "plus":
                return self._nested(lexeme, self._one)
            case "open":
                return self._nested(lexeme, lambda: self._group(lexeme))
            case "field":
                return self._fielded(lexeme)
            case "word" | "phrase":
                return self._leaf(lexeme, self._field)
            case _:
                return self._misplaced(lexeme)

    def _misplaced(self, lexeme: Lexeme) -> Node:
        before = self._lexemes[self._at - 2] if self._at > 1 else None
        if lexeme.kind in ("and", "or"):
            hint = f'for the word itself, write "{lexeme.text}"'
            refuse(f"{lexeme.text} needs something on both sides; {hint}.", lexeme.position)
        if before is not None and before.kind in ("and", "or", "not", "plus"):
            refuse(f"Something to search for is missing after {before.text}.", before.position)
        if before is not None and before.kind == "open":
            refuse("There is nothing in these brackets.", before.position)
        refuse("This closing bracket has no opening one before it.", lexeme.position)

    def _nested(self, lexeme: Lexeme, read: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            refuse(f"Brackets and negations are nested more than {MAX_DEPTH} deep.", lexeme.position)
        node = read()
        self._depth -= 1
        return node

    def _group(self, opening: Lexeme) -> Node:
        node = self._any()
        if not self._take_if("close"):
            refuse("This bracket is never closed; add a ) to the end of the group.", opening.position)
        return node

    def _fielded(self, lexeme: Lexeme) -> Node:
        if self._field is not None:
            refuse(
                f"There can be no {lexeme.text}: inside a group of {self._field}: values.", lexeme.position
            )
        if lexeme.text == "published":
            return self._published(lexeme)
        field = cast("_FieldName", lexeme.text)
        value = self._take()
        if value.kind in ("word", "phrase"):
            return self._leaf(value, field)
        if value.kind != "open":
            refuse(f"After {field}: comes a word, a phrase or a group in ( ).", value.position)
        self._field = field
        node = self._nested(value, lambda: self._group(value))
        self._field = None
        return node

    def _leaf(self, lexeme: Lexeme, field: _FieldName | None) -> Node:
        self._count(lexeme)
        if lexeme.kind == "word":
            check_word(lexeme.text, lexeme.position)
        if field == "source" or field == "topic" or field == "language":
            return _keyword(lexeme, field)
        if not forms(lexeme.text):
            refuse("There is no letter or digit to search for here.", lexeme.position)
        if lexeme.kind == "phrase":
            return Phrase(lexeme.text, field, lexeme.position)
        return _word(lexeme, field)

    def _count(self, lexeme: Lexeme) -> None:
        self._clauses += 1
        if self._clauses > MAX_CLAUSES:
            refuse(f"A query may have at most {MAX_CLAUSES} words, phrases and values.", lexeme.position)

    def _published(self, lexeme: Lexeme) -> Node:
        value = self._take()
        self._count(lexeme)
        if value.kind == "word":
            start, end = _start(value.text, value.position), _end(value.text, value.position)
            return Range(start, end, lexeme.position)
        if value.kind != "range":
            refuse(
                "After published: comes a day, or a range such as [2026-01-01 TO 2026-01-31].", value.position
            )
        return _range(value, lexeme.position)


def _keyword(lexeme: Lexeme, field: KeywordField) -> Keyword:
    value = lexeme.text.strip()
    if not any(map(str.isalnum, value)):
        refuse(f"There is no letter or digit in this {field}.", lexeme.position)
    wrong = wrong_topic(value) if field == "topic" else None
    if wrong:
        refuse(f"The topic {wrong}.", lexeme.position)
    return Keyword(field, value, lexeme.position)


def wrong_topic(value: str) -> str | None:
    """What is wrong with a topic that is no code with a prefix; None where nothing is."""
    if _TOPIC.fullmatch(value):
        return None
    meant = f"medtop:{value}" if _NEWSCODE.fullmatch(value) else "medtop:04000000"
    return f'"{value[:40]}" is no code with its prefix, such as {meant}; for a word, leave the field out'


def _word(lexeme: Lexeme, field: TextField | None) -> Word:
    """A word without the punctuation around it, unless what is left would read as an operator."""
    found = locate(lexeme.text, UNSTEMMED)
    start = found[0][1]
    text = lexeme.text[start : found[-1][2]]
    if text in OPERATORS:
        return Word(lexeme.text, field, lexeme.position)
    check_word(text, lexeme.position + start)
    return Word(text, field, lexeme.position + start)


def _flat(children: list[Node], kind: type[And | Or]) -> tuple[Node, ...]:
    flat: list[Node] = []
    for child in children:
        flat.extend(child.children if isinstance(child, kind) else (child,))
    return tuple(flat)


def _range(lexeme: Lexeme, position: int) -> Range:
    text = lexeme.text
    if text[0] != "[" or text[-1] != "]":
        refuse("A range stands in square brackets, both ends included: [2026-01-01 TO 2026-01-31].",
               lexeme.position)  # fmt: skip
    ends = text[1:-1].split()
    if len(ends) != 3 or ends[1] != "TO":
        refuse("A range needs two ends and TO between them, such as [2026-01-01 TO 2026-01-31]; * leaves an "
               "end open.", lexeme.position)  # fmt: skip
    start = None if ends[0] == "*" else _start(ends[0], lexeme.position + text.index(ends[0]))
    end = None if ends[2] == "*" else _end(ends[2], lexeme.position + text.rindex(ends[2]))
    if start is None and end is None:
        refuse("A range needs at least one end that is not open.", lexeme.position)
    if start is not None and end is not None and end < start:
        refuse("This range ends before it begins.", lexeme.position)
    return Range(start, end, position)


def _start(text: str, position: int) -> datetime:
    return _moment(text, position)


def _end(text: str, position: int) -> datetime:
    moment = _moment(text, position)
    # A day as an end means all of it, up to the last moment that can be told.
    return datetime.combine(moment, time.max, UTC) if len(text) == len("2026-01-31") else moment


def _moment(text: str, position: int) -> datetime:
    if not _MOMENT.fullmatch(text):
        refuse(f"{text[:40]!r} is no date; {_DATES}.", position)
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        refuse(f"{text[:40]!r} is no date; {_DATES}.", position)
