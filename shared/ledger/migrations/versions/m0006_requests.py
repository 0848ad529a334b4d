"""Which request brought each submission, and where that request stands in a trace."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns; of what is there already nobody knows the request."""
    op.add_column("submissions", sa.Column("request", sa.String(64)))
    op.add_column("submissions", sa.Column("traceparent", sa.String(55)))
