"""Retention: what is old enough goes, in small batches."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from shared.ledger.engine import take_turn
from shared.ledger.keeping import Page, PruneRule
from shared.ledger.leads import queue_refresh
from shared.ledger.likeness import drop_sketches
from shared.ledger.replays import DAY_MS
from shared.ledger.revisions import forget_revisions
from shared.ledger.rows import Row, end_of_page, read_rows
from shared.ledger.schema import articles, erasures, journey, originals, submissions
from shared.ledger.tallies import add
from shared.ledger.withdrawals import NOTHING, take_out

TAKEN_OUT = 50  # articles in one transaction: each is several statements, and nobody else writes meanwhile
BURIED_MS = 2 * DAY_MS  # by then the index has dropped the tombstone, which it does after a day

_PENDING = submissions.alias("pending")
_ENDED = submissions.c.stage.is_(None)
_LATER = submissions.alias("later")
# Pushed again after its article was pruned, or failed then: it was just coming in, or it was run again.
_CAME_BACK = sa.exists().where(
    _LATER.c.article_id == articles.c.id, _LATER.c.kind == "push",
    sa.or_(
        _LATER.c.accepted_at > articles.c.gone_at,
        sa.and_(_LATER.c.status == "quarantined", _LATER.c.updated_at > articles.c.gone_at),
    ),
)  # fmt: skip


def prune_page(connection: sa.Connection, rule: PruneRule, after: int, limit: int, now: int) -> Page:
    """Remove a page of what a rule names, by sequence; what has not ended is never touched."""
    if rule.what == "articles":
        return _take_out_page(connection, rule, after, limit, now)
    end = end_of_page(connection, submissions.c.sequence, after)
    sequences = _old_submissions(connection, rule, after, end, limit)
    if rule.what == "originals":
        connection.execute(sa.delete(originals).where(originals.c.sequence.in_(sequences)))
    else:
        _remove(connection, sequences)
    return Page(len(sequences), sequences[-1] if len(sequences) == limit else end)


def bury(connection: sa.Connection, now: int, limit: int) -> int:
    """Remove rows of pruned articles whose tombstone is in the index, and was due there two days ago.

    The index must have dropped those tombstones first: an item that comes back begins at change 1, which a
    tombstone that still stands would turn away. An item that came back stays, whatever became of it there,
    until the ``ended`` rule has removed that.
    """
    due = (
        sa.select(articles.c.id)
        .where(
            articles.c.gone == "pruned", articles.c.gone_at < now - BURIED_MS,
            articles.c.indexed_change >= articles.c.change, ~_under_way(articles.c.id), ~_CAME_BACK,
        )
        .order_by(articles.c.gone_at)
        .limit(limit)
    )  # fmt: skip
    ids = list(connection.scalars(due))
    mine = sa.select(submissions.c.article_id, submissions.c.sequence).where(
        submissions.c.article_id.in_(ids)
    )
    held: dict[str, list[int]] = {}
    for row in connection.execute(mine.order_by(submissions.c.sequence).with_for_update(of=submissions)):
        held.setdefault(row.article_id, []).append(row.sequence)
    take_turn(connection)
    # The door takes no turn. What came by now keeps its item, whatever became of it; what comes from here on
    # finds the tombstone or nothing, and is not among the rows that go: it becomes a new article.
    found = _count_submissions(connection, ids)
    ids = [
        one for one in connection.scalars(due.where(articles.c.id.in_(ids)))
        if found.get(one, 0) == len(held.get(one, ()))
    ]  # fmt: skip
    connection.execute(sa.delete(articles).where(articles.c.id.in_(ids)))
    drop_sketches(connection, ids)
    forget_revisions(connection, ids)
    connection.execute(sa.delete(erasures).where(erasures.c.article_id.in_(ids), erasures.c.due.is_(False)))
    _remove(connection, sorted(sequence for one in ids for sequence in held.get(one, ())))
    return len(ids)


def _count_submissions(connection: sa.Connection, ids: Sequence[str]) -> dict[str, int]:
    query = sa.select(submissions.c.article_id, sa.func.count()).where(submissions.c.article_id.in_(ids))
    return {row[0]: row[1] for row in connection.execute(query.group_by(submissions.c.article_id))}


def _up_to(sequence: sa.ColumnElement[int], end: int | None) -> list[sa.ColumnElement[bool]]:
    return [] if end is None else [sequence <= end]


def _old_submissions(
    connection: sa.Connection, rule: PruneRule, after: int, end: int | None, limit: int
) -> list[int]:
    query = sa.select(submissions.c.sequence).where(
        submissions.c.sequence > after, submissions.c.accepted_at < rule.before, _ENDED,
        *_up_to(submissions.c.sequence, end), *_sources(rule, submissions.c.source_id),
    )  # fmt: skip
    if rule.what == "originals":
        query = query.join(originals, originals.c.sequence == submissions.c.sequence)
        query = query.where(submissions.c.status != "quarantined")
    elif rule.what == "refreshes":
        query = query.where(submissions.c.kind == "refresh", submissions.c.status != "quarantined")
    else:
        present = sa.exists().where(articles.c.sequence == submissions.c.sequence)
        is_push = sa.or_(submissions.c.kind == "push", submissions.c.status == "quarantined")
        # While something is under way, an older revision may be the one that it falls back to.
        query = query.where(
            is_push,
            ~present,
            ~_under_way(submissions.c.article_id, _PENDING.c.kind == "push"),
            ~_says_carried(),
        )
    query = query.order_by(submissions.c.sequence).limit(limit).with_for_update(of=submissions)
    return list(connection.scalars(query))


def _says_carried() -> sa.ColumnElement[bool]:
    """The newest push of an article that stands: how long ago a feed still carried it is known from this.

    What lies in quarantine says nothing of the kind: it goes at its time, and what came before it stays.
    """
    standing = sa.exists().where(articles.c.id == submissions.c.article_id, articles.c.gone.is_(None))
    later = sa.exists().where(
        _LATER.c.article_id == submissions.c.article_id, _LATER.c.sequence > submissions.c.sequence,
        _LATER.c.kind == "push", _LATER.c.status != "quarantined",
    )  # fmt: skip
    is_push = sa.and_(submissions.c.kind == "push", submissions.c.status != "quarantined")
    return sa.and_(is_push, standing, ~later)


def _remove(connection: sa.Connection, sequences: Sequence[int]) -> None:
    """Remove submissions with all that hangs on them."""
    if not sequences:
        return
    mine = submissions.c.sequence.in_(sequences)
    pushes = sa.select(sa.func.count()).select_from(submissions).where(mine, submissions.c.kind == "push")
    pruned = connection.scalar(pushes) or 0
    connection.execute(sa.delete(originals).where(originals.c.sequence.in_(sequences)))
    # By article: the journey has no other index.
    items = sa.select(submissions.c.article_id).where(mine)
    connection.execute(
        sa.delete(journey).where(journey.c.article_id.in_(items), journey.c.sequence.in_(sequences))
    )
    connection.execute(sa.delete(submissions).where(mine))
    add(connection, {"pruned": pruned})


def _take_out_page(connection: sa.Connection, rule: PruneRule, after: int, limit: int, now: int) -> Page:
    limit = min(limit, TAKEN_OUT)
    take_turn(connection)
    end = end_of_page(connection, articles.c.sequence, after)
    rows = _old_articles(connection, rule, after, end, limit)
    changed: set[str] = set()
    for row in rows:
        changed |= take_out(connection, row, "pruned", now)
    forget_revisions(connection, [row["id"] for row in rows])
    # The same content sent again is not found unchanged: it brings the article back.
    ids = [row["id"] for row in rows]
    connection.execute(sa.update(articles).where(articles.c.id.in_(ids)).values(content_hash=NOTHING))
    queue_refresh(connection, changed, "replay", now)
    return Page(len(rows), rows[-1]["sequence"] if len(rows) == limit else end)


def _old_articles(
    connection: sa.Connection, rule: PruneRule, after: int, end: int | None, limit: int
) -> list[Row]:
    """Articles none of whose submissions is newer; a feed that still carries one keeps it."""
    newer = submissions.alias("newer")
    is_carried = sa.exists().where(
        newer.c.article_id == articles.c.id, newer.c.kind == "push", newer.c.accepted_at >= rule.before
    )
    query = (
        sa.select(articles.c.id, articles.c.sequence, articles.c.duplicate_of)
        .where(
            articles.c.sequence > after, articles.c.gone.is_(None), articles.c.ingested_at < rule.before,
            *_up_to(articles.c.sequence, end), *_sources(rule, articles.c.source_id), ~is_carried,
            ~_under_way(articles.c.id, _PENDING.c.kind == "push"),
        )
        .order_by(articles.c.sequence)
        .limit(limit)
    )  # fmt: skip
    return read_rows(connection, query)


def _sources(rule: PruneRule, column: sa.ColumnElement[str]) -> list[sa.ColumnElement[bool]]:
    found = []
    if rule.source is not None:
        found.append(column == rule.source)
    if rule.except_sources:
        found.append(column.not_in(rule.except_sources))
    return found


def _under_way(article_id: sa.ColumnElement[str], *which: sa.ColumnElement[bool]) -> sa.Exists:
    return sa.exists().where(_PENDING.c.article_id == article_id, _PENDING.c.stage.is_not(None), *which)
