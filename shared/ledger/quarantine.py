"""The quarantine for people: what lies there, back to the start, or out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from shared.article import RawArticle
from shared.clock import from_ms
from shared.codec import unpack
from shared.ledger.claims import step
from shared.ledger.engine import take_turn
from shared.ledger.keeping import Page, Quarantined, QuarantineFilter
from shared.ledger.reasons import DROPPED, totals_of
from shared.ledger.rows import Row, read_rows
from shared.ledger.schema import articles, journey, originals, submissions
from shared.ledger.tallies import add
from shared.messages import Lane, Stage, Status

BY_HAND = "keeper"  # stands in the journey where else a worker's name does
AFRESH: dict[str, Any] = {  # columns of a row that is to be worked on as if it had never been
    "attempts": 0, "claimed": 0, "token": None, "lease_until": None, "not_before": 0, "reason": None,
    "traceback": None, "failed_stage": None,
}  # fmt: skip
_SHOWN = [column for column in submissions.c if column.name != "draft"]


def read_page(
    connection: sa.Connection, which: QuarantineFilter, after: int, limit: int
) -> list[Quarantined]:
    """A page of the quarantine, oldest acceptance first, without originals."""
    return [_read(row) for row in _page(connection, which, after, limit)]


def read_one(connection: sa.Connection, submission: str) -> Quarantined | None:
    """One with its original; one that cannot be read any more is told in the reason."""
    found = _page(connection, QuarantineFilter(submissions=(submission,)), 0, 1)
    if not found:
        return None
    content = connection.scalar(
        sa.select(originals.c.content).where(originals.c.sequence == found[0]["sequence"])
    )
    return _read(found[0], content)


def count(connection: sa.Connection, which: QuarantineFilter) -> int:
    """How many there are."""
    query = sa.select(sa.func.count()).select_from(submissions).where(*_conditions(which))
    return connection.scalar(query) or 0


def replay_page(
    connection: sa.Connection, which: QuarantineFilter, after: int, limit: int, now: int, lane: Lane
) -> Page:
    """Send a page back to clean, each still a suspect; a push whose original was pruned stays."""
    rows = _page(connection, which, after, limit, lock=True)
    pushes = [row for row in rows if row["kind"] == "push"]
    kept = _with_original(connection, [row["sequence"] for row in pushes])
    again = [row for row in pushes if row["sequence"] in kept]
    refreshes = [row for row in rows if row["kind"] == "refresh"]
    _send(connection, again, "clean", "accepted", lane, now)
    _send(connection, refreshes, "index", "tagged", lane, now)
    add(connection, {"quarantined": -len(again)})
    return Page(len(again) + len(refreshes), rows[-1]["sequence"] if len(rows) == limit else None)


def drop_page(
    connection: sa.Connection, which: QuarantineFilter, after: int, limit: int, now: int, reason: str
) -> Page:
    """End a page as ``rejected``; one that failed while it was replayed is ``indexed`` again, as it was.

    An article that never got further than this submission is forgotten: the same content sent again is
    tried anew, not found ``unchanged``.
    """
    rows = _page(connection, which, after, limit, lock=True)
    take_turn(connection)
    standing = _served(connection, rows)
    why = f"{DROPPED}: {reason}"
    _end(connection, [row for row in rows if row["sequence"] in standing], "indexed", why, now)
    _end(connection, [row for row in rows if row["sequence"] not in standing], "rejected", why, now)
    _forget_content(connection, rows)
    pushes = [row for row in rows if row["kind"] == "push"]
    back = sum(row["sequence"] in standing for row in pushes)
    dropped = len(pushes) - back
    totals = {"quarantined": -len(pushes), "rejected": dropped, "indexed": back}
    add(connection, totals | totals_of(connection, {DROPPED: dropped}))
    return Page(len(rows), rows[-1]["sequence"] if len(rows) == limit else None)


def _conditions(which: QuarantineFilter) -> list[sa.ColumnElement[bool]]:
    found = [submissions.c.status == "quarantined"]
    if which.submissions:
        found.append(submissions.c.id.in_(which.submissions))
    if which.reason:
        found.append(submissions.c.reason.icontains(which.reason, autoescape=True))
    if which.stage is not None:
        found.append(submissions.c.failed_stage == which.stage)
    if which.source is not None:
        found.append(submissions.c.source_id == which.source)
    if which.since is not None:
        found.append(submissions.c.updated_at >= which.since)
    if which.until is not None:
        found.append(submissions.c.updated_at < which.until)
    return found


def _page(
    connection: sa.Connection, which: QuarantineFilter, after: int, limit: int, *, lock: bool = False
) -> list[Row]:
    query = sa.select(*_SHOWN).where(*_conditions(which), submissions.c.sequence > after)
    query = query.order_by(submissions.c.sequence).limit(limit)
    return read_rows(connection, query.with_for_update() if lock else query)


def _read(row: Row, content: bytes | None = None) -> Quarantined:
    reason, original = row["reason"] or "", None
    if content is not None:
        try:
            original = unpack(content, RawArticle)
        except Exception as error:  # noqa: BLE001 - whatever a broken value does to its reader
            reason += f" (its original cannot be read: {type(error).__name__}: {error})"
    return Quarantined(
        sequence=row["sequence"], submission=row["id"], article_id=row["article_id"],
        source=row["source_id"], stage=row["failed_stage"], reason=reason, attempts=row["attempts"],
        traceback=row["traceback"], accepted_at=from_ms(row["accepted_at"]),
        quarantined_at=from_ms(row["updated_at"]), original=original,
    )  # fmt: skip


def _with_original(connection: sa.Connection, sequences: Sequence[int]) -> set[int]:
    query = sa.select(originals.c.sequence).where(originals.c.sequence.in_(sequences))
    return set(connection.scalars(query)) if sequences else set()


def _served(connection: sa.Connection, rows: Sequence[Row]) -> set[int]:
    """Those of some sequences whose content search shows: they failed as they were run again."""
    query = sa.select(articles.c.sequence).where(
        articles.c.sequence.in_([row["sequence"] for row in rows]),
        articles.c.indexed_change > 0,
        articles.c.gone.is_(None),
    )
    return set(connection.scalars(query)) if rows else set()


def _send(
    connection: sa.Connection, rows: Sequence[Row], stage: Stage, status: Status, lane: Lane, now: int
) -> None:
    if not rows:
        return
    values = AFRESH | {
        "stage": stage, "status": status, "lane": lane, "alone": True, "draft": None, "replay": None,
        "waiting_since": now, "updated_at": now,
    }  # fmt: skip
    _update(connection, rows, values)
    steps = [
        step(row, "replay", "replayed", BY_HAND, now, f"from {stage}, out of quarantine") for row in rows
    ]
    connection.execute(sa.insert(journey), steps)


def _end(connection: sa.Connection, rows: Sequence[Row], word: Status, why: str, now: int) -> None:
    if not rows:
        return
    _update(connection, rows, {"status": word, "reason": why, "updated_at": now})
    connection.execute(sa.insert(journey), [step(row, "drop", word, BY_HAND, now, why) for row in rows])


def _update(connection: sa.Connection, rows: Sequence[Row], values: dict[str, Any]) -> None:
    mine = submissions.c.sequence.in_([row["sequence"] for row in rows])
    connection.execute(sa.update(submissions).where(mine).values(values))


def _forget_content(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Let what is sent next win over articles that were never served."""
    never = sa.and_(
        articles.c.sequence.in_([row["sequence"] for row in rows]), articles.c.indexed_change == 0
    )
    if rows:
        connection.execute(
            sa.update(articles)
            .where(never)
            .values(content_hash="", version=None, modified_at=None, vocabulary=None)
        )
