"""Replays, tombstones, tallies, idempotency keys and erasures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ENDED = ("indexed", "unchanged", "superseded", "rejected", "quarantined", "withdrawn")


def upgrade() -> None:
    """Add what the second release keeps, and count what is there already."""
    op.add_column("submissions", sa.Column("replay", sa.String(5)))
    op.add_column("articles", sa.Column("gone", sa.String(9)))
    op.add_column("articles", sa.Column("gone_at", sa.BigInteger))
    _partial_index("ix_submissions_quarantined", "submissions", ["sequence"], "status = 'quarantined'")
    op.drop_index("ix_submissions_pending", "submissions")
    pending = ["article_id", "stage", "sequence"]
    _partial_index("ix_submissions_pending", "submissions", pending, "stage IS NOT NULL")
    _partial_index("ix_articles_gone", "articles", ["gone_at"], "gone IS NOT NULL")
    tallies = op.create_table(
        "tallies",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "once",
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_once_created", "once", ["created_at"])
    op.create_table(
        "erasures",
        sa.Column("article_id", sa.String(32), primary_key=True),
        sa.Column("text_hash", sa.String(32), primary_key=True),
        sa.Column("due", sa.Boolean, nullable=False),
    )
    _count_what_is_there(tallies)


def _count_what_is_there(tallies: sa.Table) -> None:
    pushes = sa.table("submissions", sa.column("status"), sa.column("kind"))
    query = sa.select(pushes.c.status, sa.func.count()).where(pushes.c.kind == "push")
    rows = op.get_bind().execute(query.group_by(pushes.c.status))
    found = {status: count for status, count in rows}  # noqa: C416 - rows, not pairs
    counts = {"accepted": sum(found.values())} | {word: found[word] for word in ENDED if word in found}
    op.bulk_insert(tallies, [{"name": name, "shard": 0, "value": count} for name, count in counts.items()])


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
