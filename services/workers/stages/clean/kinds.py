"""What pages say that are no articles: errors, consent walls, paywalls, read from ``kinds.yaml``.

What a match means is for ``verdict.py`` to say; a mistake in the file stops the start.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from services.workers.stages.clean.plain import QUOTES, UNSPACED
from services.workers.stages.clean.titles import SEPARATOR
from shared.errors import BadSettings

FILE = "kinds.yaml"
SENTENCE_CHARS = 300  # as much of a sentence is read
MOST_CHARS = 20_000  # of a text that is read; what is longer is none of these
NEAR_START = 4  # characters of quotation marks, arrows and the like before a prompt
OTHER_PART_WORDS = 5  # of a title, such as the site's name
SENTENCE = re.compile(r"[^.!?。！？\n]+(?:[.!?]+(?!\s|$)[^.!?。！？\n]+)*[.!?。！？]*")


def is_title(name: str, title: str) -> bool:
    """Whether a title is one of an entry, alone or beside the name of a site."""
    parts = [part for part in SEPARATOR.split(title[:SENTENCE_CHARS]) if part.strip()]
    test = _pattern(name)
    said = [test.fullmatch(_plain(part)) is not None for part in parts]
    others = [part for part, fits in zip(parts, said, strict=True) if not fits]
    return any(said) and all(len(part.split()) <= OTHER_PART_WORDS for part in others)


def share(name: str, text: str, unless: str | None = None) -> float:
    """Return the share of a text's words in sentences of an entry that are none of the entry ``unless``."""
    test, other = _pattern(name), _pattern(unless) if unless else None
    words = fitting = 0
    for sentence in sentences(text[:MOST_CHARS]):
        size = _words(sentence)
        words += size
        plain = _plain(sentence)
        fitting += size if test.search(plain) and not (other and other.search(plain)) else 0
    return fitting / words if words else 0.0


def says(name: str, lines: Iterable[str], unless: str | None = None) -> bool:
    """Whether a sentence of a line begins with what an entry says, and is none of the entry ``unless``."""
    test, other = _pattern(name), _pattern(unless) if unless else None
    return any(
        (match := test.search(plain := _plain(sentence))) is not None
        and match.start() <= NEAR_START
        and not (other and other.search(plain))
        for line in lines
        for sentence in sentences(line[: 4 * SENTENCE_CHARS])
    )


def sentences(text: str) -> Iterator[str]:
    """Split a text into sentences, roughly: at stops that a space follows, and at line ends."""
    return (match[0].strip() for match in SENTENCE.finditer(text) if match[0].strip())


def _words(sentence: str) -> int:
    return sentence.count(" ") + 1 + len(UNSPACED.findall(sentence)) // 2


def _plain(text: str) -> str:
    """Return a text in lower case with plain quotes, without signs around it."""
    return text[:SENTENCE_CHARS].translate(QUOTES).strip(" .:|!?>»›→-*•。！？\"'").lower()


@cache
def _pattern(name: str) -> re.Pattern[str]:
    try:
        return re.compile("|".join(f"(?:{pattern})" for pattern in _entries()[name]["patterns"]))
    except (KeyError, TypeError, re.error) as error:
        raise BadSettings(f"{FILE}: the entry {name!r} cannot be used: {error!r}") from error


@cache
def _entries() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    return loaded
