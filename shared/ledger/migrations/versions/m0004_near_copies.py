"""Near copies, kept revisions, events, holds and stories."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQLite gives a rowid only to INTEGER keys; PostgreSQL needs the wider type.
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
