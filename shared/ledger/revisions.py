"""What articles were before: kept as a newer revision takes the row, read for versions and differences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from shared.article import Article
from shared.clock import from_ms
from shared.codec import unpack
from shared.ledger.rows import Row, load_articles, read_article, read_rows
from shared.ledger.schema import articles, journey, revisions
from shared.ledger.standing import as_served
from shared.ledger.telling import VersionFacts

MOST_VERSIONS: Final = 1_000  # of one article in one answer: each is unpacked to tell its title
_COLUMNS: Final = ("article_id", "revision", "sequence", "made_at", "article")


def keep_revisions(connection: sa.Connection, ids: Iterable[str]) -> None:
    """Copy the present revisions of some articles, whose rows are about to be overwritten.

    To be called before the row is written, and not when the same submission is run again: that makes no
    revision. Tombstones are passed over: what was withdrawn or pruned is not brought back by what comes
    after. A number that was given before, to one that failed and was taken back, is kept as given last.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return
    present = sa.select(
        articles.c.id, articles.c.revision, articles.c.sequence, _made_at(), articles.c.article
    ).where(articles.c.id.in_(wanted), articles.c.revision > 0, articles.c.gone.is_(None))
    insert = _insert(connection).from_select(list(_COLUMNS), present)
    newer = {name: insert.excluded[name] for name in _COLUMNS[2:]}
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[revisions.c.article_id, revisions.c.revision], set_=newer
        )
    )


def forget_revisions(connection: sa.Connection, ids: Iterable[str]) -> None:
    """Erase every kept revision of some articles: they were purged, or are removed."""
    connection.execute(sa.delete(revisions).where(revisions.c.article_id.in_(sorted(set(ids)))))


def read_versions(connection: sa.Connection, article_id: str) -> list[VersionFacts]:
    """The revisions of an article up to the one that is served, the oldest first.

    At most ``MOST_VERSIONS``, the newest ones. Empty when the article is unknown, or purged.
    """
    row = _served_row(connection, article_id)
    if row is None:
        return []
    kept = sa.select(revisions).where(
        revisions.c.article_id == article_id, revisions.c.revision < row["revision"]
    )
    kept = kept.order_by(revisions.c.revision.desc()).limit(MOST_VERSIONS - 1)
    found = [_facts(_read(past), past["made_at"], is_current=False) for past in read_rows(connection, kept)]
    present = _facts(read_article(row), _present_made_at(connection, row), is_current=True)
    return [*reversed(found), present]


def read_revision(connection: sa.Connection, article_id: str, revision: int) -> Article | None:
    """One revision of an article, with its text; None when it is unknown, still on its way, or not kept."""
    row = _served_row(connection, article_id)
    if row is None or revision > row["revision"]:
        return None
    if revision == row["revision"]:
        return read_article(row)
    kept = sa.select(revisions).where(revisions.c.article_id == article_id, revisions.c.revision == revision)
    past = next(iter(read_rows(connection, kept)), None)
    return None if past is None else _read(past)


def read_past(connection: sa.Connection, ids: Iterable[str], limit: int) -> list[tuple[str, VersionFacts]]:
    """The present revisions of some articles, and the newest ``limit`` of their kept ones before them.

    Each with its article's id, by the time at which they were made, the oldest first.
    """
    wanted = sorted(set(ids))
    present = sa.and_(articles.c.id == revisions.c.article_id, revisions.c.revision < articles.c.revision)
    kept = sa.select(revisions).join(articles, present)
    kept = kept.where(revisions.c.article_id.in_(wanted), articles.c.withdrawn.is_(False))
    kept = kept.order_by(revisions.c.made_at.desc(), revisions.c.article_id, revisions.c.revision.desc())
    rows = read_rows(connection, kept.limit(limit))
    found = [(row["article_id"], _facts(_read(row), row["made_at"], is_current=False)) for row in rows]
    standing = sa.select(articles, _made_at().label("made_at")).where(
        articles.c.id.in_(wanted), articles.c.revision > 0, articles.c.withdrawn.is_(False)
    )
    for row in read_rows(connection, standing):
        served = as_served(row)
        found.append((row["id"], _facts(read_article(served), row["made_at"], is_current=True)))
    return sorted(found, key=lambda one: (one[1].made_at, one[0], one[1].revision))


def _served_row(connection: sa.Connection, article_id: str) -> Row | None:
    """The row as readers know it; a revision that is on its way to them is none yet."""
    row = load_articles(connection, [article_id]).get(article_id)
    if row is None:
        return None
    served = as_served(row)
    return served if served["revision"] and served["gone"] != "purged" else None


def _read(past: Row) -> Article:
    return replace(unpack(past["article"], Article), revision=past["revision"])


def _facts(article: Article, made_at: int, *, is_current: bool) -> VersionFacts:
    return VersionFacts(
        revision=article.revision, made_at=from_ms(made_at), is_current=is_current, title=article.title,
        word_count=article.word_count, version=article.version, published_at=article.published_at,
        modified_at=article.modified_at, pub_status=article.pub_status,
        embargo_until=article.embargo_until, expires_at=article.expires_at,
    )  # fmt: skip


def _made_at() -> sa.ColumnElement[Any]:
    """When the present revision of a row was compared first; its journey stays as long as it stands."""
    first = sa.select(sa.func.min(journey.c.at)).where(
        journey.c.article_id == articles.c.id, journey.c.sequence == articles.c.sequence,
        journey.c.word == "deduped",
    )  # fmt: skip
    return sa.func.coalesce(first.scalar_subquery(), articles.c.ingested_at)


def _present_made_at(connection: sa.Connection, row: Row) -> int:
    first = sa.select(sa.func.min(journey.c.at)).where(
        journey.c.article_id == row["id"], journey.c.sequence == row["sequence"], journey.c.word == "deduped"
    )
    found: int | None = connection.scalar(first)
    return row["ingested_at"] if found is None else found


def _insert(connection: sa.Connection) -> Any:  # noqa: ANN401 - of one of two dialects
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(revisions)
