"""What the ledger port promises, on every adapter of it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from shared.article import Source, Verdict
from shared.clock import from_ms
from shared.errors import Unavailable
from shared.ledger.claims import DIED_ALONE
from shared.ledger.engine import Database
from shared.ledger.keeping import QuarantineFilter
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import Ledger, Outcome
from shared.ledger.schema import metadata, submissions
from shared.settings import Settings
from tests.contract.ledger_cases import (
    LEASE,
    NOW,
    claim,
    clean,
    cleaned,
    dedupe,
    deduped_outcomes,
    hash_of,
    index,
    make_article,
    make_raw,
    run_all,
    status_of,
    tag,
)


def test_migrations_make_exactly_the_tables_that_the_code_names(settings: Settings) -> None:
    database = Database(settings.ledger_url)
    with database.read() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), metadata)
    database.close()
    assert difference == []


def test_migrating_twice_at_once_is_harmless(unmade: Settings) -> None:
    failures: list[BaseException] = []

    def migrate() -> None:
        try:
            migrate_ledger(unmade)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_sqlite_is_in_wal_mode_and_syncs_fully(settings: Settings) -> None:
    database = Database(settings.ledger_url)
    with database.read() as connection:
        assert connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(sa.text("PRAGMA synchronous")) == 2
    database.close()


def test_an_accepted_submission_survives_and_waits_at_clean(ledger: Ledger) -> None:
    raw = make_raw(1)
    [receipt] = ledger.accept([raw], NOW)
    assert receipt.id == raw.id
    found = ledger.status(raw.id)
    assert found is not None
    assert (found.submission, found.status, found.stage) == (receipt.submission, "accepted", "clean")
    assert claim(ledger, "clean").works[0].raw == raw


def test_an_article_goes_through_all_stages_and_leaves_its_journey(ledger: Ledger) -> None:
    raw = make_raw(1)
    [article] = run_all(ledger, raw)
    assert (article.revision, article.change, article.keywords) == (1, 2, ("seen",))
    assert status_of(ledger, raw) == "indexed"
    words = [(step.stage, step.word) for step in ledger.journey(raw.id)]
    assert words == [("accept", "accepted"), ("clean", "cleaned"), ("dedupe", "deduped"), ("tag", "tagged"),
                     ("index", "indexed")]  # fmt: skip
    assert ledger.counts() == {"indexed": 1}
    assert ledger.backlog(NOW) == []


def test_claims_take_the_oldest_first_up_to_the_limit_and_say_when_more_waits(ledger: Ledger) -> None:
    raws = [make_raw(number) for number in range(5)]
    ledger.accept(raws, NOW)
    first = claim(ledger, "clean", limit=3)
    assert [work.article_id for work in first.works] == [raw.id for raw in raws[:3]]
    assert first.full
    second = claim(ledger, "clean", limit=3)
    assert [work.article_id for work in second.works] == [raw.id for raw in raws[3:]]
    assert not second.full
    assert ledger.claim("clean", "live", 3, "worker-1", NOW) is None


def test_lanes_do_not_mix(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW, "replay")
    assert ledger.claim("clean", "live", 10, "worker-1", NOW) is None
    replay = ledger.claim("clean", "replay", 10, "worker-1", NOW)
    assert replay is not None
    assert len(replay.works) == 1


def test_revisions_of_an_item_are_compared_in_order(ledger: Ledger) -> None:
    ledger.accept([make_raw(1), make_raw(1, title="Second"), make_raw(2)], NOW)
    slow = claim(ledger, "clean", limit=1)
    fast = claim(ledger, "clean")
    outcomes = [Outcome(w.sequence, "cleaned", article=make_article(w.raw)) for w in fast.works if w.raw]
    ledger.commit(fast, outcomes, "dedupe", "fast", NOW)
    held = claim(ledger, "dedupe")
    assert [work.article_id for work in held.works] == [make_raw(2).id]
    [work] = slow.works
    assert work.raw is not None
    done = Outcome(work.sequence, "cleaned", article=make_article(work.raw))
    ledger.commit(slow, [done], "dedupe", "slow", NOW)
    [first] = claim(ledger, "dedupe").works
    assert first.sequence == work.sequence
    assert ledger.claim("dedupe", "live", 10, "other", NOW) is None


def test_who_settles_an_item_wakes_dedupe_for_the_submission_that_waited_its_turn(ledger: Ledger) -> None:
    ledger.accept([make_raw(1), make_raw(1, title="Second")], NOW)
    first = claim(ledger, "clean", limit=1)
    clean(ledger)
    refused = ledger.commit(first, [Outcome(first.works[0].sequence, "rejected")], "dedupe", "w", NOW)
    assert refused.wake == (("dedupe", "live"),)


def test_concurrent_claims_never_share_a_row(settings: Settings) -> None:
    opened = open_ledger(settings)
    opened.accept([make_raw(number) for number in range(200)], NOW)
    taken: list[int] = []

    def take() -> None:
        mine = open_ledger(settings)
        while (held := mine.claim("clean", "live", 7, "worker", NOW)) is not None:
            taken.extend(work.sequence for work in held.works)
        mine.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened.close()
    assert len(taken) == len(set(taken)) == 200


def test_a_late_worker_changes_nothing(ledger: Ledger) -> None:
    raw = make_raw(1)
    ledger.accept([raw], NOW)
    slow = claim(ledger, "clean")
    fast = claim(ledger, "clean", NOW + LEASE + 1)
    late = [Outcome(slow.works[0].sequence, "rejected", reason="late")]
    assert ledger.commit(slow, late, None, "slow", NOW + LEASE + 2).words == {}
    ledger.commit(
        fast, [Outcome(fast.works[0].sequence, "cleaned", article=make_article(raw))], "dedupe", "fast", NOW
    )
    assert status_of(ledger, raw) == "cleaned"
    assert ledger.renew(slow.token, NOW) is False


def test_a_renewed_lease_is_not_taken_over(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW)
    held = claim(ledger, "clean")
    assert ledger.renew(held.token, NOW + 10_000)
    assert ledger.claim("clean", "live", 10, "other", NOW + LEASE + 1) is None
    assert ledger.claim("clean", "live", 10, "other", NOW + 10_000 + LEASE + 1) is not None


def test_a_lease_from_a_clock_an_hour_ahead_counts_as_lapsed(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW)
    claim(ledger, "clean", NOW + 3_600_000)
    assert ledger.claim("clean", "live", 10, "other", NOW) is not None


def test_the_members_of_a_dead_batch_are_claimed_one_by_one(ledger: Ledger) -> None:
    ledger.accept([make_raw(number) for number in range(3)], NOW)
    claim(ledger, "clean")
    later = NOW + LEASE + 1
    sizes = []
    for _ in range(3):
        held = claim(ledger, "clean", later)
        sizes.append(len(held.works))
        assert held.full
        raw = held.works[0].raw
        assert raw is not None
        assert held.works[0].attempts == 1
        ledger.commit(
            held,
            [Outcome(held.works[0].sequence, "cleaned", article=make_article(raw))],
            "dedupe",
            "w",
            later,
        )
    assert sizes == [1, 1, 1]
    assert len(claim(ledger, "dedupe", later).works) == 3


def test_an_article_that_dies_alone_five_times_is_quarantined_and_nobody_else(ledger: Ledger) -> None:
    poison, fine = make_raw(1), make_raw(2)
    ledger.accept([poison], NOW)
    now = NOW
    for attempt in range(1, 6):
        assert claim(ledger, "clean", now).works[0].attempts == attempt
        now += LEASE + 1
    ledger.accept([fine], now)
    assert [work.article_id for work in claim(ledger, "clean", now).works] == [fine.id]
    found = ledger.status(poison.id)
    assert found is not None
    assert (found.status, found.attempts) == ("quarantined", 5)
    assert "died" in (found.reason or "")


def test_a_batch_that_died_is_tried_in_quarters_until_the_culprit_is_alone(ledger: Ledger) -> None:
    raws = [make_raw(number) for number in range(1, 41)]
    culprit = raws[17].id
    ledger.accept(raws, NOW)
    now, sizes = NOW, []
    claim(ledger, "clean", now)
    while (now := now + LEASE + 1) and (held := ledger.claim("clean", "live", 100, "w", now)) is not None:
        sizes.append(len(held.works))
        assert all(
            work.attempts == (len(held.works) == 1) for work in held.works if work.article_id != culprit
        )
        if culprit not in {work.article_id for work in held.works}:
            ledger.commit(held, [cleaned(work) for work in held.works], "dedupe", "w", now)
    # The quarters of a batch are told from those of another, so its neighbours wait for no second death.
    assert sorted(sizes, reverse=True)[:6] == [10, 10, 10, 10, 2, 2]
    assert sizes.count(1) <= 5 + 2
    found = ledger.quarantined(QuarantineFilter(), 0, 10)
    assert [(one.article_id, one.attempts) for one in found] == [(culprit, 5)]
    assert ledger.counts() == {"cleaned": 39, "quarantined": 1}


def test_an_older_reason_is_not_told_of_what_died_without_a_word(ledger: Ledger) -> None:
    poison = make_raw(1)
    ledger.accept([poison], NOW)
    held, now = claim(ledger, "clean"), NOW
    ledger.release(held.token, now, blame="ValueError: in a batch", traceback="Traceback ...")
    while ledger.claim("clean", "live", 10, "w", now := now + LEASE + 40_000) is not None:
        pass
    found = ledger.quarantined(QuarantineFilter(), 0, 10)
    assert [(one.reason, one.traceback, one.attempts) for one in found] == [(DIED_ALONE, None, 5)]


def test_what_was_overtaken_carries_no_blame(ledger: Ledger, settings: Settings) -> None:
    old, new = make_raw(1, title="Old"), make_raw(1, title="New")
    ledger.accept([old], NOW)
    clean(ledger)
    dedupe(ledger)
    held = claim(ledger, "tag")
    ledger.release(held.token, NOW, blame="ValueError: alone")
    ledger.accept([new], NOW)
    clean(ledger)
    dedupe(ledger)
    tag(ledger, NOW + 60_000)
    database = Database(settings.ledger_url)
    with database.read() as connection:
        rows = connection.execute(
            sa.select(submissions.c.status, submissions.c.alone, submissions.c.attempts)
        )
        assert [tuple(row) for row in rows] == [("superseded", False, 0), ("tagged", False, 0)]
    database.close()


def test_a_raised_exception_is_told_as_the_reason_of_the_quarantine(ledger: Ledger) -> None:
    poison = make_raw(1)
    ledger.accept([poison], NOW)
    now = NOW
    for _ in range(5):
        held = claim(ledger, "clean", now)
        failed = Outcome(
            held.works[0].sequence, "failed", reason="ValueError: bad", traceback="Traceback ..."
        )
        assert ledger.commit(held, [failed], "dedupe", "w", now).words == {"failed": 1}
        now += 40_000
    assert ledger.claim("clean", "live", 10, "w", now) is None
    found = ledger.status(poison.id)
    assert found is not None
    assert (found.status, found.reason) == ("quarantined", "ValueError: bad")


def test_outages_and_shutdowns_are_no_attempt(ledger: Ledger) -> None:
    raw = make_raw(1)
    ledger.accept([raw], NOW)
    now = NOW
    for _ in range(12):
        held = claim(ledger, "clean", now)
        assert held.works[0].attempts == 1
        assert ledger.release(held.token, now) == 1
        now += 2_000
        held = claim(ledger, "clean", now)
        ledger.commit(held, [Outcome(held.works[0].sequence, "deferred")], "dedupe", "w", now)
        now += 2_000
    found = ledger.status(raw.id)
    assert found is not None
    assert (found.status, found.attempts) == ("accepted", 0)


def test_a_blamed_batch_keeps_no_attempts_and_is_then_tried_alone(ledger: Ledger) -> None:
    ledger.accept([make_raw(1), make_raw(2)], NOW)
    held = claim(ledger, "clean")
    assert ledger.release(held.token, NOW, blame="time limit", traceback=None) == 2
    for _ in range(2):  # and one at a time, so that two that hang do not hold two workers
        held = claim(ledger, "clean", NOW + 1)
        assert ledger.claim("clean", "live", 10, "other", NOW + 1) is None
        [work] = held.works
        assert work.raw is not None
        done = Outcome(work.sequence, "cleaned", article=make_article(work.raw))
        ledger.commit(held, [done], "dedupe", "w", NOW + 1)


def test_a_copy_joins_its_lead_and_the_lead_is_indexed_again(ledger: Ledger) -> None:
    lead, copy = make_raw(1), make_raw(2, source=Source("other.example"), url="https://other.example/2")
    [first] = run_all(ledger, lead)
    assert first.copies == ()
    run = run_all(ledger, copy, verdicts={copy.id: Verdict("duplicate", lead.id, 1.0, lead.id)})
    by_id = {article.id: article for article in run}
    assert by_id[copy.id].duplicate_of == lead.id
    assert not by_id[copy.id].is_lead
    assert [found.id for found in by_id[lead.id].copies] == [copy.id]
    assert by_id[lead.id].change > first.change
    assert ledger.counts() == {"indexed": 2}


def test_a_copy_in_the_same_batch_as_its_lead_needs_no_second_indexing(ledger: Ledger) -> None:
    lead, copy = make_raw(1), make_raw(2)
    found = run_all(ledger, lead, copy, verdicts={copy.id: Verdict("duplicate", lead.id, 1.0, lead.id)})
    assert [[item.id for item in article.copies] for article in found] == [[copy.id], []]
    assert ledger.backlog(NOW) == []


def test_a_copy_of_a_copy_is_told_of_the_lead(ledger: Ledger) -> None:
    lead, copy, third = make_raw(1), make_raw(2), make_raw(3)
    run_all(ledger, lead, copy, verdicts={copy.id: Verdict("duplicate", lead.id, 1.0, lead.id)})
    ledger.accept([third], NOW)
    clean(ledger)
    held = claim(ledger, "dedupe")
    [said] = deduped_outcomes(held, {third.id: Verdict("duplicate", copy.id, 1.0, lead.id)})
    text = hash_of(lead.id, Verdict("new"))
    ledger.commit(held, [replace(said, text_hash=text)], "tag", "worker-1", NOW)
    found = ledger.article(third.id)
    assert found is not None
    assert (found.duplicate_of, found.rule) == (lead.id, "same-text")


def test_copies_of_a_lead_that_died_on_its_way_get_a_lead_of_their_own(ledger: Ledger) -> None:
    lead, one, two = make_raw(1), make_raw(2), make_raw(3)
    ledger.accept([lead, one, two], NOW)
    clean(ledger)
    verdicts = {raw.id: Verdict("duplicate", lead.id, 1.0, lead.id) for raw in (one, two)}
    dedupe(ledger, verdicts)
    held = claim(ledger, "tag")
    outcomes = [
        Outcome(work.sequence, "quarantined", reason="poison")
        if work.article_id == lead.id
        else Outcome(work.sequence, "tagged", article=work.article)
        for work in held.works
    ]
    ledger.commit(held, outcomes, "index", "w", NOW)
    by_id = {article.id: article for article in index(ledger)}
    assert by_id[one.id].is_lead
    assert {copy.id for copy in by_id[one.id].copies} == {two.id, lead.id}
    assert by_id[two.id].duplicate_of == one.id


def test_a_claim_on_a_dead_lead_makes_the_article_lead_itself(ledger: Ledger) -> None:
    dead, alive = make_raw(1), make_raw(2)
    ledger.accept([dead], NOW)
    held = claim(ledger, "clean")
    ledger.commit(
        held, [Outcome(held.works[0].sequence, "rejected", reason="too-little-text")], None, "w", NOW
    )
    [article] = run_all(ledger, alive, verdicts={alive.id: Verdict("duplicate", dead.id, 1.0, dead.id)})
    assert article.is_lead
    assert status_of(ledger, dead) == "rejected"


def test_a_new_revision_counts_up_and_keeps_the_time_of_arrival(ledger: Ledger) -> None:
    run_all(ledger, make_raw(1))
    revised = make_raw(1, title="Better", ingested_at=datetime(2030, 1, 1, tzinfo=UTC))
    [article] = run_all(ledger, revised)
    assert (article.revision, article.title) == (2, "Better")
    assert article.ingested_at == from_ms(NOW)


def test_a_revision_that_fails_gives_way_to_the_one_that_is_served(ledger: Ledger) -> None:
    [first] = run_all(ledger, make_raw(1))
    ledger.accept([make_raw(1, title="Poison")], NOW)
    clean(ledger)
    dedupe(ledger)
    held = claim(ledger, "tag")
    ledger.commit(held, [Outcome(held.works[0].sequence, "quarantined", "poison")], "index", "w", NOW)
    [again] = index(ledger)  # its document is written once more, over whatever came between
    assert (again.title, again.keywords, again.change > first.change) == (first.title, ("seen",), True)
    assert ledger.counts() == {"indexed": 1, "quarantined": 1}
    [third] = run_all(ledger, make_raw(1, title="Cured"))
    assert (again.revision, third.title, third.revision) == (1, "Cured", 2)


def test_an_older_submission_that_comes_late_is_superseded(ledger: Ledger) -> None:
    ledger.accept([make_raw(1, title="Old")], NOW)
    clean(ledger)
    dedupe(ledger)
    late = claim(ledger, "tag")
    ledger.accept([make_raw(1, title="New")], NOW)
    clean(ledger)
    dedupe(ledger)
    ledger.commit(
        late, [Outcome(w.sequence, "tagged", article=w.article) for w in late.works], "index", "w", NOW
    )
    tag(ledger)
    [article] = index(ledger)
    assert (article.title, article.revision) == ("New", 2)
    assert ledger.counts() == {"superseded": 1, "indexed": 1}


def test_a_submission_overtaken_before_it_was_tagged_ends_without_being_worked_on(ledger: Ledger) -> None:
    for title in ("Old", "New"):
        ledger.accept([make_raw(1, title=title)], NOW)
        clean(ledger)
        dedupe(ledger)
    [work] = claim(ledger, "tag").works
    assert work.article is not None
    assert work.article.title == "New"
    assert ledger.counts() == {"superseded": 1, "deduped": 1}


def test_change_during_indexing_is_not_lost(ledger: Ledger) -> None:
    lead, copy = make_raw(1), make_raw(2)
    ledger.accept([lead], NOW)
    clean(ledger)
    dedupe(ledger)
    tag(ledger)
    held = claim(ledger, "index")
    ledger.accept([copy], NOW)
    clean(ledger)
    dedupe(ledger, {copy.id: Verdict("duplicate", lead.id, 1.0, lead.id)})
    seen = held.works[0].article
    assert seen is not None
    ledger.commit(held, [Outcome(held.works[0].sequence, "indexed", change=seen.change)], None, "w", NOW)
    again = {article.id: article for article in index(ledger)}
    assert again[lead.id].change > seen.change
    assert [found.id for found in again[lead.id].copies] == [copy.id]


def test_sort_keys_are_unique_and_follow_publication(ledger: Ledger) -> None:
    raws = [make_raw(number) for number in range(3)]
    ledger.accept(raws, NOW)
    held = claim(ledger, "clean")
    times = [
        datetime(2026, 1, 2, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 2, tzinfo=UTC),
    ]
    outcomes = [
        Outcome(work.sequence, "cleaned", article=make_article(work.raw, published_at=moment))
        for work, moment in zip(held.works, times, strict=True)
        if work.raw
    ]
    ledger.commit(held, outcomes, "dedupe", "w", NOW)
    dedupe(ledger)
    keys = []
    for raw in raws:
        article = ledger.article(raw.id)
        assert article is not None
        keys.append(article.sort_key)
    assert len(set(keys)) == 3
    assert keys[1] < keys[0] < keys[2]


def test_the_backlog_tells_what_waits_and_since_when(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW - 5_000)
    ledger.accept([make_raw(2)], NOW)
    [entry] = ledger.backlog(NOW)
    assert (entry.stage, entry.lane, entry.waiting, entry.held) == ("clean", "live", 2, 0)
    assert entry.oldest_since == entry.oldest_accepted == from_ms(NOW - 5_000)
    held = claim(ledger, "clean")
    [entry] = ledger.backlog(NOW)
    assert (entry.waiting, entry.held, entry.oldest_since) == (0, 2, None)
    assert ledger.backlog(NOW + LEASE + 1)[0].waiting == 2
    ledger.release(held.token, NOW)
    [entry] = ledger.backlog(NOW)
    assert (entry.waiting, entry.held, entry.put_off) == (0, 0, 2)


def test_fingerprints_are_paged_with_the_lead_of_each_text(ledger: Ledger) -> None:
    lead, copy = make_raw(1), make_raw(2)
    run_all(ledger, lead, copy, verdicts={copy.id: Verdict("duplicate", lead.id, 1.0, lead.id)})
    [first] = ledger.fingerprints(NOW - 1, 0, 1)
    assert (first.text_hash, first.lead) == (hash_of(lead.id, Verdict("new")), lead.id)
    [second] = ledger.fingerprints(NOW - 1, first.sequence, 10)
    assert (second.article_id, second.text_hash, second.lead) == (copy.id, first.text_hash, lead.id)
    assert (first.sketch is not None, second.sketch, second.moment) == (True, None, NOW)
    assert ledger.fingerprints(NOW + 1, 0, 10) == []


def test_a_clock_that_was_far_behind_hides_no_fingerprints(ledger: Ledger) -> None:
    run_all(ledger, make_raw(1), make_raw(2))
    ledger.accept([make_raw(3)], 0)  # it says that it is 1970
    assert len(ledger.fingerprints(NOW - 1, 0, 10)) == 2


def test_a_ledger_without_tables_says_what_to_run(unmade: Settings) -> None:
    opened = open_ledger(unmade)
    with pytest.raises(Unavailable, match="copydesk migrate"):
        opened.check()
    opened.close()


def test_a_ledger_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").mkdir()
    opened = open_ledger(Settings(data_dir=tmp_path))
    with pytest.raises(Unavailable, match="ledger"):
        opened.accept([make_raw(1)], NOW)
    opened.close()
