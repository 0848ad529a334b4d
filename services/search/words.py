"""Texts cut into words, spaces and signs, so that two of them can be told apart word by word."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Scripts that write without spaces: each character is a word of its own, else a whole sentence would be one.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
# A number keeps its separators and a word its apostrophes and hyphens: 1,250.50, state-of-the-art.
_TOKEN: Final = re.compile(rf"\s+|[{_UNSPACED}]|[^\W{_UNSPACED}]+(?:['’.,:-][^\W{_UNSPACED}]+)*|[^\w\s]")
_JOINERS: Final = "\u200c\u200d"


def split_words(text: str) -> list[str]:
    """The words, spaces and signs of a text in order; joined they are the text again."""
    found = _TOKEN.findall(text)
    return found if text.isascii() else _with_marks(found)


def is_word(token: str) -> bool:
    """Whether a token is more than a space or a sign."""
    return token[0].isalnum() or (len(token) > 1 and not token.isspace())


def _with_marks(tokens: list[str]) -> list[str]:
    """Put vowel signs, accents and joiners back to the letters that they belong to."""
    found: list[str] = []
    joined = False  # the last one of them ends in a mark that the next letters go on from
    for token in tokens:
        mark = token in _JOINERS or unicodedata.category(token[0])[0] == "M"
        if found and (mark or (joined and not token.isspace() and token[0].isalnum())):
            found[-1] += token
        else:
            found.append(token)
        joined = mark and not re.match(f"[{_UNSPACED}]", found[-1])
    return found
