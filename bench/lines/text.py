"""Sentences, headings, names and numbers of one generated page, out of a vocabulary of its own."""

from __future__ import annotations

import random

from bench.lines.words import UNSPACED, Language

OUTLETS = ("Ledger", "Courier", "Observer", "Wire", "Beacon", "Standard", "Echo", "Daily", "Mag", "Online")


class Voice:
    """Speaks of one story in one language; ``random`` is the only state."""

    def __init__(self, rng: random.Random, language: Language, topic: list[str] | None = None) -> None:
        self.rng = rng
        self.language = language
        self.topic = topic or [self.word() for _ in range(70)]
        self.cast = [self.name() for _ in range(5)]
        self.site = f"{self.word().capitalize()} {rng.choice(OUTLETS)}"
        # Some write tersely, some in small words, some to a reader whom they call "you".
        self.small = rng.uniform(0.28, 0.58)
        self.little = language.small + language.to_reader * rng.choice((0, 0, 1, 3))

    @property
    def spaced(self) -> bool:
        """Whether words stand apart."""
        return self.language is not UNSPACED

    def other(self, shared: float) -> Voice:
        """Return the voice of another story on the same site; a share of the words is the same."""
        strange = [self.word() for _ in self.topic]
        pairs = zip(self.topic, strange, strict=True)
        mixed = [own if self.rng.random() < shared else new for own, new in pairs]
        voice = Voice(self.rng, self.language, mixed)
        voice.site, voice.small, voice.little = self.site, self.small, self.little
        return voice

    def word(self) -> str:
        """Return a made-up word."""
        language = self.language
        pieces = [
            self.rng.choice(language.onsets) + self.rng.choice(language.vowels)
            for _ in range(self.rng.choice((1, 2, 2, 3)))
        ]
        return "".join(pieces) + self.rng.choice(language.ends)

    def name(self) -> str:
        """Return a name of two words, sometimes of one or three."""
        count = self.rng.choice((1, 2, 2, 2, 3))
        return self._join([self.word().capitalize() for _ in range(count)])

    def number(self) -> str:
        """Return a number as articles have them."""
        digits = self.rng.choice((1, 2, 2, 3, 4, 5))
        return f"{self.rng.randrange(1, 10**digits):,}"

    def words(self, count: int, *, small: float = 1.0, title: bool = False) -> list[str]:
        """Return words of the story, small ones between them, as many as its writer uses times ``small``."""
        rng = self.rng
        found: list[str] = []
        small *= min(0.7, max(0.1, rng.gauss(self.small, 0.08)))
        while len(found) < count:
            if found and rng.random() < small:
                word = rng.choice(self.little)
                found.append(word.capitalize() if title and rng.random() < 0.3 else word)
            elif rng.random() < 0.1:
                found += rng.choice(self.cast).split(" ")
            elif rng.random() < 0.05:
                found.append(self.number())
            else:
                word = rng.choice(self.topic)
                noun = self.language.capital_nouns and rng.random() < 0.45
                found.append(word.capitalize() if title or noun else word)
        return found[:count]

    def _join(self, words: list[str]) -> str:
        return (" " if self.spaced else "").join(words)

    def phrase(self, low: int, high: int, *, small: float = 0.8, title: bool | None = None) -> str:
        """Return a heading, a caption or a label: no stop at its end."""
        capital = self.rng.random() < 0.35 if title is None else title
        text = self._join(self.words(self.rng.randint(low, high), small=small, title=capital))
        return text[:1].upper() + text[1:]

    def sentence(self, low: int = 7, high: int = 28) -> str:
        """Return a sentence with its stop."""
        rng = self.rng
        words = self.words(rng.randint(low, high))
        for place in range(3, len(words) - 2):
            if rng.random() < 0.08:
                words[place] += "," if self.spaced else "、"
        text = self._join(words)
        text = text[:1].upper() + text[1:]
        stop = rng.choice((".", ".", ".", ".", ".", ".", "?", "!")) if self.spaced else "。"
        if rng.random() < 0.18 and self.spaced:
            return f"“{text},” {rng.choice(self.language.small)} {rng.choice(self.cast)}."
        return text + stop

    def paragraph(self) -> str:
        """Return one to five sentences."""
        count = self.rng.choice((1, 1, 1, 2, 2, 3, 4, 5))
        return self._join([self.sentence() for _ in range(count)])

    def plain_date(self) -> str:
        """Return a day, as articles write it."""
        rng = self.rng
        day, year, month = rng.randint(1, 28), rng.randint(2009, 2027), rng.choice(self.language.months)
        return rng.choice((f"{month} {day}, {year}", f"{day} {month} {year}", f"{day}. {month} {year}"))

    def date(self) -> str:
        """Return a date, in one of the ways of sites, sometimes with a time or a name."""
        rng, plain = self.rng, self.plain_date()
        clock = f"{rng.randint(0, 23)}:{rng.randint(10, 59)}"
        return rng.choice(
            (
                f"{plain} - {clock} XST",
                f"{plain} | {self.name()}",
                f"{self.name()} - {plain}, {clock}",
                f"{self.name()} {plain}",
                f"• {plain} • {rng.randint(1, 12)} min",
                f"{plain} {self.site}",
                f"{plain}/{rng.randint(0, 40)} /{self.word()}",
            )
        )

    def said(self, template: str) -> str:
        """Fill a template of the language."""
        return template.format(n=self.site, w=self.rng.choice(self.topic), d=self.rng.randint(2, 40))
