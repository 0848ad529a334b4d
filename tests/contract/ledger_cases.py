"""Ledger steps that several contract tests take: submissions made up, and stages played by hand."""

from __future__ import annotations

import random
import shutil
from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.workers.steps import run_dedupe
from shared.article import Article, RawArticle, Source, Verdict
from shared.clock import from_ms
from shared.fingerprints.port import Fingerprints
from shared.ledger.engine import Database
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import Claim, Ledger, Outcome, Work
from shared.ledger.schema import submissions
from shared.messages import Stage
from shared.settings import Settings

NOW = 1_790_000_000_000
LEASE = 15_000
DATABASES = ("sqlite", "postgresql")
LETTERS = str.maketrans("0123456789", "abcdefghij")  # titles with other numbers make versions of equal texts


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger file with tables and nothing in them: migrating takes longer than many a test."""
    found = Settings(data_dir=tmp_path_factory.mktemp("empty"))
    migrate_ledger(found)
    return found.data_dir / "ledger.sqlite"


@pytest.fixture(params=DATABASES)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an empty, migrated ledger; each test that uses them runs on every database."""
    if request.param == "postgresql":
        return Settings(data_dir=tmp_path, ledger_url=request.getfixturevalue("postgresql_url"))
    shutil.copy(request.getfixturevalue("empty_sqlite"), tmp_path / "ledger.sqlite")
    return Settings(data_dir=tmp_path)


@pytest.fixture(params=DATABASES)
def unmade(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a ledger that has no tables yet."""
    if request.param == "postgresql":
        return Settings(data_dir=tmp_path, ledger_url=request.getfixturevalue("empty_postgresql_url"))
    return Settings(data_dir=tmp_path / "new")


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    """An open, empty ledger."""
    opened = open_ledger(settings)
    yield opened
    opened.close()


ROOTS = (
    "harb",
    "boar",
    "pier",
    "spri",
    "mayo",
    "coun",
    "ferr",
    "stor",
    "dama",
    "budg",
    "repo",
    "engi",
    "crac",
    "brid",
)
ENDS = (
    "a",
    "el",
    "in",
    "or",
    "us",
    "et",
    "ane",
    "ili",
    "omer",
    "und",
    "ard",
    "esque",
    "ion",
    "ity",
    "al",
    "ous",
    "ek",
)


def story(seed: int, sentences: int = 14) -> list[str]:
    """Sentences of a text that no other seed has anything in common with."""
    pick = random.Random(seed)
    return [
        " ".join(pick.choice(ROOTS) + pick.choice(ENDS) for _ in range(11)).capitalize() + "."
        for _ in range(sentences)
    ]


def edited(seed: int, changed: int, mark: int = 0) -> str:
    """The text of a seed with some of its sentences in the words of somebody else."""
    kept, other = story(seed), story(10_000 + 100 * seed + mark)
    return "\n".join([*kept[: len(kept) - changed], *other[:changed]])


def title_of(number: int) -> str:
    """A title for each number."""
    return f"Title {str(number).translate(LETTERS)}"


def make_raw(number: int, **fields: object) -> RawArticle:
    given = RawArticle(
        id=f"{number:032x}", source=Source("paper.example"), uri=f"item-{number}", title=title_of(number),
        body=f"Body {number}", ingested_at=from_ms(NOW),
    )  # fmt: skip
    return replace(given, **fields)  # type: ignore[arg-type]


def make_article(raw: RawArticle, **fields: object) -> Article:
    made = Article(
        id=raw.id, source=raw.source, title=raw.title or "", body=raw.body or "", ingested_at=from_ms(NOW),
        version=raw.version, modified_at=raw.modified_at, published_at=raw.published_at,
        pub_status=raw.pub_status, embargo_until=raw.embargo_until, expires_at=raw.expires_at,
    )  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]


def claim(ledger: Ledger, stage: Stage, now: int = NOW, limit: int = 100) -> Claim:
    found = ledger.claim(stage, "live", limit, "worker-1", now)
    assert found is not None, f"nothing waits at {stage}"
    return found


def clean(ledger: Ledger, now: int = NOW) -> None:
    held = claim(ledger, "clean", now)
    ledger.commit(held, [cleaned(work) for work in held.works], "dedupe", "worker-1", now)


def dedupe(ledger: Ledger, verdicts: dict[str, Verdict] | None = None, now: int = NOW) -> None:
    held = claim(ledger, "dedupe", now)
    ledger.commit(held, deduped_outcomes(held, verdicts or {}), "tag", "worker-1", now)


def deduped_outcomes(held: Claim, verdicts: dict[str, Verdict]) -> list[Outcome]:
    """What dedupe might say of a claim: ``verdicts`` by article, else that it is new."""
    return [_deduped(work, verdicts.get(work.article_id, Verdict("new"))) for work in held.works]


def _deduped(work: Work, verdict: Verdict) -> Outcome:
    return Outcome(
        work.sequence, "deduped", article=work.article, content_hash="c" * 32,
        text_hash=hash_of(work.article_id, verdict), verdict=verdict,
        expected_revision=work.current.revision if work.current else 0,
    )  # fmt: skip


def hash_of(article_id: str, verdict: Verdict) -> str:
    """The text hash of an article that says what its lead says, and of one that says its own."""
    return blake2b((verdict.duplicate_of or article_id).encode(), digest_size=16).hexdigest()


def tag(ledger: Ledger, now: int = NOW) -> None:
    held = claim(ledger, "tag", now)
    ledger.commit(held, [tagged(work) for work in held.works], "index", "worker-1", now)


def index(ledger: Ledger, now: int = NOW) -> list[Article]:
    held = claim(ledger, "index", now)
    articles = [work.article for work in held.works if work.article]
    outcomes = [Outcome(w.sequence, "indexed", change=w.article.change) for w in held.works if w.article]
    ledger.commit(held, outcomes, None, "worker-1", now)
    return articles


def run_all(ledger: Ledger, *raws: RawArticle, verdicts: dict[str, Verdict] | None = None) -> list[Article]:
    ledger.accept(raws, NOW)
    clean(ledger)
    dedupe(ledger, verdicts)
    tag(ledger)
    return index(ledger)


def status_of(ledger: Ledger, raw: RawArticle) -> str:
    found = ledger.status(raw.id)
    assert found is not None
    return found.status


Documents = dict[str, Article]  # what was written to the index, by article id


class Desk:
    """A ledger with fingerprints and the real dedupe stage; the other stages are played by hand."""

    def __init__(self, settings: Settings, fingerprints: Fingerprints) -> None:
        migrate_ledger(settings)
        self.ledger = open_ledger(settings)
        self.fingerprints = fingerprints
        self._settings = settings

    def send(self, *raws: RawArticle) -> None:
        """Accept and clean."""
        self.ledger.accept(raws, NOW)
        clean(self.ledger)

    def compare(self, held: Claim | None = None) -> None:
        """Run the dedupe stage on a claim."""
        held = held or claim(self.ledger, "dedupe")
        self.ledger.commit(held, run_dedupe(held.works, self.fingerprints), "tag", "w", NOW)

    def compare_all(self) -> None:
        """Run the dedupe stage until nothing waits at it."""
        while (held := self.ledger.claim("dedupe", "live", 100, "w", NOW)) is not None:
            self.compare(held)

    def finish(self, poison: Iterable[RawArticle] = (), refused: Iterable[RawArticle] = ()) -> Documents:
        """Tag and index until nothing waits; ``poison`` ends at tag, ``refused`` at index."""
        written: Documents = {}
        bad_at_tag, bad_at_index = {raw.id for raw in poison}, {raw.id for raw in refused}
        for _ in range(12):
            tagged = self.tag(bad_at_tag)
            if self.index(written, bad_at_index) == tagged == 0:
                return written
        raise AssertionError("tag and index never come to rest")

    def push(
        self, *raws: RawArticle, poison: Iterable[RawArticle] = (), refused: Iterable[RawArticle] = ()
    ) -> Documents:
        """Take submissions through all four stages; returns the documents that were written."""
        self.send(*raws)
        self.compare()
        return self.finish(poison, refused)

    def tag(self, bad: Container[str] = ()) -> int:
        """Tag what waits; returns how many rows that were."""
        held = self.ledger.claim("tag", "live", 100, "w", NOW)
        if held is None:
            return 0
        outcomes = [
            Outcome(work.sequence, "quarantined", "bad") if work.article_id in bad else tagged(work)
            for work in held.works
        ]
        self.ledger.commit(held, outcomes, "index", "w", NOW)
        return len(held.works)

    def index(self, written: Documents, bad: Container[str] = ()) -> int:
        """Index what waits, into ``written``; returns how many rows that were."""
        held = self.ledger.claim("index", "live", 100, "w", NOW)
        if held is None:
            return 0
        fine = [work.article for work in held.works if work.article and work.article.id not in bad]
        written.update({article.id: article for article in fine})
        outcomes = [
            Outcome(work.sequence, "indexed", change=written[work.article_id].change)
            if work.article_id not in bad
            else Outcome(work.sequence, "quarantined", "bad")
            for work in held.works
        ]
        self.ledger.commit(held, outcomes, None, "w", NOW)
        return len(held.works)

    def article(self, raw: RawArticle) -> Article:
        """What the ledger knows of an item."""
        found = self.ledger.article(raw.id)
        assert found is not None
        return found

    def change_rows(self, statement: sa.Update) -> None:
        """Alter rows behind the ledger's back, as a broken disk or an older program may."""
        database = Database(self._settings.ledger_url)
        with database.write() as connection:
            assert connection.execute(statement).rowcount > 0
        database.close()

    def drafts_of_ended(self) -> int:
        """How many submissions that have ended still carry a draft."""
        ended = sa.select(submissions).where(submissions.c.stage.is_(None), submissions.c.draft.is_not(None))
        database = Database(self._settings.ledger_url)
        with database.read() as connection:
            found = len(connection.execute(ended).all())
        database.close()
        return found


def cleaned(work: Work) -> Outcome:
    """The outcome of a work at stage clean."""
    assert work.raw is not None
    return Outcome(work.sequence, "cleaned", article=make_article(work.raw))


def tagged(work: Work) -> Outcome:
    """The outcome of a work at stage tag."""
    assert work.article is not None
    return Outcome(work.sequence, "tagged", article=replace(work.article, keywords=("seen",)))
