"""What befell articles, in the order in which it was committed, for those who follow a newsroom's copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from shared.clock import from_ms
from shared.codec import from_json, to_json
from shared.ledger.schema import articles, events
from shared.ledger.telling import Event, EventKind

_COLUMNS: Final = ("at", "kind", "article_id", "source_id", "revision", "change", "detail")


def log_events(
    connection: sa.Connection,
    kind: EventKind,
    ids: Iterable[str],
    now: int,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note one event of each article, with its source, revision and change as its row has them now.

    To be called under the turn, after the row was written: whoever follows remembers the last id that it
    read, so an event must never be committed behind a greater one. ``detail`` is for ids and words of ours,
    never for an article's own text. Unknown ids are passed over.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return
    told = to_json(dict(detail)).decode() if detail else None
    found = sa.select(
        sa.literal(now, sa.BigInteger), sa.literal(kind, events.c.kind.type), articles.c.id,
        articles.c.source_id, articles.c.revision, articles.c.change, sa.literal(told, events.c.detail.type),
    ).where(articles.c.id.in_(wanted))  # fmt: skip
    found = found.order_by(articles.c.sequence, articles.c.id)
    connection.execute(sa.insert(events).from_select(list(_COLUMNS), found))


def read_events(connection: sa.Connection, since: int, limit: int) -> list[Event]:
    """Events with ids beyond ``since``, oldest first."""
    query = sa.select(events).where(events.c.id > since).order_by(events.c.id).limit(limit)
    return [
        Event(
            id=row.id, at=from_ms(row.at), kind=row.kind, article_id=row.article_id, source=row.source_id,
            revision=row.revision, change=row.change,
            detail={} if row.detail is None else from_json(row.detail, dict[str, Any]),
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def read_bounds(connection: sa.Connection) -> tuple[int, int]:
    """The ids of the oldest and the newest event that are kept; (0, 0) when there is none."""
    # Two queries: together SQLite would walk through all of them.
    first = connection.scalar(sa.select(sa.func.min(events.c.id)))
    last = connection.scalar(sa.select(sa.func.max(events.c.id)))
    return first or 0, last or 0


def prune_events(connection: sa.Connection, before: int, limit: int) -> int:
    """Remove up to ``limit`` events older than ``before`` (ms), the oldest first; returns how many.

    The newest one stays whatever its age, so that those who follow can tell how far they have come.
    """
    _, last = read_bounds(connection)
    old = sa.select(events.c.id).where(events.c.at < before, events.c.id < last)
    # Two that prune at once must not wait for each other.
    page = old.order_by(events.c.at, events.c.id).limit(limit).with_for_update(skip_locked=True)
    # Read first: a locking query inside the other may be run for each row, and each time finds the next ones.
    ids = connection.scalars(page).all()
    return connection.execute(sa.delete(events).where(events.c.id.in_(ids))).rowcount


def wipe_details(connection: sa.Connection, ids: Iterable[str]) -> None:
    """Forget what was said of some articles beside the bare events: they are purged."""
    mine = sa.and_(events.c.article_id.in_(sorted(set(ids))), events.c.detail.is_not(None))
    connection.execute(sa.update(events).where(mine).values(detail=None))
