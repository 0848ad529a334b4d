"""The columns of an article's next revision, but for its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from shared.article import Article
from shared.clock import from_ms, to_ms
from shared.codec import pack
from shared.ledger.holds import held_state
from shared.ledger.order import newest
from shared.ledger.port import Outcome
from shared.ledger.rows import Row, sort_key
from shared.nearness.window import moment_of


def revise(
    row: Row, outcome: Outcome, article: Article, found: Row | None, ranks: Mapping[str, int], now: int
) -> dict[str, Any]:
    """What is stored of an article that a submission makes; ``found`` is its row, if it has one."""
    old = found or {"revision": 0, "change": 0, "indexed_change": 0, "indexed_at": None}
    held, due_at = held_state(article.pub_status, article.embargo_until, article.expires_at, now)
    modified = None if article.modified_at is None else to_ms(article.modified_at)
    again = row["sequence"] == old.get("sequence")  # it is run again: its source has changed nothing
    return {
        "id": row["article_id"], "source_id": article.source.id, "url": article.url,
        "sequence": row["sequence"], "revision": old["revision"] + (not again), "change": old["change"] + 1,
        "indexed_change": old["indexed_change"], "indexed_at": old["indexed_at"],
        # Of what says nothing of its own order, the highest that was seen before counts.
        "version": newest(old.get("version"), article.version),
        "modified_at": newest(old.get("modified_at"), modified),
        "content_hash": outcome.content_hash, "text_hash": outcome.text_hash,
        "sort_key": sort_key(article, row["sequence"] if found is None else found["sort_key"]),
        "ingested_at": to_ms(article.ingested_at), "withdrawn": False, "gone": None, "gone_at": None,
        "vocabulary": None,  # it is not tagged yet
        "moment": moment_of(article), "rank": ranks.get(article.source.id, 0),
        "held": held, "due_at": due_at, "heir": old.get("heir"),
        # Dedupe changes no article: a new one is stored as clean has packed it.
        "article": row["draft"] if found is None else pack(article),
    }  # fmt: skip


def as_first_seen(article: Article, found: Row) -> Article:
    """A revision keeps the time at which its item first came in."""
    return replace(article, ingested_at=from_ms(cast("int", found["ingested_at"])))
