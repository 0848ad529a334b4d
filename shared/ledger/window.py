"""What fingerprints hold of the last days, read from the ledger, to put it back when Redis has lost it."""

from __future__ import annotations

import sqlalchemy as sa

from shared.article import Article
from shared.codec import unpack
from shared.ledger.likeness import read_texts, text_of
from shared.ledger.port import Fingerprint
from shared.ledger.rows import read_rows
from shared.ledger.schema import articles, sketches, submissions
from shared.nearness.window import WINDOW_MS
from shared.stories.features import make_story_sketch, pack_story


def read_fingerprints(connection: sa.Connection, since: int, after: int, limit: int) -> list[Fingerprint]:
    """A page of revisions accepted since, by sequence; sketches of leads only, made where there are none.

    With them what workers are comparing just now: it may have claimed its bands before they were lost, and is
    committed as a lead without asking again. Nobody knows its verdict yet, so it leads itself, and its
    ``text_hash`` is empty: who is first with the very same text, the commit finds out by itself.
    """
    start = after or _start(connection, since)
    # Before the articles: what is committed between the two queries is found by both, not by neither. What is
    # known of an article says more than its draft.
    found = _read_held(connection, start, limit) | _read_known(connection, start, limit)
    return [found[sequence] for sequence in sorted(found)[:limit]]


def _read_known(connection: sa.Connection, start: int, limit: int) -> dict[int, Fingerprint]:
    """Articles beyond a sequence, by theirs."""
    lead = sa.func.coalesce(articles.c.duplicate_of, articles.c.id)
    query = (
        sa.select(
            articles.c.sequence, articles.c.id, articles.c.text_hash, lead.label("lead"), sketches.c.story,
        )
        .outerjoin(sketches, sketches.c.article_id == articles.c.id)
        .where(articles.c.withdrawn.is_(False), articles.c.sequence > start)
        .order_by(articles.c.sequence)
        .limit(limit)
    )  # fmt: skip
    rows = read_rows(connection, query)
    texts = read_texts(connection, [row["id"] for row in rows])
    return {
        row["sequence"]: Fingerprint(
            row["sequence"], row["id"], row["text_hash"], row["lead"], texts[row["id"]].moment,
            texts[row["id"]].sketch if row["lead"] == row["id"] else None, row["story"],
        )
        for row in rows
    }  # fmt: skip


def _read_held(connection: sa.Connection, start: int, limit: int) -> dict[int, Fingerprint]:
    """Drafts that workers hold at dedupe; those of articles that are run again are known as well."""
    query = (
        sa.select(submissions.c.sequence, submissions.c.article_id, submissions.c.draft)
        .where(
            submissions.c.stage == "dedupe", submissions.c.token.is_not(None),
            submissions.c.draft.is_not(None), submissions.c.sequence > start,
        )
        .order_by(submissions.c.sequence)
        .limit(limit)
    )  # fmt: skip
    return {
        row.sequence: _coming(row.sequence, row.article_id, unpack(row.draft, Article))
        for row in connection.execute(query)
    }


def _coming(sequence: int, article_id: str, article: Article) -> Fingerprint:
    text = text_of(article_id, "", article)
    story = pack_story(make_story_sketch(article.title, article.body, article.language))
    return Fingerprint(sequence, article_id, "", article_id, text.moment, text.sketch, story)


def _start(connection: sa.Connection, since: int) -> int:
    """The sequence after which the window begins: sequences follow the time of acceptance.

    A clock that was far behind must not hide a window: what says it is much older than that is passed over.
    """
    before = sa.and_(submissions.c.accepted_at < since, submissions.c.accepted_at >= since - WINDOW_MS)
    last = sa.select(submissions.c.sequence).where(before).order_by(submissions.c.sequence.desc()).limit(1)
    return connection.scalar(last) or 0
