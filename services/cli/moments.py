"""Moments on the command line: RFC 3339, or an age such as 2h or 3d; in the ledger's milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

from shared.clock import from_ms, now_ms, to_ms

_AGE = re.compile(r"(\d{1,6}(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
DAY_MS = 86_400_000


def moment(text: str) -> int:
    """A moment as milliseconds since the epoch; an age counts back from now. Click's type of an option."""
    text = text.strip()
    age = read_age(text)
    if age is not None:
        return now_ms() - age
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} is no moment: give one with its zone, such as 2026-01-31T09:30:00Z, "
            "or an age, such as 90m, 2h or 3d"
        )
    return to_ms(found.astimezone(UTC))


def read_age(text: str) -> int | None:
    """The milliseconds of an age such as 90m; None when it is none."""
    found = _AGE.fullmatch(text.lower())
    return int(float(found[1]) * _SECONDS[found[2]] * 1000) if found else None


def show_ms(ms: int) -> str:
    """A moment for people, in UTC."""
    return f"{from_ms(ms):%Y-%m-%d %H:%M:%S} UTC"


def show_age(seconds: float) -> str:
    """How long ago something was, in one unit; a clock that was set back makes no negative age."""
    seconds = max(0.0, seconds)
    for unit in ("w", "d", "h", "m"):
        if seconds >= 2 * _SECONDS[unit]:
            return f"{seconds / _SECONDS[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"
