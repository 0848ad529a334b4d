"""Articles that are stored and not shown: who leads meanwhile, what is told of them, and when that ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from shared.article import PubStatus, RawArticle, Source
from shared.clock import from_ms, to_ms
from shared.ledger.holds import held_state
from shared.ledger.keeping import Due, ReplaySpec
from shared.ledger.schema import articles, submissions
from shared.settings import Settings
from tests.contract.holds_cases import FERRY, HOUR, Desk
from tests.contract.keeping_cases import BRIDGE, Newsroom, piece, walk
from tests.contract.ledger_cases import NOW, story


def held(room: Newsroom, raw: RawArticle) -> tuple[str | None, int | None]:
    query = sa.select(articles.c.held, articles.c.due_at).where(articles.c.id == raw.id)
    (row,) = room.rows(query)
    return row["held"], row["due_at"]


@pytest.fixture
def room(settings: Settings) -> Iterator[Desk]:
    made = Desk(replace(settings, source_ranks="wire.example"))
    yield made
    made.ledger.close()


# When an article is shown


@pytest.mark.parametrize(
    ("status", "embargo", "expiry", "expected"),
    [
        ("usable", None, None, (None, None)),
        ("usable", -1, None, (None, None)),
        ("usable", 0, None, (None, None)),
        ("usable", 1, None, ("embargo", 1)),
        ("usable", None, 1, (None, 1)),
        ("usable", None, 0, ("expired", None)),
        ("usable", None, -1, ("expired", None)),
        ("usable", 1, 2, ("embargo", 1)),
        ("usable", 2, 1, ("embargo", 1)),
        ("usable", 1, -1, ("expired", None)),
        ("usable", -1, 1, (None, 1)),
        ("withheld", None, None, ("withheld", None)),
        ("withheld", 1, None, ("withheld", None)),
        ("withheld", -1, 2, ("withheld", 2)),
        ("withheld", 1, -1, ("expired", None)),
        ("canceled", None, None, ("withheld", None)),  # of an older release; a kill never comes so far
    ],
)
def test_why_an_article_is_held_and_until_when(
    status: PubStatus,
    embargo: int | None,
    expiry: int | None,
    expected: tuple[str | None, int | None],
) -> None:
    at = [None if one is None else from_ms(NOW + one) for one in (embargo, expiry)]
    why, due_at = held_state(status, at[0], at[1], NOW)
    assert (why, None if due_at is None else due_at - NOW) == expected


def test_what_is_due_is_past_once_it_was_turned() -> None:
    """Else the sweeper would turn the same articles for ever."""
    for status in ("usable", "withheld"):
        for embargo in (None, -1, 0, 1):
            for expiry in (None, -1, 0, 1):
                at = [None if one is None else from_ms(NOW + one) for one in (embargo, expiry)]
                _, due_at = held_state(status, at[0], at[1], NOW)
                assert due_at is None or due_at > NOW


# Embargo


def test_an_article_under_embargo_is_stored_and_shown_when_it_ends(room: Desk) -> None:
    room.push(piece(1, embargo_until=room.in_an_hour()))
    assert room.front() == {}
    assert room.status(piece(1)) == "indexed"
    assert held(room, piece(1))[0] == "embargo"
    assert room.told(piece(1)) == ["held"]
    assert room.pass_time(HOUR - 10_000) == Due(0)
    assert room.front() == {}
    before = room.article(piece(1)).change
    assert room.pass_time(10_000) == Due(1, (("index", "live"),))
    assert room.front() == {1: set()}
    assert held(room, piece(1)) == (None, None)
    assert room.told(piece(1)) == ["held", "released"]
    assert room.article(piece(1)).change > before
    room.check()


def test_a_copy_of_what_is_under_embargo_leads_until_the_first_joins_it(room: Desk) -> None:
    room.push(piece(1, embargo_until=room.in_an_hour()))
    room.push(piece(2), piece(3))
    assert room.front() == {2: {3}}
    room.pass_time(HOUR)
    assert room.front() == {2: {1, 3}}
    assert (room.article(piece(1)).verdict, room.article(piece(1)).rule) == ("duplicate", "same-text")
    room.check()


def test_a_higher_ranked_source_takes_the_lead_when_its_embargo_ends(room: Desk) -> None:
    wire = Source("wire.example")
    room.push(piece(1, source=wire, embargo_until=room.in_an_hour()))
    room.push(piece(2), piece(3))
    assert room.front() == {2: {3}}
    room.pass_time(HOUR)
    assert room.front() == {1: {2, 3}}
    room.check()


def test_a_copy_under_embargo_is_told_of_when_it_ends(room: Desk) -> None:
    room.push(piece(1))
    room.push(piece(2, embargo_until=room.in_an_hour()))
    assert room.front() == {1: set()}
    room.pass_time(HOUR)
    assert room.front() == {1: {2}}
    room.check()


def test_copies_whose_embargo_ends_together_get_one_lead(room: Desk) -> None:
    at = room.in_an_hour()
    room.push(piece(1, embargo_until=at))
    room.push(piece(2, embargo_until=at), piece(3, embargo_until=at))
    assert room.front() == {}
    room.pass_time(HOUR)
    assert room.front() == {1: {2, 3}}
    room.check()


def test_a_copy_that_waits_behind_a_held_lead_leads_when_it_is_released_first(room: Desk) -> None:
    room.push(piece(1, embargo_until=from_ms(room.now + 2 * HOUR)))
    room.push(piece(2, embargo_until=room.in_an_hour()))
    room.pass_time(HOUR)
    assert room.front() == {2: set()}
    room.pass_time(HOUR)
    assert room.front() == {2: {1}}
    room.check()


def test_an_embargo_that_ends_while_the_article_is_on_its_way_holds_nothing_up(room: Desk) -> None:
    at = from_ms(room.now + 5_000)
    room.accept(piece(1, embargo_until=at), piece(2, embargo_until=at))
    room.settle("dedupe")
    room.now += 5_000
    assert room.ledger.due(room.now, 100).articles == 2
    room.settle()
    assert room.front() == {1: {2}}
    room.check()


def test_what_failed_on_its_way_is_not_released(room: Desk) -> None:
    room.bad = {"tag": "broken"}
    room.push(piece(1, title="broken", embargo_until=room.in_an_hour()))
    room.pass_time(HOUR)
    assert room.front() == {}
    assert "released" not in room.told(piece(1))
    room.push(piece(2))
    assert room.front() == {2: set()}
    room.check()


def test_many_fall_due_page_by_page(room: Desk) -> None:
    at = room.in_an_hour()
    room.push(*(piece(one, "\n".join(story(one)), embargo_until=at) for one in range(1, 6)))
    room.now += HOUR
    assert [room.ledger.due(room.now, 2).articles for _ in range(4)] == [2, 2, 1, 0]
    room.settle()
    assert set(room.front()) == {1, 2, 3, 4, 5}
    room.check()


# Withheld


def test_a_lead_that_is_withheld_hands_over_in_the_same_commit(room: Desk) -> None:
    room.push(piece(1), piece(2), piece(3))
    assert room.front() == {1: {2, 3}}
    room.accept(piece(1, pub_status="withheld"))
    room.settle("dedupe")
    assert room.article(piece(2)).is_lead
    assert room.article(piece(3)).duplicate_of == piece(2).id
    room.settle()
    assert room.front() == {2: {3}}
    assert room.told(piece(1)) == ["published", "held"]
    room.check()


def test_what_is_usable_again_joins_who_leads_in_its_place(room: Desk) -> None:
    room.push(piece(1), piece(2), piece(3))
    room.push(piece(1, pub_status="withheld"))
    room.push(piece(1, pub_status="usable"))
    assert room.front() == {2: {1, 3}}
    assert room.told(piece(1))[:3] == ["published", "held", "released"]
    room.check()


def test_what_was_withheld_from_the_first_is_shown_by_a_newer_push(room: Desk) -> None:
    room.push(piece(1, pub_status="withheld"))
    assert room.front() == {}
    assert room.pass_time(1_000 * HOUR) == Due(0)
    room.push(piece(1))
    assert room.front() == {1: set()}
    room.check()


def test_a_copy_that_is_withheld_is_not_told_of(room: Desk) -> None:
    room.push(piece(1), piece(2), piece(3))
    room.push(piece(2, pub_status="withheld"))
    assert room.front() == {1: {3}}
    room.push(piece(2))
    assert room.front() == {1: {2, 3}}
    room.check()


def test_a_lead_that_is_withheld_alone_leads_again(room: Desk) -> None:
    room.push(piece(1))
    room.push(piece(1, pub_status="withheld"))
    assert room.front() == {}
    room.push(piece(1, BRIDGE))
    assert room.front() == {1: set()}
    room.check()


def test_a_withheld_article_is_no_lead_for_what_comes(room: Desk) -> None:
    room.push(piece(1), piece(2))
    room.push(piece(1, pub_status="withheld"))
    room.push(piece(3))
    assert room.front() == {2: {3}}
    room.check()


# Expiry


def test_a_lead_that_expires_hands_over(room: Desk) -> None:
    room.push(piece(1, expires_at=room.in_an_hour()), piece(2), piece(3))
    assert room.front() == {1: {2, 3}}
    assert room.pass_time(HOUR) == Due(1, (("index", "live"),))
    assert room.front() == {2: {3}}
    assert held(room, piece(1)) == ("expired", None)
    assert room.told(piece(1)) == ["published", "expired"]
    room.check()


def test_a_copy_that_expires_is_no_longer_told_of(room: Desk) -> None:
    room.push(piece(1))
    room.push(piece(2, expires_at=room.in_an_hour()))
    assert room.front() == {1: {2}}
    room.pass_time(HOUR)
    assert room.front() == {1: set()}
    room.check()


def test_an_expired_article_is_no_lead_for_what_comes(room: Desk) -> None:
    room.push(piece(1, expires_at=room.in_an_hour()))
    room.pass_time(HOUR)
    room.push(piece(2))
    assert room.front() == {2: set()}
    room.check()


def test_a_newer_push_brings_back_what_expired(room: Desk) -> None:
    room.push(piece(1, expires_at=room.in_an_hour()), piece(2))
    room.pass_time(HOUR)
    room.push(piece(1, expires_at=room.in_an_hour()))
    assert room.front() == {2: {1}}
    room.pass_time(HOUR)
    assert room.front() == {2: set()}
    room.check()


def test_what_expires_under_its_embargo_is_never_shown(room: Desk) -> None:
    at = room.in_an_hour()
    room.push(piece(1, expires_at=at, embargo_until=from_ms(to_ms(at) + HOUR)))
    room.pass_time(HOUR)
    assert held(room, piece(1)) == ("expired", None)
    assert room.pass_time(HOUR) == Due(0)
    assert room.front() == {}
    assert room.told(piece(1)) == ["held", "expired"]
    room.check()


def test_an_article_that_comes_expired_is_stored_and_never_shown(room: Desk) -> None:
    room.push(piece(1, expires_at=from_ms(NOW - HOUR)), piece(2))
    assert room.front() == {2: set()}
    assert held(room, piece(1)) == ("expired", None)
    room.check()


def test_a_lead_may_expire_after_its_embargo(room: Desk) -> None:
    at = room.in_an_hour()
    room.push(piece(1, embargo_until=at, expires_at=from_ms(to_ms(at) + HOUR)))
    room.pass_time(HOUR)
    assert room.front() == {1: set()}
    room.pass_time(HOUR)
    assert room.front() == {}
    assert room.told(piece(1)) == ["held", "released", "expired"]
    room.check()


# Beside what else befalls articles


@pytest.mark.parametrize("purge", [False, True])
def test_a_withdrawn_article_is_never_due(room: Desk, purge: bool) -> None:
    room.push(piece(1, embargo_until=room.in_an_hour()))
    room.ledger.withdraw(piece(1).id, room.now, purge=purge)
    assert room.pass_time(HOUR) == Due(0)
    assert room.front() == {}
    assert room.told(piece(1)) == ["held", "withdrawn"]
    room.check()


def test_an_embargo_in_an_article_of_which_nothing_is_left_is_passed_over(room: Desk) -> None:
    """Such a row must be no way back into search, and not come up for ever."""
    room.push(piece(1, embargo_until=room.in_an_hour()))
    room.ledger.withdraw(piece(1).id, room.now)
    room.change_rows(sa.update(articles).values(due_at=room.now, held="embargo"))
    assert room.pass_time(HOUR) == Due(1)
    assert room.pass_time(HOUR) == Due(0)
    assert room.told(piece(1)) == ["held", "withdrawn"]


def test_a_broken_article_does_not_hold_the_others(room: Desk) -> None:
    at = room.in_an_hour()
    room.push(piece(1, embargo_until=at), piece(2, BRIDGE, embargo_until=at))
    room.change_rows(sa.update(articles).where(articles.c.id == piece(1).id).values(article=b"broken"))
    room.now += HOUR
    assert [room.ledger.due(room.now, 1).articles for _ in range(3)] == [1, 1, 0]
    assert room.told(piece(2)) == ["held", "released"]
    assert room.told(piece(1)) == ["held"]


def test_two_sweepers_release_once(room: Desk) -> None:
    room.push(piece(1, embargo_until=room.in_an_hour()))
    room.now += HOUR
    assert [room.ledger.due(room.now, 100).articles for _ in range(2)] == [1, 0]
    room.settle()
    assert room.told(piece(1)) == ["held", "released"]


@pytest.mark.parametrize("reset", [False, True])
def test_what_is_held_stays_so_when_it_is_run_again(room: Desk, reset: bool) -> None:
    room.push(piece(1), piece(2), piece(3, expires_at=room.in_an_hour()))
    room.push(piece(1, pub_status="withheld"))
    room.pass_time(HOUR)
    assert room.front() == {2: set()}
    spec = ReplaySpec("dedupe", reset=reset)
    walk(lambda after: room.ledger.replay(spec, after, 100, room.now))
    room.settle()
    assert room.front() == {2: set()}
    room.push(piece(4))
    assert room.front() == {2: {4}}
    room.check()


def test_a_newer_revision_that_is_held_and_fails_leaves_the_older_one_in_its_place(room: Desk) -> None:
    room.push(piece(1), piece(2))
    room.bad = {"tag": "broken"}
    room.push(piece(1, title="broken", pub_status="withheld"))
    assert room.rows(sa.select(submissions.c.id).where(submissions.c.status == "quarantined"))
    assert room.front() == {2: {1}}
    room.check()


def test_what_came_in_beside_an_embargo_with_another_text_stays_apart(room: Desk) -> None:
    room.push(piece(1, embargo_until=room.in_an_hour()), piece(2, FERRY))
    room.pass_time(HOUR)
    assert room.front() == {1: set(), 2: set()}
    room.check()
