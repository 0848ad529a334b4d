"""Near copies, kept revisions, events, holds and stories."""

from __future__ import annotations

import json
import zlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQLite gives a rowid only to INTEGER keys; PostgreSQL needs the wider type.
PAGE = 1_000
DAY_MS = 24 * 3_600_000
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what the fourth release keeps; sketches of what is there are made when they are asked for."""
    for column in (
        sa.Column("rule", sa.String(32)),
        sa.Column("passage", sa.Text),
        sa.Column("moment", sa.BigInteger),
        sa.Column("rank", sa.Integer, nullable=False, server_default="0"),
        sa.Column("held", sa.String(8)),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("heir", sa.String(32)),
    ):
        op.add_column("articles", column)
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_articles_due", "articles", ["due_at"], sqlite_where=due, postgresql_where=due)
    op.create_index("ix_articles_story", "articles", ["story_id"])
    op.create_table(
        "sketches",
        sa.Column("article_id", sa.String(32), primary_key=True),
        sa.Column("near", sa.LargeBinary),
        sa.Column("story", sa.LargeBinary),
    )
    op.create_table(
        "revisions",
        sa.Column("article_id", sa.String(32), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("article", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("article_id", sa.String(32), nullable=False),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_article", "events", ["article_id"])
    op.create_index("ix_events_at", "events", ["at"])
    op.create_table(
        "story_merges",
        sa.Column("story_id", sa.String(32), primary_key=True),
        sa.Column("into_id", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_story_merges_into", "story_merges", ["into_id"])
    op.create_table(
        "barred_texts",
        sa.Column("text_hash", sa.String(32), primary_key=True),
        sa.Column("article_id", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.add_column("erasures", sa.Column("sketch", sa.LargeBinary))
    op.add_column("erasures", sa.Column("story", sa.LargeBinary))
    op.add_column("erasures", sa.Column("moment", sa.BigInteger))
    due = sa.text("due")
    op.create_index(
        "ix_erasures_due", "erasures", ["article_id", "text_hash"], sqlite_where=due, postgresql_where=due
    )
    _fill_moments()


def _fill_moments() -> None:
    """Say of each article by which time its window is counted, and since when it is held or is due to be.

    Those that are held, or have an end, are due at once: the sweeper's first turn finds out what they are.
    """
    table = sa.table(
        "articles",
        *(sa.column(name) for name in ("id", "gone", "article", "moment", "ingested_at", "due_at")),
    )
    connection, last = op.get_bind(), ""
    while True:
        page = sa.select(table.c.id, table.c.article, table.c.ingested_at, table.c.gone)
        rows = connection.execute(page.where(table.c.id > last).order_by(table.c.id).limit(PAGE)).all()
        if not rows:
            return
        last = rows[-1].id
        values = [{"row_id": row.id, **_times(row)} for row in rows]
        mine = sa.update(table).where(table.c.id == sa.bindparam("row_id"))
        connection.execute(mine.values(moment=sa.bindparam("at"), due_at=sa.bindparam("due")), values)


def _times(row: Any) -> dict[str, int | None]:  # noqa: ANN401 - a row of that query
    try:
        found = json.loads(zlib.decompress(row.article))
    except (ValueError, zlib.error):  # it is told of when it is read next
        return {"at": row.ingested_at, "due": None}
    published = found.get("published_at")
    at = int(datetime.fromisoformat(published).timestamp() * 1000) if published else row.ingested_at
    ends = found.get("expires_at") or found.get("embargo_until")
    is_held = row.gone is None and (ends or found.get("pub_status", "usable") != "usable")
    return {"at": row.ingested_at if at > row.ingested_at + DAY_MS else at, "due": 0 if is_held else None}
