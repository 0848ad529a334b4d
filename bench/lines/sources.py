"""``python -m bench.lines.sources``: what cutting a source's repeated lines is worth on generated sources.

Each source publishes some hundreds of articles, in order, and its profile grows with them. Its furniture
is in every article or in a few; its articles repeat lines too: background of a running story, headings of
a series.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.lines.pages import GeneratedPage
from bench.lines.text import Voice
from bench.lines.words import LANGUAGES
from services.workers.stages.clean import clean_article
from services.workers.stages.clean.profile import REPEATED, sighting
from shared.article import RawArticle, Source
from shared.profiles.memory import MemorySourceProfiles


@dataclass(slots=True)
class Desk:
    """A generated source: what it puts around its articles, and what its articles share."""

    rng: random.Random
    voice: Voice
    always: list[str] = field(default_factory=list)
    at_times: list[tuple[str, float]] = field(default_factory=list)  # with the share of articles
    bios: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    stories: list[tuple[Voice, list[str]]] = field(default_factory=list)


def make_desk(rng: random.Random) -> Desk:
    """Return a source."""
    voice = Voice(rng, rng.choice(LANGUAGES))
    desk = Desk(rng, voice)
    strange = voice.other(0.0)
    desk.always = [_note(strange) for _ in range(rng.randint(1, 4))]
    desk.at_times = [(_note(strange), rng.choice((0.05, 0.1, 0.2, 0.5))) for _ in range(rng.randint(4, 20))]
    desk.bios = [f"{strange.name()} {strange.sentence(10, 30)}" for _ in range(rng.randint(2, 15))]
    desk.headings = [voice.phrase(3, 6) for _ in range(rng.randint(2, 8))]
    return desk


def _note(voice: Voice) -> str:
    return voice.sentence(5, 30) if voice.rng.random() < 0.6 else voice.phrase(3, 12)


def make_articles(desk: Desk, count: int) -> Iterator[GeneratedPage]:
    """Yield articles; one in three goes on with an earlier story, and repeats some of its background."""
    rng = desk.rng
    for _ in range(count):
        if desk.stories and rng.random() < 0.33:
            voice, background = rng.choice(desk.stories[-6:])
        else:
            voice = desk.voice.other(0.3)
            background = [voice.paragraph() for _ in range(rng.randint(1, 3))]
            desk.stories.append((voice, background))
        yield _make_article(desk, voice, background)


def _make_article(desk: Desk, voice: Voice, background: list[str]) -> GeneratedPage:
    rng = desk.rng
    page = GeneratedPage(voice.phrase(5, 12), desk.voice.site)
    page.add([page.title], kept=False)
    notes = [line for line, share in desk.at_times if rng.random() < share]
    rng.shuffle(notes)
    places = {line: rng.choice(("above", "inside", "below", "below")) for line in notes}
    page.add([line for line in notes if places[line] == "above"], kept=False)
    body = [voice.paragraph() for _ in range(rng.randint(4, 14))]
    again = [line for line in background if rng.random() < 0.6]
    place = rng.choice((len(body), len(body), rng.randint(1, len(body))))  # often it ends the article
    body[place:place] = again
    if rng.random() < 0.3 and desk.headings:
        body.insert(rng.randint(1, len(body) - 1), rng.choice(desk.headings))
    inside = [line for line in notes if places[line] == "inside"]
    cut = rng.randint(1, len(body))
    page.add(body[:cut], kept=True)
    page.add(inside, kept=False)
    page.add(body[cut:], kept=True)
    page.add([line for line in notes if places[line] == "below"], kept=False)
    page.add(desk.always, kept=False)
    page.add([rng.choice(desk.bios)] if rng.random() < 0.6 else [], kept=False)
    return page


@dataclass(slots=True)
class Tally:
    """Lines that reach the rule, and those it cuts."""

    article: int = 0
    article_cut: int = 0
    furniture: int = 0
    furniture_cut: int = 0


def run_desk(seed: str, articles: int, tally: Tally) -> None:
    """Clean a source's articles in order, counting each after it was cleaned."""
    desk = make_desk(random.Random(seed))
    profiles, source = MemorySourceProfiles(), Source("desk.example")
    for number, page in enumerate(make_articles(desk, articles)):
        raw = RawArticle(f"{number}", source, title=page.title, text=page.text)
        article = clean_article(raw, profiles.read([source.id])[source.id]).article
        real = {line for line, kept in zip(page.lines, page.kept, strict=True) if kept}
        cut = [item.text for item in article.removed if item.reason == REPEATED]
        left = article.body.split("\n")
        tally.article += sum(line in real for line in [*left, *cut])
        tally.article_cut += sum(line in real for line in cut)
        tally.furniture += sum(line not in real for line in [*left, *cut])
        tally.furniture_cut += sum(line not in real for line in cut)
        profiles.count([sighting(article)])


def main() -> None:
    """Print the two shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=30)
    parser.add_argument("--articles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    tally = Tally()
    for number in range(asked.sources):
        run_desk(f"{asked.seed}/{number}", asked.articles, tally)
    cut, lost = tally.furniture_cut / tally.furniture, tally.article_cut / tally.article
    print(f"{asked.sources} sources of {asked.articles} articles:")
    print(f"{cut:.1%} of {tally.furniture} lines of furniture cut")
    print(f"{lost:.2%} of {tally.article} article lines lost")


if __name__ == "__main__":
    main()
