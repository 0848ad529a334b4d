"""Leases: who may work on which rows, and what a death or an outage does to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from shared.article import Article, RawArticle
from shared.codec import unpack
from shared.ledger.leads import hand_over, queue_refresh
from shared.ledger.port import Work
from shared.ledger.rows import Row, load_articles, load_copies, read_article, read_current, read_rows
from shared.ledger.schema import journey, originals, submissions
from shared.messages import Lane, Stage

BACKOFF_MS = 500  # a row that failed alone waits this long, doubled each time, at most BACKOFF_MOST_MS
BACKOFF_MOST_MS = 30_000
OUTAGE_WAIT_MS = 1_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a lease lasts and how many lonely attempts a row has."""

    lease_ms: int = 15_000
    max_attempts: int = 5


def pick(
    connection: sa.Connection, stage: Stage, lane: Lane, limit: int, limits: Limits, now: int
) -> tuple[list[Row], bool]:
    """Choose rows for one claim: a suspect by itself, else the oldest that are none, one per article.

    Also says whether more may be waiting than were chosen.
    """
    rows = _waiting(connection, stage, lane, limit, limits, now)
    if rows and is_suspect(rows[0]):
        return rows[:1], True
    chosen: dict[str, Row] = {}
    for row in rows:
        if not is_suspect(row):
            chosen.setdefault(row["article_id"], row)
    return list(chosen.values()), len(rows) == limit or len(chosen) < len(rows)


def is_suspect(row: Row) -> bool:
    """Whether a claim with this row died: it failed with others, or its lease lapsed."""
    return bool(row["alone"]) or row["token"] is not None


def _waiting(
    connection: sa.Connection, stage: Stage, lane: Lane, limit: int, limits: Limits, now: int
) -> list[Row]:
    query = (
        sa.select(submissions)
        .where(submissions.c.stage == stage, submissions.c.lane == lane, *free(limits, now))
        .order_by(submissions.c.sequence)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return read_rows(connection, query)


def free(limits: Limits, now: int) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions of a row that is due and held by nobody, or by a lease that lapsed."""
    until = submissions.c.lease_until
    unheld = sa.or_(submissions.c.token.is_(None), until <= now, until > now + limits.lease_ms)
    # The same guard for waiting times: a clock set back must not hold rows for the length of its jump.
    due = sa.or_(submissions.c.not_before <= now, submissions.c.not_before > now + BACKOFF_MOST_MS)
    return unheld, due


def lease(connection: sa.Connection, rows: Sequence[Row], token: str, until: int, now: int) -> list[Row]:
    """Mark rows as held and return them so; a claim of one counts as an attempt before the work starts."""
    alone = len(rows) == 1
    counted = 1 if alone else 0
    connection.execute(
        sa.update(submissions)
        .where(submissions.c.sequence.in_([row["sequence"] for row in rows]))
        .values(
            token=token,
            lease_until=until,
            claimed=len(rows),
            alone=submissions.c.alone if not alone else is_suspect(rows[0]),
            attempts=submissions.c.attempts + counted,
            updated_at=now,
        )
    )
    return [{**row, "attempts": row["attempts"] + counted} for row in rows]


def load_works(connection: sa.Connection, stage: Stage, rows: Sequence[Row]) -> tuple[Work, ...]:
    """What a stage needs of each row: the original, the draft, or the article with its facts."""
    if stage == "clean":
        return _with_originals(connection, rows)
    known = load_articles(connection, {row["article_id"] for row in rows})
    copies = load_copies(connection, known) if known else {}
    if stage == "dedupe":
        failed = _quarantined(connection, [found["sequence"] for found in known.values()])
        return tuple(_draft(row, known, copies, failed) for row in rows)
    return tuple(
        _work(row, article=read_article(known[row["article_id"]], copies.get(row["article_id"], ())))
        for row in rows
    )


def _with_originals(connection: sa.Connection, rows: Sequence[Row]) -> tuple[Work, ...]:
    query = sa.select(originals).where(originals.c.sequence.in_([row["sequence"] for row in rows]))
    content = {row.sequence: row.content for row in connection.execute(query)}
    return tuple(_work(row, raw=unpack(content[row["sequence"]], RawArticle)) for row in rows)


def _quarantined(connection: sa.Connection, sequences: Sequence[int]) -> set[int]:
    ended = sa.select(submissions.c.sequence).where(
        submissions.c.sequence.in_(sequences), submissions.c.status == "quarantined"
    )
    return set(connection.scalars(ended)) if sequences else set()


def _draft(row: Row, known: dict[str, Row], copies: dict[str, Any], failed: set[int]) -> Work:
    found = known.get(row["article_id"])
    current = None
    if found is not None:
        folded = copies.get(row["article_id"], ())
        current = read_current(found, folded, failed=found["sequence"] in failed)
    return _work(row, article=unpack(row["draft"], Article), current=current)


def _work(row: Row, **parts: Any) -> Work:  # noqa: ANN401 - the optional fields of Work
    return Work(row["sequence"], row["id"], row["article_id"], row["attempts"], **parts)


def quarantine(connection: sa.Connection, rows: Sequence[Row], worker: str, now: int) -> None:
    """End rows that used up their attempts; the original stays, so that they can be replayed."""
    for row in rows:
        why = row["reason"] or "its worker died or ran out of time each time it was tried alone"
        connection.execute(
            sa.update(submissions)
            .where(submissions.c.sequence == row["sequence"])
            .values(
                status="quarantined", failed_stage=row["stage"], stage=None, reason=why, token=None,
                lease_until=None, updated_at=now,
            )
        )  # fmt: skip
        connection.execute(
            sa.insert(journey).values(step(row, row["stage"], "quarantined", worker, now, why))
        )
        queue_refresh(connection, hand_over(connection, row["article_id"]), row["lane"], now)


def step(row: Row, stage: str, word: str, worker: str, now: int, detail: str | None) -> dict[str, Any]:
    """A journey row about a submission row."""
    return {
        "article_id": row["article_id"], "sequence": row["sequence"], "at": now, "stage": stage, "word": word,
        "worker": worker, "attempt": row["attempts"], "detail": detail,
    }  # fmt: skip


def give_back(row: Row, now: int) -> dict[str, Any]:
    """New column values of a row that an outage or a shutdown interrupted: no attempt, no blame."""
    refund = 1 if row["claimed"] == 1 else 0
    return {
        "token": None, "lease_until": None, "attempts": max(0, row["attempts"] - refund),
        "not_before": now + OUTAGE_WAIT_MS, "updated_at": now,
    }  # fmt: skip


def blame(row: Row, reason: str, traceback: str | None, now: int) -> dict[str, Any]:
    """New column values of a row whose work failed: alone from now on, and later each time."""
    wait = min(BACKOFF_MOST_MS, BACKOFF_MS << max(0, row["attempts"] - 1)) if row["claimed"] == 1 else 0
    return {
        "token": None, "lease_until": None, "alone": True, "not_before": now + wait, "reason": reason,
        "traceback": traceback, "updated_at": now,
    }  # fmt: skip
