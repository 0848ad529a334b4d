"""Which request brought a submission: kept with it, handed to every stage, and told with each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.workers.pipeline import NEXT
from shared.ledger.keeping import OnceKey
from shared.ledger.port import NOWHERE, Claim, Ledger, Origin, Outcome
from shared.messages import Stage
from tests.contract.ledger_cases import NOW, claim, clean, cleaned, deduped_outcomes, make_raw, tagged

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
FIRST, SECOND = Origin("push-1", PARENT), Origin("push-2")
STAGES: dict[Stage, Callable[[Claim], list[Outcome]]] = {
    "clean": lambda held: [cleaned(work) for work in held.works],
    "dedupe": lambda held: deduped_outcomes(held, {}),
    "tag": lambda held: [tagged(work) for work in held.works],
    "index": lambda held: [Outcome(work.sequence, "indexed", change=1) for work in held.works],
}


def test_every_stage_is_told_which_request_brought_the_article(ledger: Ledger) -> None:
    ledger.accept([make_raw(1), make_raw(2)], NOW, origins=[FIRST, SECOND])
    wanted = {make_raw(1).id: FIRST, make_raw(2).id: SECOND}
    seen = {}
    for stage, make in STAGES.items():
        held = claim(ledger, stage)
        seen[stage] = {work.article_id: work.origin for work in held.works}
        ledger.commit(held, make(held), NEXT[stage], "worker-1", NOW)
    assert seen == dict.fromkeys(STAGES, wanted)


def test_each_step_of_the_journey_names_the_request_of_its_submission(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW, origins=[FIRST])
    clean(ledger)
    ledger.accept([replace(make_raw(1), title="again")], NOW + 1, origins=[SECOND])
    steps = [(step.word, step.request) for step in ledger.journey(make_raw(1).id)]
    assert steps == [("accepted", "push-1"), ("cleaned", "push-1"), ("accepted", "push-2")]
    status = ledger.status(make_raw(1).id)
    assert status is not None
    assert status.request == "push-2"


def test_what_is_accepted_under_a_key_is_known_by_the_request_that_was_taken(ledger: Ledger) -> None:
    key = OnceKey("k", "f" * 64)
    ledger.accept_once(key, [make_raw(1)], NOW, lambda _: b"1", origin=FIRST)
    ledger.accept_once(key, [make_raw(1)], NOW, lambda _: b"2", origin=SECOND)
    assert [step.request for step in ledger.journey(make_raw(1).id)] == ["push-1"]


def test_what_no_request_brought_says_so(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW)
    assert [work.origin for work in claim(ledger, "clean").works] == [NOWHERE]


def test_origins_are_one_for_each_article(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="zip"):
        ledger.accept([make_raw(1), make_raw(2)], NOW, origins=[FIRST])
    assert ledger.counts() == {}
