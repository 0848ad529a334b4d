"""Events of the ledger: in order, complete for whoever follows them, and without any text."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from services.workers.retention import Upkeep
from shared.clock import from_ms
from shared.fingerprints.memory import MemoryFingerprints
from shared.ledger.engine import Database, take_turn
from shared.ledger.events import log_events, prune_events, wipe_details
from shared.ledger.schema import events
from tests.contract.ledger_cases import NOW, make_raw, run_all


class Waker:
    """One that nobody listens to."""

    def tidy(self):
        pass

    def wake(self, stage, lane):
        pass


@pytest.fixture
def database(settings):
    opened = Database(settings.ledger_url)
    yield opened
    opened.close()


@pytest.fixture
def ids(ledger):
    """Two articles that are indexed, whose own events are in the ledger already."""
    return [article.id for article in run_all(ledger, make_raw(1), make_raw(2))]


@contextmanager
def turn(database):
    with database.write() as connection:
        take_turn(connection)
        yield connection


def test_an_event_tells_who_when_and_in_which_state(ledger, database, ids):
    start = ledger.event_bounds()[1]
    with turn(database) as connection:
        log_events(connection, "held", [ids[1], ids[0], ids[1], "f" * 32], NOW + 5, {"why": "embargo"})
    first, second = ledger.events(start, 10)
    assert [first.article_id, second.article_id] == ids  # in the order in which they came in, each once
    assert first.id < second.id
    assert (first.kind, first.at, first.source) == ("held", from_ms(NOW + 5), "paper.example")
    article = ledger.article(ids[0])
    assert (first.revision, first.change) == (article.revision, article.change) == (1, article.change)
    assert first.detail == {"why": "embargo"}
    assert ledger.event_bounds()[1] == second.id


def test_events_come_page_by_page(ledger, database, ids):
    with turn(database) as connection:
        for _ in range(5):
            log_events(connection, "updated", ids[:1], NOW)
    seen, since = [], 0
    while page := ledger.events(since, 3):
        assert len(page) <= 3
        seen += [event.id for event in page]
        since = page[-1].id
    assert seen == sorted(set(seen))
    assert len(seen) == 7  # with the two of their publishing


def test_what_articles_go_through_leaves_events(ledger):
    raw = make_raw(1)
    run_all(ledger, raw)
    run_all(ledger, make_raw(1, body="Another text"))
    ledger.withdraw(raw.id, NOW)
    assert [event.kind for event in ledger.events(0, 10)] == ["published", "updated", "withdrawn"]
    assert [event.revision for event in ledger.events(0, 10)] == [1, 2, 2]


def test_a_purge_leaves_bare_events(ledger, database, ids):
    with turn(database) as connection:
        log_events(connection, "held", ids, NOW, {"why": "a person's words"})
    ledger.withdraw(ids[0], NOW, purge=True)
    held = {event.article_id: event.detail for event in ledger.events(0, 20) if event.kind == "held"}
    assert held == {ids[0]: {}, ids[1]: {"why": "a person's words"}}


@pytest.mark.parametrize(("days", "left"), [(0, 4), (7, 1)])
def test_the_upkeep_prunes_events_for_as_many_days_as_it_is_told(ledger, settings, days, left):
    old = NOW - 8 * 86_400_000
    raw = make_raw(1)
    run_all(ledger, raw, make_raw(2))
    ledger.withdraw(raw.id, NOW)
    opened = Database(settings.ledger_url)
    with turn(opened) as connection:
        connection.execute(sa.update(events).values(at=old))
        log_events(connection, "updated", [raw.id], NOW)
    opened.close()
    told = replace(settings, keep_events_days=days)
    Upkeep().turn(ledger, MemoryFingerprints(), Waker(), told, NOW, lambda: None)
    assert len(ledger.events(0, 10)) == left


def test_old_events_are_pruned_and_the_newest_stays(ledger, database, ids):
    start = ledger.event_bounds()[1]
    with turn(database) as connection:
        for age in (30, 20, 10):
            log_events(connection, "updated", ids[:1], NOW - age)
    with turn(database) as connection:
        assert prune_events(connection, NOW - 15, 1) == 1  # no more than it was told
    assert [event.at for event in ledger.events(start, 10)] == [from_ms(NOW - 20), from_ms(NOW - 10)]
    with turn(database) as connection:
        assert prune_events(connection, NOW - 15, 10) == 1
        assert prune_events(connection, NOW + 1_000, 10) == 2  # those of their publishing
    (left,) = ledger.events(0, 10)
    assert ledger.event_bounds() == (left.id, left.id)
    assert left.at == from_ms(NOW - 10)
    with turn(database) as connection:
        log_events(connection, "updated", ids[:1], NOW)
    assert ledger.events(left.id, 10)[0].id > left.id


def test_details_are_wiped_of_those_named_only(ledger, database, ids):
    with turn(database) as connection:
        log_events(connection, "held", ids, NOW, {"why": "embargo"})
        wipe_details(connection, ids[1:])
    told = {event.article_id: event.detail for event in ledger.events(0, 20) if event.kind == "held"}
    assert told == {ids[0]: {"why": "embargo"}, ids[1]: {}}


def test_without_events_there_is_nothing_to_tell(ledger):
    assert ledger.events(0, 10) == []
    assert ledger.event_bounds() == (0, 0)


def test_who_follows_while_many_write_misses_nothing(settings, ledger, ids):
    """A reader goes on from the last id it saw: an id that is committed late would be lost to it."""
    done = threading.Event()
    seen: list[int] = []

    def follow():
        since = 0
        while True:
            last_look = done.is_set()
            for event in ledger.events(since, 1_000):
                seen.append(event.id)
                since = event.id
            if last_look:
                return

    def write(number):
        own = Database(settings.ledger_url)
        pick = random.Random(number)
        for _ in range(25):
            with turn(own) as connection:
                log_events(connection, "updated", ids, NOW)
                time.sleep(pick.random() / 500)
        own.close()

    reader = threading.Thread(target=follow)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in [reader, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert seen == [event.id for event in ledger.events(0, 1_000)]
    assert len(seen) == 4 * 25 * 2 + 2
