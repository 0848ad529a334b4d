"""Moments as people write them: days, months, years, moments, and date math in Elasticsearch's words.

Knows no clock: what is told from now is resolved with the ``now`` of a search.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, time, timedelta

from shared.errors import InvalidRequest
from shared.index.query import DateMath, Moment, Range

_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]+(?:[Zz]|[+-][0-9:]+)?")
_MATH = re.compile(r"([Nn][Oo][Ww]|.+?\|\|)((?:[+-][0-9]{0,4}[yMwdhms]|/[yMwdhms])*)")
_STEP = re.compile(r"([+/-])([0-9]*)([yMwdhms])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(milliseconds=1)  # moments are told apart by it, in the index and here
_SPANS = {
    "w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}  # fmt: skip


def read_date(text: str) -> tuple[datetime, datetime]:
    """The first and last moment of a year, month or day; a moment itself twice (UTC unless it has a zone).

    Raises ``ValueError`` for everything else, moments outside of the years 1 to 9999 included.
    """
    date = _DATE.fullmatch(text)
    if date is not None:
        return _span_of(*(int(part) for part in date.groups() if part is not None))
    if not _MOMENT.fullmatch(text):
        raise ValueError(f"{text!r} is no date")
    moment = datetime.fromisoformat(text.upper())
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is out of the years 1 to 9999") from error
    return moment, moment


def _span_of(year: int, month: int | None = None, day: int | None = None) -> tuple[datetime, datetime]:
    first = datetime(year, month or 1, day or 1, tzinfo=UTC)
    last_month = month or 12
    last = first.replace(month=last_month, day=day or monthrange(year, last_month)[1])
    return first, datetime.combine(last, time.max, UTC)


def is_math(text: str) -> bool:
    """Whether a text means date math, be it right or wrong."""
    return text[:3].lower() == "now" or "||" in text


def check_math(text: str) -> None:
    """Raise ``ValueError`` unless a text is date math: ``now`` or ``date||``, then steps and roundings."""
    match = _MATH.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no date math")
    if match[1].endswith("||"):
        read_date(match[1][:-2])


def is_rounded(text: str) -> bool:
    """Whether date math ends with a rounding, and thus means a whole unit of time."""
    return text[-2:-1] == "/"


def resolve_math(text: str, now: datetime, *, last: bool) -> datetime:
    """The moment that date math means; each rounding goes to the first or ``last`` moment of its unit.

    Weeks begin on Monday; a month on from January 31 is the last day of February; all in UTC. Raises
    ``ValueError`` for other text, and where the way leads out of the years 1 to 9999.
    """
    check_math(text)
    match = _MATH.fullmatch(text)
    anchor, steps = match.groups() if match else ("", "")
    moment = read_date(anchor[:-2])[0] if anchor.endswith("||") else now.astimezone(UTC)
    try:
        for sign, amount, unit in _STEP.findall(steps):
            if sign == "/":
                moment = _round(moment, unit, last=last)
            else:
                moment = _add(moment, int(f"{sign}{amount or 1}"), unit)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{text!r} is out of the years 1 to 9999") from error
    return moment


def _round(moment: datetime, unit: str, *, last: bool) -> datetime:
    first = _floor(moment, unit)
    return _add(first, 1, unit) - timedelta(microseconds=1) if last else first


def _floor(moment: datetime, unit: str) -> datetime:
    day = datetime.combine(moment, time.min, UTC)
    if unit in ("h", "m", "s"):
        return moment - (moment - day) % _SPANS[unit]
    if unit == "w":
        return day - timedelta(days=day.weekday())
    if unit == "d":
        return day
    return day.replace(day=1) if unit == "M" else day.replace(month=1, day=1)


def _add(moment: datetime, amount: int, unit: str) -> datetime:
    if unit in _SPANS:
        return moment + amount * _SPANS[unit]
    months = moment.year * 12 + moment.month - 1 + amount * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def resolve_range(wanted: Range, now: datetime) -> tuple[datetime | None, datetime | None]:
    """The ends of a range, both included.

    Raises ``InvalidRequest`` with the position where it ends before it begins, or cannot be resolved.
    """
    start, end = _resolve(wanted.start, now, last=False), _resolve(wanted.end, now, last=True)
    if start is not None and end is not None and end < start:
        raise InvalidRequest("q", "This range ends before it begins.", wanted.position)
    return start, end


def _resolve(moment: Moment | None, now: datetime, *, last: bool) -> datetime | None:
    if not isinstance(moment, DateMath):
        return moment
    try:
        # What is excluded begins or ends on the other side of the unit.
        found = resolve_math(moment.text, now, last=last is not moment.excluded)
        if moment.excluded:
            return found - _TICK if last else found + _TICK
    except (ValueError, OverflowError) as error:
        message = f"{moment.text[:40]!r} leads to no moment in the years 1 to 9999."
        raise InvalidRequest("q", message, moment.position) from error
    return found


def floor_ms(moment: datetime) -> int:
    """Whole milliseconds since the epoch up to a moment, before 1970 too."""
    return (moment - _EPOCH) // _TICK


def after(last: datetime) -> datetime:
    """The first moment after the last of a unit, or after a single moment; ``ValueError`` where none is."""
    try:
        return last + (timedelta(microseconds=1) if last.time() == time.max else _TICK)
    except OverflowError as error:
        raise ValueError("nothing comes after the year 9999") from error


def before(first: datetime) -> datetime:
    """The last moment before another; ``ValueError`` where none is."""
    try:
        return first - timedelta(microseconds=1)
    except OverflowError as error:
        raise ValueError("nothing comes before the year 1") from error
