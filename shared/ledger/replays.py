"""Running the past again, and writing articles to an index again."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from shared.article import Article
from shared.ledger.claims import step
from shared.ledger.engine import take_turn
from shared.ledger.keeping import Page, ReplaySpec, Served
from shared.ledger.leads import queue_refresh
from shared.ledger.quarantine import AFRESH, BY_HAND
from shared.ledger.reasons import DROPPED, totals_without
from shared.ledger.rows import Row, end_of_page, load_copies, read_article, read_rows
from shared.ledger.schema import articles, journey, originals, submissions
from shared.ledger.standing import as_served
from shared.ledger.tallies import add
from shared.messages import Stage, Status

DAY_MS = 24 * 3_600_000  # how long a tombstone stays in the index
WAITING: dict[Stage, Status] = {"clean": "accepted", "dedupe": "cleaned", "tag": "deduped", "index": "tagged"}


def count(connection: sa.Connection, spec: ReplaySpec) -> int:
    """How many submissions a replay would take now."""
    query = sa.select(sa.func.count()).select_from(_past()).where(*_conditions(spec))
    return connection.scalar(query) or 0


def replay_page(connection: sa.Connection, spec: ReplaySpec, after: int, limit: int, now: int) -> Page:
    """Put a page of the past back to a stage, oldest acceptance first; what is under way is left alone.

    The rows are those that were accepted then: their sequences keep the order of acceptance.
    """
    end = end_of_page(connection, submissions.c.sequence, after)
    query = sa.select(submissions.c.sequence).select_from(_past())
    query = query.where(*_conditions(spec), submissions.c.sequence > after)
    if end is not None:
        query = query.where(submissions.c.sequence <= end)
    query = query.order_by(submissions.c.sequence).limit(limit).with_for_update(of=submissions)
    locked = list(connection.scalars(query))
    after_these = locked[-1] if len(locked) == limit else end
    rows = _still_meant(connection, spec, locked)
    if not rows:
        return Page(0, after_these)
    values = AFRESH | {
        "stage": spec.from_stage, "status": WAITING[spec.from_stage], "lane": "replay", "alone": False,
        "replay": "reset" if spec.reset else "keep", "waiting_since": now, "updated_at": now,
    }  # fmt: skip
    if spec.from_stage == "dedupe":
        present = sa.select(articles.c.article).where(articles.c.id == submissions.c.article_id)
        values["draft"] = present.scalar_subquery()
    mine = submissions.c.sequence.in_([row["sequence"] for row in rows])
    connection.execute(sa.update(submissions).where(mine).values(values))
    told = f"from {spec.from_stage}{', decided anew' if spec.reset else ''}"
    connection.execute(
        sa.insert(journey), [step(row, "replay", "replayed", BY_HAND, now, told) for row in rows]
    )
    add(connection, _left(rows) | totals_without(connection, rows))
    return Page(len(rows), after_these)


def _still_meant(connection: sa.Connection, spec: ReplaySpec, locked: Sequence[int]) -> list[Row]:
    """Locked rows that are still to run again: in the wait for them, or for the turn, much may have gone."""
    take_turn(connection)
    columns = [column for column in submissions.c if column.name not in ("draft", "traceback")]
    query = sa.select(*columns).select_from(_past())
    query = query.where(*_conditions(spec), submissions.c.sequence.in_(locked))
    return read_rows(connection, query.order_by(submissions.c.sequence)) if locked else []


def refresh_page(connection: sa.Connection, after: int, limit: int, now: int, ids: Sequence[str]) -> Page:
    """Queue a page of articles for writing to the index again, at most one waiting for each.

    What was never indexed is left alone: it comes there by its own push, or must not.
    """
    belongs = sa.or_(
        sa.and_(articles.c.gone.is_(None), articles.c.indexed_change > 0), articles.c.gone_at > now - DAY_MS
    )
    query = sa.select(articles.c.id, articles.c.sequence).where(articles.c.sequence > after, belongs)
    if ids:
        query = query.where(articles.c.id.in_(ids))
    take_turn(connection)
    found = connection.execute(query.order_by(articles.c.sequence).limit(limit)).all()
    queued = queue_refresh(connection, [row.id for row in found], "replay", now)
    return Page(queued, found[-1].sequence if len(found) == limit else None)


def read_served(connection: sa.Connection, after: int, limit: int) -> list[Served]:
    """A page of what the index ought to hold, tombstones included, by sequence."""
    lead = sa.func.coalesce(articles.c.duplicate_of, articles.c.id)
    accepted = sa.func.coalesce(submissions.c.accepted_at, articles.c.ingested_at)
    query = (
        sa.select(
            articles.c.sequence, articles.c.id, articles.c.change, articles.c.indexed_change,
            articles.c.withdrawn, articles.c.text_hash, lead, accepted,
        )
        .outerjoin(submissions, submissions.c.sequence == articles.c.sequence)
        .where(
            articles.c.sequence > after,
            sa.or_(articles.c.indexed_change > 0, articles.c.withdrawn.is_(True)),
        )
        .order_by(articles.c.sequence)
        .limit(limit)
    )  # fmt: skip
    return [Served(*row) for row in connection.execute(query)]


def read_vocabularies(connection: sa.Connection) -> dict[str, int]:
    """Articles by the version that they were tagged with: a walk through an index that holds nothing else."""
    query = sa.select(articles.c.vocabulary, sa.func.count()).where(articles.c.vocabulary.is_not(None))
    found = connection.execute(query.group_by(articles.c.vocabulary))
    return {version: count for version, count in found}  # noqa: C416 - rows, not pairs


def read_articles(connection: sa.Connection, ids: Sequence[str]) -> list[Article]:
    """Articles as the index ought to hold them, in the order asked; what was never indexed is left out.

    While a newer revision is on its way, that is the one that it will take the place of.
    """
    query = sa.select(articles).where(
        articles.c.id.in_(ids), sa.or_(articles.c.indexed_change > 0, articles.c.withdrawn.is_(True))
    )
    rows = {row["id"]: row for row in read_rows(connection, query)}
    copies = load_copies(connection, rows) if rows else {}
    return [read_article(as_served(rows[one]), copies.get(one, ())) for one in ids if one in rows]


def _past() -> sa.Join:
    return submissions.outerjoin(articles, articles.c.id == submissions.c.article_id)


def _conditions(spec: ReplaySpec) -> list[sa.ColumnElement[bool]]:
    pending, newer = submissions.alias("pending"), submissions.alias("newer")
    under_way = sa.exists().where(
        pending.c.article_id == submissions.c.article_id, pending.c.stage.is_not(None),
        pending.c.kind == "push",
    )  # fmt: skip
    # Superseded and yet present: it was overtaken by one that failed.
    present = sa.and_(
        articles.c.sequence == submissions.c.sequence, submissions.c.status.in_(("indexed", "superseded")),
        articles.c.indexed_change > 0,
    )  # fmt: skip
    found = [submissions.c.kind == "push", submissions.c.stage.is_(None), articles.c.gone.is_(None)]
    if spec.from_stage == "clean":
        is_newest = ~sa.exists().where(
            newer.c.article_id == submissions.c.article_id, newer.c.sequence > submissions.c.sequence,
            newer.c.kind == "push",
        )  # fmt: skip
        refused = sa.and_(
            submissions.c.status == "rejected",  # what a person dropped, nobody wants to see again
            sa.func.coalesce(submissions.c.reason, "").not_like(f"{DROPPED}: %"), is_newest,
        )  # fmt: skip
        has_original = sa.exists().where(originals.c.sequence == submissions.c.sequence)
        found += [sa.or_(present, refused), has_original]
    else:
        found.append(present)
    if spec.since is not None:
        found.append(submissions.c.accepted_at >= spec.since)
    if spec.until is not None:
        found.append(submissions.c.accepted_at < spec.until)
    if spec.source is not None:
        found.append(submissions.c.source_id == spec.source)
    if spec.stale is not None:
        found.append(sa.or_(articles.c.vocabulary.is_(None), articles.c.vocabulary != spec.stale))
    return [*found, ~under_way]


def _left(rows: Sequence[Row]) -> dict[str, int]:
    """How totals change as rows leave their terminal status."""
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["status"]] = totals.get(row["status"], 0) - 1
    return totals
