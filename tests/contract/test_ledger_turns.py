"""Revisions of one item that wait for each other: whoever decides one says that the next can be compared."""

from __future__ import annotations

from shared.article import Verdict
from shared.ledger.port import Ledger, Outcome
from tests.contract.ledger_cases import NOW, claim, clean, cleaned, make_raw
from tests.contract.ledger_cases import _deduped as deduped


def test_who_decides_a_revision_names_the_lane_of_the_next(ledger: Ledger) -> None:
    ledger.accept([make_raw(1), make_raw(2)], NOW)
    ledger.accept([make_raw(1, title="Second", body="Another text")], NOW)
    clean(ledger)
    first = claim(ledger, "dedupe")
    assert [work.article_id for work in first.works] == [make_raw(1).id, make_raw(2).id]
    done = ledger.commit(first, [deduped(work, Verdict("new")) for work in first.works], "tag", "w", NOW)
    assert done.turn == ("live",)
    assert ("dedupe", "live") in done.wake
    second = claim(ledger, "dedupe")
    done = ledger.commit(second, [deduped(work, Verdict("new")) for work in second.works], "tag", "w", NOW)
    assert (done.turn, done.wake) == ((), (("tag", "live"),))


def test_what_is_put_back_has_nobodys_turn(ledger: Ledger) -> None:
    ledger.accept([make_raw(1), make_raw(1, title="Second")], NOW)
    clean(ledger)
    held = claim(ledger, "dedupe")
    put_back = [Outcome(work.sequence, "deferred", "away") for work in held.works]
    done = ledger.commit(held, put_back, "tag", "w", NOW)
    assert (done.turn, done.wake) == ((), (("dedupe", "live"),))


def test_who_cleans_a_revision_leaves_the_pace_of_wake_ups_as_it_is(ledger: Ledger) -> None:
    ledger.accept([make_raw(1), make_raw(1, title="Second")], NOW)
    first = claim(ledger, "clean", limit=1)
    clean(ledger)
    done = ledger.commit(first, [cleaned(work) for work in first.works], "dedupe", "w", NOW)
    assert (done.turn, done.wake) == ((), (("dedupe", "live"),))
