"""Moves to the live lane what newer live news waits for: revisions of an item are compared in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import sqlalchemy as sa

from shared.ledger.claims import still_to_compare
from shared.ledger.keeping import Hurried
from shared.ledger.rows import LOOKED_AT
from shared.ledger.schema import submissions
from shared.messages import Lane, Stage

MOVED = 500  # rows in one transaction: on SQLite nobody else writes meanwhile
LIVE: Lane = "live"
# Held by a worker or not: one that is held goes on in its new lane as its commit comes.
_IN_THE_WAY = sa.and_(still_to_compare(submissions), submissions.c.lane == "replay")


def find_hindrances(connection: sa.Connection) -> list[int]:
    """Sequences of what newer live submissions at dedupe wait for in the replay lane, the oldest first.

    Looks at those that have waited longest only, ``LOOKED_AT`` of them: whoever stands behind them waits for
    them anyway. Of 100,000 rows in either lane that takes SQLite 8 ms, and nothing where no live row waits
    at dedupe; to begin with the replay lane took it 0.3 s (2026-11-26).
    """
    waiting = (
        sa.select(submissions.c.article_id, submissions.c.sequence)
        .where(submissions.c.stage == "dedupe", submissions.c.lane == LIVE)
        .order_by(submissions.c.sequence)
        .limit(LOOKED_AT)
        .subquery("newer")
    )
    older = sa.and_(
        submissions.c.article_id == waiting.c.article_id, submissions.c.sequence < waiting.c.sequence
    )
    query = sa.select(submissions.c.sequence).distinct().join_from(waiting, submissions, older)
    return list(connection.scalars(query.where(_IN_THE_WAY).order_by(submissions.c.sequence).limit(MOVED)))


def move(connection: sa.Connection, sequences: Sequence[int], now: int) -> Hurried:
    """Move what is still in the way; what another transaction has in hand is left for the next call."""
    query = sa.select(submissions.c.sequence, submissions.c.stage)
    query = query.where(submissions.c.sequence.in_(sequences), _IN_THE_WAY).order_by(submissions.c.sequence)
    rows = connection.execute(query.with_for_update(skip_locked=True)).all()
    mine = submissions.c.sequence.in_([row.sequence for row in rows])
    # It has waited in the other lane: in this one it is not stuck before it has waited here as well.
    connection.execute(sa.update(submissions).where(mine).values(lane=LIVE, waiting_since=now))
    stages = sorted({cast("Stage", row.stage) for row in rows})
    return Hurried(len(rows), tuple((stage, LIVE) for stage in stages))
