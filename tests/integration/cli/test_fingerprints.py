"""Fingerprints and bands on real parts: lost, and put back by command or sweeper; purged, and forgotten."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner

from services.cli.fingerprints import fingerprints
from services.workers.parts import Parts
from services.workers.runner import StageRunner
from services.workers.sweeper import Sweeper
from shared.article import Article, RawArticle, Source
from shared.clock import from_ms, now_ms
from shared.errors import Unavailable
from shared.ledger.open import migrate_ledger
from shared.messages import LANES, STAGES
from shared.settings import Settings

pytestmark = pytest.mark.servers

TEXT = (
    "The harbour board of Kelmouth has approved a new ferry terminal after two years of argument. Work on "
    "the northern quay begins in spring, the chairwoman said on Monday, and the first ships are to call a "
    "year later. Fishermen who had moored there since the war will move to the old basin, which is to be "
    "dredged first. The town pays a third of the cost, and the rest comes from the region and from a "
    "loan."
)


def name(number: int) -> str:
    return f"{number:x}" * 32


class Room:
    """All the stages in this process, on real parts; nothing runs by itself."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.parts = Parts(settings)
        self.parts.index.create()
        self.parts.fingerprints.mark_ready()
        self._runners = [StageRunner(stage, self.parts) for stage in STAGES]

    def push(self, number: int, body: str) -> Article:
        now = now_ms()
        raw = RawArticle(
            id=name(number), source=Source(f"paper{number}.example"), uri=f"item-{number}",
            title="Board approves ferry terminal in Kelmouth", body=body, ingested_at=from_ms(now),
        )  # fmt: skip
        self.parts.ledger.accept([raw], now)
        self.work()
        found = self.parts.ledger.article(raw.id)
        assert found is not None
        return found

    def work(self) -> None:
        while self.parts.ledger.backlog(now_ms()):
            for runner in self._runners:
                for lane in LANES:
                    runner.run(lane, uuid.uuid4().hex)

    def command(self) -> str:
        told = CliRunner().invoke(fingerprints, ["rebuild"], env=self.settings.environment())
        assert told.exit_code == 0, told
        return told.output

    def sweep(self) -> str:
        return Sweeper().turn(self.parts, now_ms(), lambda: None)


@pytest.fixture
def room(tmp_path: Path, redis_url: str) -> Iterator[Room]:
    settings = Settings(data_dir=tmp_path, broker_url=redis_url)
    migrate_ledger(settings)
    made = Room(settings)
    yield made
    made.parts.close()


@pytest.mark.parametrize(
    ("put_back", "said"),
    [(Room.command, "1 text put back"), (Room.sweep, "put back 1 fingerprints")],
    ids=["command", "sweeper"],
)
def test_a_near_copy_finds_its_lead_after_redis_lost_everything(
    room: Room, redis_url: str, put_back: Callable[[Room], str], said: str
) -> None:
    assert room.push(1, TEXT).verdict == "new"
    with redis.Redis.from_url(redis_url) as client:
        before = shown(client)
        client.flushall()
        assert said in put_back(room)
        assert shown(client) == before
        assert len(before) > 3
    copy = room.push(2, TEXT.replace("on Monday", "at noon on Monday").replace("a loan", "two loans"))
    assert (copy.verdict, copy.duplicate_of) == ("duplicate", name(1))


def test_putting_back_what_is_there_changes_nothing(room: Room, redis_url: str) -> None:
    room.push(1, TEXT)
    with redis.Redis.from_url(redis_url) as client:
        before = shown(client)
        assert "1 text put back" in room.command()
        assert shown(client) == before


def test_without_a_redis_the_command_says_so(room: Room) -> None:
    env = room.settings.environment() | {"COPYDESK_REDIS_URL": "redis://127.0.0.1:1/0"}
    told = CliRunner().invoke(fingerprints, ["rebuild"], env=env)
    assert isinstance(told.exception, Unavailable)
    assert "no Redis answers" in str(told.exception)


def test_of_a_purged_article_no_band_is_left(room: Room, redis_url: str) -> None:
    room.push(1, TEXT)
    room.push(3, "The mayor of Tolford has resigned. " + " ".join(f"word{number}" for number in range(60)))
    number = bytes.fromhex(name(1))[:4]  # what stands for it in each bucket
    with redis.Redis.from_url(redis_url) as client:
        assert any(number in kept for kept in shown(client).values())
        assert room.parts.ledger.withdraw(name(1), now_ms(), purge=True) is not None
        assert "forgot" in room.sweep()
        kept = shown(client)
        assert kept
        assert not any(number in value for value in kept.values())


def shown(client: redis.Redis) -> dict[bytes, bytes]:
    """What is kept of bands, near copies and stories, but for the markers of days."""
    keys = [key for kind in ("near", "story") for key in client.scan_iter(f"copydesk:{kind}:*:*")]
    return {key: client.get(key) or b"" for key in keys}
