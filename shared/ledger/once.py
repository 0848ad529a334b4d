"""Idempotency-Key: one key, one answer, kept in the same transaction as what was accepted under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from shared.article import RawArticle
from shared.errors import KeyReused
from shared.ledger.accepting import accept_articles
from shared.ledger.keeping import OnceAnswer, OnceKey
from shared.ledger.port import NOWHERE, Accepted, Origin
from shared.ledger.schema import once
from shared.messages import Lane


def accept_once(
    connection: sa.Connection,
    key: OnceKey,
    articles: Sequence[RawArticle],
    now: int,
    answer: Callable[[list[Accepted]], bytes],
    lane: Lane,
    door: str = "ingest",
    *,
    bar: bool = False,
    origin: Origin = NOWHERE,
) -> OnceAnswer:
    """Accept under a key; a known key gives its first answer again. Raises ``KeyReused``."""
    # Who comes second waits here until the first has ended, and then finds its answer.
    while not _is_first(connection, key, now):
        known = connection.execute(sa.select(once).where(once.c.key == key.key)).first()
        if known is None:
            continue  # it was forgotten just now
        if known.fingerprint != key.fingerprint:
            raise KeyReused("this Idempotency-Key was used for another request")
        return OnceAnswer(known.answer, repeated=True)
    origins = [origin] * len(articles)
    body = answer(accept_articles(connection, articles, now, lane, door, bar=bar, origins=origins))
    connection.execute(sa.update(once).where(once.c.key == key.key).values(answer=body))
    return OnceAnswer(body, repeated=False)


def _is_first(connection: sa.Connection, key: OnceKey, now: int) -> bool:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"key": key.key, "fingerprint": key.fingerprint, "answer": b"", "created_at": now}
    insert = dialect.insert(once).values(row).on_conflict_do_nothing().returning(once.c.key)
    return connection.execute(insert).first() is not None  # the row count of an insert is not told everywhere


def forget_keys(connection: sa.Connection, before: int, limit: int) -> int:
    """Remove keys older than ``before``, the oldest first; returns how many."""
    old = sa.select(once.c.key).where(once.c.created_at < before).order_by(once.c.created_at, once.c.key)
    # Two that forget at once must not wait for each other.
    page = old.limit(limit).with_for_update(skip_locked=True)
    # Read first: a locking query inside the other may be run for each row, and each time finds the next ones.
    keys = connection.scalars(page).all()
    return connection.execute(sa.delete(once).where(once.c.key.in_(keys))).rowcount
