"""The words sites use for their furniture, read from ``phrases.yaml`` and compiled once.

What a match means is for ``rules.py`` and ``text.py`` to say; a mistake in the file stops the start.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from shared.errors import BadSettings

FILE = "phrases.yaml"
LEADING = r"\W*"  # quotation marks, emoji, arrows

Test = Callable[[str], "re.Match[str] | None"]


@cache
def phrase(name: str) -> Test:
    """Return the test of an entry, to be called with a line's comparable form."""
    try:
        entry = _entries()[name]
        patterns = "(?:" + "|".join(entry["patterns"]) + ")"
        for name_of in ("network", "social"):
            patterns = patterns.replace(f"{{{name_of}}}", "(?:" + "|".join(_entries()[name_of]) + ")")
        if entry["match"] == "whole":
            return re.compile(LEADING + patterns + r"\W*").fullmatch
        if entry["match"] == "start":
            return re.compile(LEADING + patterns).match
        return _search(re.compile(patterns), tuple(entry["needs"]))
    except (KeyError, TypeError, re.error) as error:
        raise BadSettings(f"{FILE}: the entry {name!r} cannot be used: {error!r}") from error


def _search(pattern: re.Pattern[str], needs: tuple[str, ...]) -> Test:
    """Search only where one of the needed pieces is: looking for them takes a tenth of the time."""
    return lambda text: pattern.search(text) if any(piece in text for piece in needs) else None


@cache
def words(name: str) -> frozenset[str]:
    """Return an entry that is a plain list of words."""
    return frozenset(_entries()[name])


@cache
def _entries() -> dict[str, Any]:
    text = files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
