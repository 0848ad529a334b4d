"""What may not come back: items withdrawn for good, and (a setting) the texts that they had."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from shared.article import RawArticle
from shared.codec import from_json
from shared.ledger.rows import Row
from shared.ledger.schema import barred_texts, erasures

BARRED = ("withdrawn", "purged")  # whose items may not come back; what was only pruned may
KILLED = "canceled by its source"

_BAR = {  # made once: a statement is compiled again whenever it is put together
    "sqlite": sqlite.insert(barred_texts).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(barred_texts).on_conflict_do_nothing(),
}


def is_kill(raw: RawArticle) -> bool:
    """Whether an item is pushed to be withdrawn for good."""
    return raw.pub_status == "canceled"


def bar_texts(connection: sa.Connection, found: Row, now: int) -> None:
    """Bar every text of an article that is being withdrawn: what it has, what it serves and what it had.

    ``found`` is its row. Called before its hashes are erased by a purge; what is kept here is a hash, from
    which nobody can read the text, and it stays, since a purge asks the more for that it never comes back.
    """
    mine = sa.select(erasures.c.text_hash).where(erasures.c.article_id == found["id"])
    texts = {found["text_hash"], *connection.scalars(mine)}
    if found["standing_facts"] is not None:
        texts.add(from_json(found["standing_facts"], dict[str, Any])["text_hash"])
    rows = [{"text_hash": text, "article_id": found["id"], "at": now} for text in sorted(texts) if text]
    if rows:
        connection.execute(_BAR[connection.dialect.name], rows)


def barred(connection: sa.Connection, text_hashes: Iterable[str]) -> dict[str, str]:
    """Those of some texts that may not come in, each with the id of the withdrawn article whose it was."""
    wanted = sorted({text for text in text_hashes if text})
    if not wanted:
        return {}
    query = sa.select(barred_texts.c.text_hash, barred_texts.c.article_id)
    found = connection.execute(query.where(barred_texts.c.text_hash.in_(wanted)))
    return {row.text_hash: row.article_id for row in found}


def barred_words(article_id: str) -> str:
    """The reason with which a copy of a withdrawn article ends."""
    return f"the same text as the withdrawn article {article_id}"
