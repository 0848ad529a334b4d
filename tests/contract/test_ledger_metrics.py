"""The last success, as ``/metrics`` tells it: the journey says when the index stage finished something."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shared.article import Verdict
from shared.clock import from_ms
from shared.ledger import tallies
from shared.ledger.keeping import QuarantineFilter, ReplaySpec
from shared.ledger.port import Ledger, Outcome
from shared.ledger.schema import journey
from shared.ledger.sql import SqlLedger
from tests.contract.ledger_cases import NOW, claim, clean, dedupe, index, make_raw, run_all, tag


def test_a_ledger_that_never_indexed_anything_has_no_last_success(ledger: Ledger) -> None:
    assert ledger.last_indexed() is None
    ledger.accept([make_raw(1)], NOW)
    clean(ledger)
    dedupe(ledger)
    tag(ledger)
    assert ledger.last_indexed() is None
    index(ledger, NOW + 5)
    assert ledger.last_indexed() == from_ms(NOW + 5)


def test_what_ends_otherwise_is_no_success_and_takes_none_away(ledger: Ledger) -> None:
    run_all(ledger, make_raw(1), make_raw(2))
    later = NOW + 1_000
    ledger.accept([make_raw(number) for number in (3, 4, 5, 6)], later)
    held = claim(ledger, "clean", later)
    words = ("rejected", "quarantined", "unchanged", "failed")
    done = [Outcome(work.sequence, word) for work, word in zip(held.works, words, strict=True)]
    ledger.commit(held, done, "dedupe", "w", later)
    ledger.withdraw(make_raw(2).id, later)
    ledger.accept([make_raw(7)], later)
    clean(ledger, later)
    dedupe(ledger, now=later)
    tag(ledger, later)
    held = claim(ledger, "index", later)
    refused = [Outcome(work.sequence, "quarantined", "refused") for work in held.works]
    ledger.commit(held, refused, None, "w", later)
    assert ledger.last_indexed() == from_ms(NOW)


def test_the_index_is_told_to_have_worked_when_it_wrote_a_refresh(ledger: Ledger) -> None:
    run_all(ledger, make_raw(1))
    ledger.accept([make_raw(2)], NOW)
    clean(ledger)
    dedupe(ledger, {make_raw(2).id: Verdict("duplicate", make_raw(1).id, 1.0, make_raw(1).id)})
    index(ledger, NOW + 7)  # the lead, which has a copy now
    assert ledger.last_indexed() == from_ms(NOW + 7)


def test_a_word_that_a_person_or_a_newer_rule_says_is_no_success(ledger: Ledger) -> None:
    """Both end as ``indexed`` what search shows already."""
    run_all(ledger, make_raw(1), make_raw(2))
    ledger.replay(ReplaySpec("clean"), 0, 10, NOW + 1)
    held = ledger.claim("clean", "replay", 10, "w", NOW + 2)
    assert held is not None
    words = ("rejected", "quarantined")
    done = [Outcome(work.sequence, word, "no") for work, word in zip(held.works, words, strict=True)]
    assert ledger.commit(held, done, "dedupe", "w", NOW + 2).words == {"indexed": 1, "quarantined": 1}
    assert ledger.drop_quarantined(QuarantineFilter(), 0, 10, NOW + 3, "why").changed == 1
    assert ledger.counts() == {"indexed": 2}
    assert ledger.last_indexed() == from_ms(NOW)


def test_it_looks_back_as_far_as_it_says_and_no_further(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_all(ledger, make_raw(1))
    run_all(ledger, make_raw(2))
    with ledger._database.read() as connection:
        at_index = sa.select(sa.func.max(journey.c.id)).where(journey.c.word == "indexed")
        last = connection.scalar(at_index)
        assert last == connection.scalar(sa.select(sa.func.max(journey.c.id)))
    ledger.accept([make_raw(number) for number in range(3, 8)], NOW + 1)  # five steps
    monkeypatch.setattr(tallies, "STEPS_LOOKED_AT", 6)
    assert ledger.last_indexed() == from_ms(NOW)
    monkeypatch.setattr(tallies, "STEPS_LOOKED_AT", 5)
    assert ledger.last_indexed() is None
