"""Taking an article out of search for good, with or without erasing it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from shared.article import Article, Source
from shared.clock import from_ms
from shared.codec import from_json, pack
from shared.ledger.claims import step
from shared.ledger.engine import take_turn
from shared.ledger.events import log_events, wipe_details
from shared.ledger.keeping import Erasure, Withdrawal
from shared.ledger.kills import BARRED, bar_texts
from shared.ledger.leads import free_copies, queue_refresh, touch
from shared.ledger.likeness import drop_sketches
from shared.ledger.quarantine import AFRESH, BY_HAND
from shared.ledger.reasons import totals_without
from shared.ledger.revisions import forget_revisions
from shared.ledger.rows import Row, read_rows, sort_key
from shared.ledger.schema import articles, erasures, journey, originals, sketches, submissions
from shared.ledger.standing import NONE
from shared.ledger.tallies import add
from shared.messages import LANES, Lane

_REMEMBER = {  # made once: a statement is compiled again whenever it is put together
    "sqlite": sqlite.insert(erasures).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(erasures).on_conflict_do_nothing(),
}
NOTHING = ""  # as a hash: equal to that of no text
_FACTS = [column for column in articles.c if column.name not in ("article", "standing")]


def withdraw(
    connection: sa.Connection, article_id: str, now: int, *, purge: bool, bar: bool = False
) -> Withdrawal | None:
    """Withdraw one article; with ``bar`` its texts are turned away as well, whoever pushes them."""
    rows = lock_submissions(connection, [article_id])
    take_turn(connection)
    return withdraw_locked(connection, article_id, rows, now, purge=purge, bar=bar)


def withdraw_locked(
    connection: sa.Connection,
    article_id: str,
    rows: Sequence[Row],
    now: int,
    *,
    purge: bool = False,
    bar: bool = False,
    why: str | None = None,
    by: str = BY_HAND,
) -> Withdrawal | None:
    """Withdraw one article whose submissions the caller has locked before it took the turn."""
    pushes = [row for row in rows if row["kind"] == "push"]
    found = _read_facts(connection, article_id)
    if found is None and not pushes:
        return None
    if found is None:
        found = _make_row(connection, article_id, pushes[-1])
    ending = _to_end(pushes, found["sequence"])
    totals = _end_pushes(connection, ending, now, why, by)
    changed: set[str] = set()
    if bar and found["gone"] not in BARRED:
        bar_texts(connection, found, now)
    if found["gone"] not in BARRED or (purge and found["gone"] != "purged"):
        changed = take_out(connection, found, "purged" if purge else "withdrawn", now)
    if purge:
        _note_erasures(connection, found)
        _erase(connection, found, [row["sequence"] for row in rows])
    _hurry(connection, changed)
    queue_refresh(connection, changed, "live", now)
    # A purge takes the reasons of those that stay rejected as well.
    add(connection, totals | totals_without(connection, pushes if purge else ending))
    return Withdrawal(len(ending), (("index", "live"),) if changed else ())


def take_out(
    connection: sa.Connection, found: Row, gone: Literal["withdrawn", "purged", "pruned"], now: int
) -> set[str]:
    """Make an article a tombstone; returns the ids whose documents change.

    Its copies get leads from among themselves, and it is no copy any more: its lead shows it no longer.
    What was set aside goes too, so that nothing can fall back to it.
    """
    mine = sa.update(articles).where(articles.c.id == found["id"])
    left: dict[str, Any] = {
        "withdrawn": True, "gone": gone, "gone_at": now, "change": articles.c.change + 1,
        "verdict": "new", "duplicate_of": None, "similarity": 0.0, "vocabulary": None, "rule": None,
        "passage": None, "held": None, "due_at": None,
    }  # fmt: skip
    if found["duplicate_of"] is not None:  # fingerprints of its own still name it
        left["heir"] = found["duplicate_of"]
    connection.execute(mine.values(left | NONE))
    changed = {found["id"]} | free_copies(connection, found["id"])
    log_events(connection, "withdrawn", [found["id"]], now, {"why": gone})
    if found["duplicate_of"] is not None:
        touch(connection, [found["duplicate_of"]])
        changed.add(found["duplicate_of"])
    return changed


def erase_late(connection: sa.Connection, rows: Sequence[Row], known: dict[str, Row]) -> None:
    """Erase what came in beside a purge: submissions of purged items that slipped through the door."""
    for row in rows:
        found = known[row["article_id"]]
        if found["gone"] == "purged":
            _erase(connection, found, [row["sequence"]])


def read_erasures(connection: sa.Connection, limit: int) -> list[Erasure]:
    """Fingerprints that have still to be forgotten."""
    query = sa.select(erasures).where(erasures.c.due.is_(True))
    query = query.order_by(erasures.c.article_id, erasures.c.text_hash).limit(limit)
    return [
        Erasure(row.article_id, row.text_hash, row.sketch, row.story, row.moment or 0)
        for row in connection.execute(query)
    ]


def mark_erased(connection: sa.Connection, done: Sequence[Erasure]) -> None:
    """They are forgotten."""
    for one in done:
        connection.execute(
            sa.delete(erasures).where(
                erasures.c.article_id == one.article_id, erasures.c.text_hash == one.text_hash
            )
        )


def lock_submissions(connection: sa.Connection, ids: Iterable[str]) -> list[Row]:
    """Every submission of some articles, in the order of their sequences, held until the transaction ends."""
    columns = [column for column in submissions.c if column.name not in ("draft", "traceback")]
    query = sa.select(*columns).where(submissions.c.article_id.in_(sorted(set(ids))))
    return read_rows(connection, query.order_by(submissions.c.sequence).with_for_update())


def _read_facts(connection: sa.Connection, article_id: str) -> Row | None:
    query = sa.select(*_FACTS).where(articles.c.id == article_id)
    return next(iter(read_rows(connection, query)), None)


def _make_row(connection: sa.Connection, article_id: str, push: Row) -> Row:
    """An empty article for an item that never became one, to bar it and to hold its tombstone."""
    blank = Article(article_id, Source(push["source_id"]), "", "", from_ms(push["accepted_at"]))
    values = {
        "id": article_id, "source_id": push["source_id"], "sequence": push["sequence"], "revision": 0,
        "change": 0, "indexed_change": 0, "content_hash": NOTHING, "text_hash": NOTHING, "verdict": "new",
        "similarity": 0.0, "story_id": article_id, "sort_key": sort_key(blank, push["sequence"]),
        "ingested_at": push["accepted_at"], "withdrawn": False, "vocabulary": None,
        "article": pack(blank),
    }  # fmt: skip
    connection.execute(sa.insert(articles).values(values))
    found = _read_facts(connection, article_id)
    if found is None:
        raise AssertionError("the row was just made")
    return found


def _to_end(pushes: Sequence[Row], present: int) -> list[Row]:
    """What is under way or in quarantine, the newest, and the article's present revision."""
    return [
        push for push in pushes
        if push["status"] != "withdrawn"
        and (
            push["stage"] is not None or push["status"] == "quarantined" or push is pushes[-1]
            or push["sequence"] == present
        )
    ]  # fmt: skip


def _end_pushes(
    connection: sa.Connection, rows: Sequence[Row], now: int, why: str | None, by: str
) -> dict[str, int]:
    """End submissions as withdrawn; returns how totals change.

    A worker that holds one finds its token gone, and changes nothing any more.
    """
    if not rows:
        return {}
    values = AFRESH | {
        "stage": None, "status": "withdrawn", "draft": None, "replay": None, "alone": False,
        "updated_at": now,
    }  # fmt: skip
    values |= {"attempts": submissions.c.attempts, "reason": why}
    mine = submissions.c.sequence.in_([row["sequence"] for row in rows])
    connection.execute(sa.update(submissions).where(mine).values(values))
    steps = [step(row, row["stage"] or "withdraw", "withdrawn", by, now, why) for row in rows]
    connection.execute(sa.insert(journey), steps)
    totals = {"withdrawn": len(rows)}
    for row in rows:
        if row["stage"] is None:
            totals[row["status"]] = totals.get(row["status"], 0) - 1
    return totals


def _hurry(connection: sa.Connection, ids: set[str]) -> None:
    """Move what waits to be indexed anyway out of the replay lane: a kill does not queue behind the past."""
    slow: Lane = LANES[1]
    waiting = sa.select(submissions.c.sequence).where(
        submissions.c.article_id.in_(sorted(ids)), submissions.c.kind == "refresh",
        submissions.c.stage == "index", submissions.c.lane == slow, submissions.c.token.is_(None),
    )  # fmt: skip
    if not ids:
        return
    # Whoever holds one of them is claiming it, and may wait for the turn that is ours.
    mine = list(connection.scalars(waiting.with_for_update(skip_locked=True)))
    connection.execute(sa.update(submissions).where(submissions.c.sequence.in_(mine)).values(lane=LANES[0]))


def remember_texts(connection: sa.Connection, texts: Mapping[str, str]) -> None:
    """Keep what fingerprints know the texts of some articles by, which they will have no more.

    ``texts`` are the hashes by article; what else there is lies beside the articles still.
    """
    mine = sa.select(articles.c.id, articles.c.moment, sketches.c.near, sketches.c.story)
    mine = mine.outerjoin(sketches, sketches.c.article_id == articles.c.id)
    rows = [
        {
            "article_id": row.id, "text_hash": texts[row.id], "due": False, "sketch": row.near,
            "story": row.story, "moment": row.moment,
        }
        for row in connection.execute(mine.where(articles.c.id.in_(sorted(texts))))
    ]  # fmt: skip
    if rows:
        connection.execute(_REMEMBER[connection.dialect.name], rows)


def _note_erasures(connection: sa.Connection, found: Row) -> None:
    """Note every text that the article may lead in the fingerprints: what it has, serves and had.

    One row at least, also where there was no text: as long as one is left, the log is to be emptied.
    """
    remember_texts(connection, {found["id"]: NOTHING})
    remember_texts(connection, {found["id"]: found["text_hash"]})
    if found["standing_facts"] is not None:  # whose sketch was remembered when it was set aside
        facts = from_json(found["standing_facts"], dict[str, Any])
        remember_texts(connection, {found["id"]: facts["text_hash"]})
    connection.execute(sa.update(erasures).where(erasures.c.article_id == found["id"]).values(due=True))


def _erase(connection: sa.Connection, found: Row, sequences: Sequence[int]) -> None:
    """Overwrite everything that an article's text or people's words about it may stand in."""
    blank = Article(
        found["id"], Source(found["source_id"]), "", "", from_ms(found["ingested_at"]),
        revision=found["revision"], change=found["change"] + 1, withdrawn=True,
    )  # fmt: skip
    empty = NONE | {
        "article": pack(blank), "url": None, "content_hash": NOTHING, "text_hash": NOTHING, "version": None,
        "modified_at": None, "passage": None,
    }  # fmt: skip
    connection.execute(sa.update(articles).where(articles.c.id == found["id"]).values(empty))
    drop_sketches(connection, [found["id"]])
    forget_revisions(connection, [found["id"]])
    wipe_details(connection, [found["id"]])
    connection.execute(sa.delete(originals).where(originals.c.sequence.in_(sequences)))
    mine = submissions.c.sequence.in_(sequences)  # and no other: they are locked already
    connection.execute(sa.update(submissions).where(mine).values(draft=None, reason=None, traceback=None))
    connection.execute(sa.update(journey).where(journey.c.article_id == found["id"]).values(detail=None))
