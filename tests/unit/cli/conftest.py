"""A ledger and an embedded index of a test's own, worked by hand, with the command line on top."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click.testing
import pytest

from services.cli.main import cli
from services.workers.steps import run_dedupe
from shared.article import Article, RawArticle, Source
from shared.clock import from_ms, now_ms
from shared.errors import CopydeskError
from shared.fingerprints.memory import MemoryFingerprints
from shared.index.open import open_index
from shared.index.port import ArticleIndex
from shared.ledger.engine import Database
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import Ledger, Outcome, Work
from shared.messages import LANES, STAGES, Stage
from shared.settings import Settings


@dataclass(frozen=True)
class Told:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


TEXT = (
    "The story of quay number {} is told again in the town museum from Sunday on. It shows who built it, "
    "which ships lay there and why the last of them never left, and ends with a film that pupils have made "
    "of what their grandparents remember."
)


def raw(number: int, **fields: Any) -> RawArticle:
    given = RawArticle(
        id=f"{number:032x}", source=Source(f"paper{number % 2}.example"), uri=f"item-{number}",
        title=f"Title {number}", body=TEXT.format(number),
        ingested_at=from_ms(now_ms()),
    )  # fmt: skip
    return replace(given, **fields)


class Newsdesk:
    """Takes submissions through the stages; dedupe is the real one, the others pass on what they get."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ledger: Ledger = open_ledger(settings)
        self.fingerprints = MemoryFingerprints()
        self.index: ArticleIndex = open_index(settings, writing=True)

    def close(self) -> None:
        self.index.close()
        self.ledger.close()

    def accept(self, *raws: RawArticle, at: int | None = None) -> list[str]:
        now = at or now_ms()
        dated = [replace(one, ingested_at=from_ms(now)) for one in raws]
        return [one.submission for one in self.ledger.accept(dated, now)]

    def alter(self, statement: Any) -> None:
        """Change rows behind the ledger's back, as a broken disk or an old copy may."""
        database = Database(self.settings.ledger_url)
        with database.write() as connection:
            assert connection.execute(statement).rowcount > 0
        database.close()

    def push(self, *raws: RawArticle, at: int | None = None) -> list[str]:
        made = self.accept(*raws, at=at)
        self.work()
        return made

    def work(self) -> None:
        places: list[tuple[Any, Any]] = [(stage, lane) for stage in STAGES for lane in LANES]
        while any(self._stage(stage, lane) for stage, lane in places):
            pass

    def _stage(self, stage: Stage, lane: Any) -> bool:
        held = self.ledger.claim(stage, lane, 100, "w", now_ms())
        if held is None:
            return False
        following: dict[str, Any] = {"clean": "dedupe", "dedupe": "tag", "tag": "index", "index": None}
        outcomes = getattr(self, f"_{stage}")(held.works)
        self.ledger.commit(held, outcomes, following[stage], "w", now_ms())
        return True

    def _clean(self, works: Sequence[Work]) -> list[Outcome]:
        return [Outcome(work.sequence, "cleaned", article=_article(work.raw)) for work in works if work.raw]

    def _dedupe(self, works: Sequence[Work]) -> list[Outcome]:
        return run_dedupe(works, self.fingerprints)

    def _tag(self, works: Sequence[Work]) -> list[Outcome]:
        return [Outcome(work.sequence, "tagged", article=work.article) for work in works]

    def _index(self, works: Sequence[Work]) -> list[Outcome]:
        articles = [work.article for work in works if work.article]
        self.index.write(articles)
        return [Outcome(w.sequence, "indexed", change=w.article.change) for w in works if w.article]

    def quarantine(
        self, *raws: RawArticle, reason: str = "ValueError: broken", at: int | None = None
    ) -> list[str]:
        """Submissions that fail at clean, each alone, until they are put aside, a little before ``at``."""
        now = (at or now_ms()) - 20 * 60_000
        made = self.accept(*raws, at=now)
        while any(row.stage == "clean" for row in self.ledger.backlog(now)):
            now += 40_000
            held = self.ledger.claim("clean", "live", 1, "w", now)
            if held is None:
                break
            failed = [
                Outcome(w.sequence, "failed", reason, traceback="Traceback:\n  boom") for w in held.works
            ]
            self.ledger.commit(held, failed, "dedupe", "w", now)
        return made

    def words(self) -> dict[str, int]:
        return self.ledger.counts()

    def waiting(self) -> dict[tuple[str, str], int]:
        return {(one.stage, one.lane): one.waiting for one in self.ledger.backlog(now_ms())}

    def run(self, *words: str, answer: str | None = None) -> Told:
        """Run a command as a person would; an error becomes its sentence and its exit code."""
        environ = {
            f"COPYDESK_{name}": None for name in ("BROKER_URL", "REDIS_URL", "LEDGER_URL", "INDEX_URL")
        }
        environ["COPYDESK_DATA_DIR"] = str(self.settings.data_dir)
        done = click.testing.CliRunner(env=environ).invoke(cli, words, input=answer)
        if isinstance(done.exception, CopydeskError):
            return Told(1, done.stdout, done.stderr + str(done.exception))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Told(done.exit_code, done.stdout, done.stderr)


def _article(given: RawArticle) -> Article:
    return Article(
        id=given.id, source=given.source, title=given.title or "", body=given.body or "",
        ingested_at=given.ingested_at or from_ms(0), uri=given.uri, published_at=given.published_at,
    )  # fmt: skip


@pytest.fixture(scope="session")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an empty ledger and index, to be copied: the migrations take half a second."""
    folder = tmp_path_factory.mktemp("empty")
    settings = Settings(data_dir=folder)
    migrate_ledger(settings)
    index = open_index(settings, writing=True)
    index.create()
    index.close()
    return folder


@pytest.fixture
def desk(tmp_path: Path, empty_folder: Path) -> Iterator[Newsdesk]:
    shutil.copytree(empty_folder, tmp_path, dirs_exist_ok=True)
    made = Newsdesk(Settings(data_dir=tmp_path))
    yield made
    made.close()
