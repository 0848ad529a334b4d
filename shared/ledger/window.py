"""What fingerprints hold of the last days, read from the ledger, to put it back when Redis has lost it."""

from __future__ import annotations

import sqlalchemy as sa

from shared.fingerprints.port import WINDOW_SECONDS
from shared.ledger.likeness import read_texts
from shared.ledger.port import Fingerprint
from shared.ledger.rows import read_rows
from shared.ledger.schema import articles, sketches, submissions

LONGEST_MS = int(WINDOW_SECONDS * 1000)


def read_fingerprints(connection: sa.Connection, since: int, after: int, limit: int) -> list[Fingerprint]:
    """A page of revisions accepted since, by sequence; sketches of leads only, made where there are none."""
    lead = sa.func.coalesce(articles.c.duplicate_of, articles.c.id)
    query = (
        sa.select(
            articles.c.sequence, articles.c.id, articles.c.text_hash, lead.label("lead"), sketches.c.story,
        )
        .outerjoin(sketches, sketches.c.article_id == articles.c.id)
        .where(articles.c.withdrawn.is_(False), articles.c.sequence > (after or _start(connection, since)))
        .order_by(articles.c.sequence)
        .limit(limit)
    )  # fmt: skip
    rows = read_rows(connection, query)
    texts = read_texts(connection, [row["id"] for row in rows])
    return [
        Fingerprint(
            row["sequence"], row["id"], row["text_hash"], row["lead"], texts[row["id"]].moment,
            texts[row["id"]].sketch if row["lead"] == row["id"] else None, row["story"],
        )
        for row in rows
    ]  # fmt: skip


def _start(connection: sa.Connection, since: int) -> int:
    """The sequence after which the window begins: sequences follow the time of acceptance.

    A clock that was far behind must not hide a window: what says it is much older than that is passed over.
    """
    before = sa.and_(submissions.c.accepted_at < since, submissions.c.accepted_at >= since - LONGEST_MS)
    last = sa.select(submissions.c.sequence).where(before).order_by(submissions.c.sequence.desc()).limit(1)
    return connection.scalar(last) or 0
