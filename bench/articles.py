"""Distinct news articles from a seed: every tenth is an exact copy of an earlier one under another source.

Article ``number`` of a seed is always the same, whatever was made before it. Its original, if it is a copy,
lies before it in the same thousand, so a run of thousands is complete in itself. Pages are ``pages.py``'s.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bench import words
from bench.desks import BEATS, Beat

COPY_EVERY = 10  # a tenth of any run that starts and ends on a multiple of it
THOUSAND = 1_000
LENGTHS = (250, 350)  # words; 300 in the mean
FIRST_DAY = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
SPREAD = timedelta(days=180)  # the time over which publication is spread

_SLOT = re.compile(r"\{(\w+)\}")
_QUOTED = re.compile(r'(?<=")[a-z]')
_AN = re.compile(r"\b([Aa])(?= (?:[aeio]|un[^i]))")
_ARTICLE = re.compile(r"(?:the |an? )?")


@dataclass(frozen=True, slots=True)
class Draft:
    """One generated article; ``copy_of`` is the number of its original, paragraphs end at newlines."""

    number: int
    source: str
    title: str
    body: str
    author: str
    published_at: datetime
    keywords: tuple[str, ...]
    copy_of: int | None = None

    @property
    def url(self) -> str:
        """The article's own address."""
        return f"https://{self.source}/{self.published_at:%Y/%m/%d}/{self.number}"


def is_copy(number: int) -> bool:
    """Whether the article of this number repeats another one."""
    return number % COPY_EVERY == COPY_EVERY - 1


def make_articles(seed: int, first: int, count: int) -> Iterator[Draft]:
    """The articles from ``first`` on; the stated share of copies holds for multiples of ten."""
    for number in range(first, first + count):
        yield make_article(seed, number)


def make_article(seed: int, number: int) -> Draft:
    """The article of one number."""
    if not is_copy(number):
        return _Writer(seed, number).article()
    rng = random.Random(f"{seed}/{number}/copy")
    original = make_article(seed, _original_of(rng, number))
    others = [source for source in words.SOURCES if source != original.source]
    later = original.published_at + timedelta(minutes=rng.randint(1, 300))
    return replace(
        original, number=number, source=rng.choice(others), published_at=later, copy_of=original.number
    )


def _original_of(rng: random.Random, number: int) -> int:
    """A number before it in its thousand that is no copy itself."""
    while True:
        found = rng.randrange(number // THOUSAND * THOUSAND, number)
        if not is_copy(found):
            return found


class _Writer:
    """Writes one article: a desk, a cast of names, and sentences in which both take turns."""

    def __init__(self, seed: int, number: int) -> None:
        self._number = number
        self._rng = random.Random(f"{seed}/{number}")
        self._beat: Beat = self._rng.choice(BEATS)
        self._cast = self._make_cast()
        self._met: set[str] = set()  # who has been named in full

    def article(self) -> Draft:
        rng = self._rng
        title = self._sentence(rng.choice(words.HEADLINES))
        source = rng.choice(words.SOURCES)
        return Draft(
            self._number,
            source,
            title,
            self._body(),
            f"{self._beat.name.title()} desk",
            FIRST_DAY + timedelta(seconds=rng.randrange(int(SPREAD.total_seconds()))),
            (self._beat.name, rng.choice(words.GIVEN_TOPICS)),
        )

    def _body(self) -> str:
        wanted = self._rng.randint(*LENGTHS)
        self._met.clear()  # the headline introduces nobody
        shapes = self._rng.sample(words.SHAPES, len(words.SHAPES))
        sentences = [self._sentence(self._rng.choice(self._beat.openings))]
        length = len(sentences[0].split())
        while length < wanted:
            sentences.append(self._sentence(shapes.pop()))
            length += len(sentences[-1].split())
        return "\n".join(self._paragraphs(sentences))

    def _paragraphs(self, sentences: list[str]) -> Iterator[str]:
        while sentences:
            size = self._rng.choice((1, 2, 2, 3))
            yield " ".join(sentences[:size])
            sentences = sentences[size:]

    def _sentence(self, shape: str) -> str:
        text = _AN.sub(r"\1n", self._fill(shape))
        return _QUOTED.sub(lambda letter: letter[0].upper(), text[0].upper() + text[1:])

    def _fill(self, shape: str) -> str:
        return _SLOT.sub(lambda slot: self._slot(slot[1]), shape)

    def _slot(self, name: str) -> str:
        lower = name.lower()
        text = self._number_of(lower) or self._name_of(lower) or self._phrase(lower)
        return text if name == lower else text[0].upper() + text[1:]

    def _phrase(self, name: str) -> str:
        if name == "qualified":  # an adjective goes between "the" and its noun
            noun, adjective = self._rng.choice(self._beat.nouns), self._rng.choice(words.LISTS["adjective"])
            return _ARTICLE.sub(lambda the: f"{the[0]}{adjective} ", noun, count=1)
        return self._fill(self._rng.choice(self._list(name)))

    def _list(self, name: str) -> tuple[str, ...]:
        if name == "noun":
            return self._beat.nouns
        return words.QUOTES if name == "quote" else words.LISTS[name]

    def _name_of(self, name: str) -> str | None:
        full = self._cast.get(name)
        if full is None or not name.startswith("person") or name not in self._met:
            self._met.add(name)
            return full
        return full.split()[-1]

    def _number_of(self, name: str) -> str | None:
        rng = self._rng
        if name == "percent":
            return f"{rng.randint(1, 90)}.{rng.randint(1, 9)} percent"
        if name == "money":
            amount = f"{rng.randint(1, 980)}.{rng.randint(1, 9)} {rng.choice(('million', 'billion'))}"
            return f"{rng.choice(('$', '€', '£'))}{amount}"
        if name == "count":
            return f"{rng.randint(21, 48_000):,}"
        if name == "score":
            return f"{rng.randint(1, 5)}-{rng.randint(0, 4)}"
        return {"year": str(rng.randint(1961, 2025)), "small": str(rng.randint(3, 19))}.get(name)

    def _make_cast(self) -> dict[str, str]:
        cast = {f"place{turn}": self._coined(words.PLACE_ENDS) for turn in (1, 2)}
        for turn in (1, 2, 3):
            cast[f"person{turn}"] = (
                f"{self._rng.choice(words.FIRST_NAMES)} {self._coined(words.SURNAME_ENDS)}"
            )
        for turn in (1, 2):
            cast[f"org{turn}"] = f"{self._coined(('',))} {self._rng.choice(words.FIRM_ENDS)}"
        return cast | {"body1": f"the {cast['place1']} {self._rng.choice(words.BODIES)}"}

    def _coined(self, ends: tuple[str, ...]) -> str:
        rng = self._rng
        middle = "".join(rng.choice(words.MIDDLES) for _ in range(rng.choice((1, 1, 2))))
        return rng.choice(words.ONSETS) + middle + rng.choice(ends)
