"""The headline of a plain text: the line above the article that reads most like one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from services.workers.stages.clean.lines import Line

LOOK_ABOVE = 14
MOST_WORDS = 30
LEAST_WORDS = 4
MOST_CHARS = 300
STAND_IN_CHARS = 120


def find_headline(lines: Sequence[Line], reasons: Mapping[int, str], first: int) -> str:
    """Return the headline, given the article's first line; a stand-in made of the text when there is none."""
    free = [number for number in range(len(lines)) if number not in reasons]
    start = next((number for number in free if number >= first and lines[number].prose), 0)
    above = [number for number in free if start - LOOK_ABOVE <= number < start and is_headline(lines[number])]
    if not above:
        return stand_in(lines, reasons)
    counts = Counter(line.key for line in lines)
    return lines[max(above, key=lambda number: (_weight(lines[number], counts), -number))].text


def is_headline(line: Line) -> bool:
    """Whether a line could be a headline by its shape."""
    if line.bullet or line.leads or line.words > MOST_WORDS or len(line.text) > MOST_CHARS:
        return False
    return not line.ends or line.text[-1] in "?!？！…"


def stand_in(lines: Sequence[Line], reasons: Mapping[int, str]) -> str:
    """Return the beginning of the text, for an article without a headline."""
    text = next((line.text for n, line in enumerate(lines) if n not in reasons), "")
    if len(text) <= STAND_IN_CHARS:
        return text
    return text[:STAND_IN_CHARS].rsplit(" ", 1)[0].rstrip(" ,;:-") + "…"


def _weight(line: Line, counts: Mapping[str, int]) -> float:
    """Weigh a candidate: of headline length, and said again elsewhere in the page."""
    return min(line.words, 12) + (6 if counts[line.key] > 1 and line.words >= LEAST_WORDS else 0)
