"""A text as the words the topic rules are compared with, twice: case-folded, and as it was written."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORDS = re.compile(r"\w+")
# The same for plain ASCII, several times faster.
_ASCII_BOUNDARIES = {code: " " for code in range(128) if not _WORDS.match(chr(code))}
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_ARABIC = re.compile("[\u0600-\u06ff]")
_ARABIC_ARTICLE = re.compile(r"\b(?:[وفبك]?ال|لل)(?=\w{3})")


@dataclass(frozen=True, slots=True)
class Wording:
    """Words with two spaces between and around them, so that a space always means a boundary.

    Two, because neighbouring matches then need not share one. The English possessive goes; so does the
    Arabic article, which is written together with its noun. A character of ``folded`` stands where it
    stands in ``cased``.
    """

    folded: str
    cased: str


def read_wording(text: str) -> Wording:
    """Read a text; a line wholly in capitals counts as if each of its words only began with one."""
    text = _calm(text).replace("’", "'").replace("'s ", " ")
    cased = "  " + "  ".join(_words(text)) + "  "
    folded = cased.casefold()
    # Folding makes some letters two ("ß"), which would move all that follows.
    return Wording(folded, cased if len(cased) == len(folded) else _BEYOND_ASCII.sub(_widened, cased))


def _words(text: str) -> list[str]:
    if text.isascii():
        return text.translate(_ASCII_BOUNDARIES).split()
    return _WORDS.findall(_ARABIC_ARTICLE.sub("", text) if _ARABIC.search(text) else text)


def spelling_of(phrase: str) -> Wording:
    """A phrase of the rules as it is looked for: with one space at an end that is a word's end."""
    # The small letter keeps a phrase in capitals from being read as a line in capitals.
    wording = read_wording(phrase + " x")
    first = 2 if phrase.startswith("*") else 1
    last = len(wording.folded) - (5 if phrase.endswith("*") else 4)
    return Wording(wording.folded[first:last], wording.cased[first:last])


def normalise(text: str) -> str:
    """The case-folded words of a text."""
    return read_wording(text).folded


def _widened(letter: re.Match[str]) -> str:
    folded = letter.group().casefold()
    return folded if len(folded) > 1 else letter.group()


def _calm(text: str) -> str:
    lines = text.split("\n")
    if not any(line.isupper() for line in lines):
        return text
    return "\n".join(line.title() if _shouted(line) else line for line in lines)


def _shouted(line: str) -> bool:
    """Letters that know no case (Chinese, Arabic) beside an acronym are no shouting."""
    return line.isupper() and all(letter.isupper() for letter in line if letter.isalpha())
