"""A small newsroom: a real ledger and a real embedded index, and articles that went the whole way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.search.app import create_app
from shared.article import Article, Entity, RawArticle, Removed, Source, Tag, Verdict, VerdictWord
from shared.clock import now_ms
from shared.identity import article_id
from shared.index.open import open_index
from shared.index.port import ArticleIndex
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import Ledger, Outcome, OutcomeWord, Work
from shared.messages import Lane, Stage
from shared.nearness.sketch import make_sketch, pack_sketch
from shared.settings import Settings

WORKER = "worker-1"
TRANSPORT = Tag("medtop:20000337", "transport", 0.82, ("ferry", "harbour"), ("medtop:04000000",))
FERRY = "The new ferry left the harbour at dawn.\nThe mayor of Port Selby spoke of a good day."
NEXT: dict[Stage, Stage | None] = {"clean": "dedupe", "dedupe": "tag", "tag": "index", "index": None}


@dataclass(frozen=True)
class Newsroom:
    """The parts of a search service, and a way to put articles into them."""

    settings: Settings
    ledger: Ledger
    index: ArticleIndex

    def client(self) -> FlaskClient:
        return create_app(self.settings, self.index, self.ledger).test_client()

    def publish(self, title: str, body: str, *, source: str = "harbour.example", **facts: Any) -> str:
        """Take an article through all four stages; returns its id. ``facts`` are fields of the article."""
        lead, word = facts.pop("copy_of", None), facts.pop("copied_as", "duplicate")
        url = facts.pop("url", f"https://{source}/{title.lower().replace(' ', '-')}")
        raw = RawArticle(article_id(source, title, None), Source(source), url, title)
        facts = self._facts(body, facts)
        article = Article(raw.id, Source(source), title, body, datetime.now(UTC), uri=title, url=url, **facts)
        self.ledger.accept([raw], now_ms())
        self._take("clean", lambda work: Outcome(work.sequence, "cleaned", article=article))
        self._take("dedupe", lambda work: _deduped(work, lead, word))
        self._take("tag", lambda work: Outcome(work.sequence, "tagged", article=work.article))
        self._take("index", self._indexed)
        self.index.refresh()
        return raw.id

    def end(self, title: str, word: OutcomeWord, reason: str, *, source: str = "harbour.example") -> str:
        """Take an article to the clean stage and end it there with a word; returns its id."""
        raw = RawArticle(article_id(source, title, None), Source(source), uri=title, body=title)
        self.ledger.accept([raw], now_ms())
        self._take("clean", lambda work: Outcome(work.sequence, word, reason))
        return raw.id

    def write_index(self, lane: Lane = "live") -> None:
        """Let the index stage write what waits in a lane."""
        self._take("index", self._indexed, lane)
        self.index.refresh()

    def _take(self, stage: Stage, settle: Any, lane: Lane = "live") -> None:
        while claim := self.ledger.claim(stage, lane, 10, WORKER, now_ms()):
            self.ledger.commit(claim, [settle(work) for work in claim.works], NEXT[stage], WORKER, now_ms())

    def _indexed(self, work: Work) -> Outcome:
        assert work.article is not None
        written = self.index.write([work.article])
        assert [outcome.word for outcome in written] == ["written"]
        return Outcome(work.sequence, "indexed", change=work.article.change)

    @staticmethod
    def _facts(body: str, facts: dict[str, Any]) -> dict[str, Any]:
        return {
            "language": "en",
            "published_at": datetime(2026, 11, 20, 8, 30, tzinfo=UTC),
            "word_count": len(body.split()),
        } | facts


def _deduped(work: Work, lead: str | None, word: VerdictWord) -> Outcome:
    article = work.article
    assert article is not None
    digest = blake2b((article.title + article.body).encode(), digest_size=16).hexdigest()
    verdict = Verdict(word, lead, 1.0, lead) if lead else Verdict("new")
    return Outcome(
        work.sequence,
        "deduped",
        article=article,
        verdict=verdict,
        content_hash=digest,
        text_hash=digest,
        sketch=pack_sketch(make_sketch(article.title, article.body)),
        expected_revision=work.current.revision if work.current else 0,
    )


@contextmanager
def open_newsroom(data_dir: Path) -> Iterator[Newsroom]:
    settings = Settings(data_dir=data_dir)
    migrate_ledger(settings)
    index = open_index(settings, writing=True)
    index.create()
    ledger = open_ledger(settings)
    yield Newsroom(settings, ledger, index)
    index.close()
    ledger.close()


@pytest.fixture
def empty_newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    """A newsroom of the test's own, to put articles into."""
    with open_newsroom(tmp_path) as newsroom:
        yield newsroom


@pytest.fixture(scope="session")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """Five articles to read: a ferry story with its copy, one in Spanish, one hostile, one of a year ago."""
    with open_newsroom(tmp_path_factory.mktemp("newsroom")) as newsroom:
        _fill(newsroom)
        yield newsroom


@pytest.fixture(scope="session")
def client(newsroom: Newsroom) -> FlaskClient:
    return newsroom.client()


def _fill(newsroom: Newsroom) -> None:
    lead = newsroom.publish(
        "Ferry line to the islands opens",
        FERRY,
        topics=(TRANSPORT,),
        entities=(Entity("Port Selby", "place", 2),),
        removed=(Removed("Subscribe to our newsletter", "newsletter call"),),
        authors=("Desk reporter",),
    )
    newsroom.publish(
        "Ferry line to the islands opens",
        FERRY,
        source="coast.example",
        copy_of=lead,
        published_at=datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
    )
    newsroom.publish(
        "El puerto abre una nueva línea",
        "La nueva línea de transbordadores salió al amanecer.",
        source="puerto.example",
        language="es",
        published_at=datetime(2026, 11, 21, 7, 0, tzinfo=UTC),
    )
    newsroom.publish(
        "<script>alert('x')</script> & harbour news",
        'A body with <img src=x onerror=alert(1)> and a "quote" about the harbour.',
        source="hostile.example",
        url="javascript:alert(1)",
        published_at=datetime(2026, 11, 19, 7, 0, tzinfo=UTC),
    )
    newsroom.publish(
        "Harbour dues rise",
        "Dues in the harbour rise by two percent.",
        published_at=datetime(2025, 11, 20, 7, 0, tzinfo=UTC),
    )
