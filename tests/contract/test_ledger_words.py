"""Broken text on its way into the ledger: it is stored as well as can be, and stops nothing."""

from __future__ import annotations

import pytest

from shared.article import Source
from shared.ledger.keeping import OnceKey, QuarantineFilter
from shared.ledger.port import Ledger, Outcome
from tests.contract.ledger_cases import NOW, claim, make_article, make_raw, run_all

BROKEN = "before\0between\ud800after\udfff, 日本"
STORED = "before\ufffdbetween\\ud800after\\udfff, 日本"


def test_what_is_said_of_a_broken_article_may_be_as_broken(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW)
    held = claim(ledger, "clean")
    bad = Outcome(held.works[0].sequence, "quarantined", BROKEN, traceback=BROKEN)
    assert ledger.commit(held, [bad], None, "w", NOW).words == {"quarantined": 1}
    found = ledger.status(make_raw(1).id)
    assert found is not None
    assert found.reason == STORED
    assert ledger.journey(make_raw(1).id)[-1].detail == STORED
    assert ledger.quarantined(QuarantineFilter(), 0, 10)[0].traceback == STORED


def test_a_blame_may_be_broken(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW)
    assert ledger.release(claim(ledger, "clean").token, NOW, blame=BROKEN, traceback=BROKEN) == 1
    found = ledger.status(make_raw(1).id)
    assert found is not None
    assert found.reason == STORED


def test_a_broken_address_or_source_stops_no_batch(ledger: Ledger) -> None:
    broken = make_raw(1, source=Source("pa\0per"), url="https://paper.example/\0/x")
    ledger.accept([broken, make_raw(2)], NOW)
    held = claim(ledger, "clean")
    done = [
        Outcome(work.sequence, "cleaned", article=make_article(work.raw, url=work.raw.url))
        for work in held.works
        if work.raw
    ]
    ledger.commit(held, done, "dedupe", "w", NOW)
    assert ledger.counts() == {"cleaned": 2}


@pytest.mark.parametrize("given", ["\0", "a\0b", "\ud800", "x" * 5_000, "", "ﬁ"])
def test_an_id_that_nobody_has_is_unknown(ledger: Ledger, given: str) -> None:
    run_all(ledger, make_raw(1))
    assert ledger.status(given) is None
    assert ledger.article(given) is None
    assert ledger.journey(given) == []


def test_a_worker_may_have_a_long_name(ledger: Ledger) -> None:
    name = "index@" + "a-very-long-host-name." * 10
    ledger.accept([make_raw(1)], NOW)
    held = ledger.claim("clean", "live", 10, name, NOW)
    assert held is not None
    ledger.commit(held, [Outcome(held.works[0].sequence, "rejected")], None, name, NOW)
    assert ledger.journey(make_raw(1).id)[-1].worker == name[:64]


def test_a_key_may_be_broken(ledger: Ledger) -> None:
    key = OnceKey("k\0\udc80", "a" * 64)
    assert not ledger.accept_once(key, [make_raw(1)], NOW, lambda _: b"1").repeated
    assert ledger.accept_once(key, [make_raw(1)], NOW, lambda _: b"2").body == b"1"


def test_a_thousand_articles_come_in_at_once_and_in_order(ledger: Ledger) -> None:
    raws = [make_raw(number) for number in range(1_000)]
    receipts = ledger.accept(raws, NOW)
    assert [receipt.id for receipt in receipts] == [raw.id for raw in raws]
    held = claim(ledger, "clean", limit=1_000)
    assert [work.submission for work in held.works] == [receipt.submission for receipt in receipts]
    assert [work.raw for work in held.works] == raws
    assert ledger.tallies() == {"accepted": 1_000}
