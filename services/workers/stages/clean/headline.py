"""The headline of a plain text: the line above the article that reads most like one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from services.workers.stages.clean.lines import Line

LONG_WORD = re.compile(r"\w{4,}")
LOOK_ABOVE = 40
ROWS_ABOVE = 4
SOON = 4  # lines: a text that begins with its headline, rather than with a site's menu
STORY_WORDS = 300
SHARED, SAID_AGAIN = 2, 4
MOST_SHARED = 5  # words; a summary under the headline shares more of them with the story
MOST_WORDS = 24
LEAST_WORDS = 4
MOST_CHARS = 300
STAND_IN_CHARS = 120


def find_headline(lines: Sequence[Line], reasons: Mapping[int, str], first: int) -> str:
    """Return the headline, given the article's first line; a stand-in made of the text when there is none."""
    free = [number for number in range(len(lines)) if number not in reasons]
    start = next((number for number in free if number >= first and lines[number].prose), -1)
    near = [number for number in free if start - LOOK_ABOVE <= number <= start]
    candidates = [number for number in near if is_headline(lines[number])]
    candidates = [number for number in candidates if not _is_among_rows(lines, number)] or candidates
    if not candidates:
        return stand_in(lines, reasons)
    if len(candidates) > 1:
        story = _words_of_story(lines[number] for number in free if number >= start)
        if candidates[0] == 0 and start <= SOON and _shared(lines[0], story) > 1:
            return lines[0].text
        keys = "\n".join(lines[number].key for number in range(len(lines)))
        candidates.sort(key=lambda number: (-_weight(lines[number], story, keys), number))
    return lines[candidates[0]].text


def is_headline(line: Line) -> bool:
    """Whether a line could be a headline by its shape."""
    if line.bullet or line.leads or line.words > MOST_WORDS or len(line.text) > MOST_CHARS:
        return False
    return not line.ends or line.text[-1] in "?!？！…"


def _is_among_rows(lines: Sequence[Line], number: int) -> bool:
    """Whether a line is a row of figures or stands under some."""
    above = lines[max(0, number - ROWS_ABOVE) : number]
    return lines[number].listed or sum(line.listed for line in above) > 1


def stand_in(lines: Sequence[Line], reasons: Mapping[int, str]) -> str:
    """Return the beginning of the text, for an article without a headline."""
    text = next((line.text for n, line in enumerate(lines) if n not in reasons), "")
    if len(text) <= STAND_IN_CHARS:
        return text
    return text[:STAND_IN_CHARS].rsplit(" ", 1)[0].rstrip(" ,;:-") + "…"


def _weight(line: Line, story: frozenset[str], page: str) -> float:
    """Weigh a candidate: words it shares with the story, a headline's length, being said again elsewhere."""
    shared = min(MOST_SHARED, _shared(line, story))
    repeated = line.words >= LEAST_WORDS and page.count(line.key) > 1
    return SHARED * shared + min(line.words, 12) / 2 + (SAID_AGAIN if repeated else 0)


def _shared(line: Line, story: frozenset[str]) -> int:
    """Count a line's longer words that the story has too."""
    return len(story.intersection(LONG_WORD.findall(line.key)))


def _words_of_story(lines: Iterable[Line]) -> frozenset[str]:
    """Return the longer words of an article's first paragraphs."""
    found: set[str] = set()
    count = 0
    for line in lines:
        if line.prose and count < STORY_WORDS:
            found.update(LONG_WORD.findall(line.key))
            count += line.words
    return frozenset(found)
