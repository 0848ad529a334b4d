"""Where the article lies in a page: the stretch of lines whose running text outweighs what is between.

Maximum-scoring subsequence over line scores (Pasternack and Roth, WWW 2009), without a trained model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from services.workers.stages.clean.lines import ADDRESS, Line
from services.workers.stages.clean.phrases import phrase

MARKED = -6.0
TIMES, TIMED = frozenset({"no-words", "timestamp"}), -1.0  # the hours of a live blog stand inside it
SHORT = -3.0
MIDDLING = -1.5  # of a line long enough to be a headline or a caption
MIDDLING_WORDS = 10
MOST = 60.0
LISTED = 0.5
ENOUGH_WORDS = 40
CURT = re.compile(r"\w \w+[.。][\"'”’»]?$")  # two words and a stop, which no label has: "He smiled."
COMMENTS_BELOW = "comments"
SPEECH_WORDS = 3
HEADED, HEADING_WORDS = 5, 8  # lines, words
SIGNED_LINES, SIGNED_WORDS = 3, 5


def find_region(lines: Sequence[Line], reasons: Mapping[int, str]) -> tuple[int, int]:
    """Return the first and the last line of the article; all lines when none is running text."""
    if not any(line.prose and number not in reasons for number, line in enumerate(lines)):
        return 0, len(lines) - 1
    end = _before_comments(lines, reasons)
    scores = [score(line, reasons.get(number)) for number, line in enumerate(lines[:end])]
    return best_stretch(scores)


def score(line: Line, reason: str | None) -> float:
    """Weigh a line: words of running text count for it, short lines and marked ones against."""
    if reason is not None:
        return TIMED if reason in TIMES else MARKED
    if line.prose:
        return min(line.words, MOST)
    if (line.ends and (line.words >= 3 or CURT.search(line.text))) or line.unstopped:
        return line.words / 2
    if line.leads or ADDRESS.match(line.text):
        return 0.0
    if line.listed:
        return LISTED
    return SHORT if line.words < MIDDLING_WORDS else MIDDLING


def best_stretch(scores: Sequence[float]) -> tuple[int, int]:
    """Return the ends of the stretch with the greatest sum, the first one at a tie."""
    best, best_ends = float("-inf"), (0, len(scores) - 1)
    total, start = 0.0, 0
    for number, value in enumerate(scores):
        if total <= 0:
            total, start = 0.0, number
        total += value
        if total > best:
            best, best_ends = total, (start, number)
    return best_ends


def _before_comments(lines: Sequence[Line], reasons: Mapping[int, str]) -> int:
    """Return the line at which readers' comments begin, once enough running text stands above it."""
    words = 0
    for number, line in enumerate(lines):
        if reasons.get(number) == COMMENTS_BELOW and words >= ENOUGH_WORDS:
            return number
        if line.prose and number not in reasons:
            words += line.words
    return len(lines)


def is_speech(line: Line) -> bool:
    """Whether a line is running text or an item of a dialogue."""
    return line.prose or (line.ends and line.words >= SPEECH_WORDS)


def first_heading(lines: Sequence[Line], reasons: Mapping[int, str], first: int, title: str) -> int:
    """Return the line above the first paragraph when it heads it as the next paragraphs are headed.

    So begin lists of towns, of candidates, of short news: heading and paragraph by turns. ``title`` is the
    headline in comparable form, which is no such heading.
    """
    numbers = range(first - 1, first + HEADED)
    if first == 0 or numbers[-1] >= len(lines) or any(number in reasons for number in numbers):
        return first
    rows = [lines[number] for number in numbers]
    short = all(not line.prose and not line.ends and line.words <= HEADING_WORDS for line in rows[::2])
    by_turns = short and all(line.prose for line in rows[1::2])
    return first - 1 if by_turns and rows[0].key != title else first


def signature_end(lines: Sequence[Line], reasons: Mapping[int, str], last: int) -> int:
    """Return the last line of a letter's signature under a line: closing words, a name, perhaps a place."""
    end = last + 1
    if end >= len(lines) or not phrase("closing")(lines[end].key):
        return last
    for number in range(end + 1, min(end + SIGNED_LINES, len(lines))):
        line = lines[number]
        if number in reasons or line.words > SIGNED_WORDS or not line.text[0].isupper():
            break
        end = number
    return end
