"""What a commit writes of many rows in one statement; made once, since putting one together takes long."""

from __future__ import annotations

import sqlalchemy as sa

from shared.ledger.schema import articles, submissions

# Every settled row writes the same columns, so that one prepared statement serves a whole batch.
SETTLED = ("stage", "status", "reason", "traceback", "failed_stage", "attempts", "alone", "claimed", "token",
           "lease_until", "not_before", "waiting_since", "updated_at", "draft", "replay")  # fmt: skip
SETTLE = (
    sa.update(submissions)
    .where(submissions.c.sequence == sa.bindparam("row_sequence"))
    .values({name: sa.bindparam(name) for name in SETTLED})
)
SET_TAGS = (
    sa.update(articles)
    .where(articles.c.id == sa.bindparam("row_id"))
    .values(
        article=sa.bindparam("packed"), change=articles.c.change + 1, vocabulary=sa.bindparam("made_with")
    )
)
SET_VERSION = (
    sa.update(articles)
    .where(articles.c.id == sa.bindparam("row_id"))
    .values(vocabulary=sa.bindparam("made_with"))
)
SET_INDEXED = (
    sa.update(articles)
    .where(articles.c.id == sa.bindparam("row_id"), articles.c.indexed_change < sa.bindparam("written"))
    .values(indexed_change=sa.bindparam("written"), indexed_at=sa.bindparam("at_ms"))
)
# What a submission makes of an article (``revise``, its verdict and story), in the place of what is there.
REVISED = (
    "id", "source_id", "url", "sequence", "revision", "change", "indexed_change", "indexed_at", "version",
    "modified_at", "content_hash", "text_hash", "sort_key", "ingested_at", "withdrawn", "gone", "gone_at",
    "vocabulary", "moment", "rank", "held", "due_at", "heir", "article", "verdict", "duplicate_of",
    "similarity", "rule", "passage", "story_id",
)  # fmt: skip
_REVISE = sa.update(articles).where(articles.c.id == sa.bindparam("row_id"))
SET_REVISION = _REVISE.values({name: sa.bindparam(name) for name in REVISED})
# The same where what was served is set aside: the article as it is, with the facts that were true of it.
SET_NEXT = SET_REVISION.values(standing=articles.c.article, standing_facts=sa.bindparam("standing_facts"))
