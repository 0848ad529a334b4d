"""Taking submissions in: original, submission, first step and tally, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from shared.article import RawArticle
from shared.codec import pack
from shared.ledger.leads import new_submission
from shared.ledger.port import Accepted
from shared.ledger.schema import articles, journey, originals, submissions
from shared.ledger.tallies import add
from shared.messages import Lane

BARRED = ("withdrawn", "purged")  # whose items may not come back; what was only pruned may


def accept_articles(
    connection: sa.Connection, raws: Sequence[RawArticle], now: int, lane: Lane, door: str
) -> list[Accepted]:
    """Store originals and submissions at stage clean; receipts in order, also for items that are barred."""
    barred = _barred(connection, {raw.id for raw in raws})
    taken = [raw for raw in raws if raw.id not in barred]
    rows = [new_submission(raw.id, raw.source.id, lane, now) for raw in taken]
    if rows:
        sequences = _insert_submissions(connection, rows)
        contents = [
            {"sequence": sequences[row["id"]], "content": pack(raw)}
            for row, raw in zip(rows, taken, strict=True)
        ]
        connection.execute(sa.insert(originals), contents)
        connection.execute(sa.insert(journey), [_accepted(row, sequences, door, now) for row in rows])
        add(connection, {"accepted": len(rows)})
    receipts = iter([Accepted(row["article_id"], row["id"]) for row in rows])
    return [Accepted(raw.id, "", withdrawn=True) if raw.id in barred else next(receipts) for raw in raws]


def _barred(connection: sa.Connection, ids: set[str]) -> set[str]:
    if not ids:
        return set()
    query = sa.select(articles.c.id).where(articles.c.id.in_(sorted(ids)), articles.c.gone.in_(BARRED))
    return set(connection.scalars(query))


def _insert_submissions(connection: sa.Connection, rows: list[dict[str, Any]]) -> dict[str, int]:
    insert = sa.insert(submissions).returning(submissions.c.id, submissions.c.sequence)
    return {row.id: row.sequence for row in connection.execute(insert, rows)}


def _accepted(row: dict[str, Any], sequences: dict[str, int], door: str, now: int) -> dict[str, Any]:
    return {
        "article_id": row["article_id"], "sequence": sequences[row["id"]], "at": now, "stage": "accept",
        "word": "accepted", "worker": door, "attempt": 0, "detail": None,
    }  # fmt: skip
