"""What may follow ``published:`` in a query: a date, a comparison, or a range in brackets."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from shared.index.moments import after, before, check_math, is_math, is_rounded, read_date
from shared.index.query import DateMath, Moment, Range
from shared.index.scanner import Lexeme, refuse

_Side = Literal["start", "end"]
_COMPARED = re.compile(r"([<>]=?)(.*)", re.DOTALL)
_DATES = "dates look like 2026-01-31, 2026-01 or 2026-01-31T18:00:00Z"
_MATH = "date math looks like now-7d, now/d or 2026-01-31||-1M, in units y M w d h m s"


def read_range(value: Lexeme, position: int) -> Range:
    """Read the value of ``published:``; raises ``InvalidRequest`` with the place of what is no date."""
    if value.kind == "range":
        return _bracketed(value, position)
    if value.kind != "word":
        refuse("After published: comes a date, a comparison such as >=2026-01-01, or a range such as "
               "[2026-01-01 TO 2026-01-31].", value.position)  # fmt: skip
    compared = _COMPARED.fullmatch(value.text)
    if compared is not None:
        return _compared(compared[1], compared[2], value.position, position)
    if is_math(value.text) and not is_rounded(value.text):
        _moment(value.text, value.position, "start")
        refuse(f"{value.text[:40]!r} is one moment; for what was published since, write "
               f"published:>={value.text[:40]}.", value.position)  # fmt: skip
    start, end = (_moment(value.text, value.position, side) for side in ("start", "end"))
    return Range(start, end, position)


def _compared(sign: str, text: str, at: int, position: int) -> Range:
    if not text:
        refuse(f"A date is missing after {sign} (no space may follow it).", at + len(sign))
    side: _Side = "start" if sign[0] == ">" else "end"
    moment = _moment(text, at + len(sign), side, excluded=len(sign) == 1)
    return Range(moment, None, position) if side == "start" else Range(None, moment, position)


def _bracketed(value: Lexeme, position: int) -> Range:
    text = value.text
    if text[0] != "[" or text[-1] != "]":
        refuse("A range stands in square brackets, both ends included: [2026-01-01 TO 2026-01-31].",
               value.position)  # fmt: skip
    ends = text[1:-1].split()
    if len(ends) != 3 or ends[1] != "TO":
        refuse("A range needs two ends and TO between them, such as [2026-01-01 TO 2026-01-31]; * leaves an "
               "end open.", value.position)  # fmt: skip
    start = None if ends[0] == "*" else _moment(ends[0], value.position + text.index(ends[0]), "start")
    end = None if ends[2] == "*" else _moment(ends[2], value.position + text.rindex(ends[2]), "end")
    if start is None and end is None:
        refuse("A range needs at least one end that is not open.", value.position)
    if isinstance(start, datetime) and isinstance(end, datetime) and end < start:
        refuse("This range ends before it begins.", value.position)
    return Range(start, end, position)


def _moment(text: str, position: int, side: _Side, *, excluded: bool = False) -> Moment:
    try:
        if is_math(text):
            check_math(text)
            return DateMath(text, excluded, position)
        first, last = read_date(text)
        if not excluded:
            return first if side == "start" else last
        return after(last) if side == "start" else before(first)
    except ValueError:
        refuse(f"{text[:40]!r} is no date; {_MATH if is_math(text) else _DATES}.", position)
