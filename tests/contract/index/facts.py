"""Generated articles with every fact that is filtered by, and the filters' definitions in plain words."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from shared.article import Article, Copy, Entity
from shared.index.document import story_of
from shared.index.port import Filters
from tests.contract.index.corpus import ECONOMY, NOW, SPORT, article, is_folded, is_visible

WORDS = ("harbour", "ferry", "bank", "rates", "match", "goal")
SOURCES = ("a.com", "b.com", "c.com", "the evening post")
HOSTS = (
    "a.com",
    "news.a.com",
    "b.com",
    "sport.b.com",
    "deep.sport.b.com",
    "c.co.uk",
    "d.c.co.uk",
    "notb.com",
)
# As written, and what all of a row are taken for.
PEOPLE = {
    "zoe smith": ("Zoë Smith", "ZOE SMITH", "zoe  smith"),
    "o'neill": ("O’Neill", "o'neill"),
    "paris, texas": ("Paris, Texas",),
    "at&t": ("AT&T",),
    "smith": ("Smith",),
}
WRITTEN = tuple(form for forms in PEOPLE.values() for form in forms)
FOLDED = {form: folded for folded, forms in PEOPLE.items() for form in forms}
TOPICS = ("medtop:04000000", "medtop:20000344", "medtop:15000000")
LANGUAGES = ("en", "en-GB", "de", "und")


def generated(number: int, chance: random.Random) -> Article:
    """An article of chance: half of all facts absent now and then, hidden and folded ones among them."""
    lead = chance.random() < 0.7
    return article(
        number,
        " ".join(chance.choices(WORDS, k=2)),
        " ".join(chance.choices(WORDS, k=4)),
        source=chance.choice(SOURCES),
        url=f"https://www.{chance.choice(HOSTS)}/{number}" if chance.random() < 0.7 else None,
        language=chance.choice(LANGUAGES),
        topics=tuple(tag for tag in (ECONOMY, SPORT) if chance.random() < 0.4),
        authors=tuple(chance.choices(WRITTEN, k=chance.choice((0, 1, 2)))),
        entities=tuple(
            Entity(name, "person") for name in chance.choices(WRITTEN, k=chance.choice((0, 1, 3)))
        ),
        word_count=chance.randrange(8),
        image_url="https://a.com/i.png" if chance.random() < 0.5 else None,
        published_at=None if chance.random() < 0.1 else NOW - timedelta(hours=chance.randrange(300)),
        indexed_at=None if chance.random() < 0.1 else NOW - timedelta(hours=chance.randrange(10)),
        is_lead=lead,
        verdict="new" if lead else chance.choice(("duplicate", "duplicate", "version", "excerpt")),
        copies=_copies(chance) if lead else (),
        pub_status=chance.choice(("usable",) * 8 + ("withheld",)),
        withdrawn=chance.random() < 0.05,
        story_id=f"{chance.randrange(20):032x}" if chance.random() < 0.8 else None,
    )


def _copies(chance: random.Random) -> tuple[Copy, ...]:
    return tuple(
        Copy(
            f"{number:032x}",
            chance.choice(SOURCES),
            f"http://{chance.choice(HOSTS)}/x" if chance.random() < 0.7 else None,
            chance.choice(("duplicate", "duplicate", "version", "excerpt")),
        )
        for number in range(chance.choice((0, 0, 1, 2)))
    )


def generated_filters(chance: random.Random) -> Filters:
    """Two filters of chance, positive and negative, each with a value or two."""
    values = {
        "source": SOURCES,
        "language": ("en", "EN-gb", "de", "xx"),
        "topic": TOPICS,
        "story": tuple(f"{number:032X}" for number in range(8, 14)),
        "domain": (*HOSTS, "other.org"),
        "entity": WRITTEN,
        "author": (*WRITTEN, "nobody"),
    }
    given = {
        chance.choice(("", "not_")) + name: tuple(chance.choices(values[name], k=chance.choice((1, 2))))
        for name in chance.sample(sorted(values), 2)
    }
    bounds = {
        "start": NOW - timedelta(hours=150),
        "end": NOW - timedelta(hours=20),
        "min_words": 3,
        "max_words": 5,
        "indexed_since": NOW - timedelta(hours=5),
        "has_image": chance.random() < 0.5,
    }
    return Filters(**given, **{name: bounds[name] for name in chance.sample(sorted(bounds), 1)})


def values_of(name: str, one: Article, *, ran: bool) -> set[str]:
    """The values by which an article is found in a field; with ``ran`` also as its folded copies' lead."""
    copies = [copy for copy in one.copies if copy.verdict == "duplicate"] if ran else []
    match name:
        case "source":
            return {one.source.id, *(copy.source for copy in copies)}
        case "domain":
            places = [(one.url, one.source.id), *((copy.url, copy.source) for copy in copies)]
            return {domain for place in places for domain in _domains(*place)}
        case "language":
            return {one.language.lower(), one.language.lower().split("-")[0]}
        case "topic":
            return {code for tag in one.topics for code in (tag.code, *tag.broader)}
        case "story":
            return {story_of(one)}
        case "author":
            return {FOLDED[name] for name in one.authors}
        case _:
            return {FOLDED[entity.name] for entity in one.entities}


def _domains(url: str | None, source: str) -> set[str]:
    host = urlsplit(url).hostname.removeprefix("www.") if url else source
    known = {"a.com", "b.com", "c.com", "c.co.uk", "notb.com", *HOSTS}
    return {domain for domain in known if host == domain or host.endswith(f".{domain}")}


def passes(filters: Filters, one: Article, *, fold: bool) -> bool:
    """Whether an article is let through by every filter."""
    for name in ("source", "language", "topic", "story", "domain", "entity", "author"):
        wanted, unwanted = (
            {FOLDED.get(value, value.lower()) for value in getattr(filters, prefix + name)}
            for prefix in ("", "not_")
        )
        if wanted and not wanted & values_of(name, one, ran=fold):
            return False
        if unwanted & values_of(name, one, ran=False):  # who wants none of a source means its own articles
            return False
    return (
        _between(one.published_at, filters.start, filters.end)
        and _between(one.word_count, filters.min_words, filters.max_words)
        and _between(one.indexed_at, filters.indexed_since, None)
        and filters.has_image in (None, one.image_url is not None)
    )


def _between(value, least, most) -> bool:
    if least is most is None:
        return True
    return value is not None and (least is None or least <= value) and (most is None or value <= most)


def matches(
    articles: Sequence[Article], filters: Filters, duplicates: str = "fold", word: str = ""
) -> set[int]:
    """The numbers of the visible articles that match and may be hits, by definition."""
    fold = duplicates == "fold"
    found = {
        number
        for number, one in enumerate(articles)
        if is_visible(one, NOW)
        and passes(filters, one, fold=fold)
        and (not word or word in f"{one.title} {one.body}".split())
    }
    copies = {number for number in found if is_folded(articles[number])}
    return {"fold": found - copies, "keep": found, "only": copies}[duplicates]
