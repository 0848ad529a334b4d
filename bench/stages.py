"""How many articles a core takes through each stage, and through each part of tagging: CPU time, no system.

Also by itself: ``python -m bench.stages``, with ``--articles`` and ``--seed``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

import click
from rich.console import Console
from rich.table import Table

from bench.articles import Draft, make_articles
from bench.comparing import Comparing
from bench.pages import page
from services.workers.stages.clean import clean_article
from services.workers.stages.tag import load_tagger
from services.workers.stages.tag.amounts import find_amounts
from services.workers.stages.tag.entities import find_entities
from services.workers.stages.tag.gazetteer import load_gazetteer
from services.workers.stages.tag.keywords import find_keywords
from services.workers.stages.tag.topics import find_topics
from shared.article import Article, RawArticle, Source
from shared.nearness.bands import band_keys
from shared.nearness.sketch import make_sketch

ROUNDS = 3  # of which the median counts
GOALS = {"tag: topics": 1_000, "tag: names": 1_000}  # articles/s
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rate:
    """Articles a second of CPU that one part takes."""

    part: str
    articles_per_second: float

    @property
    def goal(self) -> int | None:
        """What the design asks for, where it does."""
        return GOALS.get(self.part)


def measure_rates(seed: int, count: int, advance: Callable[[int], None] = lambda _: None) -> list[Rate]:
    """Take the same articles through every part, in turns; answers in articles per CPU second."""
    drafts = list(make_articles(seed, 0, count))
    bodies, pages, texts = ([_raw(draft, kind) for draft in drafts] for kind in ("body", "html", "text"))
    articles = [clean_article(raw).article for raw in bodies]
    sketches = [make_sketch(each.title, each.body) for each in articles]
    parts: dict[str, Callable[[], object]] = {
        "clean: clean text": lambda: [clean_article(raw) for raw in bodies],
        "clean: HTML page": lambda: [clean_article(raw) for raw in pages],
        "clean: cluttered text": lambda: [clean_article(raw) for raw in texts],
        "dedupe": lambda: Comparing().run(articles),
        "dedupe: near copies": lambda: Comparing().run(articles, stories=False),
        "dedupe: sketch": lambda: [make_sketch(each.title, each.body) for each in articles],
        "dedupe: bands": lambda: [band_keys(sketch) for sketch in sketches],
        **_tagging(articles),
    }
    found: dict[str, list[float]] = {name: [] for name in parts}
    for name, part in chain.from_iterable([parts.items()] * ROUNDS):
        began = time.process_time()
        part()
        found[name].append(time.process_time() - began)
        advance(1)
    return [Rate(name, count / statistics.median(seconds)) for name, seconds in found.items()]


def _tagging(articles: Sequence[Article]) -> dict[str, Callable[[], object]]:
    tagger, known = load_tagger(), load_gazetteer(None)
    for article in articles[:100]:
        tagger.tag(article)
    return {
        "tag": lambda: [(tagger.words(each), tagger.tag(each)) for each in articles],
        "tag: topics": lambda: [find_topics(each.title, each.body, each.language) for each in articles],
        "tag: names": lambda: [
            find_entities(each.title, each.body, each.language, known) for each in articles
        ],
        "tag: keywords": lambda: [find_keywords(each.title, each.body, each.language) for each in articles],
        "tag: amounts": lambda: [find_amounts(each.body, each.language) for each in articles],
    }


def _raw(draft: Draft, kind: str) -> RawArticle:
    text = f"Home\nNews\n{draft.title}\n{draft.body}"
    return RawArticle(
        f"{draft.number:032x}",
        Source(draft.source),
        url=draft.url,
        title=draft.title if kind == "body" else None,
        body=draft.body if kind == "body" else None,
        html=page(draft) if kind == "html" else None,
        text=text if kind == "text" else None,
        ingested_at=MOMENT,
    )


def rates_table(rates: Sequence[Rate]) -> Table:
    """The rates for people."""
    table = Table("stage", "articles/s a core", "goal", title="Stage rates (CPU time)")
    for rate in rates:
        met = "" if rate.goal is None else _told(rate, rate.goal)
        table.add_row(rate.part, f"{rate.articles_per_second:,.0f}", met)
    return table


def _told(rate: Rate, goal: int) -> str:
    return f"≥ {goal:,}: {'met' if rate.articles_per_second >= goal else 'missed'}"


@click.command()
@click.option("--articles", default=500, show_default=True, help="How many articles go through each part.")
@click.option("--seed", default=20261124, show_default=True, help="Another seed gives other articles.")
def main(articles: int, seed: int) -> None:
    """Measure the stage functions by themselves."""
    Console().print(rates_table(measure_rates(seed, articles)))


if __name__ == "__main__":
    main()
