"""Retention beside the door and beside a replay, in transactions that are under way at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from shared.article import Source
from shared.ledger.engine import Database
from shared.ledger.keeping import PruneRule, QuarantineFilter, ReplaySpec
from shared.ledger.schema import articles, journey, originals, submissions
from shared.settings import Settings
from tests.contract.keeping_cases import BRIDGE, DAY, Newsroom, piece, walk

SECONDS = 60.0  # far more than any of this takes
AT_THE_TURN = "SELECT pg_advisory_xact_lock"


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings)
    yield made
    made.ledger.close()


@pytest.fixture
def other(settings: Settings, room: Newsroom) -> Iterator[Newsroom]:
    """Another process with the same ledger, fingerprints and index."""
    made = Newsroom(settings, room.fingerprints, room.documents)
    yield made
    made.ledger.close()


class Beside:
    """Work that begins in a thread of its own just before a transaction sends its first such statement."""

    def __init__(self, work: Callable[[], object], statement: str) -> None:
        self._work = work
        self._statement = statement
        self._failure: BaseException | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._failure = error

    def end(self) -> None:
        """Wait for its end; raises what it raised."""
        assert self.thread.ident is not None, f"nobody sent {self._statement}"
        self.thread.join(SECONDS)
        assert not self.thread.is_alive(), "they wait for each other"
        if self._failure is not None:
            raise self._failure

    def matches(self, statement: str) -> bool:
        """Whether this is where it begins."""
        return statement.startswith(self._statement) and self.thread.ident is None


@contextmanager
def beside(room: Newsroom, work: Callable[[], object], statement: str, *, waits: bool) -> Iterator[None]:
    """Let work begin inside the room's next transaction, which goes on once it has ended, or ``waits``.

    On SQLite it always waits: the transaction has the database for itself.
    """
    engine = room.ledger._database.engine  # type: ignore[attr-defined]
    found = Beside(work, statement)

    def before(_connection: object, _cursor: object, sent: str, *_: object) -> None:
        if not found.matches(sent):
            return
        found.thread.start()
        if engine.dialect.name == "postgresql":
            if waits:
                wait_until(lambda: is_somebody_waiting(room.settings))
            else:
                found.end()

    sa.event.listen(engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", before)
    found.end()


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def is_somebody_waiting(settings: Settings) -> bool:
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    database = Database(settings.ledger_url)
    with database.read() as connection:
        found = connection.scalar(query)
    database.close()
    return bool(found)


def prune_long_ago(room: Newsroom) -> None:
    """An article that was pruned long enough ago to be buried now."""
    room.push(piece(1))
    assert room.ledger.prune(PruneRule("articles", room.now + 1), 0, 10, room.now).changed == 1
    room.settle()
    room.now += 3 * DAY


def kept_of(room: Newsroom, table: sa.Table) -> int:
    return len(room.rows(sa.select(table)))


def test_what_is_accepted_while_its_item_is_buried_becomes_a_new_article(
    room: Newsroom, other: Newsroom
) -> None:
    prune_long_ago(room)
    other.now = room.now
    with beside(room, lambda: other.accept(piece(1, BRIDGE)), "DELETE FROM articles", waits=False):
        assert room.ledger.bury(room.now, 10) == 1
    room.documents.clear()  # the index has dropped the tombstone by then
    assert room.status(piece(1)) == "accepted"
    assert [kept_of(room, table) for table in (articles, submissions, originals, journey)] == [0, 1, 1, 1]
    room.settle()
    found = room.article(piece(1))
    assert (found.body, found.revision, found.withdrawn) == (BRIDGE, 1, False)
    assert room.shown() == {1}
    assert room.ledger.tallies() == {"accepted": 2, "indexed": 2, "pruned": 1}
    room.check()


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_what_came_and_ended_before_the_burial_had_its_turn_keeps_the_item(
    room: Newsroom, other: Newsroom
) -> None:
    """On SQLite nothing can come in between. Its clock is behind: only the rows tell that it came later."""
    prune_long_ago(room)
    other.now = room.now - 30 * DAY
    late = piece(1, title="not to be found")
    with beside(room, lambda: other.push(late), AT_THE_TURN, waits=False):
        assert room.ledger.bury(room.now, 10) == 0
    assert room.status(late) == "rejected"
    assert [kept_of(room, table) for table in (articles, originals)] == [1, 2]
    room.push(piece(1, BRIDGE))
    assert room.article(piece(1)).revision == 2
    assert room.shown() == {1}
    room.check()


def test_a_replay_leaves_out_what_lost_its_original_while_it_waited(room: Newsroom, other: Newsroom) -> None:
    gone = replace(piece(1), source=Source("gone.example"))
    room.push(gone, piece(2, BRIDGE))
    other.now = room.now
    replayed: list[int] = []

    def replay() -> None:
        spec = ReplaySpec("clean")
        replayed.append(walk(lambda after: other.ledger.replay(spec, after, 1, other.now)))

    rule = PruneRule("originals", room.now + 1, source="gone.example")
    with beside(room, replay, "DELETE FROM originals", waits=True):
        assert room.ledger.prune(rule, 0, 10, room.now).changed == 1
    assert replayed == [1]
    assert (room.status(gone), room.status(piece(2))) == ("indexed", "accepted")
    room.settle()
    assert room.ledger.count_quarantined(QuarantineFilter()) == 0
    assert (room.status(gone), room.status(piece(2))) == ("indexed", "indexed")
    assert room.shown() == {1, 2}
    room.check()
