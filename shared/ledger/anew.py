"""Verdicts decided anew: who was first with a text, in the order in which items were accepted.

The ledger decides alone, since fingerprints know when a text was claimed, which for a replay is now. Whatever
the order in which articles are run again, the result is the same: whoever finds an earlier lead of its text
joins it, whoever finds none leads, and takes over later leads of the same text with their copies. The caller
has the turn (``take_turn``): two that do not see each other would make two leads.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from shared.article import Verdict
from shared.fingerprints.port import WINDOW_SECONDS
from shared.ledger.leads import free_copies
from shared.ledger.rows import SEQUENCE_BITS
from shared.ledger.schema import articles, submissions

WINDOW_MS = int(WINDOW_SECONDS * 1000)
MOST = 1_000  # leads of one text within the window that are looked at
# The low bits of a sort key are the sequence of the item's first submission: it orders one millisecond.
_ARRIVAL = articles.c.sort_key.op("&")((1 << SEQUENCE_BITS) - 1)
Place = tuple[int, int]  # when an item first came in (ms), and its first sequence


def decide_anew(
    connection: sa.Connection, article_id: str, text_hash: str, place: Place
) -> tuple[Verdict, set[str]]:
    """The verdict on an article, and the ids of others whose documents change with it."""
    rivals = _leads(connection, article_id, text_hash, place[0])
    first = next((found for found, where in rivals if where < place), None)
    if first is not None:
        return Verdict("duplicate", first, 1.0, first), _give_way(connection, article_id, text_hash, first)
    changed: set[str] = set()
    for rival, _ in rivals:
        changed |= {rival} | _give_way(connection, rival, text_hash, article_id)
        _follow(connection, articles.c.id == rival, article_id)
    return Verdict("new", story_id=article_id), changed


def _leads(
    connection: sa.Connection, article_id: str, text_hash: str, ingested_at: int
) -> list[tuple[str, Place]]:
    """Other leads of a text that can be seen or are coming, within the window, first come first."""
    coming = sa.exists().where(
        submissions.c.article_id == articles.c.id, submissions.c.stage.is_not(None),
        submissions.c.kind == "push",
    )  # fmt: skip
    query = (
        sa.select(articles.c.id, articles.c.ingested_at, _ARRIVAL)
        .where(
            articles.c.text_hash == text_hash, articles.c.duplicate_of.is_(None),
            articles.c.withdrawn.is_(False), articles.c.id != article_id,
            articles.c.ingested_at.between(ingested_at - WINDOW_MS, ingested_at + WINDOW_MS),
            sa.or_(articles.c.indexed_change > 0, coming),
        )
        .order_by(articles.c.ingested_at, _ARRIVAL)
        .limit(MOST)
    )  # fmt: skip
    return [(found, (at, arrival)) for found, at, arrival in connection.execute(query)]


def _give_way(connection: sa.Connection, article_id: str, text_hash: str, lead: str) -> set[str]:
    """Let copies of an article that leads no more follow its lead; those of other texts lead themselves."""
    mine = sa.and_(articles.c.duplicate_of == article_id, articles.c.text_hash == text_hash)
    moved = _follow(connection, sa.and_(mine, articles.c.id != lead), lead)
    return moved | free_copies(connection, article_id)


def _follow(connection: sa.Connection, which: sa.ColumnElement[bool], lead: str) -> set[str]:
    ids = list(connection.scalars(sa.select(articles.c.id).where(which).order_by(articles.c.id)))
    values: dict[str, Any] = {
        "verdict": "duplicate", "duplicate_of": lead, "similarity": 1.0, "story_id": lead,
        "change": articles.c.change + 1,
    }  # fmt: skip
    if ids:
        connection.execute(sa.update(articles).where(articles.c.id.in_(ids)).values(values))
    return set(ids)
