"""Faults the ledger once had or might have, each held off by one small test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from services.workers.steps import run_dedupe
from services.workers.sweeper import rebuild_fingerprints, sweep
from shared.article import RawArticle
from shared.clock import from_ms
from shared.fingerprints.memory import MemoryFingerprints
from shared.ledger.port import Outcome
from shared.ledger.rows import sort_key
from shared.ledger.schema import articles, originals, submissions
from shared.messages import Lane, Stage
from shared.settings import Settings
from tests.contract.keeping_cases import BRIDGE, PIER
from tests.contract.ledger_cases import (
    LEASE,
    NOW,
    Desk,
    Documents,
    claim,
    clean,
    cleaned,
    make_article,
    make_raw,
    status_of,
    tagged,
)

HOUR = 3_600_000


class Window:
    """Seconds that pass only when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def window() -> Window:
    return Window()


@pytest.fixture
def desk(settings: Settings, window: Window) -> Iterator[Desk]:
    made = Desk(settings, MemoryFingerprints(clock=window))
    yield made
    made.ledger.close()


def piece(number: int, body: str = PIER, **fields: object) -> RawArticle:
    return make_raw(number, body=body, **fields)


# Leases


@pytest.mark.parametrize("behind", [1, 4_000])
def test_a_worker_that_read_its_clock_earlier_takes_nothing_from_a_live_lease(
    desk: Desk, behind: int
) -> None:
    desk.ledger.accept([make_raw(number) for number in range(3)], NOW)
    held = claim(desk.ledger, "clean", NOW + behind)  # it read the time later, and got the write lock first
    assert desk.ledger.claim("clean", "live", 10, "other", NOW) is None
    done = [cleaned(work) for work in held.works]
    assert desk.ledger.commit(held, done, "dedupe", "w", NOW + behind).words == {"cleaned": 3}


# Leads and copies


def test_a_copy_of_a_lead_that_the_index_refused_leads_itself(desk: Desk) -> None:
    lead, copy = piece(1), piece(2)
    desk.push(lead, refused=[lead])
    written = desk.push(copy, refused=[lead])
    assert written[copy.id].is_lead
    assert written[copy.id].copies == ()
    assert desk.ledger.counts() == {"quarantined": 1, "indexed": 1}


def test_a_quarantined_lead_is_not_indexed_by_way_of_its_copy(desk: Desk) -> None:
    lead, copy = piece(1), piece(2)
    desk.push(lead, poison=[lead])
    written = desk.push(copy)
    assert written.keys() == {copy.id}
    assert written[copy.id].is_lead


def test_copies_of_a_refused_lead_are_led_by_the_one_that_the_index_takes(desk: Desk) -> None:
    lead, refused, fine = piece(1), piece(2), piece(3)
    written = desk.push(lead, refused, fine, refused=[lead, refused])
    assert written.keys() == {fine.id}
    assert written[fine.id].is_lead
    assert written[fine.id].change == desk.article(fine).change


def test_a_later_copy_finds_the_lead_that_took_a_dead_one_s_place(desk: Desk) -> None:
    lead, second, third = piece(1), piece(2), piece(3)
    desk.push(lead, poison=[lead])
    desk.push(second)
    written = desk.push(third)
    assert written[third.id].duplicate_of == second.id
    assert [copy.id for copy in written[second.id].copies] == [third.id]


def test_a_copy_that_comes_while_its_lead_is_rewritten_is_hidden_under_no_other_text(desk: Desk) -> None:
    lead, other, copy = piece(1), piece(9, BRIDGE), piece(2)
    desk.push(lead, other)
    desk.send(piece(1, BRIDGE))
    slow = claim(desk.ledger, "dedupe")
    outcomes = run_dedupe(slow.works, desk.fingerprints)
    verdict = outcomes[0].verdict
    assert verdict is not None
    assert verdict.duplicate_of == other.id
    desk.send(copy)
    desk.compare()
    desk.ledger.commit(slow, outcomes, "tag", "w", NOW)
    desk.finish()
    assert desk.article(copy).is_lead
    assert desk.article(lead).duplicate_of == other.id
    assert desk.article(other).is_lead


def test_a_lead_that_lost_its_place_joins_its_heir_when_it_is_sent_again(desk: Desk) -> None:
    lead, copy = piece(1), piece(2)
    written = desk.push(lead, copy, poison=[lead])
    assert written[copy.id].is_lead
    written |= desk.push(lead)
    assert written[lead.id].duplicate_of == copy.id
    assert [found.id for found in written[copy.id].copies] == [lead.id]


def test_copies_of_a_text_whose_first_sender_left_no_article_share_one_lead(desk: Desk) -> None:
    lost, second, third = piece(1), piece(2), piece(3)
    desk.send(lost)
    held = claim(desk.ledger, "dedupe")  # it claims its fingerprint, and then dies for good
    run_dedupe(held.works, desk.fingerprints)
    desk.ledger.commit(held, [Outcome(held.works[0].sequence, "quarantined", "bad")], None, "w", NOW)
    desk.push(second)
    desk.push(third)
    assert desk.article(second).is_lead
    assert desk.article(third).duplicate_of == second.id


def lose_fingerprints(desk: Desk) -> None:
    desk.fingerprints = MemoryFingerprints()
    rebuild_fingerprints(desk.ledger, desk.fingerprints, NOW)


def test_a_text_whose_fingerprint_is_lost_before_its_commit_has_one_lead(desk: Desk) -> None:
    desk.send(piece(1))
    slow = claim(desk.ledger, "dedupe")
    outcomes = run_dedupe(slow.works, desk.fingerprints)
    lose_fingerprints(desk)
    desk.push(piece(2))
    desk.ledger.commit(slow, outcomes, "tag", "w", NOW)
    written = desk.finish()
    assert written[piece(1).id].duplicate_of == piece(2).id
    assert [copy.id for copy in written[piece(2).id].copies] == [piece(1).id]


def test_an_article_that_leads_a_text_goes_on_leading_it_whoever_claimed_it_since(desk: Desk) -> None:
    desk.push(piece(1), piece(3))
    desk.fingerprints = MemoryFingerprints()  # lost, and not put back
    desk.send(piece(1, title="Better"))
    slow = claim(desk.ledger, "dedupe")
    outcomes = run_dedupe(slow.works, desk.fingerprints)
    desk.push(piece(2))
    desk.ledger.commit(slow, outcomes, "tag", "w", NOW)
    written = desk.finish()
    assert written[piece(1).id].is_lead
    assert {copy.id for copy in written[piece(1).id].copies} == {piece(2).id, piece(3).id}


@pytest.mark.parametrize(("age_hours", "is_lead"), [(71, False), (73, True)])
def test_a_text_may_lead_again_after_the_window(desk: Desk, age_hours: int, is_lead: bool) -> None:
    desk.push(piece(1, ingested_at=from_ms(NOW)))
    old = sa.update(articles).values(ingested_at=NOW - age_hours * HOUR)
    desk.change_rows(old)
    desk.fingerprints = MemoryFingerprints()
    assert desk.push(piece(2))[piece(2).id].is_lead is is_lead


def test_an_older_revision_at_index_does_not_write_a_newer_one_that_was_never_tagged(desk: Desk) -> None:
    lead, copy = piece(1), piece(2)
    desk.send(lead)
    desk.compare()
    desk.tag()
    for raw in (piece(1, title="Better"), copy):
        desk.send(raw)
        desk.compare()
    written: Documents = {}
    desk.index(written)
    written |= desk.finish(poison=[lead])
    assert "Better" not in [article.title for article in written.values()]
    assert written[written[copy.id].duplicate_of or copy.id].is_lead


def test_a_copy_gets_a_lead_when_an_older_revision_of_its_own_ends_last(desk: Desk) -> None:
    lead, copy = piece(1), piece(2)
    desk.send(lead)
    desk.compare()
    slow = claim(desk.ledger, "tag")
    desk.send(piece(1, title="Better"), copy)
    desk.compare()
    written = desk.finish(poison=[lead])
    desk.ledger.commit(slow, [tagged(work) for work in slow.works], "index", "w", NOW)
    written |= desk.finish()
    assert written[copy.id].is_lead
    assert written[copy.id].change == desk.article(copy).change


def test_a_lead_shows_a_copy_that_joined_while_an_older_revision_was_under_way(desk: Desk) -> None:
    lead, copy = piece(1), piece(2)
    desk.send(lead)
    desk.compare()
    slow = claim(desk.ledger, "tag")
    written = desk.push(piece(1, title="Better"))
    written |= desk.push(copy)
    desk.ledger.commit(slow, [tagged(work) for work in slow.works], "index", "w", NOW)
    written |= desk.finish()
    assert [found.id for found in written[lead.id].copies] == [copy.id]
    assert written[lead.id].change == desk.article(lead).change


def test_a_refresh_does_not_write_a_newer_revision_that_was_never_tagged(desk: Desk) -> None:
    lead, copy = piece(1), piece(2)
    desk.push(lead)
    desk.send(copy)
    desk.compare()  # which queues a refresh of the lead
    desk.send(piece(1, title="Better"))
    desk.compare()
    written: Documents = {}
    desk.index(written)
    assert "Better" not in [article.title for article in written.values()]
    written = desk.finish(poison=[lead])
    assert written[lead.id].title == lead.title
    assert [found.id for found in written[lead.id].copies] == [copy.id]


def test_a_copy_with_a_new_headline_stays_a_copy_after_the_window(desk: Desk, window: Window) -> None:
    lead, copy = piece(1), piece(2)
    desk.push(lead, copy)
    window.now = 73 * 3600.0
    written = desk.push(piece(2, title="Another headline"))
    assert written[copy.id].title == "Another headline"
    assert written[copy.id].duplicate_of == lead.id


# The order of revisions


def test_the_newest_wins_when_two_workers_compare_one_item_at_once(desk: Desk) -> None:
    desk.push(piece(1, title="First"))
    desk.send(piece(1, title="Second"))
    slow = claim(desk.ledger, "dedupe")
    desk.send(piece(1, title="First"))
    desk.compare_all()
    desk.compare(slow)
    desk.compare_all()
    desk.finish()
    assert desk.article(piece(1)).title == "First"


def test_the_newest_wins_when_it_is_cleaned_first(desk: Desk) -> None:
    desk.push(piece(1, title="First"))
    desk.ledger.accept([piece(1, title="Second"), piece(1, title="First")], NOW)
    slow = claim(desk.ledger, "clean", limit=1)
    clean(desk.ledger)
    desk.compare_all()
    desk.ledger.commit(slow, [cleaned(work) for work in slow.works], "dedupe", "w", NOW)
    desk.compare_all()
    desk.finish()
    assert desk.article(piece(1)).title == "First"


def by_version(place: int) -> dict[str, object]:
    return {"version": place}


def by_time(place: int) -> dict[str, object]:
    return {"modified_at": from_ms(NOW) + timedelta(hours=place)}


@pytest.mark.parametrize("order", [by_version, by_time])
def test_an_unchanged_resend_counts_as_newer_than_what_comes_late(
    desk: Desk, order: Callable[[int], dict[str, object]]
) -> None:
    desk.push(piece(1, title="Sound", **order(1)))
    desk.push(piece(1, title="Sound", **order(3)))
    assert status_of(desk.ledger, piece(1)) == "unchanged"
    desk.push(piece(1, title="Outdated", **order(2)))
    assert status_of(desk.ledger, piece(1)) == "superseded"
    assert desk.article(piece(1)).title == "Sound"


def test_an_older_version_stands_in_for_a_newer_one_that_was_quarantined(desk: Desk) -> None:
    bad = piece(1, title="Bad", version=2)
    desk.push(bad, poison=[bad])
    written = desk.push(piece(1, title="Sound", version=1))
    assert written[bad.id].title == "Sound"


@pytest.mark.parametrize("seen", [True, False], ids=["committed", "written only"])
def test_a_revision_that_was_written_as_its_successor_came_stands_again_when_that_fails(
    desk: Desk, seen: bool
) -> None:
    first = piece(1, title="First")
    desk.send(first, piece(9, BRIDGE))
    desk.compare()
    desk.tag()
    slow = claim(desk.ledger, "index")  # both are in the index from here on
    desk.send(piece(1, title="Second"))
    desk.compare()
    if seen:
        done = [Outcome(work.sequence, "indexed", change=2) for work in slow.works]
        desk.ledger.commit(slow, done, None, "w", NOW)
    else:
        desk.ledger.release(slow.token, NOW, blame="died before it could say so")
    written = desk.finish(poison=[first])
    assert desk.article(first).title == "First"
    assert written[first.id].change == desk.article(first).change


def test_a_revision_that_stood_in_for_one_failure_stands_in_for_the_next_as_well(desk: Desk) -> None:
    first = piece(1, title="First")
    desk.send(first)
    desk.compare()
    desk.tag()
    for title in ("Second", "Third"):
        desk.send(piece(1, title=title))
        desk.compare()
        desk.index({})  # where the first one is found to be overtaken
        written = desk.finish(poison=[first])
        assert desk.article(first).title == "First"
        assert written[first.id].change == desk.article(first).change


# Rows that cannot be read

BROKEN = b"neither compressed nor JSON"
BREAK = {
    "clean": sa.update(originals).where(originals.c.sequence == 2).values(content=BROKEN),
    "dedupe": sa.update(submissions).where(submissions.c.sequence == 2).values(draft=BROKEN),
    "tag": sa.update(articles).where(articles.c.sequence == 2).values(article=BROKEN),
    "index": sa.update(articles).where(articles.c.sequence == 2).values(article=BROKEN),
}


@pytest.mark.parametrize("stage", BREAK)
def test_a_row_that_cannot_be_read_is_quarantined_and_stops_nobody(desk: Desk, stage: Stage) -> None:
    first, broken, last = (piece(number, f"{PIER} {number}") for number in (1, 2, 3))
    desk.ledger.accept([first, broken, last], NOW)
    steps = {"clean": lambda: clean(desk.ledger), "dedupe": desk.compare, "tag": desk.tag}
    for before in list(BREAK)[: list(BREAK).index(stage)]:
        steps[before]()
    desk.change_rows(BREAK[stage])
    assert [work.article_id for work in claim(desk.ledger, stage).works] == [first.id, last.id]
    found = desk.ledger.status(broken.id)
    assert found is not None
    assert (found.status, found.stage) == ("quarantined", None)
    assert "cannot be read" in (found.reason or "")
    assert desk.ledger.journey(broken.id)[-1].word == "quarantined"


def test_a_claim_that_meets_only_unreadable_rows_holds_nothing(desk: Desk) -> None:
    desk.ledger.accept([make_raw(1), make_raw(2)], NOW)
    desk.change_rows(sa.update(originals).values(content=BROKEN))
    assert desk.ledger.claim("clean", "live", 1, "w", NOW) is None
    assert desk.ledger.counts() == {"quarantined": 2}


def test_copies_of_an_unreadable_lead_get_a_lead_of_their_own(desk: Desk) -> None:
    lead, one, two = piece(1), piece(2), piece(3)
    desk.send(lead, one, two)
    desk.compare()
    desk.change_rows(sa.update(articles).where(articles.c.id == lead.id).values(article=BROKEN))
    written = desk.finish()
    assert written.keys() == {one.id, two.id}
    assert written[one.id].is_lead
    assert two.id in [copy.id for copy in written[one.id].copies]


# One row must not hold up the others


def test_two_articles_that_hang_hold_one_worker_at_a_time(desk: Desk) -> None:
    desk.ledger.accept([make_raw(1), make_raw(2)], NOW)
    desk.ledger.release(claim(desk.ledger, "clean").token, NOW, blame="TimeLimitExceeded")
    fine = [make_raw(number) for number in range(10, 30)]
    desk.ledger.accept(fine, NOW)
    hanging = claim(desk.ledger, "clean", NOW + 1)
    assert [work.article_id for work in hanging.works] == [make_raw(1).id]
    others = claim(desk.ledger, "clean", NOW + 1)
    assert [work.article_id for work in others.works] == [raw.id for raw in fine]
    assert desk.ledger.claim("clean", "live", 100, "w", NOW + 1) is None
    desk.ledger.release(hanging.token, NOW + 1, blame="TimeLimitExceeded")
    assert [work.article_id for work in claim(desk.ledger, "clean", NOW + 2).works] == [make_raw(2).id]


def test_suspects_whose_workers_die_are_still_tried_one_after_the_other(desk: Desk) -> None:
    desk.ledger.accept([make_raw(1), make_raw(2)], NOW)
    desk.ledger.release(claim(desk.ledger, "clean").token, NOW, blame="died")
    tried = set()
    for lapse in range(10):  # each worker dies silently, and its lease lapses
        [work] = claim(desk.ledger, "clean", NOW + 1 + lapse * (LEASE + 1)).works
        tried.add(work.article_id)
    assert tried == {make_raw(1).id, make_raw(2).id}


def test_many_submissions_of_one_item_do_not_hold_up_another_item(desk: Desk) -> None:
    hot, other = make_raw(1), make_raw(2)
    desk.ledger.accept([*([hot] * 250), other], NOW)
    for _ in range(3):  # claims of a hundred
        clean(desk.ledger)
    held = claim(desk.ledger, "dedupe", limit=10)
    assert [work.article_id for work in held.works] == [hot.id, other.id]


# A clock that is set back


class WakeRecorder:
    """Takes wake-ups as the waker does, and keeps them."""

    def __init__(self) -> None:
        self.woken: list[tuple[Stage, Lane]] = []

    def wake(self, stage: Stage, lane: Lane = "live", ids: Sequence[str] = (), delay: float = 0.0) -> None:
        self.woken.append((stage, lane))


@pytest.mark.parametrize(("moment", "woken"), [(-HOUR, True), (9_000, False), (11_000, True)])
def test_the_sweeper_wakes_what_waits_too_long_or_came_from_the_future(
    desk: Desk, moment: int, woken: bool
) -> None:
    desk.ledger.accept([make_raw(1)], NOW)
    waker = WakeRecorder()
    sweep(desk.ledger, desk.fingerprints, waker, 10, NOW + moment)  # type: ignore[arg-type]
    assert waker.woken == ([("clean", "live")] if woken else [])


def test_a_row_put_off_before_the_clock_was_set_back_is_claimed_at_once(desk: Desk) -> None:
    desk.ledger.accept([make_raw(1)], NOW)
    held = claim(desk.ledger, "clean", NOW + HOUR)
    desk.ledger.release(held.token, NOW + HOUR, blame="ValueError")
    assert len(claim(desk.ledger, "clean", NOW).works) == 1


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_worker_that_lives_keeps_its_rows_when_the_clock_jumps(desk: Desk, jump: int) -> None:
    desk.ledger.accept([make_raw(1)], NOW)
    held = claim(desk.ledger, "clean")
    assert desk.ledger.renew(held.token, NOW + jump)
    assert desk.ledger.claim("clean", "live", 10, "other", NOW + jump + LEASE - 1) is None
    done = [cleaned(work) for work in held.works]
    assert desk.ledger.commit(held, done, "dedupe", "w", NOW + jump).words == {"cleaned": 1}


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_worker_that_died_before_the_clock_jumped_holds_its_rows_no_longer(desk: Desk, jump: int) -> None:
    desk.ledger.accept([make_raw(1)], NOW)
    dead = claim(desk.ledger, "clean")
    taken = claim(desk.ledger, "clean", NOW + jump)
    assert not desk.ledger.renew(dead.token, NOW + jump)
    assert desk.ledger.renew(taken.token, NOW + jump)


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_what_failed_before_the_clock_jumped_waits_no_longer_than_it_should(desk: Desk, jump: int) -> None:
    desk.ledger.accept([make_raw(1)], NOW)
    desk.ledger.release(claim(desk.ledger, "clean").token, NOW, blame="ValueError")
    [entry] = desk.ledger.backlog(NOW + jump)
    assert (entry.waiting, entry.put_off) == (1, 0)
    assert len(claim(desk.ledger, "clean", NOW + jump).works) == 1


# Sort keys


def test_sort_keys_differ_though_a_million_submissions_lie_between() -> None:
    article = make_article(make_raw(1))
    sequences = [1, 2, 1 + (1 << 20), (1 << 30) - 1]
    keys = [sort_key(article, sequence) for sequence in sequences]
    assert len(set(keys)) == len(sequences)
    assert keys == sorted(keys)


def test_a_later_second_sorts_after_every_sequence_of_an_earlier_one() -> None:
    earlier = make_article(make_raw(1), published_at=datetime(2026, 1, 1, tzinfo=UTC))
    later = make_article(make_raw(2), published_at=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert sort_key(earlier, (1 << 30) - 1) < sort_key(later, 0)


@pytest.mark.parametrize("year", [1, 1600, 1833, 2106, 9999])
def test_an_article_of_any_year_can_be_kept_and_sorted(desk: Desk, year: int) -> None:
    desk.ledger.accept([make_raw(1)], NOW)
    held = claim(desk.ledger, "clean")
    [work] = held.works
    assert work.raw is not None
    dated = make_article(work.raw, published_at=datetime(year, 12, 31, tzinfo=UTC))
    desk.ledger.commit(held, [Outcome(work.sequence, "cleaned", article=dated)], "dedupe", "w", NOW)
    desk.compare()
    today = sort_key(make_article(make_raw(2)), 2)
    assert (desk.article(work.raw).sort_key < today) == (year < from_ms(NOW).year)


def test_a_revision_keeps_its_place_among_articles_of_the_same_second(desk: Desk) -> None:
    desk.push(make_raw(1), make_raw(2))
    before = desk.article(make_raw(1)).sort_key
    desk.push(make_raw(1, title="Better"))
    assert desk.article(make_raw(1)).revision == 2
    assert desk.article(make_raw(1)).sort_key == before < desk.article(make_raw(2)).sort_key


# Drafts


def test_a_submission_that_dedupe_ended_keeps_no_draft(desk: Desk) -> None:
    desk.push(piece(1, title="Now", version=2))
    desk.push(piece(1, title="Now", version=2))
    desk.push(piece(1, title="Before", version=1))
    assert desk.ledger.counts() == {"indexed": 1, "unchanged": 1, "superseded": 1}
    assert desk.drafts_of_ended() == 0


def test_a_rejected_submission_keeps_no_draft(desk: Desk) -> None:
    desk.ledger.accept([make_raw(1)], NOW)
    held = claim(desk.ledger, "clean")
    article = cleaned(held.works[0]).article
    rejected = Outcome(held.works[0].sequence, "rejected", "too-little-text", article=article)
    desk.ledger.commit(held, [rejected], None, "w", NOW)
    assert desk.ledger.counts() == {"rejected": 1}
    assert desk.drafts_of_ended() == 0


def test_a_submission_that_died_for_good_at_dedupe_keeps_no_draft(desk: Desk) -> None:
    desk.send(make_raw(1))
    now = NOW
    while desk.ledger.claim("dedupe", "live", 10, "w", now) is not None:
        now += LEASE + 1
    assert desk.ledger.counts() == {"quarantined": 1}
    assert desk.drafts_of_ended() == 0
