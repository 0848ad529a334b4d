"""The same words again: under a title with other numbers, and long after the first time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.article import RawArticle, Source
from shared.clock import from_ms
from shared.ledger.keeping import ReplaySpec
from shared.settings import Settings
from tests.contract.keeping_cases import DAY, PIER, Newsroom, piece, walk
from tests.contract.ledger_cases import NOW

TWELVE, MORE = "Ferry Aurora sinks off Tolland, 12 dead", "Ferry Aurora sinks off Tolland, 47 dead"


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings, compares_near=True)
    yield made
    made.ledger.close()


def told(number: int, title: str) -> RawArticle:
    return piece(number, title=title, source=Source(f"s{number}.example"))


def facts(room: Newsroom, number: int) -> tuple[str, int | None, str | None, float]:
    """What an article is to its lead, as search has it; the same in the ledger."""
    found = room.documents[f"{number:032x}"]
    stored = room.ledger.article(found.id)
    assert stored is not None
    assert (stored.verdict, stored.duplicate_of) == (found.verdict, found.duplicate_of)
    lead = None if found.duplicate_of is None else int(found.duplicate_of, 16)
    return found.verdict, lead, found.rule, found.similarity


NEW = ("new", None, None, 0.0)


@pytest.mark.parametrize("at_once", [True, False])
def test_the_same_words_under_other_numbers_are_a_version(room: Newsroom, *, at_once: bool) -> None:
    pushes = told(1, TWELVE), told(2, MORE), told(3, "At least 12 dead as ferry Aurora sinks")
    for each in [pushes] if at_once else [(one,) for one in pushes]:
        room.push(*each)
    assert facts(room, 1) == NEW
    assert facts(room, 2) == ("version", 1, "template", 1.0)
    assert facts(room, 3) == ("duplicate", 1, "same-text", 1.0)
    assert [copy.verdict for copy in room.article(told(1, TWELVE)).copies] == ["version", "duplicate"]
    room.check()


def test_a_number_that_the_text_has_at_its_top_sets_no_title_apart(room: Newsroom) -> None:
    room.push(told(1, "Old pier will be repaired"), told(2, "11 piles of old pier are rotten"))
    room.push(told(3, "Old pier: 11 piles, 2 years"))
    assert facts(room, 2)[:3] == ("duplicate", 1, "same-text")
    assert facts(room, 3)[:3] == ("duplicate", 1, "same-text")


def test_what_it_is_stays_when_the_lead_goes_and_when_all_is_decided_anew(room: Newsroom) -> None:
    room.push(told(1, TWELVE))
    room.push(told(2, MORE))
    room.push(told(3, MORE))

    walk(lambda after: room.ledger.replay(ReplaySpec("dedupe", reset=True), after, 5, room.now))
    room.settle()
    assert [facts(room, number)[:2] for number in (1, 2, 3)] == [NEW[:2], ("version", 1), ("version", 1)]
    room.ledger.withdraw(f"{1:032x}", room.now)
    room.settle()
    assert facts(room, 2) == NEW
    assert facts(room, 3) == ("duplicate", 2, "same-text", 1.0)
    room.check()


def test_a_lead_that_changes_its_title_alone_changes_what_its_copies_are(room: Newsroom) -> None:
    room.push(told(1, TWELVE), told(2, TWELVE), told(3, MORE))
    assert [facts(room, number)[0] for number in (2, 3)] == ["duplicate", "version"]
    room.push(told(1, MORE))
    live = [facts(room, number) for number in (1, 2, 3)]
    assert live == [NEW, ("version", 1, "template", 1.0), ("duplicate", 1, "same-text", 1.0)]
    walk(lambda after: room.ledger.replay(ReplaySpec("dedupe", reset=True), after, 5, room.now))
    room.settle()
    assert [facts(room, number) for number in (1, 2, 3)] == live
    room.check()


def test_copies_are_what_they_were_when_a_new_title_fails(room: Newsroom) -> None:
    room.push(told(1, TWELVE), told(2, TWELVE))
    room.bad["tag"] = "47"
    room.push(told(1, MORE))
    assert room.status(told(1, MORE)) == "quarantined"
    assert facts(room, 2) == ("duplicate", 1, "same-text", 1.0)
    room.check()


def test_last_months_text_is_another_event_and_leads_those_of_its_own_days(room: Newsroom) -> None:
    for number, days in enumerate((0, 10, 11), start=1):
        at = from_ms(NOW) - timedelta(days=20 - days)
        room.push(piece(number, source=Source(f"s{number}.example"), published_at=at))
    first, second, third = (room.documents[f"{number:032x}"] for number in (1, 2, 3))
    assert (first.verdict, second.verdict, third.duplicate_of) == ("new", "new", second.id)
    assert (first.story_id, second.story_id, third.story_id) == (first.id, second.id, second.id)
    room.check()


def test_a_text_of_four_days_ago_leads_itself_and_is_of_the_same_story(room: Newsroom) -> None:
    room.push(piece(1, PIER, published_at=from_ms(NOW - 4 * DAY)), piece(2, PIER))
    first, second = (room.documents[f"{number:032x}"] for number in (1, 2))
    assert (second.verdict, second.story_id) == ("new", first.id)
