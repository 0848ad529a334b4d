"""Articles taken out of search for good, whatever is under way of them, and erased where that is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.workers.retention import forget_erased
from services.workers.stages.dedupe import text_hash
from shared.errors import Unavailable
from shared.ledger.keeping import Erasure, QuarantineFilter, ReplaySpec, Withdrawal
from shared.ledger.port import Accepted
from shared.ledger.schema import articles, journey, originals, submissions
from shared.messages import Stage
from shared.settings import Settings
from tests.contract.keeping_cases import BRIDGE, PIER, Newsroom, piece, walk

STAGES: tuple[Stage, ...] = ("clean", "dedupe", "tag", "index")


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings)
    yield made
    made.ledger.close()


def withdraw(room: Newsroom, number: int, *, purge: bool = False) -> Withdrawal:
    room.now += 1
    done = room.ledger.withdraw(piece(number).id, room.now, purge=purge)
    assert done is not None
    return done


def noted(room: Newsroom) -> list[Erasure]:
    """What the fingerprints have to forget, but for the row that stands for the log of the file."""
    return [claim for claim in room.ledger.erasures(10) if claim.text_hash]


def test_what_nobody_knows_cannot_be_withdrawn(room: Newsroom) -> None:
    assert room.ledger.withdraw("f" * 32, room.now) is None
    assert room.ledger.withdraw("f" * 32, room.now, purge=True) is None


def test_a_withdrawn_article_becomes_a_tombstone(room: Newsroom) -> None:
    room.push(piece(1), piece(2, BRIDGE))
    before = room.documents[piece(1).id].change
    assert withdraw(room, 1) == Withdrawal(1, (("index", "live"),))
    assert room.status(piece(1)) == "withdrawn"
    room.settle()
    assert room.shown() == {2}
    assert room.documents[piece(1).id].change > before
    assert "withdrawn" in [step.word for step in room.ledger.journey(piece(1).id)]
    room.check()


def test_a_push_of_a_withdrawn_item_is_not_stored(room: Newsroom) -> None:
    room.push(piece(1))
    withdraw(room, 1)
    assert room.ledger.accept([piece(1, title="again")], room.now) == [
        Accepted(piece(1).id, "", withdrawn=True)
    ]
    room.settle()
    assert room.shown() == set()
    assert room.ledger.counts() == {"withdrawn": 1}
    room.check()


@pytest.mark.parametrize("purge", [False, True])
@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_that_holds_a_withdrawn_row_changes_nothing(
    room: Newsroom, stage: Stage, purge: bool
) -> None:
    room.push(piece(1, title="first"))
    room.accept(piece(1, title="second"))
    if stage != "clean":
        room.settle(STAGES[STAGES.index(stage) - 1])
    held = room.hold(stage)
    assert held is not None
    outcomes = room.work(held)  # at index, the document is written from here on
    withdraw(room, 1, purge=purge)
    assert room.commit(held, outcomes) == {}
    room.settle()
    assert room.status(piece(1)) == "withdrawn"
    assert room.shown() == set()
    assert room.documents[piece(1).id].change == room.article(piece(1)).change
    room.check()


@pytest.mark.parametrize("stage", STAGES)
def test_an_article_that_never_got_far_is_withdrawn_and_barred(room: Newsroom, stage: Stage) -> None:
    room.accept(piece(1))
    if stage != "clean":
        room.settle(STAGES[STAGES.index(stage) - 1])
    assert withdraw(room, 1).submissions == 1
    room.settle()
    assert room.status(piece(1)) == "withdrawn"
    assert room.documents[piece(1).id].withdrawn
    assert room.ledger.accept([piece(1)], room.now)[0].withdrawn
    room.check()


def test_a_late_index_writer_does_not_bring_a_withdrawn_article_back(room: Newsroom) -> None:
    room.accept(piece(1))
    room.settle("tag")
    held = room.hold("index")
    assert held is not None
    withdraw(room, 1)
    room.settle()
    late = held.works[0].article
    assert late is not None
    assert late.change < room.documents[piece(1).id].change
    room.write(late)
    assert room.shown() == set()
    room.check()


def test_copies_of_a_withdrawn_lead_get_a_lead_of_their_own(room: Newsroom) -> None:
    room.push(piece(1), piece(2), piece(3))
    withdraw(room, 1)
    room.settle()
    assert room.documents[piece(2).id].is_lead
    assert room.documents[piece(3).id].duplicate_of == piece(2).id
    assert [copy.id for copy in room.documents[piece(2).id].copies] == [piece(3).id]
    room.check()
    room.push(piece(4))
    assert room.documents[piece(4).id].duplicate_of == piece(2).id
    room.check()


@pytest.mark.parametrize("stage", ["dedupe", "tag", "index"])
def test_copies_in_flight_of_a_withdrawn_lead_find_a_lead(room: Newsroom, stage: Stage) -> None:
    room.push(piece(1))
    room.accept(piece(2), piece(3))
    room.settle(STAGES[STAGES.index(stage) - 1])
    held = room.hold(stage)
    assert held is not None
    outcomes = room.work(held)
    withdraw(room, 1)
    room.commit(held, outcomes)
    room.settle()
    assert room.shown() == {2, 3}
    assert room.documents[piece(2).id].is_lead
    assert room.documents[piece(3).id].duplicate_of == piece(2).id
    room.check()


def test_a_lead_shows_a_withdrawn_copy_no_longer(room: Newsroom) -> None:
    room.push(piece(1), piece(2), piece(3))
    withdraw(room, 2)
    room.settle()
    assert [copy.id for copy in room.documents[piece(1).id].copies] == [piece(3).id]
    room.check()
    withdraw(room, 1)
    room.settle()
    assert room.documents[piece(3).id].is_lead
    room.check()


def test_the_revision_that_was_shown_is_withdrawn_with_the_one_under_way(room: Newsroom) -> None:
    room.push(piece(1, title="first"))
    room.accept(piece(1, title="second"))
    room.ledger.withdraw(piece(1).id, room.now)
    rows = room.rows(sa.select(submissions.c.status).where(submissions.c.kind == "push"))
    assert [row["status"] for row in rows] == ["withdrawn", "withdrawn"]
    assert room.ledger.tallies() == {"accepted": 2, "withdrawn": 2}
    room.settle()
    room.check()


def test_withdrawing_twice_is_harmless(room: Newsroom) -> None:
    room.push(piece(1))
    withdraw(room, 1)
    room.settle()
    change = room.article(piece(1)).change
    assert withdraw(room, 1) == Withdrawal(0, ())
    room.settle()
    assert room.article(piece(1)).change == change
    room.check()


def test_a_withdrawn_article_is_out_of_quarantine(room: Newsroom) -> None:
    room.bad = {"tag": "bad"}
    room.push(piece(1, title="fine"))
    room.push(piece(1, title="bad"))
    room.push(piece(1, title="good"))
    withdraw(room, 1)
    assert room.ledger.count_quarantined(QuarantineFilter()) == 0
    assert room.ledger.counts() == {"indexed": 1, "withdrawn": 2}
    room.settle()
    assert room.shown() == set()
    room.check()


def test_a_withdrawn_article_that_stood_in_for_a_failing_one_does_not_come_back(room: Newsroom) -> None:
    room.push(piece(1, title="first"), piece(2, title="copy"))
    room.accept(piece(1, title="second"))
    room.settle("dedupe")
    withdraw(room, 1)
    room.settle()
    assert room.shown() == {2}
    assert room.documents[piece(2).id].is_lead
    room.check()


def test_a_submission_that_slipped_through_the_door_ends_as_withdrawn(room: Newsroom) -> None:
    room.push(piece(1))
    room.accept(piece(1, title="second"))
    room.settle("clean")
    [late] = room.rows(sa.select(submissions).where(submissions.c.stage.is_not(None)))
    withdraw(room, 1, purge=True)
    room.change_rows(  # as a transaction does that began before the withdrawal and committed after it
        sa.update(submissions)
        .where(submissions.c.sequence == late["sequence"])
        .values(stage="dedupe", status="cleaned", draft=late["draft"], reason="told")
    )
    room.settle()
    assert room.status(piece(1)) == "withdrawn"
    assert room.shown() == set()
    [row] = room.rows(sa.select(submissions).where(submissions.c.sequence == late["sequence"]))
    assert (row["draft"], row["reason"], row["stage"]) == (None, None, None)


def test_a_withdrawn_article_is_never_run_again(room: Newsroom) -> None:
    room.push(piece(1), piece(2, BRIDGE, title="not to be found"))
    withdraw(room, 1)
    withdraw(room, 2)
    room.settle()
    for stage in STAGES:
        assert room.ledger.replay(ReplaySpec(stage), 0, 10, room.now).changed == 0


def test_a_kill_does_not_queue_behind_the_past(room: Newsroom) -> None:
    room.push(piece(1), piece(2))
    walk(lambda after: room.ledger.refresh(after, 10, room.now))
    assert withdraw(room, 1).wake == (("index", "live"),)
    held = room.ledger.claim("index", "live", 10, "w", room.now)
    assert held is not None
    assert {work.article_id for work in held.works} == {piece(1).id, piece(2).id}


# Erasing

MARK = "Zanzibar-marmalade-eleven"


def test_a_purged_article_leaves_nothing_but_its_tombstone(room: Newsroom) -> None:
    room.push(piece(1, url=f"https://paper.example/{MARK}"), piece(2))
    text = room.rows(sa.select(articles.c.text_hash).where(articles.c.id == piece(1).id))[0]["text_hash"]
    withdraw(room, 1, purge=True)
    [row] = room.rows(sa.select(articles).where(articles.c.id == piece(1).id))
    assert (row["gone"], row["withdrawn"], row["url"]) == ("purged", True, None)
    assert (row["content_hash"], row["text_hash"], row["standing"], row["standing_facts"]) == (
        "",
        "",
        None,
        None,
    )
    found = room.article(piece(1))
    assert (found.title, found.body, found.url, found.source.id) == ("", "", None, "paper.example")
    assert room.rows(sa.select(originals).where(originals.c.sequence == row["sequence"])) == []
    for step in room.ledger.journey(piece(1).id):
        assert step.detail is None
    assert [(one.article_id, one.text_hash) for one in noted(room)] == [(piece(1).id, text)]
    room.ledger.erased(room.ledger.erasures(10))
    assert room.ledger.erasures(10) == []
    room.settle()
    assert room.shown() == {2}
    assert room.documents[piece(2).id].is_lead
    room.check()


def test_a_withdrawn_article_can_still_be_purged(room: Newsroom) -> None:
    room.push(piece(1))
    withdraw(room, 1)
    room.settle()
    assert withdraw(room, 1, purge=True).wake == (("index", "live"),)
    room.settle()
    assert room.article(piece(1)).body == ""
    assert withdraw(room, 1, purge=True) == Withdrawal(0, ())
    assert withdraw(room, 1) == Withdrawal(0, ())
    assert room.rows(sa.select(articles.c.gone))[0]["gone"] == "purged"
    assert len(noted(room)) == 1
    room.check()


def test_a_purge_notes_the_text_that_is_served_as_well(room: Newsroom) -> None:
    room.push(piece(1))
    room.accept(piece(1, BRIDGE))
    room.settle("dedupe")
    withdraw(room, 1, purge=True)
    assert len(noted(room)) == 2
    for claim in room.ledger.erasures(10):
        room.fingerprints.forget(claim.article_id, claim.text_hash)
    room.settle()
    room.push(piece(2), piece(3, BRIDGE))
    assert room.documents[piece(2).id].is_lead
    assert room.documents[piece(3).id].is_lead
    room.check()


def test_the_tombstone_in_the_index_says_nothing_of_the_text(room: Newsroom) -> None:
    room.push(piece(1, f"{PIER} {MARK}", title=MARK, url=f"https://paper.example/{MARK}"), piece(2))
    assert MARK in str(room.documents[piece(1).id])
    withdraw(room, 1, purge=True)
    room.settle()
    assert room.documents[piece(1).id].withdrawn
    assert MARK not in str(room.documents)


def _crumbs(blobs: list[bytes]) -> list[bytes]:
    """Pieces of packed values, so short that one lies inside a page of the file."""
    return [blob[at : at + 24] for blob in blobs for at in range(8, len(blob) - 24, 24)]


def _left(directory: Path, crumbs: list[bytes]) -> int:
    held = b"".join(path.read_bytes() for path in directory.glob("ledger.sqlite*"))
    return sum(crumb in held for crumb in crumbs)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_no_byte_of_a_purged_article_is_left_in_the_file(room: Newsroom) -> None:
    words = " ".join(f"{MARK}-{number * 7919 % 10_007}" for number in range(2_000))
    room.push(piece(2, BRIDGE), piece(3, f"{PIER} and more of it"))
    room.push(piece(1, words, title="served"))
    room.bad = {"tag": "failing"}
    room.push(piece(1, f"{words} failed", title="failing"))
    room.accept(piece(1, f"{words} later", title="later"))
    room.settle("dedupe")
    room.accept(piece(1, f"{words} last", title="last"))
    room.settle("clean")
    told = {"reason": f"{MARK} reason", "traceback": f"{MARK} traceback"}
    room.change_rows(sa.update(submissions).where(submissions.c.article_id == piece(1).id).values(told))
    room.change_rows(
        sa.update(journey).where(journey.c.article_id == piece(1).id).values(detail=f"{MARK} detail")
    )
    rows = room.rows(sa.select(submissions).where(submissions.c.article_id == piece(1).id))
    [article] = room.rows(sa.select(articles).where(articles.c.id == piece(1).id))
    kept = room.rows(sa.select(originals).where(originals.c.sequence.in_([row["sequence"] for row in rows])))
    drafts = [row["draft"] for row in rows if row["draft"]]
    assert drafts, "a draft must be among what is erased"
    assert article["standing"], "a revision must be set aside"
    assert len(kept) == 4
    crumbs = _crumbs([*drafts, article["standing"], article["article"], *(row["content"] for row in kept)])
    crumbs += [MARK.encode(), piece(1).id.encode()]
    directory = room.settings.data_dir
    assert _left(directory, crumbs) > len(crumbs) * 0.9, "what is looked for must be found before"
    withdraw(room, 1, purge=True)
    assert _left(directory, crumbs) == 1, "only the id may be left"
    room.settle()
    assert room.shown() == {2, 3}
    room.check()


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_log_that_others_read_is_emptied_later(room: Newsroom) -> None:
    room.push(piece(1))
    with sqlite3.connect(room.settings.data_dir / "ledger.sqlite") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM submissions").fetchall()
        withdraw(room, 1, purge=True)
        with pytest.raises(Unavailable, match="log"):
            room.ledger.erased(room.ledger.erasures(10))
        room.push(piece(2, BRIDGE))  # nobody waits for that reader
    reader.close()
    log = room.settings.data_dir / "ledger.sqlite-wal"
    assert log.stat().st_size > 0
    forget_erased(room.ledger, room.fingerprints, lambda: None)
    assert room.ledger.erasures(10) == []
    assert log.stat().st_size < 20_000, "only what the erasure itself wrote may be left"


def test_the_texts_of_older_revisions_are_forgotten_as_well(room: Newsroom) -> None:
    room.push(piece(1))
    first = text_hash(room.documents[piece(1).id])
    room.push(piece(1, BRIDGE))
    second = text_hash(room.documents[piece(1).id])
    assert room.fingerprints.look_up([first, second]) == [piece(1).id, piece(1).id]
    assert room.ledger.erasures(10) == []
    withdraw(room, 1, purge=True)
    forget_erased(room.ledger, room.fingerprints, lambda: None)
    assert room.fingerprints.look_up([first, second]) == [None, None]
