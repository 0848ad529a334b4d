"""The first tables: submissions, originals, articles and their journey."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the first tables."""
    _submissions()
    _articles()
    op.create_table(
        "originals",
        sa.Column("sequence", KEY, primary_key=True, autoincrement=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "journey",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("article_id", sa.String(32), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("stage", sa.String(8), nullable=False),
        sa.Column("word", sa.String(12), nullable=False),
        sa.Column("worker", sa.String(64), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("detail", sa.Text),
    )
    op.create_index("ix_journey_article", "journey", ["article_id"])


def _submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("sequence", KEY, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("article_id", sa.String(32), nullable=False),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("lane", sa.String(8), nullable=False),
        sa.Column("stage", sa.String(8)),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("traceback", sa.Text),
        sa.Column("failed_stage", sa.String(8)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("alone", sa.Boolean, nullable=False),
        sa.Column("claimed", sa.Integer, nullable=False),
        sa.Column("token", sa.String(32)),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        sa.Column("waiting_since", sa.BigInteger, nullable=False),
        sa.Column("accepted_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("draft", sa.LargeBinary),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_submissions_article", "submissions", ["article_id", "sequence"])
    pending = ["article_id", "sequence"]
    _partial_index("ix_submissions_pending", "submissions", pending, "stage IS NOT NULL")
    _partial_index("ix_submissions_token", "submissions", ["token"], "token IS NOT NULL")
    _partial_index(
        "ix_submissions_waiting", "submissions", ["stage", "lane", "sequence"], "stage IS NOT NULL"
    )


def _articles() -> None:
    op.create_table(
        "articles",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
        sa.Column("indexed_change", sa.BigInteger, nullable=False),
        sa.Column("indexed_at", sa.BigInteger),
        sa.Column("version", sa.BigInteger),
        sa.Column("modified_at", sa.BigInteger),
        sa.Column("content_hash", sa.String(32), nullable=False),
        sa.Column("text_hash", sa.String(32), nullable=False),
        sa.Column("verdict", sa.String(12), nullable=False),
        sa.Column("duplicate_of", sa.String(32)),
        sa.Column("similarity", sa.Float, nullable=False),
        sa.Column("story_id", sa.String(32), nullable=False),
        sa.Column("sort_key", sa.BigInteger, nullable=False),
        sa.Column("ingested_at", sa.BigInteger, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("article", sa.LargeBinary, nullable=False),
        sa.Column("standing", sa.LargeBinary),
        sa.Column("standing_facts", sa.LargeBinary),
    )
    _partial_index("ix_articles_duplicate_of", "articles", ["duplicate_of"], "duplicate_of IS NOT NULL")
    op.create_index("ix_articles_sequence", "articles", ["sequence"])
    op.create_index("ix_articles_text", "articles", ["text_hash"])


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
