"""The floor: the four stage functions called directly in this process, and the raw index write, in CPU time.

No ledger, no queue, no HTTP; what the whole system costs beyond this is what the system costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from bench.comparing import Comparing
from services.workers.stages.clean import clean_article
from services.workers.stages.index import index_articles
from services.workers.stages.tag import tag_article
from shared.article import Article, RawArticle
from shared.index.document import document
from shared.index.open import open_index
from shared.index.port import ArticleIndex
from shared.settings import Settings

BATCH = 100
LULL_SECONDS = 0.2  # without work, after which no merge is taken to be running

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Floor:
    """CPU milliseconds per article of each stage; ``index`` is the write, with the documents it builds."""

    articles: int
    clean: float
    dedupe: float
    tag: float
    index: float
    documents: float  # the part of ``index`` that builds documents, measured by itself
    copies: int

    @property
    def total(self) -> float:
        """The four stages together."""
        return self.clean + self.dedupe + self.tag + self.index


class _Clock:
    """Adds up the CPU time of this process, threads of the engine included, per name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def run(self, name: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        started = time.process_time()
        done = work(*args, **kwargs)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - started
        return done

    def ms_each(self, name: str, articles: int) -> float:
        return self.seconds[name] * 1000 / articles


def measure_floor(
    settings: Settings,
    raws: Sequence[RawArticle],
    warm_up: Sequence[RawArticle],
    advance: Callable[[int], None],
) -> Floor:
    """Take every article through the stages in batches, into a new index of the settings."""
    index = open_index(settings, writing=True)
    index.create()
    try:
        _run(_Clock(), warm_up, Comparing(), index, lambda _: None)
        clock = _Clock()
        copies = _run(clock, raws, Comparing(), index, advance)
    except BaseException:
        index.close()
        raise
    clock.run("index", _close, index)
    count = len(raws)
    each = {name: clock.ms_each(name, count) for name in ("clean", "dedupe", "tag", "index", "documents")}
    return Floor(count, copies=copies, **each)


def _run(
    clock: _Clock,
    raws: Sequence[RawArticle],
    comparing: Comparing,
    index: ArticleIndex,
    advance: Callable[[int], None],
) -> int:
    """One pass; returns how many copies dedupe found."""
    copies = 0
    for start in range(0, len(raws), BATCH):
        batch = raws[start : start + BATCH]
        cleaned = clock.run("clean", _clean, batch)
        leads = clock.run("dedupe", _leads, cleaned, comparing)
        copies += sum(lead is not None for lead in leads)
        tagged = clock.run("tag", _each, tag_article, cleaned)
        final = [_with_facts(article, start + place, leads[place]) for place, article in enumerate(tagged)]
        clock.run("documents", _each, document, final)
        outcomes = clock.run("index", index_articles, final, index)
        if any(outcome.word != "indexed" for outcome in outcomes):
            raise RuntimeError("the direct write was refused an article")
        advance(len(batch))
    return copies


def _close(index: ArticleIndex) -> None:
    """Close, and wait for merges that are still under way in the engine's threads: they are part of it."""
    index.close()
    busy = True
    while busy:
        before = time.process_time()
        time.sleep(LULL_SECONDS)
        busy = time.process_time() - before > LULL_SECONDS / 50


def _clean(raws: Sequence[RawArticle]) -> list[Article]:
    return [clean_article(raw).article for raw in raws]


def _each(work: Callable[[Article], T], articles: Sequence[Article]) -> list[T]:
    return [work(article) for article in articles]


def _leads(cleaned: Sequence[Article], comparing: Comparing) -> list[str | None]:
    found = comparing.run(cleaned)
    return [one.verdict.duplicate_of if one.verdict else None for one in found]


def _with_facts(article: Article, place: int, lead: str | None) -> Article:
    """What the ledger would add to the article before it is written."""
    return replace(
        article,
        revision=1,
        change=1,
        sort_key=place + 1,
        verdict="duplicate" if lead else "new",
        duplicate_of=lead,
        is_lead=lead is None,
        story_id=lead or article.id,
    )
