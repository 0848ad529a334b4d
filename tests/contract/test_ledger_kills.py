"""Kills by a source and texts that may not come back, in whatever order they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import ParamSpec, TypeVar

import pytest
import sqlalchemy as sa

from shared.article import RawArticle
from shared.errors import Unavailable
from shared.ledger.keeping import OnceKey, PruneRule, QuarantineFilter
from shared.ledger.kills import KILLED, barred_words
from shared.ledger.open import open_ledger
from shared.ledger.port import Accepted
from shared.ledger.schema import articles, barred_texts, originals
from shared.messages import Stage
from shared.settings import Settings
from tests.contract.keeping_cases import BRIDGE, DAY, PIER, Newsroom, piece

P = ParamSpec("P")
T = TypeVar("T")
STAGES: tuple[Stage, ...] = ("clean", "dedupe", "tag", "index")
FERRY = (
    "The last ferry of the evening left without its captain, who had missed the bus to the harbour. His mate "
    "took the boat across in calm water, and thirty passengers noticed nothing until the company told them "
    "about it in a letter that came with free tickets."
)


def notice(number: int) -> RawArticle:
    """A kill as a wire sends it: it names the item, and nothing else."""
    return piece(number, None, title=None, pub_status="canceled")


def kill(room: Newsroom, *numbers: int) -> list[Accepted]:
    room.now += 1
    return room.ledger.accept([notice(number) for number in numbers], room.now)


def told(room: Newsroom, raw: RawArticle) -> list[str]:
    return [event.kind for event in room.ledger.events(0, 1_000) if event.article_id == raw.id]


def reason(room: Newsroom, raw: RawArticle) -> str | None:
    found = room.ledger.status(raw.id)
    assert found is not None
    return found.reason


def barred_now(room: Newsroom) -> set[str]:
    return {str(row["text_hash"]) for row in room.rows(sa.select(barred_texts.c.text_hash))}


def hash_of(room: Newsroom, raw: RawArticle) -> str:
    query = sa.select(articles.c.text_hash).where(articles.c.id == raw.id)
    (row,) = room.rows(query)
    return str(row["text_hash"])


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(replace(settings, bar_copies=True))
    yield made
    made.ledger.close()


# Kills


def test_a_kill_takes_an_indexed_article_out_before_it_is_answered(room: Newsroom) -> None:
    room.push(piece(1), piece(2, BRIDGE))
    (receipt,) = kill(room, 1)
    assert (receipt.killed, receipt.withdrawn) == (True, False)
    assert room.article(piece(1)).withdrawn
    found = room.ledger.status(piece(1).id)
    assert found is not None
    assert (found.submission, found.status, found.reason) == (receipt.submission, "withdrawn", KILLED)
    room.step("index")
    assert room.shown() == {2}
    assert room.ledger.accept([piece(1)], room.now) == [Accepted(piece(1).id, "", withdrawn=True)]
    assert told(room, piece(1)) == ["published", "withdrawn"]
    steps = [(step.word, step.worker, step.detail) for step in room.ledger.journey(piece(1).id)]
    assert ("withdrawn", "ingest", KILLED) in steps
    room.settle()
    room.check()


def test_a_kill_that_comes_before_its_article_bars_it(room: Newsroom) -> None:
    (receipt,) = kill(room, 1)
    assert receipt.killed
    assert room.ledger.accept([piece(1)], room.now)[0].withdrawn
    room.settle()
    assert room.shown() == set()
    assert (room.status(piece(1)), reason(room, piece(1))) == ("withdrawn", KILLED)
    assert told(room, piece(1)) == ["withdrawn"]
    room.check()


def test_a_kill_may_come_twice(room: Newsroom) -> None:
    room.push(piece(1))
    first, second = kill(room, 1), kill(room, 1)
    assert first[0].killed
    assert second[0].killed
    assert first[0].submission != second[0].submission
    room.settle()
    assert room.ledger.counts() == {"withdrawn": 3}
    assert told(room, piece(1)) == ["published", "withdrawn"]
    change = room.article(piece(1)).change
    kill(room, 1)
    assert room.article(piece(1)).change == change
    room.check()


@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_that_holds_a_killed_row_changes_nothing(room: Newsroom, stage: Stage) -> None:
    room.accept(piece(1))
    if stage != "clean":
        room.settle(STAGES[STAGES.index(stage) - 1])
    taken = room.hold(stage)
    assert taken is not None
    outcomes = room.work(taken)
    kill(room, 1)
    assert room.commit(taken, outcomes) == {}
    room.settle()
    assert room.status(piece(1)) == "withdrawn"
    assert room.shown() == set()
    room.check()


def test_a_kill_in_one_request_with_its_article_ends_it_in_either_order(room: Newsroom) -> None:
    now = room.now + 1
    before, kills, after = room.ledger.accept([piece(1), notice(1), piece(1, BRIDGE)], now)
    assert (before.withdrawn, before.killed) == (False, False)
    assert kills.killed
    assert after == Accepted(piece(1).id, "", withdrawn=True)
    again, refused, other = room.ledger.accept([notice(2), piece(2, FERRY), piece(3, BRIDGE)], now)
    assert again.killed
    assert refused.withdrawn
    assert not other.withdrawn
    room.settle()
    assert room.shown() == {3}
    assert room.ledger.counts() == {"withdrawn": 3, "indexed": 1}
    room.check()


def test_two_kills_of_one_item_in_one_request_are_both_answered(room: Newsroom) -> None:
    room.push(piece(1))
    assert [receipt.killed for receipt in kill(room, 1, 1)] == [True, True]
    room.settle()
    assert room.ledger.counts() == {"withdrawn": 3}
    room.check()


def test_a_killed_lead_hands_over_in_the_same_commit(room: Newsroom) -> None:
    room.push(piece(1), piece(2), piece(3))
    kill(room, 1)
    assert room.article(piece(2)).is_lead
    assert room.article(piece(3)).duplicate_of == piece(2).id
    room.settle()
    assert room.shown() == {2, 3}
    room.check()


def test_a_kill_under_a_key_is_answered_the_same_again(room: Newsroom) -> None:
    room.push(piece(1))
    key = OnceKey("k" * 8, "f" * 8)

    def answer(receipts: list[Accepted]) -> bytes:
        return repr([receipt.submission for receipt in receipts]).encode()

    first = room.ledger.accept_once(key, [notice(1)], room.now, answer)
    second = room.ledger.accept_once(key, [notice(1)], room.now, answer)
    assert (first.body, first.repeated, second.repeated) == (second.body, False, True)
    room.settle()
    assert room.shown() == set()
    assert room.ledger.counts() == {"withdrawn": 2}
    room.check()


def test_of_a_purged_item_nothing_is_kept_by_a_kill(room: Newsroom) -> None:
    room.push(piece(1))
    room.ledger.withdraw(piece(1).id, room.now, purge=True)
    room.ledger.accept([piece(1, pub_status="canceled")], room.now)
    assert room.rows(sa.select(originals.c.sequence)) == []
    assert room.status(piece(1)) == "withdrawn"
    room.settle()
    room.check()


def test_a_kill_of_what_is_no_longer_kept_bars_it(room: Newsroom) -> None:
    room.push(piece(1))
    room.ledger.prune(PruneRule("articles", room.now + DAY), 0, 10, room.now)
    room.settle()
    kill(room, 1)
    assert room.ledger.accept([piece(1)], room.now)[0].withdrawn
    room.settle()
    assert room.shown() == set()
    room.check()


def test_a_kill_takes_its_item_out_of_quarantine(room: Newsroom) -> None:
    room.bad = {"tag": "broken"}
    room.push(piece(1, title="broken"))
    kill(room, 1)
    assert room.ledger.count_quarantined(QuarantineFilter()) == 0
    room.settle()
    assert room.ledger.counts() == {"withdrawn": 2}
    room.check()


def test_kills_in_opposite_orders_and_pushes_beside_them_end_all_of_it(settings: Settings) -> None:
    """Each side locks what it kills in the order of acceptance, however it was named."""
    room = Newsroom(settings)
    numbers = list(range(1, 21))
    room.accept(*(piece(number, f"{PIER} {number}") for number in numbers))
    room.settle("dedupe")
    start = Barrier(4)

    def send(raws: list[RawArticle]) -> list[Accepted]:
        ledger = open_ledger(settings)
        start.wait()
        receipts = []
        for at in range(0, len(raws), 5):
            receipts += _patiently(ledger.accept, raws[at : at + 5], room.now)
        ledger.close()
        return receipts

    forth, back = [notice(number) for number in numbers], [notice(number) for number in reversed(numbers)]
    late = [piece(number, f"{BRIDGE} {number}") for number in numbers]
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, raws) for raws in (forth, back, late)]
        start.wait()
        while not all(one.done() for one in sent):
            _patiently(room.step, "clean")
            _patiently(room.step, "tag")
        receipts = [one.result() for one in sent]
    assert all(receipt.killed for receipt in receipts[0] + receipts[1])
    room.settle()
    assert room.shown() == set()
    assert all(room.article(piece(number)).withdrawn for number in numbers)
    assert set(room.ledger.counts()) == {"withdrawn"}
    room.check()
    room.ledger.close()


def _patiently(call: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """SQLite may be busy for longer than it waits; everything else is a mistake."""
    for _ in range(5):
        try:
            return call(*given, **named)
        except Unavailable as error:
            if "locked" not in str(error):
                raise
    raise AssertionError("the ledger is never free")


# Texts that may not come back


def test_an_exact_copy_of_a_killed_article_is_turned_away(room: Newsroom) -> None:
    room.push(piece(1))
    kill(room, 1)
    room.push(piece(2), piece(3, BRIDGE))
    assert room.shown() == {3}
    assert (room.status(piece(2)), reason(room, piece(2))) == ("withdrawn", barred_words(piece(1).id))
    assert told(room, piece(2)) == []
    room.check()


def test_a_copy_that_was_turned_away_may_come_with_another_text(room: Newsroom) -> None:
    room.push(piece(1))
    kill(room, 1)
    room.push(piece(2))
    room.push(piece(2, BRIDGE))
    assert room.shown() == {2}
    assert room.article(piece(2)).revision == 1
    room.check()


@pytest.mark.parametrize("killed", [False, True])
def test_copies_are_taken_unless_a_newsroom_wants_them_turned_away(settings: Settings, killed: bool) -> None:
    room = Newsroom(settings)
    room.push(piece(1))
    if killed:
        kill(room, 1)
    else:
        room.ledger.withdraw(piece(1).id, room.now)
    room.push(piece(2))
    assert room.shown() == {2}
    assert barred_now(room) == set()
    room.check()
    room.ledger.close()


def test_texts_that_were_barred_are_let_in_once_the_setting_is_off(settings: Settings) -> None:
    strict = Newsroom(replace(settings, bar_copies=True))
    strict.push(piece(1))
    kill(strict, 1)
    strict.ledger.close()
    room = Newsroom(settings, documents=strict.documents, fingerprints=strict.fingerprints, now=strict.now)
    room.push(piece(2))
    assert room.shown() == {2}
    room.check()
    room.ledger.close()


def test_a_kill_under_a_key_bars_as_well(room: Newsroom) -> None:
    room.push(piece(1))
    room.ledger.accept_once(OnceKey("k" * 8, "f" * 8), [notice(1)], room.now, lambda _: b"")
    assert len(barred_now(room)) == 1


def test_every_text_that_a_withdrawn_article_had_is_barred(room: Newsroom) -> None:
    room.push(piece(1))
    room.push(piece(1, BRIDGE))
    room.accept(piece(1, FERRY))  # on its way, while the second one is served
    room.settle("dedupe")
    room.ledger.withdraw(piece(1).id, room.now)
    room.settle()
    room.push(piece(2), piece(3, BRIDGE), piece(4, FERRY))
    assert room.shown() == set()
    assert len(barred_now(room)) == 3
    room.check()


def test_a_purge_keeps_the_hash_of_a_text_where_it_bars_it_and_nowhere_else(room: Newsroom) -> None:
    room.push(piece(1))
    hashed = hash_of(room, piece(1))
    room.ledger.withdraw(piece(1).id, room.now, purge=True)
    room.settle()
    assert barred_now(room) == {hashed}
    assert hash_of(room, piece(1)) == ""
    room.push(piece(2))
    assert room.shown() == set()
    assert reason(room, piece(2)) == barred_words(piece(1).id)


def test_an_article_that_is_no_longer_kept_bars_nobody(room: Newsroom) -> None:
    room.push(piece(1))
    room.ledger.prune(PruneRule("articles", room.now + DAY), 0, 10, room.now)
    room.settle()
    assert barred_now(room) == set()
    room.push(piece(2))
    assert room.shown() == {2}
    room.check()


def test_a_copy_that_was_there_before_stays_and_may_be_corrected(room: Newsroom) -> None:
    room.push(piece(1), piece(2))
    kill(room, 1)
    room.push(piece(2, title="Pier to be repaired in spring"))
    assert room.shown() == {2}
    assert room.documents[piece(2).id].title == "Pier to be repaired in spring"
    room.check()


def test_an_article_cannot_take_the_text_of_a_killed_one(room: Newsroom) -> None:
    room.push(piece(1), piece(2, BRIDGE))
    kill(room, 1)
    room.push(piece(2, PIER))
    assert room.documents[piece(2).id].body == BRIDGE
    assert reason(room, piece(2)) == barred_words(piece(1).id)
    room.push(piece(2, FERRY))
    assert room.documents[piece(2).id].body == FERRY
    room.check()


def test_a_copy_that_is_compared_while_the_kill_comes_is_turned_away(room: Newsroom) -> None:
    room.push(piece(1))
    room.accept(piece(2))
    room.settle("clean")
    taken = room.hold("dedupe")
    assert taken is not None
    outcomes = room.work(taken)
    kill(room, 1)
    assert room.commit(taken, outcomes) == {"withdrawn": 1}
    room.settle()
    assert room.shown() == set()
    room.check()


def test_what_is_no_longer_kept_may_not_come_back_with_the_text_of_a_killed_one(room: Newsroom) -> None:
    room.push(piece(1))
    room.ledger.prune(PruneRule("articles", room.now + DAY), 0, 10, room.now)
    room.settle()
    room.push(piece(2))
    kill(room, 2)
    room.push(piece(1))
    assert room.shown() == set()
    assert reason(room, piece(1)) == barred_words(piece(2).id)
    room.push(piece(1, BRIDGE))
    assert room.shown() == {1}


def test_a_kill_of_an_item_without_a_text_bars_none(room: Newsroom) -> None:
    kill(room, 1)
    assert barred_now(room) == set()
