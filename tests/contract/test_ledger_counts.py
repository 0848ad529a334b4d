"""Totals, load and idempotency keys: what the ledger says of itself equals what is in it."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from shared.article import Verdict
from shared.clock import from_ms
from shared.errors import KeyReused
from shared.ledger.keeping import OnceKey
from shared.ledger.port import Accepted, Ledger, Outcome
from shared.ledger.schema import articles, originals, submissions
from shared.ledger.sql import SqlLedger
from shared.messages import TERMINAL
from tests.contract.ledger_cases import LEASE, NOW, claim, clean, dedupe, index, make_raw, run_all, tag


def total_of_ended(ledger: Ledger) -> dict[str, int]:
    return {word: count for word, count in ledger.counts().items() if word in TERMINAL}


def check_tallies(ledger: Ledger) -> None:
    """The totals must be what counting the rows gives, and nothing may be missing between them."""
    told = ledger.tallies()
    accepted = told.pop("accepted", 0)
    assert told == total_of_ended(ledger)
    assert accepted == sum(ledger.counts().values())


def test_totals_follow_submissions_to_every_end(ledger: Ledger) -> None:
    assert ledger.tallies() == {}
    run_all(ledger, make_raw(1), make_raw(2))
    ledger.accept([make_raw(number) for number in (3, 4, 5)], NOW)
    assert ledger.tallies() == {"accepted": 5, "indexed": 2}
    held = claim(ledger, "clean")
    words = ("rejected", "quarantined", "unchanged")
    done = [Outcome(work.sequence, word) for work, word in zip(held.works, words, strict=True)]
    ledger.commit(held, done, "dedupe", "w", NOW)
    assert ledger.tallies() == {"accepted": 5, "indexed": 2, "rejected": 1, "quarantined": 1, "unchanged": 1}
    check_tallies(ledger)


def test_refreshes_of_the_ledger_s_own_are_in_no_total(ledger: Ledger) -> None:
    lead, copy = make_raw(1), make_raw(2)
    run_all(ledger, lead)
    run_all(ledger, copy, verdicts={copy.id: Verdict("duplicate", lead.id, 1.0, lead.id)})
    assert ledger.tallies() == {"accepted": 2, "indexed": 2}


def test_a_claim_counts_what_it_quarantines_and_supersedes(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW)
    now = NOW
    while ledger.claim("clean", "live", 10, "w", now) is not None:
        now += LEASE + 1
    for title in ("Old", "New"):
        ledger.accept([make_raw(2, title=title)], now)
        clean(ledger, now)
        dedupe(ledger, now=now)
    tag(ledger, now)
    index(ledger, now)
    assert ledger.tallies() == {"accepted": 3, "quarantined": 1, "superseded": 1, "indexed": 1}
    check_tallies(ledger)


def test_totals_that_the_flow_does_not_keep_are_added_up_over_threads(ledger: Ledger) -> None:
    threads = [threading.Thread(target=ledger.tally, args=("woken", number)) for number in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.tally("woken", 0)
    assert ledger.tallies() == {"woken": 15}


def test_a_late_worker_adds_to_no_total(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW)
    slow = claim(ledger, "clean")
    claim(ledger, "clean", NOW + LEASE + 1)
    ledger.commit(slow, [Outcome(slow.works[0].sequence, "rejected")], None, "w", NOW + LEASE + 2)
    assert ledger.tallies() == {"accepted": 1}


def test_the_load_counts_what_has_not_ended_and_no_further_than_the_cap(ledger: Ledger) -> None:
    run_all(ledger, make_raw(1))
    ledger.accept([make_raw(number) for number in range(2, 9)], NOW)
    claim(ledger, "clean", limit=2)  # held is not ended
    assert ledger.load(NOW, 100).pending == 7
    assert ledger.load(NOW, 7).pending == 7
    assert ledger.load(NOW, 3).pending == 4


def test_the_load_grows_with_what_is_accepted(ledger: SqlLedger) -> None:
    before = ledger.load(NOW, 10).ledger_bytes
    # Random text, since originals are compressed.
    body = "".join(f"{number * 2654435761 % 2**32:x}" for number in range(40_000))
    ledger.accept([make_raw(1, body=body)], NOW)
    after = ledger.load(NOW, 10)
    assert after.ledger_bytes - before > len(body) / 4 > 0
    if ledger._database.engine.dialect.name == "sqlite":
        assert after.free_bytes is not None
        assert after.free_bytes > 0
    else:
        assert after.free_bytes is None


# Withdrawn items at the door


def take_out(ledger: SqlLedger, number: int, why: str) -> None:
    with ledger._database.write() as connection:
        mine = sa.update(articles).where(articles.c.id == make_raw(number).id)
        connection.execute(mine.values(withdrawn=True, gone=why))


@pytest.mark.parametrize(("why", "barred"), [("withdrawn", True), ("purged", True), ("pruned", False)])
def test_an_item_that_was_withdrawn_is_not_taken_again(ledger: SqlLedger, why: str, barred: bool) -> None:
    run_all(ledger, make_raw(1), make_raw(2))
    take_out(ledger, 2, why)
    first, second, third = ledger.accept([make_raw(1), make_raw(2), make_raw(3)], NOW)
    assert (first.withdrawn, second.withdrawn, third.withdrawn) == (False, barred, False)
    assert second.id == make_raw(2).id
    assert (second.submission == "") is barred
    assert len({first.submission, third.submission, ""}) == 3
    taken = 4 if barred else 5
    assert ledger.tallies()["accepted"] == taken
    with ledger._database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(originals)) == taken


# Idempotency keys


def as_answer(receipts: list[Accepted]) -> bytes:
    return ",".join(receipt.submission for receipt in receipts).encode()


def test_a_key_gives_its_first_answer_again_and_stores_nothing_more(ledger: Ledger) -> None:
    key = OnceKey("k1", "f" * 64)
    first = ledger.accept_once(key, [make_raw(1)], NOW, as_answer)
    again = ledger.accept_once(key, [make_raw(1)], NOW + 5, as_answer)
    other = ledger.accept_once(OnceKey("k2", "f" * 64), [make_raw(1)], NOW + 5, as_answer)
    assert (first.repeated, again.repeated, other.repeated) == (False, True, False)
    assert first.body == again.body != other.body
    assert len(first.body) == 32
    assert ledger.tallies() == {"accepted": 2}


def test_a_key_that_stands_for_another_request_is_refused(ledger: Ledger) -> None:
    ledger.accept_once(OnceKey("k", "a" * 64), [make_raw(1)], NOW, as_answer)
    with pytest.raises(KeyReused):
        ledger.accept_once(OnceKey("k", "b" * 64), [make_raw(2)], NOW, as_answer)
    assert ledger.tallies() == {"accepted": 1}


def test_a_failed_answer_leaves_neither_key_nor_submission(ledger: Ledger) -> None:
    def fail(_receipts: list[Accepted]) -> bytes:
        raise ValueError("no answer")

    key = OnceKey("k", "a" * 64)
    with pytest.raises(ValueError, match="no answer"):
        ledger.accept_once(key, [make_raw(1)], NOW, fail)
    assert ledger.tallies() == {}
    assert not ledger.accept_once(key, [make_raw(1)], NOW, as_answer).repeated


def test_many_callers_with_one_key_get_one_acceptance(ledger: SqlLedger) -> None:
    answers: list[bytes] = []
    start = threading.Barrier(8)

    def call() -> None:
        mine = SqlLedger(ledger._database.engine.url.render_as_string(hide_password=False))
        start.wait()
        answers.append(mine.accept_once(OnceKey("k", "a" * 64), [make_raw(1)], NOW, as_answer).body)
        mine.close()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert ledger.tallies() == {"accepted": 1}


def test_keys_are_forgotten_by_age_and_in_pages(ledger: Ledger) -> None:
    for number in range(5):
        key = OnceKey(f"k{number}", "a" * 64)
        ledger.accept_once(key, [make_raw(number)], NOW + number, as_answer)
    assert ledger.forget_keys(NOW + 4, 3) == 3
    assert ledger.forget_keys(NOW + 4, 3) == 1
    assert ledger.forget_keys(NOW + 4, 3) == 0
    assert ledger.accept_once(OnceKey("k4", "a" * 64), [make_raw(4)], NOW, as_answer).repeated
    assert not ledger.accept_once(OnceKey("k0", "a" * 64), [make_raw(0)], NOW, as_answer).repeated


def test_a_work_says_what_a_replay_asked_for(ledger: SqlLedger) -> None:
    ledger.accept([make_raw(1), make_raw(2)], NOW)
    with ledger._database.write() as connection:
        mine = submissions.c.article_id == make_raw(2).id
        connection.execute(sa.update(submissions).where(mine).values(replay="keep"))
    assert [work.replay for work in claim(ledger, "clean").works] == [None, "keep"]
    assert from_ms(NOW) == ledger.backlog(NOW)[0].oldest_accepted
