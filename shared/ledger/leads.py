"""Leads and their copies: who leads a text now, and which documents must be written again for it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from shared.article import Verdict
from shared.ledger.retagging import is_tagged_again
from shared.ledger.schema import articles, submissions
from shared.messages import Lane


def resolve_verdict(
    connection: sa.Connection, article_id: str, text_hash: str | None, verdict: Verdict
) -> Verdict:
    """Point a verdict at the text's present lead; the article leads itself when there is none left.

    The lead that dedupe was told of may have become a copy since, have been withdrawn, or have died on
    its way here, and a copy of a lead that nobody can see would be lost to search.
    """
    if verdict.duplicate_of is None:
        return verdict
    lead = _root(connection, verdict.duplicate_of) or _leader_of(connection, text_hash, article_id)
    if lead is None or lead == article_id:
        return Verdict("new", story_id=article_id)
    return replace(verdict, duplicate_of=lead)


def keep_place(
    connection: sa.Connection, found: dict[str, Any], text_hash: str | None, verdict: Verdict
) -> Verdict:
    """Let an article that leads others by now go on leading, and a copy of an unchanged text stay one."""
    if verdict.duplicate_of is not None:
        led = sa.select(articles.c.id).where(articles.c.duplicate_of == found["id"]).limit(1)
        return verdict if connection.scalar(led) is None else Verdict("new", story_id=found["story_id"])
    if found["duplicate_of"] is None or found["text_hash"] != text_hash:
        return verdict
    before = Verdict(found["verdict"], found["duplicate_of"], found["similarity"], found["story_id"])
    return resolve_verdict(connection, found["id"], text_hash, before)


def _root(connection: sa.Connection, lead: str) -> str | None:
    row = connection.execute(
        sa.select(articles.c.duplicate_of, articles.c.withdrawn).where(articles.c.id == lead)
    ).first()
    if row is None:
        return lead if _on_its_way(connection, lead) else None
    if row.duplicate_of is not None:
        return _root(connection, row.duplicate_of)
    return lead if _usable(connection, [lead]) else None


def _leader_of(connection: sa.Connection, text_hash: str | None, article_id: str) -> str | None:
    """Who took a dead lead's place: fingerprints still name the dead one until the window ends."""
    query = sa.select(articles.c.id).where(
        articles.c.text_hash == text_hash, articles.c.duplicate_of.is_(None), articles.c.id != article_id
    )
    found = list(connection.scalars(query.order_by(articles.c.sequence).limit(20)))
    usable = _usable(connection, found) if found else set()
    return next((one for one in found if one in usable), None)


def leaders_of(connection: sa.Connection, texts: Iterable[str], since: int) -> dict[str, list[str]]:
    """The usable leads of some texts among articles that came in since (ms), the oldest first.

    Fingerprints know them too, unless they were lost between a comparison and its commit.
    """
    query = sa.select(articles.c.text_hash, articles.c.id).where(
        articles.c.text_hash.in_(sorted(texts)), articles.c.duplicate_of.is_(None),
        articles.c.ingested_at >= since,
    )  # fmt: skip
    found: dict[str, list[str]] = {}
    for text, article_id in connection.execute(query.order_by(articles.c.sequence)):
        found.setdefault(text, []).append(article_id)
    usable = _usable(connection, [one for ids in found.values() for one in ids]) if found else set()
    return {text: [one for one in ids if one in usable] for text, ids in found.items()}


def _usable(connection: sa.Connection, ids: Iterable[str]) -> set[str]:
    """Those articles that are in the index, or may still come there by a push of their own."""
    coming = sa.exists().where(
        submissions.c.article_id == articles.c.id,
        submissions.c.stage.is_not(None),
        submissions.c.kind == "push",
    )
    query = sa.select(articles.c.id).where(
        articles.c.id.in_(sorted(ids)),
        articles.c.withdrawn.is_(False),
        sa.or_(articles.c.indexed_change > 0, coming),
    )
    return set(connection.scalars(query))


def _on_its_way(connection: sa.Connection, article_id: str) -> bool:
    query = sa.select(submissions.c.sequence).where(
        submissions.c.article_id == article_id,
        submissions.c.stage.is_not(None),
        submissions.c.kind == "push",  # a refresh of its own proves nothing
    )
    return connection.execute(query.limit(1)).first() is not None


def hand_over(connection: sa.Connection, article_id: str) -> set[str]:
    """Give the copies of an article that will not be seen a lead from among themselves.

    Returns the ids whose documents change. Does nothing when the article has been indexed before, since
    its older revision then still stands and leads, or when another submission of it is on its way.
    """
    if _on_its_way(connection, article_id):
        return set()
    row = connection.execute(
        sa.select(articles.c.indexed_change, articles.c.withdrawn).where(articles.c.id == article_id)
    ).first()
    if row is not None and row.indexed_change and not row.withdrawn:
        return set()
    heir, changed = _crown(connection, articles.c.duplicate_of == article_id)
    if heir is not None:
        _set_verdict(connection, [article_id], verdict="duplicate", duplicate_of=heir, similarity=1.0)
    return changed


def free_copies(connection: sa.Connection, article_id: str, text_hash: str | None = None) -> set[str]:
    """Give the copies of an article, or those of one text, a lead from among themselves, text by text."""
    mine = articles.c.duplicate_of == article_id
    if text_hash is not None:
        return _crown(connection, sa.and_(mine, articles.c.text_hash == text_hash))[1]
    texts = list(connection.scalars(sa.select(articles.c.text_hash).where(mine).distinct()))
    return set().union(*(free_copies(connection, article_id, text) for text in texts))


def _crown(connection: sa.Connection, which: sa.ColumnElement[bool]) -> tuple[str | None, set[str]]:
    """Make the oldest usable one of some copies their lead; also returns the ids whose documents change."""
    copies = list(connection.scalars(sa.select(articles.c.id).where(which).order_by(articles.c.sequence)))
    usable = _usable(connection, copies) if copies else set()
    heir = next((copy for copy in copies if copy in usable), None)
    if heir is None:  # the next copy that comes leads itself
        return None, set()
    _set_verdict(connection, [heir], verdict="new", duplicate_of=None, similarity=0.0)
    _set_verdict(connection, [copy for copy in copies if copy != heir], duplicate_of=heir)
    return heir, usable


def _set_verdict(connection: sa.Connection, ids: list[str], **values: Any) -> None:  # noqa: ANN401 - columns
    connection.execute(
        sa.update(articles).where(articles.c.id.in_(ids)).values(change=articles.c.change + 1, **values)
    )


def touch(connection: sa.Connection, ids: Iterable[str]) -> None:
    """Count a change of articles whose document alters because a copy joined or left."""
    connection.execute(
        sa.update(articles).where(articles.c.id.in_(sorted(ids))).values(change=articles.c.change + 1)
    )


def queue_refresh(connection: sa.Connection, ids: Iterable[str], lane: Lane, now: int) -> int:
    """Add a re-indexing of the ledger's own for articles that nothing else is about to index."""
    wanted = set(ids)
    if not wanted:
        return 0
    # A row that a worker holds at stage index may have been read before this change: it does not count. Nor
    # does one that is tagged again, since it ends at that stage if its tags come out the same.
    coming = (
        sa.select(submissions.c.article_id)
        .join(articles, articles.c.id == submissions.c.article_id)
        .where(
            submissions.c.article_id.in_(wanted),
            sa.or_(submissions.c.kind == "refresh", submissions.c.sequence == articles.c.sequence),
            sa.or_(
                sa.and_(submissions.c.stage == "tag", ~is_tagged_again()),
                sa.and_(submissions.c.stage == "index", submissions.c.token.is_(None)),
            ),
        )
    )
    known = sa.select(articles.c.id, articles.c.source_id).where(articles.c.id.in_(wanted))
    rows = [
        _refresh(row.id, row.source_id, lane, now)
        for row in connection.execute(known.where(articles.c.id.not_in(coming)))
    ]
    if rows:
        connection.execute(sa.insert(submissions), rows)
    return len(rows)


def _refresh(article_id: str, source_id: str, lane: Lane, now: int) -> dict[str, Any]:
    return new_submission(article_id, source_id, lane, now) | {
        "kind": "refresh", "stage": "index", "status": "tagged",
    }  # fmt: skip


def new_submission(article_id: str, source_id: str, lane: Lane, now: int) -> dict[str, Any]:
    """The columns of a submission as it is accepted."""
    return {
        "id": secrets.token_hex(16), "article_id": article_id, "source_id": source_id, "kind": "push",
        "lane": lane, "stage": "clean", "status": "accepted", "attempts": 0, "alone": False, "claimed": 0,
        "not_before": 0, "waiting_since": now, "accepted_at": now, "updated_at": now,
    }  # fmt: skip
