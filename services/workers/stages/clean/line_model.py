"""A small linear model of single lines, asked about the lines that the rules and the region leave.

Its weights are in ``line_model.json``, which ``python -m bench.lines`` makes out of generated pages; here is
only the sum. What is cut is still ``text.py``'s to say.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp, log1p
from operator import mul

from services.workers.stages.clean.lines import ADDRESS, Line
from services.workers.stages.clean.phrases import words
from services.workers.stages.clean.rules import QUOTE_MARKS
from shared.errors import BadSettings

FILE = "line_model.json"
# Raised with every change of what a feature means, so that weights of another meaning are not taken.
VERSION = 1
NEAR = 5  # lines on each side that are looked at
LONGEST_RUN = 8
LEAST_TEXT = 60  # words of running text
LONG_PARAGRAPH = 15  # words; the summary under a headline is not told from an item of news in brief
MOST_OF_TEXT = 0.15
HEADING_WORDS = 12
MOST_CHARS = 2_000  # of a line are looked at
LONG_WORD = re.compile(r"[^\W\d_]{4,}")
YEAR = re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,2}[:.]\d\d\b")
WORD = re.compile(r"[^\W\d_]+")

FEATURES = (
    "length", "tiny", "ends", "trails_off", "bullet", "leads", "listed", "prose", "function_words", "commas",
    "capitals", "figures", "dated", "site_words", "said_twice", "of_the_story", "first", "last", "under_text",
    "above_text", "under_short", "above_short", "text_near", "short_run", "teaser", "text_below", "cut_above",
    "cut_below",
)  # fmt: skip
KINDS = ("sentence", "other")
# What stands beside lines that were cut is less likely an article's, never more: so a text that was cleaned,
# in which nothing is cut any more, gives no line a worse mark than it had before.
NEVER_FOR = frozenset({"cut_above", "cut_below"})


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of the features in order, with a constant first, and the chance below which a line goes.

    Sentences and other lines have weights of their own: what speaks for a heading speaks against a caption.
    """

    sentence: tuple[float, ...]
    other: tuple[float, ...]
    cut_below: float


NO_MODEL = Model((), (), 0.0)


def unlikely_lines(lines: Sequence[Line], gaps: Sequence[int], model: Model | None = None) -> list[int]:
    """Return the numbers of lines that are hardly part of the article that the lines make.

    There must be some running text, or too little is known of the article: none of an alert's few lines goes.
    ``gaps`` tells for each line how many the rules cut between it and the one above it.
    """
    model = model or shipped_model()
    if model.cut_below <= 0 or sum(line.words for line in lines if line.prose) < LEAST_TEXT:
        return []
    found = _below(lines, gaps, model)
    if _is_much(lines, found):
        # What would be found in the text if it were read again, which does not show what was cut of it.
        found = _below(lines, [0] * len(lines), model)
    return [] if _is_much(lines, found) else found


def _below(lines: Sequence[Line], gaps: Sequence[int], model: Model) -> list[int]:
    asked = [n for n in range(len(lines)) if is_open(lines, n)]
    rows = zip(asked, rows_of(lines, gaps, asked), strict=True)
    return [n for n, row in rows if chance(lines[n], row, model) < model.cut_below]


def _is_much(lines: Sequence[Line], found: Sequence[int]) -> bool:
    """Whether lines hold so much of the text that the model does not know this kind of article."""
    cut = sum(lines[n].words for n in found if is_sentence(lines[n]))
    return cut > MOST_OF_TEXT * sum(line.words for line in lines if is_sentence(line))


def is_open(lines: Sequence[Line], number: int) -> bool:
    """Whether a line is asked about; what is surely an article's own is not.

    That is running text inside running text or of some length, words of somebody, items of numbered lists
    with the addresses under them, and a heading that stands under a sentence
    or an item, above text.
    """
    line = lines[number]
    above = lines[number - 1] if number else None
    below = lines[number + 1] if number + 1 < len(lines) else None
    if line.listed or line.text[0] in QUOTE_MARKS or ADDRESS.match(line.text):
        return False
    if line.prose:
        return line.words < LONG_PARAGRAPH and not all(n is None or n.prose for n in (above, below))
    stands = not line.bullet and above is not None and above.stands_alone
    heads = stands and below is not None and (below.ends or below.leads)
    return line.ends or not heads or line.words > HEADING_WORDS


def is_sentence(line: Line) -> bool:
    """Whether a line has the weights of sentences."""
    return line.ends or line.prose


def chance(line: Line, row: Sequence[float], model: Model) -> float:
    """Return the chance, 0..1, that a line is part of its article."""
    constant, *weights = model.sentence if is_sentence(line) else model.other
    total = constant + sum(map(mul, weights, row))
    return 1 / (1 + exp(-max(-30.0, min(30.0, total))))


def rows_of(lines: Sequence[Line], gaps: Sequence[int], asked: Sequence[int]) -> list[list[float]]:
    """Return the features of the lines asked about, each between 0 and about 1."""
    keys = Counter(line.key for line in lines)
    story: Counter[str] = Counter()
    below = [0]
    for line in reversed(lines):
        below.append(below[-1] + (line.words if line.prose else 0))
        if line.prose:
            story.update(set(LONG_WORD.findall(line.key[:MOST_CHARS])))
    below.reverse()
    total = max(1, below[0])
    return [
        [
            *_of_line(lines[n], keys, story),
            *_of_place(lines, n),
            below[n + 1] / total,
            _gap(gaps, n),
            _gap(gaps, n + 1),
        ]
        for n in asked
    ]


def _of_line(line: Line, keys: Mapping[str, int], story: Mapping[str, int]) -> list[float]:
    """Return what is seen in a line itself, and of its words elsewhere in the text."""
    found = WORD.findall(line.text[:MOST_CHARS])
    count = max(1, len(found))
    folded = WORD.findall(line.key[:MOST_CHARS])
    own = set(LONG_WORD.findall(line.key[:MOST_CHARS]))
    least = 2 if line.prose else 1  # its own mention is in the story too
    functions, of_sites = words("function_words"), words("site_words")
    return [
        min(1.0, log1p(line.words) / 4),
        float(line.words <= 2),
        float(line.ends),
        float(line.text.endswith(("...", "…", ".."))),
        float(line.bullet),
        float(line.leads),
        float(line.listed),
        float(line.prose),
        sum(word in functions for word in folded) / count,
        min(1.0, line.text.count(",") / count),
        sum(word[0].isupper() for word in found[1:]) / count,
        min(1.0, sum(map(str.isdigit, line.text[:MOST_CHARS])) / max(1, len(line.text))),
        float(YEAR.search(line.text[:MOST_CHARS]) is not None and line.words < 16),
        min(1.0, 3 * sum(word in of_sites for word in folded) / count),
        float(keys[line.key] > 1),
        sum(story.get(word, 0) >= least for word in own) / len(own) if own else 0.5,
    ]


def _of_place(lines: Sequence[Line], number: int) -> list[float]:
    """Return what stands above and below a line."""
    line = lines[number]
    above = lines[number - 1] if number else None
    below = lines[number + 1] if number + 1 < len(lines) else None
    short_above = above is not None and not above.ends
    short_below = below is not None and not below.ends
    near = lines[max(0, number - NEAR) : number + NEAR + 1]
    text = sum(other.words for other in near if other.prose and other is not line)
    every = sum(other.words for other in near if other is not line)
    return [
        float(above is None),
        float(below is None),
        float(above is not None and above.prose),
        float(below is not None and below.prose),
        float(short_above),
        float(short_below),
        text / every if every else 0.5,
        _run(lines, number) / LONGEST_RUN,
        float(line.prose and line.words < 40 and short_above and (short_below or below is None)),
    ]


def _run(lines: Sequence[Line], number: int) -> int:
    """Count the lines around one that do not end as sentences do, itself included."""
    if lines[number].ends:
        return 0
    start = end = number
    while start > 0 and not lines[start - 1].ends and end - start < LONGEST_RUN - 1:
        start -= 1
    while end + 1 < len(lines) and not lines[end + 1].ends and end - start < LONGEST_RUN - 1:
        end += 1
    return end - start + 1


def _gap(gaps: Sequence[int], number: int) -> float:
    """Return how much was cut between a line and the one above it; at the edges it says nothing."""
    return min(gaps[number], NEAR) / NEAR if 0 < number < len(gaps) else 0.0


@cache
def shipped_model() -> Model:
    """Return the model of the file beside this module; a file that does not fit it stops the start."""
    return load_model(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))


def load_model(text: str) -> Model:
    """Read weights by the name of their feature; ``BadSettings`` when they belong to another version."""
    try:
        told = json.loads(text)
        names = ("constant", *FEATURES)
        if told["version"] != VERSION or any(set(told[kind]) != set(names) for kind in KINDS):
            raise BadSettings(f"{FILE}: made for other features; run python -m bench.lines")
        sentence, other = (tuple(float(told[kind][name]) for name in names) for kind in KINDS)
        return Model(sentence, other, float(told["cut_below"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadSettings(f"{FILE}: cannot be used: {error!r}") from error
