"""Articles tagged again: those that come out the same need not be written to the index once more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import sqlalchemy as sa

from shared.article import Article
from shared.codec import unpack
from shared.ledger.rows import read_rows
from shared.ledger.schema import articles, submissions

SAME = "its tags are the same"  # in the journey


def read_served(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Article]:
    """The articles among some, by id, of which the index has just what the ledger has.

    Left out are those with a change that has still to be written: a copy joined or left, or their text is
    new (a replay from before tag), so that what is served was set aside.
    """
    query = sa.select(articles.c.id, articles.c.article).where(
        articles.c.id.in_(sorted(ids)), articles.c.indexed_change == articles.c.change,
        articles.c.standing_facts.is_(None), articles.c.gone.is_(None),
    )  # fmt: skip
    return {row["id"]: unpack(row["article"], Article) for row in read_rows(connection, query)}


def have_same_tags(served: Article, again: Article) -> bool:
    """Whether tagging an article again has changed nothing of it but the version of its tags' rules.

    What the ledger fills in by itself may differ: it was read when each was made.
    """
    return served == replace(
        again, vocabulary=served.vocabulary, revision=served.revision, change=served.change,
        verdict=served.verdict, duplicate_of=served.duplicate_of, similarity=served.similarity,
        story_id=served.story_id, is_lead=served.is_lead, copies=served.copies, sort_key=served.sort_key,
        withdrawn=served.withdrawn, indexed_at=served.indexed_at, rule=served.rule, passage=served.passage,
    )  # fmt: skip


def is_tagged_again() -> sa.ColumnElement[bool]:
    """Submissions at stage tag whose article is served as the ledger has it.

    Nobody may count on them to bring it to the index, since they do so only if its tags change; and its
    text can be written there at any time.
    """
    return sa.and_(
        submissions.c.stage == "tag", submissions.c.replay.is_not(None), articles.c.standing_facts.is_(None)
    )
