"""Live news does not wait for the pace of the replay lane: what is in its way is moved to the live one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from shared.article import RawArticle
from shared.clock import from_ms
from shared.ledger.engine import Database
from shared.ledger.hurry import MOVED
from shared.ledger.keeping import Hurried, ReplaySpec
from shared.ledger.port import Claim, Ledger, Outcome
from shared.ledger.schema import submissions
from shared.ledger.sql import SqlLedger
from shared.messages import Lane, Stage
from shared.settings import Settings
from tests.contract.keeping_cases import Newsroom, piece
from tests.contract.ledger_cases import LEASE, NOW, claim, clean, cleaned, dedupe, make_raw, run_all
from tests.contract.test_ledger_model import Audit, Hand, Simulation

OLD, NEW = make_raw(1, title="Old"), make_raw(1, title="New")
NOTHING = Hurried(0)
# Seeds in which rows get in the way; a run on PostgreSQL takes several times as long.
RUNS = [("sqlite", 5), ("sqlite", 12), ("sqlite", 18), ("postgresql", 16)]


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings)
    yield made
    made.ledger.close()


def take(ledger: Ledger, stage: Stage, lane: Lane, now: int = NOW) -> Claim:
    held = ledger.claim(stage, lane, 1_000, "w", now)
    assert held is not None, f"nothing waits at {stage} in {lane}"
    return held


def clean_in(ledger: Ledger, lane: Lane) -> None:
    held = take(ledger, "clean", lane)
    ledger.commit(held, [cleaned(work) for work in held.works], "dedupe", "w", NOW)


def block(ledger: Ledger, *, older_at: Stage = "clean") -> None:
    """A live push at dedupe that waits for an older one of its item in the replay lane."""
    ledger.accept([OLD], NOW, "replay")
    if older_at == "dedupe":
        clean_in(ledger, "replay")
    ledger.accept([NEW], NOW)
    clean(ledger)
    assert ledger.claim("dedupe", "live", 10, "w", NOW) is None


def lanes(ledger: SqlLedger) -> list[tuple[str | None, str]]:
    """Stage and lane of every submission, oldest first."""
    query = sa.select(submissions.c.stage, submissions.c.lane).order_by(submissions.c.sequence)
    with ledger._database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


@pytest.mark.parametrize("older_at", ["clean", "dedupe"])
def test_what_live_news_waits_for_goes_on_in_the_live_lane(ledger: SqlLedger, older_at: Stage) -> None:
    block(ledger, older_at=older_at)
    assert ledger.hurry(NOW) == Hurried(1, ((older_at, "live"),))
    assert ledger.hurry(NOW) == NOTHING
    if older_at == "clean":
        clean(ledger)
    for revision, title in enumerate(("Old", "New"), 1):  # in order all the same
        dedupe(ledger)
        found = ledger.article(NEW.id)
        assert found is not None
        assert (found.revision, found.title) == (revision, title)


def test_all_that_is_in_the_way_is_moved_and_each_stage_named(ledger: SqlLedger) -> None:
    ledger.accept([OLD, make_raw(2)], NOW, "replay")
    clean_in(ledger, "replay")
    ledger.accept([replace_title(OLD, "Older"), make_raw(3)], NOW, "replay")
    ledger.accept([NEW, replace_title(NEW, "Newest")], NOW)
    clean(ledger)
    assert ledger.hurry(NOW) == Hurried(2, (("clean", "live"), ("dedupe", "live")))
    assert lanes(ledger) == [
        ("dedupe", "live"), ("dedupe", "replay"), ("clean", "live"), ("clean", "replay"),
        ("dedupe", "live"), ("dedupe", "live"),
    ]  # fmt: skip


def replace_title(raw: RawArticle, title: str) -> RawArticle:
    return make_raw(int(raw.id, 16), title=title)


def test_what_nobody_waits_for_stays_in_its_lane(ledger: SqlLedger) -> None:
    assert ledger.hurry(NOW) == NOTHING
    ledger.accept([OLD], NOW, "replay")
    assert ledger.hurry(NOW) == NOTHING  # nothing newer
    ledger.accept([make_raw(2)], NOW)
    clean(ledger)
    assert ledger.hurry(NOW) == NOTHING  # another item
    ledger.accept([NEW], NOW)
    assert ledger.hurry(NOW) == NOTHING  # it does not wait yet: it is at clean itself
    ledger.accept([replace_title(NEW, "Newer")], NOW, "replay")
    clean_in(ledger, "replay")
    assert ledger.hurry(NOW) == NOTHING  # what waits is no live news
    assert [lane for _, lane in lanes(ledger)] == ["replay", "live", "live", "replay"]


def test_an_older_live_push_is_not_held_up_by_a_newer_one_in_the_replay_lane(ledger: SqlLedger) -> None:
    ledger.accept([OLD], NOW)
    ledger.accept([NEW], NOW, "replay")
    clean_in(ledger, "replay")
    clean(ledger)
    assert ledger.hurry(NOW) == NOTHING
    assert len(claim(ledger, "dedupe").works) == 1


@pytest.mark.parametrize("stage", ["clean", "dedupe", "tag", "index"])
def test_the_past_that_runs_again_stays_in_its_lane(ledger: SqlLedger, stage: Stage) -> None:
    """It was compared before: news does not wait for it."""
    run_all(ledger, OLD)
    assert ledger.replay(ReplaySpec(stage), 0, 10, NOW).changed == 1
    ledger.accept([NEW], NOW)
    clean(ledger)
    assert ledger.hurry(NOW) == NOTHING
    assert len(claim(ledger, "dedupe").works) == 1


def test_what_is_moved_has_not_waited_in_its_new_lane_yet(ledger: Ledger) -> None:
    """Else the sweeper would take a stage for stuck that has been given work this very moment."""
    block(ledger)
    ledger.hurry(NOW + 60_000)
    since = {(entry.stage, entry.lane): entry.oldest_since for entry in ledger.backlog(NOW + 60_000)}
    assert since == {("clean", "live"): from_ms(NOW + 60_000), ("dedupe", "live"): from_ms(NOW)}


def test_a_call_moves_a_page_the_oldest_first(ledger: SqlLedger) -> None:
    count = MOVED + 7
    ledger.accept([make_raw(number, title="Old") for number in range(count)], NOW, "replay")
    ledger.accept([make_raw(number, title="New") for number in range(count)], NOW)
    held = take(ledger, "clean", "live")
    ledger.commit(held, [cleaned(work) for work in held.works], "dedupe", "w", NOW)
    assert ledger.hurry(NOW).submissions == MOVED
    assert [lane for _, lane in lanes(ledger)[:count]] == ["live"] * MOVED + ["replay"] * 7
    assert [ledger.hurry(NOW).submissions for _ in range(2)] == [7, 0]


# What a worker holds meanwhile


@pytest.mark.parametrize("word", ["cleaned", "rejected", "quarantined", "deferred", "failed"])
def test_what_is_held_as_it_is_moved_goes_on_in_the_live_lane(ledger: SqlLedger, word: str) -> None:
    block(ledger)
    held = take(ledger, "clean", "replay")
    assert ledger.hurry(NOW) == Hurried(1, (("clean", "live"),))
    assert ledger.claim("clean", "live", 10, "other", NOW) is None  # its lease holds in either lane
    [work] = held.works
    done = cleaned(work) if word == "cleaned" else Outcome(work.sequence, word, "why")  # type: ignore[arg-type]
    wake = ledger.commit(held, [done], "dedupe", "w", NOW).wake
    where = {"cleaned": ("dedupe", "live"), "deferred": ("clean", "live"), "failed": ("clean", "live")}
    assert lanes(ledger)[0] == where.get(word, (None, "live"))
    # The one that waited is named as well, at dedupe.
    assert wake == tuple(sorted({("dedupe", "live"), where.get(word, ("dedupe", "live"))}))


def test_a_batch_of_which_one_was_moved_goes_on_in_both_lanes(ledger: SqlLedger) -> None:
    ledger.accept([make_raw(2)], NOW, "replay")
    block(ledger)
    held = take(ledger, "clean", "replay")
    ledger.hurry(NOW)
    wake = ledger.commit(held, [cleaned(work) for work in held.works], "dedupe", "w", NOW).wake
    assert wake == (("dedupe", "live"), ("dedupe", "replay"))
    assert lanes(ledger) == [("dedupe", "replay"), ("dedupe", "live"), ("dedupe", "live")]


def test_who_waited_for_the_replay_lane_is_woken_in_its_own(ledger: Ledger) -> None:
    block(ledger, older_at="dedupe")
    held = take(ledger, "dedupe", "replay")
    [work] = held.works
    done = Outcome(work.sequence, "rejected", "why")
    assert ledger.commit(held, [done], "tag", "w", NOW).wake == (("dedupe", "live"),)


def test_a_lease_that_lapses_after_the_move_is_taken_over_in_the_live_lane(ledger: SqlLedger) -> None:
    block(ledger)
    late = take(ledger, "clean", "replay")
    ledger.hurry(NOW)
    now = NOW + LEASE + 1
    assert ledger.claim("clean", "replay", 10, "other", now) is None
    held = take(ledger, "clean", "live", now)
    assert ledger.commit(late, [cleaned(work) for work in late.works], "dedupe", "w", now).words == {}
    assert ledger.commit(held, [cleaned(work) for work in held.works], "dedupe", "w", now).words


def test_what_a_moved_copy_changes_is_written_again_in_the_live_lane(room: Newsroom) -> None:
    room.push(piece(1, title="lead"))
    room.ledger.accept([piece(2, title="copy")], room.now, "replay")
    room.settle("clean")
    held = take(room.ledger, "dedupe", "replay", room.now)
    room.accept(piece(2, title="newer"))
    room.settle("clean")
    assert room.ledger.hurry(room.now).submissions == 1
    wake = room.ledger.commit(held, room.work(held), "tag", "w", room.now).wake
    assert wake == (("dedupe", "live"), ("index", "live"), ("tag", "live"))
    room.settle()
    assert [copy.id for copy in room.documents[piece(1).id].copies] == [piece(2).id]
    room.check()


# Others at the same time


def test_where_nothing_is_in_the_way_no_writer_is_waited_for(settings: Settings, ledger: Ledger) -> None:
    ledger.accept([OLD], NOW, "replay")
    database = Database(settings.ledger_url)
    with database.write() as connection:
        connection.execute(sa.select(submissions).with_for_update())
        assert ledger.hurry(NOW) == NOTHING
    database.close()


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_what_a_transaction_has_in_hand_is_left_for_the_next_call(settings: Settings) -> None:
    ledger, database = SqlLedger(settings.ledger_url), Database(settings.ledger_url)
    ledger.accept([OLD, make_raw(2, title="Old")], NOW, "replay")
    ledger.accept([NEW, make_raw(2, title="New")], NOW)
    clean(ledger)
    with database.write() as connection:
        mine = sa.select(submissions.c.sequence).where(submissions.c.article_id == OLD.id)
        connection.execute(mine.with_for_update())
        assert ledger.hurry(NOW).submissions == 1
    assert lanes(ledger)[:2] == [("clean", "replay"), ("clean", "live")]
    assert ledger.hurry(NOW).submissions == 1
    database.close()
    ledger.close()


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_sqlite_begins_with_the_live_rows_and_looks_their_items_up(settings: Settings) -> None:
    """To begin with the replay lane took 0.3 s every time, of 100,000 rows of which nobody waited for one."""
    ledger = SqlLedger(settings.ledger_url)
    asked: list[tuple[str, tuple[object, ...]]] = []
    sa.event.listen(
        ledger._database.engine, "before_cursor_execute",
        lambda _c, _k, statement, given, *_: asked.append((statement, given)),
    )  # fmt: skip
    ledger.hurry(NOW)
    [(statement, given)] = [one for one in asked if "DISTINCT" in one[0]]
    with closing(sqlite3.connect(settings.data_dir / "ledger.sqlite")) as opened:
        plan = [row[3] for row in opened.execute(f"EXPLAIN QUERY PLAN {statement}", given)]
    searches = [line for line in plan if line.startswith("SEARCH")]
    assert searches == [
        "SEARCH submissions USING INDEX ix_submissions_waiting (stage=? AND lane=?)",
        "SEARCH submissions USING INDEX ix_submissions_pending (article_id=? AND stage=? AND sequence<?)",
    ]
    ledger.close()


# Whatever else happens


class Hurrying(Simulation):
    """The model of ``test_ledger_model``, with a sweeper in it."""

    moved = 0

    def _happen(self) -> None:
        super()._happen()
        if self._random.random() < 0.5:
            done = self.ledger.hurry(self._now)
            self.moved += done.submissions
            self.history.append(f"hurry {done}")

    def _take(self, stage: Stage, limit: int, lane: Lane | None = None) -> Hand | None:
        """Claim in the replay lane now and then only, so that what is there gets in the way."""
        return super()._take(stage, limit, lane or self._random.choice(("live",) * 4 + ("replay",)))


@pytest.mark.parametrize("poison", [False, True], ids=["sound", "poison"])
@pytest.mark.parametrize(("settings", "seed"), RUNS, indirect=["settings"])
def test_rows_that_change_their_lane_under_way_come_out_right(
    ledger: SqlLedger, seed: int, poison: bool
) -> None:
    if ledger._database.engine.dialect.name == "sqlite":  # nothing here survives a power cut anyway
        sa.event.listen(
            ledger._database.engine, "connect", lambda db, _: db.execute("PRAGMA synchronous=OFF").close()
        )
    run = Hurrying(ledger, seed, poison=poison)
    run.run()
    problems = Audit(run).check()
    assert not problems, "\n".join(["", *run.history, f"seed {seed}, poison {poison}:", *problems])
    assert run.moved, "the run moved nothing"
