"""What a story shows: its articles in the order of time, those that may be seen."""

from __future__ import annotations

from typing import Any, cast

import sqlalchemy as sa

from shared.article import Article
from shared.ledger.rows import read_article, read_rows
from shared.ledger.schema import articles, story_merges
from shared.ledger.standing import as_served
from shared.ledger.stories import living_story
from shared.ledger.telling import Story, StoryMember

MOST_SHOWN = 500  # articles of a story that are told of, the newest


def read_story(connection: sa.Connection, story_id: str, now: int) -> Story | None:
    """A story by its id, or by that of one that was merged into it, with what may be shown at ``now`` (ms).

    Left out are articles that were withdrawn, are held, have expired or were never indexed; None when none is
    left. Its newest ``MOST_SHOWN`` articles are told of, the oldest first.
    """
    living = living_story(connection, story_id)
    shown = sa.and_(
        articles.c.story_id == living, articles.c.withdrawn.is_(False), articles.c.indexed_change > 0,
        articles.c.held.is_(None), sa.or_(articles.c.due_at.is_(None), articles.c.due_at > now),
    )  # fmt: skip
    newest = sa.select(articles).where(shown).order_by(articles.c.sort_key.desc()).limit(MOST_SHOWN)
    members = [_member(row) for row in reversed(read_rows(connection, newest))]
    if not members:
        return None
    first = (articles.c.duplicate_of.is_not(None), articles.c.rank, articles.c.sort_key)
    lead = connection.scalar(sa.select(articles.c.id).where(shown).order_by(*first).limit(1))
    by_source = sa.select(articles.c.source_id, sa.func.count()).where(shown).group_by(articles.c.source_id)
    counted = connection.execute(by_source.order_by(sa.func.min(articles.c.sort_key))).all()
    merged = sa.select(story_merges.c.story_id).where(story_merges.c.into_id == living)
    return Story(
        id=living,
        lead=cast("str", lead),
        sources=tuple(source for source, _ in counted),
        articles=sum(count for _, count in counted),
        members=tuple(members),
        merged=tuple(connection.scalars(merged.order_by(story_merges.c.at, story_merges.c.story_id))),
    )


def _member(row: dict[str, Any]) -> StoryMember:
    article: Article = read_article(as_served(row))
    return StoryMember(
        id=article.id,
        revision=article.revision,
        source=article.source.id,
        title=article.title,
        url=article.url,
        published_at=article.published_at,
        ingested_at=article.ingested_at,
        verdict=article.verdict,
        duplicate_of=article.duplicate_of,
    )
