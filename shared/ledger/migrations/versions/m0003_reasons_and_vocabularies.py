"""Totals of rejections by reason, and the version of the rules that each article was tagged with."""

from __future__ import annotations

import re
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOST = 50  # reasons with a total of their own
WORD = re.compile(r"[a-z][a-z0-9-]{0,31}")


def upgrade() -> None:
    """Add what the third release keeps, and count by its reason what was rejected before."""
    # What is there was tagged without a version. As a default it takes no time, however many rows there are.
    op.add_column("articles", sa.Column("vocabulary", sa.String(16), server_default=""))
    op.execute(
        "UPDATE articles SET vocabulary = NULL WHERE gone IS NOT NULL OR (indexed_change = 0 AND sequence IN"
        " (SELECT sequence FROM submissions WHERE stage IS NULL))"  # they failed, and nobody sees them
    )
    known = sa.text("vocabulary IS NOT NULL")
    op.create_index(
        "ix_articles_vocabulary", "articles", ["vocabulary"], sqlite_where=known, postgresql_where=known
    )
    with op.batch_alter_table("tallies") as tallies:  # SQLite alters a table by copying it
        tallies.alter_column(
            "name", existing_type=sa.String(16), type_=sa.String(48), existing_nullable=False
        )
    _count_reasons()


def _count_reasons() -> None:
    """Count what is there; of what was pruned nobody knows the reason, and no total tells of it."""
    pushes = sa.table("submissions", sa.column("status"), sa.column("kind"), sa.column("reason"))
    tallies = sa.table("tallies", sa.column("name"), sa.column("shard"), sa.column("value"))
    rejected = sa.and_(pushes.c.kind == "push", pushes.c.status == "rejected")
    query = sa.select(pushes.c.reason, sa.func.count()).where(rejected).group_by(pushes.c.reason)
    found: Counter[str] = Counter()
    for reason, count in op.get_bind().execute(query):
        if reason is not None and reason.startswith("dropped:"):
            found["dropped"] += count
        elif reason is not None and WORD.fullmatch(reason):
            found[reason] += count
    rows = [
        {"name": f"rejected:{word}", "shard": 0, "value": count} for word, count in found.most_common(MOST)
    ]
    op.bulk_insert(tallies, rows)
