"""Whole pages as plain text: an article with furniture above, between and below, each line with its label."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.lines.blocks import ABOVE, ARTICLE, BELOW, INSIDE, OTHER_FURNITURE, Block, known
from bench.lines.text import Voice
from bench.lines.words import LANGUAGES


@dataclass(slots=True)
class GeneratedPage:
    """Lines of a page, whether each is part of the article, and the headline, which is a line of its own."""

    title: str
    site: str
    lines: list[str] = field(default_factory=list)
    kept: list[bool] = field(default_factory=list)

    def add(self, lines: Sequence[str], *, kept: bool) -> None:
        """Append a block."""
        self.lines += lines
        self.kept += [kept] * len(lines)

    @property
    def text(self) -> str:
        """The page as it would be pushed."""
        return "\n\n".join(self.lines)


def generate_pages(seed: int, count: int, *, other: bool = False) -> Iterator[GeneratedPage]:
    """Yield pages; ``other`` takes furniture of the shapes that the model is not fitted to."""
    for number in range(count):
        yield generate_page(random.Random(f"{seed}/{number}"), other=other)


def generate_page(rng: random.Random, *, other: bool = False) -> GeneratedPage:
    """Return one page: a sixth of all is an article with nothing around it."""
    voice = Voice(rng, rng.choice(LANGUAGES))
    page = GeneratedPage(voice.phrase(5, 13), voice.site)
    plain, often = rng.random() < 1 / 6, rng.choice((0.1, 0.2, 0.5))
    above, inside, below = (OTHER_FURNITURE,) * 3 if other else (ABOVE, INSIDE, BELOW)
    if not plain:
        page.add(_navigation(voice), kept=False)
        _furnish(page, voice, above, 0.25)
    page.add([page.title], kept=False)
    if not plain:
        _furnish(page, voice, above, 0.6)
    if rng.random() < 0.3:
        page.add([voice.sentence(8, 24) if rng.random() < 0.5 else voice.phrase(8, 20)], kept=True)
    page.add([voice.paragraph() for _ in range(rng.randint(1, 3))], kept=True)
    for _ in range(rng.choice((1, 2, 3, 3, 4, 5, 7))):
        if not plain:
            _furnish(page, voice, inside, often)
            _furnish(page, voice, (known,), 0.25)
        page.add(rng.choice(ARTICLE)(voice), kept=True)
    if not plain:
        for _ in range(rng.randint(0, 4)):
            _furnish(page, voice, below, 0.9)
        page.add(_navigation(voice), kept=False)
    return page


def _furnish(page: GeneratedPage, voice: Voice, kinds: Sequence[Block], chance: float) -> None:
    if voice.rng.random() < chance:
        page.add(voice.rng.choice(kinds)(voice), kept=False)


def _navigation(voice: Voice) -> list[str]:
    return [voice.phrase(1, 3) for _ in range(voice.rng.choice((0, 3, 8, 20, 40)))]
