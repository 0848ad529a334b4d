"""Taking submissions in: original, submission, first step and tally, all or none.

A kill (``pub_status`` canceled) does not queue behind the articles at stage clean: its item is withdrawn in
the same transaction, so that what is under way of it ends here, and what comes later is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from shared.article import RawArticle
from shared.codec import pack
from shared.ledger.engine import take_turn
from shared.ledger.kills import BARRED, KILLED, is_kill
from shared.ledger.leads import new_submission
from shared.ledger.port import NOWHERE, Accepted, Origin
from shared.ledger.schema import articles, journey, originals, submissions
from shared.ledger.tallies import add
from shared.ledger.withdrawals import lock_submissions, withdraw_locked
from shared.messages import Lane


def accept_articles(
    connection: sa.Connection,
    raws: Sequence[RawArticle],
    now: int,
    lane: Lane,
    door: str,
    *,
    bar: bool = False,
    origins: Sequence[Origin] = (),
) -> list[Accepted]:
    """Store originals and submissions at stage clean; receipts in order, also for items that are barred.

    Kills withdraw their items, also unknown and barred ones; what follows a kill of its item is barred. With
    ``bar`` so are the texts of killed items, whoever pushes them. ``origins``: one for each, or none at all.
    """
    gone = _gone(connection, {raw.id for raw in raws})
    barred = set(gone)
    rows: list[dict[str, Any] | None] = []
    for raw, origin in zip(raws, origins or [NOWHERE] * len(raws), strict=True):
        refused = raw.id in barred and not is_kill(raw)
        row = new_submission(raw.id, raw.source.id, lane, now)
        came_by = {"request": origin.request, "traceparent": origin.traceparent}
        rows.append(None if refused else row | came_by)
        if is_kill(raw):
            barred.add(raw.id)
    taken = [(row, raw) for row, raw in zip(rows, raws, strict=True) if row is not None]
    if taken:
        _store(connection, taken, gone, now, door)
        _kill(connection, [raw.id for _, raw in taken if is_kill(raw)], now, door, bar=bar)
        add(connection, {"accepted": len(taken)})
    return [
        Accepted(raw.id, "", withdrawn=True) if row is None
        else Accepted(raw.id, row["id"], killed=is_kill(raw))
        for row, raw in zip(rows, raws, strict=True)
    ]  # fmt: skip


def _gone(connection: sa.Connection, ids: set[str]) -> dict[str, str]:
    if not ids:
        return {}
    query = sa.select(articles.c.id, articles.c.gone)
    query = query.where(articles.c.id.in_(sorted(ids)), articles.c.gone.in_(BARRED))
    return {row.id: row.gone for row in connection.execute(query)}


def _store(
    connection: sa.Connection,
    taken: Sequence[tuple[dict[str, Any], RawArticle]],
    gone: dict[str, str],
    now: int,
    door: str,
) -> None:
    sequences = _insert_submissions(connection, [row for row, _ in taken])
    contents = [
        {"sequence": sequences[row["id"]], "content": pack(raw)}
        for row, raw in taken
        if gone.get(raw.id) != "purged"  # of what was erased nothing is kept, not even by a kill
    ]
    if contents:
        connection.execute(sa.insert(originals), contents)
    connection.execute(sa.insert(journey), [_accepted(row, sequences, door, now) for row, _ in taken])


def _kill(connection: sa.Connection, ids: Sequence[str], now: int, door: str, *, bar: bool) -> None:
    """Withdraw items for good, their kills among the submissions that end so."""
    if not ids:
        return
    held: dict[str, list[dict[str, Any]]] = {article_id: [] for article_id in ids}
    for row in lock_submissions(connection, ids):
        held[row["article_id"]].append(row)
    take_turn(connection)
    for article_id, rows in held.items():
        withdraw_locked(connection, article_id, rows, now, bar=bar, why=KILLED, by=door)


def _insert_submissions(connection: sa.Connection, rows: list[dict[str, Any]]) -> dict[str, int]:
    insert = sa.insert(submissions).returning(submissions.c.id, submissions.c.sequence)
    return {row.id: row.sequence for row in connection.execute(insert, rows)}


def _accepted(row: dict[str, Any], sequences: dict[str, int], door: str, now: int) -> dict[str, Any]:
    return {
        "article_id": row["article_id"], "sequence": sequences[row["id"]], "at": now, "stage": "accept",
        "word": "accepted", "worker": door, "attempt": 0, "detail": None,
    }  # fmt: skip
