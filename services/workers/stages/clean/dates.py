"""Points in time as pages write them, read into aware UTC datetimes; absurd ones are dropped."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from services.workers.stages.clean.written import read_written

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
TOLERANCE = timedelta(days=1)  # clocks and time zones of others
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?)?(Z|[+-]\d{2}:?\d{2})?")
EPOCH = re.compile(r"[1-9]\d{9}(?:\d{3})?")  # seconds or milliseconds, since 2001
UNSET = datetime(1970, 1, 1, tzinfo=UTC)  # what a system writes that knows no time
DATE_FIRST = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}")
LONG_FRACTION = re.compile(r"(\.\d{6})\d+")
LOOSE_ZONE = re.compile(r"\s*(?:(Z|UTC|GMT)|([+-])(\d{1,2}):?(\d{2})?)$", re.IGNORECASE)
URL_DATE = re.compile(r"[/_-](19\d\d|20\d\d)[/_-]?(0[1-9]|1[0-2])[/_-]?(0[1-9]|[12]\d|3[01])(?=[/_.-]|$)")


def read_time(text: str | None, *, month_first: bool = False) -> datetime | None:
    """Read a date since 1900 in ISO 8601, RFC 5322, compact, as seconds, or as people write it.

    One without a zone counts as UTC; ``month_first`` is how 3/4/2026 is read where it was written.
    """
    text = " ".join((text or "")[:400].split())[:80]
    for read in (_iso, _compact, _epoch, _mail, lambda words: read_written(words, month_first=month_first)):
        try:
            moment = read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        if moment is not None and moment.year >= EARLIEST.year and as_utc(moment) != UNSET:
            return as_utc(moment)
    return None


def as_utc(moment: datetime | None) -> datetime | None:
    """Return the moment in UTC; one without a zone is taken as UTC."""
    if moment is None or moment.tzinfo is not None:
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            return None
    return moment.replace(tzinfo=UTC)


def date_in_url(url: str | None) -> datetime | None:
    """Return the day written in a URL's path, such as ``/2026/03/14/``."""
    match = URL_DATE.search(url or "")
    if match is None:
        return None
    try:
        return datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=UTC)
    except ValueError:
        return None


def sane(moment: datetime | None, latest: datetime | None) -> datetime | None:
    """Drop a time before the year 1900, or more than a day after ``latest`` when that is known."""
    if moment is None or moment < EARLIEST:
        return None
    return None if latest is not None and moment > latest + TOLERANCE else moment


def _iso(text: str) -> datetime | None:
    if DATE_FIRST.match(text) is None:
        return None
    day, rest = re.split(r"[T ]", text + " ", maxsplit=1)
    year, month, date = (int(part) for part in re.split(r"[-/]", day)[:3])
    clock, zone = _zone(LONG_FRACTION.sub(r"\1", rest.strip()))
    return datetime.fromisoformat(f"{year:04}-{month:02}-{date:02}T{clock or '00:00'}{zone}")


def _zone(clock: str) -> tuple[str, str]:
    """Split a time of day from its zone, and write the zone as Python reads it."""
    match = LOOSE_ZONE.search(clock)
    if match is None:
        return clock, ""
    zone = "+00:00" if match[1] else f"{match[2]}{int(match[3]):02}:{match[4] or '00'}"
    return clock[: match.start()], zone


def _compact(text: str) -> datetime | None:
    match = COMPACT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    zone = match[7] or "Z"
    if zone == "Z":
        return moment
    shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return moment - shift if zone[0] == "+" else moment + shift


def _epoch(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text[:10]), UTC) if EPOCH.fullmatch(text) else None


def _mail(text: str) -> datetime | None:
    return parsedate_to_datetime(text) if "," in text[:5] else None
