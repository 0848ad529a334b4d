"""A line of a text with what is counted about it: words, ending, bullet. Judging it is left to others."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from services.workers.stages.clean.plain import BULLET, UNSPACED, comparable

SENTENCE_END = re.compile(r"[.!?…。！？؟۔।][\"'”’»)\]」』]*$")
# "3) ...", "3. ..." or "June 9 - ...": lines of a list that is part of an article more often than of a menu.
ENUMERATED = re.compile(
    r"^(?:[•*-] )?(?:\d{1,3}[.)] \S"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}\b\W+[^\W\d])",
    re.IGNORECASE,
)
FIGURE = re.compile(r"(?<!\S)[$€£(+-]*\d[\d.,]*\S{0,3}(?!\S)")
ROW_WORDS, ROW_FIGURES = (4, 24), 2
ADDRESS = re.compile(r"^\(?(?:https?://|www\.)\S+\)?$", re.IGNORECASE)
LETTER = re.compile(r"[^\W\d_]")
END_CHARS = 20
UNSTOPPED, UNSTOPPED_WORDS = re.compile("[\u0e00-\u0eff]"), 10  # Thai and Lao
TABLE_BARS = 2
PROSE_WORDS = 8  # with a full stop
LONG_WORDS = 25  # without one


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page: its text, comparable form, number of words, and shape."""

    text: str
    key: str
    words: int
    bullet: bool
    listed: bool  # an item of a numbered list or a row of figures
    ends: bool  # as a sentence does
    leads: bool  # into a list, with a colon
    prose: bool  # running text

    @property
    def stands_alone(self) -> bool:
        """Whether it can be an article's last line, which a heading cannot."""
        return self.ends or self.bullet or self.listed or self.prose or self.unstopped

    @property
    def unstopped(self) -> bool:
        """Whether it is long enough to be a sentence in a script that has no full stop."""
        return self.words >= UNSTOPPED_WORDS and UNSTOPPED.match(self.text[-1]) is not None


def read_line(text: str) -> Line:
    """Count what there is to count about a line."""
    words = words_in(text)
    ends = SENTENCE_END.search(text, max(0, len(text) - END_CHARS)) is not None
    return Line(
        text=text,
        key=comparable(text),
        words=words,
        bullet=BULLET.match(text) is not None,
        listed=ENUMERATED.match(text) is not None or _is_row(text, words) or _is_table_row(text),
        ends=ends,
        leads=text.endswith((":", "：")),
        prose=words >= LONG_WORDS or (ends and words >= PROSE_WORDS),
    )


def words_in(text: str) -> int:
    """Count words; two characters of an unspaced script count as one more."""
    words = text.count(" ") + 1
    return words if text.isascii() else words + len(UNSPACED.findall(text)) // 2


def _is_row(text: str, words: int) -> bool:
    """Tell a row of figures, such as a result or a balance: a word or more, and two numbers or more."""
    return ROW_WORDS[0] <= words <= ROW_WORDS[1] and len(FIGURE.findall(text)) >= ROW_FIGURES


def _is_table_row(text: str) -> bool:
    """Tell a row of a table that is set with bars: between two of them, or with figures in two cells."""
    if text.count("|") < TABLE_BARS:
        return False
    cells = [cell.strip() for cell in text.strip("|").split("|")]
    return text[0] == "|" == text[-1] or sum(FIGURE.fullmatch(cell) is not None for cell in cells) > 1


def repeated(lines: list[Line]) -> frozenset[str]:
    """Return the keys of paragraphs that stand in the page more than once."""
    keys = [line.key for line in lines if line.prose]
    if len(set(keys)) == len(keys):
        return frozenset()
    return frozenset(key for key, count in Counter(keys).items() if count > 1)
