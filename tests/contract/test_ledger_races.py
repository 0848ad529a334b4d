"""Workers that really run at the same time, each with a ledger of its own, on both databases."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import pytest
import sqlalchemy as sa

from services.workers.pipeline import NEXT
from services.workers.steps import run_dedupe
from shared.article import RawArticle, Verdict
from shared.errors import Unavailable
from shared.fingerprints.memory import MemoryFingerprints
from shared.ledger.claims import lease, pick
from shared.ledger.engine import Database, take_turn
from shared.ledger.leads import queue_refresh, touch
from shared.ledger.open import open_ledger
from shared.ledger.port import Claim, Ledger, Outcome
from shared.ledger.rows import Row, read_rows
from shared.ledger.schema import articles, submissions
from shared.ledger.sql import SqlLedger
from shared.messages import LANES, TERMINAL, Lane, Stage
from shared.settings import Settings
from tests.contract.ledger_cases import NOW, claim, cleaned, hash_of, make_raw, run_all, tagged

TEXT = (
    "text {} of the harbour board that met on Monday and decided to repair the pier in spring, once divers "
    "have counted the piles that are rotten, and to let the small ferries of the summer land at the fish "
    "quay until the work is done"
)
SECONDS = 100.0  # far more than any of this takes
T = TypeVar("T")


def run_all_of(*works: Callable[[], None]) -> None:
    """Run functions at the same time; raises what the first of them raised."""
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert not any(thread.is_alive() for thread in threads), "they wait for each other"
    if failures:
        raise failures[0]


def patiently(call: Callable[..., T], *given: object) -> T:
    """Call again while SQLite's one writer is another one for too long; no ring of locks is forgiven."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            return call(*given)
        except Unavailable as error:
            if "database is locked" not in str(error) or time.monotonic() > end:
                raise


class Newsroom:
    """Threads that push and work on a few items, and the index that they write."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self._settings = settings
        self._seed = seed
        self._fingerprints = MemoryFingerprints()
        self._lock = threading.Lock()
        self.documents: dict[str, int] = {}  # change by article
        self.pushing = threading.Event()

    def push(self, rounds: int) -> None:
        """Send revisions and copies of a dozen items, several in each request."""
        mine, pick_ = open_ledger(self._settings), random.Random(self._seed)
        for _ in range(rounds):
            patiently(mine.accept, [self._write(pick_) for _ in range(pick_.randint(1, 6))], NOW)
        mine.close()
        self.pushing.set()

    def _write(self, pick_: random.Random) -> RawArticle:
        title = f"title {pick_.randint(1, 3)}" + pick_.choice(["", "", "", "R", "Q"])
        return make_raw(pick_.randint(1, 12), title=title, body=TEXT.format(pick_.randint(1, 4)))

    def work(self, number: int) -> None:
        """Claim and commit at every stage, until nothing waits any more."""
        mine, pick_ = open_ledger(self._settings), random.Random(number)
        idle = 0
        while idle < 20:
            stage, lane = pick_.choice(list(NEXT)), pick_.choice(LANES)
            held = patiently(mine.claim, stage, lane, pick_.choice([1, 3, 10]), f"w{number}", NOW)
            if held is None:
                idle += self.pushing.is_set()
                time.sleep(0.002)
                continue
            idle = 0
            patiently(mine.renew, held.token, NOW)
            patiently(mine.commit, held, self._outcomes(held), NEXT[stage], f"w{number}", NOW)
        mine.close()

    def _outcomes(self, held: Claim) -> list[Outcome]:
        if held.stage == "clean":
            return [
                Outcome(work.sequence, "rejected", "no article")
                if work.raw and (work.raw.title or "").endswith("R")
                else cleaned(work)
                for work in held.works
            ]
        if held.stage == "dedupe":
            with self._lock:
                return run_dedupe(held.works, self._fingerprints)
        if held.stage == "tag":
            return [
                Outcome(work.sequence, "quarantined", "bad")
                if work.article and work.article.title.endswith("Q")
                else tagged(work)
                for work in held.works
            ]
        return [self._write_document(work.sequence, work.article) for work in held.works if work.article]

    def _write_document(self, sequence: int, article: object) -> Outcome:
        change, article_id = article.change, article.id  # type: ignore[attr-defined]
        with self._lock:
            self.documents[article_id] = max(change, self.documents.get(article_id, 0))
        return Outcome(sequence, "indexed", change=change)


def read_all(settings: Settings) -> tuple[list[Row], dict[str, Row]]:
    database = Database(settings.ledger_url)
    with database.read() as connection:
        rows = read_rows(connection, sa.select(submissions))
        known = {row["id"]: row for row in read_rows(connection, sa.select(articles))}
    database.close()
    return rows, known


@pytest.mark.parametrize("seed", range(2))
def test_workers_at_the_same_time_leave_nothing_undone_and_no_copy_without_a_lead(
    settings: Settings, seed: int
) -> None:
    room = Newsroom(settings, seed)
    run_all_of(lambda: room.push(15), *[lambda number=number: room.work(number) for number in range(4)])
    room.work(99)  # what the last of them queued as the others went home
    rows, known = read_all(settings)
    assert {row["status"] for row in rows} <= TERMINAL
    assert not [row for row in rows if row["stage"] or row["token"] or row["draft"]]
    served = {article_id for article_id, row in known.items() if row["indexed_change"]}
    assert room.documents.keys() == served
    # A refresh that was lost leaves the index behind the ledger.
    assert {one: known[one]["change"] for one in served} == room.documents
    for article_id in served:
        lead = known[article_id]["duplicate_of"]
        assert lead is None or (lead in served and known[lead]["duplicate_of"] is None)
    check_totals(settings, rows)


def check_totals(settings: Settings, rows: list[Row]) -> None:
    told = open_ledger(settings)
    pushes = Counter(row["status"] for row in rows if row["kind"] == "push")
    assert told.tallies() == {"accepted": pushes.total(), **pushes}
    told.close()


def test_two_that_compare_the_same_new_item_make_one_article(settings: Settings) -> None:
    ledgers = [SqlLedger(settings.ledger_url) for _ in range(2)]
    ledgers[0].accept([make_raw(1)], NOW)
    held = claim(ledgers[0], "clean")
    ledgers[0].commit(held, [cleaned(work) for work in held.works], "dedupe", "w", NOW)
    fingerprints = MemoryFingerprints()
    slow = claim(ledgers[0], "dedupe")
    late = claim(ledgers[1], "dedupe", NOW + 20_000)  # the lease of the first has lapsed
    outcomes = run_dedupe(slow.works, fingerprints)
    words: list[dict[str, int]] = []
    run_all_of(
        lambda: words.append(ledgers[0].commit(slow, outcomes, "tag", "a", NOW).words),
        lambda: words.append(ledgers[1].commit(late, outcomes, "tag", "b", NOW).words),
    )
    assert sorted(words, key=len) == [{}, {"deduped": 1}]
    for each in ledgers:
        each.close()


@pytest.mark.parametrize("queries", range(3))  # 0: once the look has begun
def test_a_candidate_is_known_at_whatever_moment_of_the_look_it_is_committed(
    settings: Settings, queries: int
) -> None:
    """Else two that compare themselves with each other at once would find nobody, and both lead."""
    looking, working = SqlLedger(settings.ledger_url), SqlLedger(settings.ledger_url)
    raw = make_raw(1, body=TEXT.format(1))
    held = take_to(working, raw, "dedupe")
    outcomes = run_dedupe(held.works, MemoryFingerprints())
    asked: list[str] = []

    def commit_between(_connection: object, _cursor: object, statement: str, *_given: object) -> None:
        asked.append(statement)
        is_query = statement.startswith("SELECT")
        if (is_query and selects() == queries) if queries else len(asked) == 1:
            working.commit(held, outcomes, "tag", "w", NOW)

    def selects() -> int:
        return sum(each.startswith("SELECT") for each in asked)

    sa.event.listen(looking._database.engine, "after_cursor_execute", commit_between)
    found = looking.known_texts([raw.id])
    assert selects() == 2 or not queries, "of all its moments the test knows these"
    assert [text.article_id for text in found[raw.id]] == [raw.id]
    assert working.article(raw.id) is not None
    for each in (looking, working):
        each.close()


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_change_that_is_committed_while_its_article_is_claimed_for_the_index_is_not_lost(
    settings: Settings,
) -> None:
    """SQLite cannot get here: there the claim would wait for the change from the start."""
    ledger, database = SqlLedger(settings.ledger_url), Database(settings.ledger_url)
    run_all(ledger, make_raw(1))
    with database.write() as connection:
        touch(connection, [make_raw(1).id])
        assert queue_refresh(connection, [make_raw(1).id], "live", NOW) == 1
    claimed: list[Claim] = []
    with database.write() as connection:
        take_turn(connection)
        touch(connection, [make_raw(1).id])
        taker = threading.Thread(target=lambda: claimed.append(claim(ledger, "index")))
        taker.start()
        await_waiting(settings)
        # The claim has its row, and cannot be seen; no refresh is added for the change.
        assert queue_refresh(connection, [make_raw(1).id], "live", NOW) == 0
    taker.join(SECONDS)
    found = ledger.article(make_raw(1).id)
    assert found is not None
    assert claimed[0].works[0].article is not None
    assert claimed[0].works[0].article.change == found.change
    database.close()
    ledger.close()


def await_waiting(settings: Settings) -> None:
    """Return when somebody waits for a lock of this database."""
    database, end = Database(settings.ledger_url), time.monotonic() + SECONDS
    query = sa.text("SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'")  # fmt: skip
    waiting = 0
    while not waiting:
        assert time.monotonic() < end, "nobody waits"
        with database.read() as connection:
            waiting = connection.scalar(query) or 0
    database.close()


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_two_suspects_are_not_tried_at_once_by_claims_that_cannot_see_each_other(settings: Settings) -> None:
    ledger, database = SqlLedger(settings.ledger_url), Database(settings.ledger_url)
    ledger.accept([make_raw(1), make_raw(2)], NOW)
    ledger.release(claim(ledger, "clean").token, NOW, blame="died")
    with database.write() as connection:
        rows, _ = pick(connection, "clean", "live", 1, ledger._limits, NOW + 1)
        lease(connection, rows, "t" * 32, NOW + 15_000, NOW + 1)
        assert ledger.claim("clean", "live", 10, "other", NOW + 1) is None
    assert ledger.claim("clean", "live", 10, "other", NOW + 1) is None
    ledger.release("t" * 32, NOW + 1)
    assert len(claim(ledger, "clean", NOW + 5_000).works) == 1
    database.close()
    ledger.close()


def test_a_lead_that_dies_while_a_copy_joins_it_leaves_no_copy_behind(settings: Settings) -> None:
    for number in range(0, 20, 2):
        lead, copy = make_raw(number), make_raw(number + 1)
        one, two = open_ledger(settings), open_ledger(settings)
        dying = take_to(one, lead, "tag")
        joining = take_to(two, copy, "dedupe")
        verdict = Verdict("duplicate", lead.id, 1.0, lead.id)
        join = Outcome(
            joining.works[0].sequence, "deduped", article=joining.works[0].article, content_hash="c" * 32,
            text_hash=hash_of(lead.id, verdict), verdict=verdict, expected_revision=0,
        )  # fmt: skip
        [last] = [work.sequence for work in dying.works if work.article_id == lead.id]
        dead = Outcome(last, "quarantined", "bad")
        run_all_of(
            lambda one=one, dying=dying, dead=dead: one.commit(dying, [dead], "index", "a", NOW),
            lambda two=two, joining=joining, join=join: two.commit(joining, [join], "tag", "b", NOW),
        )
        found = one.article(copy.id)
        assert found is not None
        assert found.is_lead, f"copy {number + 1} hides under a lead that nobody sees"
        one.close()
        two.close()


def take_to(ledger: Ledger, raw: RawArticle, stage: Stage, lane: Lane = "live") -> Claim:
    """Accept an article, and take it to a stage by itself; returns the claim on it there."""
    ledger.accept([raw], NOW, lane)
    held = claim(ledger, "clean")
    ledger.commit(held, [cleaned(work) for work in held.works], "dedupe", "w", NOW)
    held = claim(ledger, "dedupe")
    if stage == "dedupe":
        return held
    ledger.commit(held, run_dedupe(held.works, MemoryFingerprints()), "tag", "w", NOW)
    return claim(ledger, "tag")


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_lock_that_is_held_too_long_is_unavailable(settings: Settings) -> None:
    ledger, database = SqlLedger(settings.ledger_url), Database(settings.ledger_url)
    ledger.accept([make_raw(1)], NOW)
    held = claim(ledger, "clean")
    with database.write() as connection:
        connection.execute(sa.select(submissions).with_for_update())
        with pytest.raises(Unavailable, match="lock timeout"):
            ledger.renew(held.token, NOW)
    assert ledger.renew(held.token, NOW)
    database.close()
    ledger.close()
