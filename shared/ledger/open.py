"""Opens the ledger that the settings name, and brings its tables up to date."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from shared.ledger.claims import Limits
from shared.ledger.engine import Database
from shared.ledger.port import Ledger
from shared.ledger.sql import SqlLedger
from shared.settings import Settings

MIGRATION_LOCK = 0x636F7079  # any number will do, as long as nothing else in the database takes it


def open_ledger(settings: Settings) -> Ledger:
    """The ledger of this process; nothing connects yet."""
    limits = Limits(
        lease_ms=int(settings.lease_seconds * 1000), max_attempts=settings.max_attempts,
        ranks=settings.rank_of(), bar_copies=settings.bar_copies,
    )  # fmt: skip
    return SqlLedger(settings.ledger_url, limits)


def migrate_ledger(settings: Settings) -> None:
    """Create or upgrade the tables; a second caller waits for the first and finds nothing to do."""
    # Only here: it takes a seventh of the time to start a worker, and no worker migrates.
    from alembic import command
    from alembic.config import Config

    database = Database(settings.ledger_url, patient=True)
    try:
        with _one_at_a_time(database), database.write() as connection:
            if database.engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            command.upgrade(config, "head")
    finally:
        database.close()


@contextmanager
def _one_at_a_time(database: Database) -> Iterator[None]:
    # The first connection to a new SQLite file switches it to WAL, which two processes cannot do at once.
    path = database.engine.url.database
    if database.engine.dialect.name != "sqlite" or not path:
        yield
        return
    with Path(path).with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
