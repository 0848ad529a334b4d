"""Which submission of an item counts as the newest: what a commit remembers of versions and times."""

from __future__ import annotations

import sqlalchemy as sa

from shared.article import Article
from shared.clock import to_ms
from shared.ledger.rows import Row
from shared.ledger.schema import articles


def raise_order(connection: sa.Connection, found: Row, article: Article) -> None:
    """Remember the newest version that said the same: an older one that comes later is superseded."""
    modified = None if article.modified_at is None else to_ms(article.modified_at)
    values = {
        "version": newest(found["version"], article.version),
        "modified_at": newest(found["modified_at"], modified),
    }
    if any(found[name] != value for name, value in values.items()):
        connection.execute(sa.update(articles).where(articles.c.id == found["id"]).values(values))


def newest(one: int | None, other: int | None) -> int | None:
    """The greater of two numbers, either of which may be missing."""
    return max((value for value in (one, other) if value is not None), default=None)
