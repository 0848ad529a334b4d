"""The upkeep on a real ledger, index and Redis: what is old goes, once, and nothing else does."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.workers.parts import Parts
from services.workers.retention import DAY_MS, Upkeep
from services.workers.runner import StageRunner
from services.workers.upkeep import tidy_index
from shared.article import RawArticle, Source
from shared.clock import from_ms, now_ms
from shared.ledger.keeping import OnceKey
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import Ledger
from shared.messages import LANES, STAGES
from shared.settings import Settings

from .conftest import make_raw

pytestmark = pytest.mark.servers


class Room:
    """All the stages in this process, on real parts; nothing runs by itself."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.parts = Parts(settings)
        self.ledger = self.parts.ledger
        self.now = now_ms()
        self.parts.index.create()
        self.parts.fingerprints.mark_ready()
        self.runners = [StageRunner(stage, self.parts) for stage in STAGES]

    def accept(self, *raws: RawArticle, days_ago: float = 0) -> None:
        at = self.now - int(days_ago * DAY_MS)
        self.ledger.accept([replace(raw, ingested_at=from_ms(at)) for raw in raws], at)
        self.work()

    def work(self) -> None:
        """Until nothing is left to do."""
        while self.ledger.backlog(now_ms()):
            for runner in self.runners:
                for lane in LANES:
                    runner.run(lane, uuid.uuid4().hex)

    def keep_up(
        self, days_later: float = 0, upkeep: Upkeep | None = None, ledger: Ledger | None = None
    ) -> str:
        said, upkeep = "upkeep goes on", upkeep or Upkeep()
        at = self.now + int(days_later * DAY_MS)
        parts = (ledger or self.ledger, self.parts.fingerprints, self.parts.waker)
        while "goes on" in said:
            said = upkeep.turn(*parts, self.settings, at, lambda: None)
        return said

    def shown(self, *raws: RawArticle) -> set[str]:
        found = self.parts.index.get([raw.id for raw in raws], datetime.now(UTC))
        return {article.id for article in found}

    def rows(self, table: str) -> int:
        engine = sa.create_engine(self.settings.ledger_url)
        with engine.connect() as connection:
            count = connection.execute(sa.text(f"select count(*) from {table}")).scalar_one()
        engine.dispose()
        return int(count)


@pytest.fixture
def room(tmp_path: Path, redis_url: str) -> Iterator[Room]:
    settings = Settings(
        data_dir=tmp_path, broker_url=redis_url, keep_articles_days=10, keep_originals_days=3,
        keep_ended_days=5, keep_sources="wire.example=2",
    )  # fmt: skip
    migrate_ledger(settings)
    made = Room(settings)
    yield made
    made.parts.close()


def test_what_is_old_leaves_ledger_and_index_step_by_step_and_what_is_not_stays(room: Room) -> None:
    old, young = make_raw(1), make_raw(2)
    wired = make_raw(3, source=Source("wire.example"))
    revised = make_raw(4)
    room.accept(old, days_ago=11)
    room.accept(revised, days_ago=9)
    room.accept(replace(revised, title="Harbour board changes its mind"), days_ago=6)
    for days_ago in (5.5, 1):  # unchanged, both; the newest says that a feed still carries it, and stays
        room.accept(replace(revised, title="Harbour board changes its mind"), days_ago=days_ago)
    room.accept(wired, days_ago=2.5)
    room.accept(young, days_ago=1)
    assert (room.rows("submissions"), room.rows("originals")) == (7, 7)
    room.keep_up()
    room.work()
    assert room.shown(old, young, wired, revised) == {young.id, revised.id}
    # The first revision and the first resend have ended and are old; so are originals of three days and more.
    assert room.rows("originals") == 3
    pushes = "submissions where kind = 'push'"
    assert room.rows(pushes) == 5
    assert {step.word for step in room.ledger.journey(revised.id)} >= {"indexed"}
    assert room.parts.index.count() == 4  # two of them tombstones
    # A day later the tombstones go, after two days the rows; the same things again change nothing.
    assert tidy_index(room.parts.index, room.now + 2 * DAY_MS).startswith("2 tombstones")
    assert room.parts.index.count() == 2
    room.settings = replace(room.settings, keep_articles_days=30)
    for _ in range(2):
        room.keep_up(days_later=2.5)
        room.work()
        assert room.rows("articles") == 2
        assert room.rows(pushes) == 3
        assert room.shown(young, revised) == {young.id, revised.id}


def test_texts_that_were_purged_are_forgotten_at_the_next_turn(room: Room) -> None:
    first = make_raw(1)
    copy = make_raw(2, first.body, source=Source("copier.example"))
    room.accept(first)
    assert room.ledger.withdraw(first.id, now_ms(), purge=True) is not None
    room.work()
    texts = [claim.text_hash for claim in room.ledger.erasures(10)]
    (text,) = [text for text in texts if room.parts.fingerprints.look_up([text]) == [first.id]]
    room.keep_up()
    assert room.ledger.erasures(10) == []
    assert room.parts.fingerprints.look_up([text]) == [None]
    room.accept(copy)
    found = room.ledger.article(copy.id)
    assert found is not None
    assert (found.verdict, found.is_lead) == ("new", True)
    assert room.parts.fingerprints.look_up([text]) == [copy.id]


def test_keys_of_more_than_a_day_ago_are_forgotten(room: Room) -> None:
    for hours in (25, 23):
        at = room.now - hours * 3_600_000
        key = OnceKey(f"key-{hours}", "f")
        room.ledger.accept_once(key, [make_raw(hours)], at, lambda accepted: b"answer")
    room.keep_up()
    kept = [
        room.ledger.accept_once(OnceKey(f"key-{hours}", "f"), [make_raw(hours)], room.now, lambda _: b"new")
        for hours in (25, 23)
    ]
    assert [(answer.body, answer.repeated) for answer in kept] == [(b"new", False), (b"answer", True)]


def test_two_that_keep_up_at_once_remove_everything_once_and_nothing_else(room: Room) -> None:
    old, young = [make_raw(number) for number in range(120)], [make_raw(number) for number in range(200, 220)]
    room.accept(*old, days_ago=11)
    room.accept(*young)
    for days, gone in ((0, 0), (2.5, 120)):
        _both_at_once(room, days)
        room.work()
        assert room.ledger.tallies().get("pruned", 0) == gone
        tidy_index(room.parts.index, room.now + 2 * DAY_MS)
    assert room.shown(*old, *young) == {raw.id for raw in young}
    assert room.rows("articles") == room.parts.index.count() == 20
    totals = room.ledger.tallies()
    assert (totals["accepted"], totals["indexed"]) == (140, 140)


def _both_at_once(room: Room, days_later: float) -> None:
    start, failed = threading.Barrier(2), []

    def one() -> None:
        ledger = open_ledger(room.settings)
        try:
            start.wait(30)
            room.keep_up(days_later, ledger=ledger)
        except Exception as error:
            failed.append(error)
        finally:
            ledger.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
