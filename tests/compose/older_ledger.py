"""Puts the ledger of a stopped stack back to the version before the newest; run in a container of its own.

What both versions can hold is copied into a ledger that the older migrations have made.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from shared.ledger import open as opening
from shared.ledger.engine import Database
from shared.settings import read_settings

VERSION = "alembic_version"


def go_back(present: Path, url: str) -> str:
    """Replace the ledger; returns the version that it has then."""
    with closing(sqlite3.connect(present)) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = present.rename(present.with_name("present.sqlite"))
    config = Config()
    config.set_main_option("script_location", str(Path(opening.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    before = str(scripts.get_revision(str(scripts.get_current_head())).down_revision)
    database = Database(url, patient=True)
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, before)
    database.close()
    with closing(sqlite3.connect(present)) as old, old:
        old.execute("ATTACH ? AS present", (str(kept),))
        for (table,) in old.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            if table in (VERSION, "sqlite_sequence"):
                continue
            columns = ", ".join(row[1] for row in old.execute(f"PRAGMA main.table_info({table})"))
            old.execute(f"DELETE FROM main.{table}")
            old.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM present.{table}")
    kept.unlink()
    return before


if __name__ == "__main__":
    settings = read_settings()
    print(go_back(settings.data_dir / "ledger.sqlite", settings.ledger_url))  # noqa: T201 - the test reads it
