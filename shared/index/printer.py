"""The query tree as text again: how a query was understood, with every AND and bracket shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time

from shared.index.query import (
    And,
    DateMath,
    Keyword,
    Moment,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Prefix,
    Range,
    Word,
)
from shared.index.scanner import NEAR_SIGN, OPERATORS

_PLAIN = re.compile(
    r"[^\W_](?:[^\s()\"“”„‟«»＂*:\x00-\x1f\x7f]*[^\W_])?"
)  # no quoting needed, whatever the field
_QUOTES = re.compile(r"[\"“”„‟«»＂]+")


def print_query(node: Node) -> str:
    """Print a tree; parsing the text again gives the same tree, positions aside.

    The text may be longer than a query may be, since it says what the user left out.
    """
    match node:
        case Word(text, field):
            return _prefixed(field, text)
        case Phrase(text, field):
            return _prefixed(field, _quoted(text))
        case Keyword(field=name, value=value):
            return _prefixed(name, value if _is_value(value) else _quoted(value))
        case Prefix(text, field):
            return _prefixed(field, f"{text}*")
        case Near(left, right, distance, field):
            near = f"{_side(left)} near/{distance} {_side(right)}"
            return near if field is None else f"{field}:({near})"
        case Range(None, DateMath(text, excluded=True)):
            return f"published:<{text}"
        case Range(DateMath(text, excluded=True), None):
            return f"published:>{text}"
        case Range(start, end):
            return f"published:[{_start(start)} TO {_end(end)}]"
        case And(children):
            return " AND ".join(_operand(child) for child in children)
        case Or(children):
            return " OR ".join(_operand(child) for child in children)
        case Not(child):
            inner = _operand(child)
            return f"NOT ({inner})" if isinstance(child, Near) and child.field is None else f"NOT {inner}"


def _side(side: tuple[Word | Phrase, ...]) -> str:
    text = " OR ".join(map(print_query, side))
    return text if len(side) == 1 else f"({text})"


def _operand(node: Node) -> str:
    text = print_query(node)
    return f"({text})" if isinstance(node, And | Or) else text


def _prefixed(field: str | None, text: str) -> str:
    return text if field is None else f"{field}:{text}"


def _quoted(text: str) -> str:
    # A quotation mark cannot stand in a phrase; analysis would drop it anyway.
    return f'"{_QUOTES.sub(" ", text)}"'


def _is_value(text: str) -> bool:
    is_sign = text in OPERATORS or NEAR_SIGN.fullmatch(text)
    return all(map(_PLAIN.fullmatch, text.split(":"))) and not is_sign


def _start(moment: Moment | None) -> str:
    if moment is None or isinstance(moment, DateMath):
        return "*" if moment is None else moment.text
    moment = moment.astimezone(UTC)
    return moment.date().isoformat() if moment.time() == time.min else _exact(moment)


def _end(moment: Moment | None) -> str:
    if moment is None or isinstance(moment, DateMath):
        return "*" if moment is None else moment.text
    moment = moment.astimezone(UTC)
    return moment.date().isoformat() if moment.time() == time.max else _exact(moment)


def _exact(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat() + "Z"
