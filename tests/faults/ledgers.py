"""SQL of a test's own on a newsroom's ledger."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from shared.ledger.engine import open_engine
from shared.settings import Settings


def run_sql(settings: Settings, *statements: str) -> None:
    """Run statements in one transaction."""
    engine = open_engine(settings.ledger_url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def reading(engine: sa.Engine) -> sa.Connection:
    """A connection whose transactions take no write lock, so that whoever looks holds nobody up."""
    return engine.connect().execution_options(reading=True)


def ask_sql(settings: Settings, query: str) -> list[Any]:
    """The rows of a query."""
    engine = open_engine(settings.ledger_url)
    with reading(engine) as connection:
        rows = list(connection.execute(sa.text(query)))
    engine.dispose()
    return rows
