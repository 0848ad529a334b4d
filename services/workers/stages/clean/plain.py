"""Characters and lines: the form every text is brought into before anything judges it.

Idempotent throughout; it knows nothing of clutter.
"""

from __future__ import annotations

import re
import unicodedata

# Control characters, lone surrogates, non-characters, invisible spaces and bidirectional controls: none of
# them is text, and the bidirectional ones can make a line read as something it does not say.
UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
)
# Joiners spell words in Persian and Indic scripts and build emoji; beside ASCII they are only noise.
LOOSE_JOINERS = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
# No script stacks more marks than this; what does is made to overflow its line.
STACKED_MARKS = re.compile("([\u0300-\u036f\u0489]{4})[\u0300-\u036f\u0489]+")
QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})
BULLET = re.compile(r"^(?:[•·▪◦‣●○■*\-–—]|\d{1,2}[.)])\s+")
# Scripts written without spaces, where a character stands for about a word of its own.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002ebef]"
)
# Dashes and bullets between spaces, which are no words.
LONE_SIGN = re.compile(r"(?<!\S)[^\w\s]+(?!\S)")


def lines_of(text: str) -> list[str]:
    """Return the non-empty lines of a text, levelled: NFC, single spaces, nothing that is no text."""
    return [line for line in map(_level, text.splitlines()) if line]


def _level(line: str) -> str:
    # Whatever is unwanted is also unprintable, and asking for that is much faster.
    if not line.isprintable():
        line = UNWANTED.sub("", line)
    line = " ".join(line.split())
    if line.isascii():
        return line
    return " ".join(_compose(LOOSE_JOINERS.sub("", line)).split())


def _compose(line: str) -> str:
    """Compose characters; again after marks were cut, so that a repeat changes nothing."""
    composed = unicodedata.normalize("NFC", line)
    trimmed = STACKED_MARKS.sub(r"\1", composed)
    return composed if trimmed == composed else unicodedata.normalize("NFC", trimmed)


def paragraphs(text: str) -> str:
    """Return a text's lines, levelled, with single newlines between them."""
    return "\n".join(lines_of(text))


def one_line(text: str) -> str:
    """Return a text levelled and on one line, as a title or a name is."""
    return " ".join(lines_of(text))


def comparable(line: str) -> str:
    """Return a line as two sites would agree on it: plain quotes, no bullet, folded case."""
    plain = line if line.isascii() else line.translate(QUOTES)
    return BULLET.sub("", plain).strip(" .:|").casefold()


def word_count(text: str) -> int:
    """Count words; a character of an unspaced script counts as half a word, rounded up."""
    unspaced = 0
    if not text.isascii() and (unspaced := len(UNSPACED.findall(text))):
        text = UNSPACED.sub(" ", text)
    return len(text.split()) - len(LONE_SIGN.findall(text)) + (unspaced + 1) // 2
