"""Between rows and values: what an ``articles`` row says added to the article it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

import sqlalchemy as sa

from shared.article import Article, Copy, Current, Verdict, VerdictWord
from shared.clock import from_ms, to_ms
from shared.codec import unpack
from shared.ledger.schema import articles

COPIES_SHOWN = 100  # a wire story that ran in a thousand places still makes a small document
SEQUENCE_BITS = 30
FARTHEST_SECONDS = 1 << 32  # the year 2106, and 1833; with the sequence that stays inside 63 bits
# Rows looked at in one transaction of a long walk, however few of them are meant: on SQLite nobody else
# writes meanwhile.
LOOKED_AT = 2_000
# The low bits of a sort key are the sequence of the item's first submission: it orders one millisecond.
ARRIVAL = articles.c.sort_key.op("&")((1 << SEQUENCE_BITS) - 1)
Row = dict[str, Any]  # one row of a table, by column name


def read_rows(connection: sa.Connection, query: sa.Select[Any]) -> list[Row]:
    """Every row of a query, free of the connection."""
    return [dict(row) for row in connection.execute(query).mappings()]


def end_of_page(connection: sa.Connection, sequence: sa.ColumnElement[int], after: int) -> int | None:
    """The last sequence to be looked at in this transaction; None when no more rows follow than these."""
    query = sa.select(sequence).where(sequence > after).order_by(sequence).offset(LOOKED_AT - 1).limit(1)
    return connection.scalar(query)


def sort_key(article: Article, sequence: int) -> int:
    """A unique number: the second an article was published (else ingested), then its place of arrival."""
    seconds = to_ms(article.published_at or article.ingested_at) // 1000
    within = max(-FARTHEST_SECONDS, min(seconds, FARTHEST_SECONDS))
    return within * (1 << SEQUENCE_BITS) + sequence % (1 << SEQUENCE_BITS)


def read_article(row: Mapping[str, Any], copies: tuple[Copy, ...] = ()) -> Article:
    """The article of a row with its counters, verdict and copies."""
    article = unpack(row["article"], Article)
    if row["withdrawn"] and row["gone_at"] is not None:
        article = replace(article, expires_at=from_ms(row["gone_at"]))  # how old its tombstone is
    return replace(
        article,
        revision=row["revision"],
        change=row["change"],
        verdict=row["verdict"],
        duplicate_of=row["duplicate_of"],
        similarity=row["similarity"],
        rule=row["rule"],
        passage=row["passage"],
        story_id=row["story_id"],
        is_lead=row["duplicate_of"] is None,
        sort_key=row["sort_key"],
        withdrawn=row["withdrawn"],
        indexed_at=None if row["indexed_at"] is None else from_ms(row["indexed_at"]),
        copies=copies,
    )


def verdict_of(facts: Mapping[str, Any]) -> Verdict:
    """The verdict that a row of ``articles`` holds, or what was set aside of one."""
    word = cast("VerdictWord", facts["verdict"])
    return Verdict(
        word, facts["duplicate_of"], facts["similarity"], facts["story_id"], facts.get("rule"),
        facts.get("passage"),
    )  # fmt: skip


def read_current(row: Mapping[str, Any], copies: tuple[Copy, ...], *, failed: bool) -> Current:
    """What a newer submission of the article is compared with."""
    return Current(
        revision=row["revision"],
        sequence=row["sequence"],
        content_hash=row["content_hash"],
        verdict=verdict_of(row),
        has_copies=bool(copies),
        version=row["version"],
        modified_at=None if row["modified_at"] is None else from_ms(row["modified_at"]),
        failed=failed,
    )


def load_articles(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Row]:
    """The rows of some articles by id."""
    query = sa.select(articles).where(articles.c.id.in_(sorted(ids)))
    return {row["id"]: row for row in read_rows(connection, query)}


def lock_facts(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Row]:
    """What a commit compares of some articles, by id and without their texts; held until it ends."""
    facts = [column for column in articles.c if column.name not in ("article", "standing")]
    # In the order of their ids, so that two commits cannot wait for each other.
    query = sa.select(*facts).where(articles.c.id.in_(sorted(ids))).order_by(articles.c.id)
    return {row["id"]: row for row in read_rows(connection, query.with_for_update())}


def load_copies(connection: sa.Connection, ids: Iterable[str]) -> dict[str, tuple[Copy, ...]]:
    """Where else each lead ran, oldest first, at most ``COPIES_SHOWN`` each."""
    query = (
        sa.select(
            articles.c.duplicate_of,
            articles.c.id,
            articles.c.source_id,
            articles.c.url,
            articles.c.verdict,
            articles.c.similarity,
            articles.c.rule,
        )
        .where(
            articles.c.duplicate_of.in_(list(ids)),
            articles.c.withdrawn.is_(False),
            articles.c.held.is_(None),  # where it will run is nobody's business yet
        )
        .order_by(articles.c.sequence)
    )
    found: dict[str, list[Copy]] = {}
    for lead, *facts in connection.execute(query):
        copies = found.setdefault(lead, [])
        if len(copies) < COPIES_SHOWN:
            copies.append(Copy(*facts))
    return {lead: tuple(copies) for lead, copies in found.items()}
