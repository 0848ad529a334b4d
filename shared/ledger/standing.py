"""The revision that stands in the index while a newer one is on its way, and its return when that fails.

Search shows an article's newest usable revision. A row of ``articles`` holds the newest one, so the one that
is being served is set aside until its successor is served in its place.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from shared.article import Article
from shared.codec import from_json, to_json, unpack
from shared.ledger.leads import behind_heir, follow_on, free_copies, resolve_verdict, review_copies, touch
from shared.ledger.likeness import keep_sketches, text_of
from shared.ledger.rows import Row, verdict_of
from shared.ledger.schema import articles, sketches, submissions
from shared.ledger.stories import living_story

FACTS = (
    "source_id", "url", "sequence", "revision", "version", "modified_at", "content_hash", "text_hash",
    "verdict", "duplicate_of", "similarity", "story_id", "sort_key", "withdrawn", "gone",
    "gone_at", "vocabulary", "rule", "passage", "moment", "rank", "held", "due_at",
)  # fmt: skip
TOLD = ("duplicate_of", "verdict", "similarity", "rule", "url", "held")  # of a copy, under its lead
NONE = {"standing": None, "standing_facts": None}


def set_aside(connection: sa.Connection, found: Row, row: Row) -> dict[str, Any]:
    """Column values that keep what an article shows while a submission is about to change it.

    That is its present revision, if that is served or just about to be; or the tombstone of a pruned article
    that comes back.
    """
    if found["standing_facts"] is not None:
        return {}  # what is served was set aside before, and the present revision never came so far
    if found["gone"] is None and not _is_served(connection, found, row):
        return {}
    return {"standing": articles.c.article, "standing_facts": to_json({name: found[name] for name in FACTS})}


def _is_served(connection: sa.Connection, found: Row, row: Row) -> bool:
    place: Any = None
    if found["sequence"] != row["sequence"]:
        present = sa.select(submissions.c.status, submissions.c.replay)
        place = connection.execute(present.where(submissions.c.sequence == found["sequence"])).first()
    # Superseded and yet present: it was overtaken, its successor failed, and it has been put back.
    if place is not None and place.status in ("tagged", "indexed", "superseded"):
        return True
    # One that is run again, or waits for that, or failed as it was, no longer says that it is indexed.
    again = found["sequence"] == row["sequence"] or (
        place is not None and (place.status == "quarantined" or place.replay is not None)
    )
    return bool(found["indexed_change"]) and again


def as_served(row: Row) -> Row:
    """An ``articles`` row as the index has it: with what was set aside in the place of what comes."""
    if row["standing_facts"] is None:
        return row
    return row | from_json(row["standing_facts"], dict[str, Any]) | {"article": row["standing"]}


def fall_back(connection: sa.Connection, row: Row) -> set[str]:
    """Put the served revision back in place of one that failed; returns the ids whose documents change."""
    mine = sa.and_(articles.c.id == row["article_id"], articles.c.sequence == row["sequence"])
    columns = (articles.c.standing_facts, articles.c.standing, articles.c.content_hash, articles.c.heir)
    told = [articles.c[name] for name in TOLD]
    found = connection.execute(sa.select(*columns, *told).where(mine)).first()
    if found is None or found.standing_facts is None:
        return set()
    facts = from_json(found.standing_facts, dict[str, Any])  # an older release set aside fewer of them
    article = unpack(found.standing, Article)
    text = text_of(row["article_id"], facts["text_hash"], article)
    before = verdict_of(facts)
    if before.duplicate_of is None:  # who led may have handed over, when it was held
        before = behind_heir(connection, found.heir, text, article.body) or before
    verdict = resolve_verdict(connection, text, before, article.body)
    facts["story_id"] = living_story(connection, facts["story_id"])  # it may have been merged meanwhile
    facts |= {
        "verdict": verdict.word, "duplicate_of": verdict.duplicate_of, "similarity": verdict.similarity,
        "rule": verdict.rule, "passage": verdict.passage,
    }  # fmt: skip
    values = {
        "vocabulary": "", "moment": text.moment, "held": None, "due_at": None, **facts, **NONE,
        "article": articles.c.standing, "change": articles.c.change + 1,
    }  # fmt: skip
    connection.execute(sa.update(articles).where(mine).values(values))
    story = sa.select(sketches.c.story).where(sketches.c.article_id == row["article_id"])
    kept = {"article_id": row["article_id"], "near": text.sketch, "story": connection.scalar(story)}
    keep_sketches(connection, [kept])
    is_told = {name: facts.get(name) for name in TOLD} == {name: getattr(found, name) for name in TOLD}
    leads = set() if is_told else {found.duplicate_of, verdict.duplicate_of} - {None}
    touch(connection, leads)
    changed = {row["article_id"], *leads}
    if verdict.duplicate_of is not None:  # it led for a while, and a copy cannot lead
        changed |= follow_on(connection, row["article_id"], verdict.duplicate_of)
    elif facts.get("held") is not None:  # the one that failed was to be shown, and led for a while
        changed |= free_copies(connection, row["article_id"])
    elif found.content_hash != facts.get("content_hash"):  # of equal words the title may tell
        changed |= review_copies(connection, row["article_id"])
    return changed
