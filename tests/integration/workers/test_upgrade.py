"""An upgrade as it is done: stopped in the middle of work, migrated, started again, and nothing is lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from shared.clock import now_ms
from shared.index.open import open_index
from shared.ledger import open as opening
from shared.ledger.engine import Database
from shared.ledger.open import open_ledger
from shared.settings import Settings

from .conftest import ROOT, Newsroom, make_raw, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]
BEFORE = "0004"  # the ledger's version without keys and request ids
VERSION = "alembic_version"


def go_back(settings: Settings) -> None:
    """Put a ledger of the version before in the place of the present one, with what both can hold."""
    present = settings.data_dir / "ledger.sqlite"
    with closing(sqlite3.connect(present)) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not present.with_name("ledger.sqlite-wal").exists()
    kept = present.rename(present.with_name("present.sqlite"))
    database = Database(settings.ledger_url, patient=True)
    with database.write() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(opening.__file__).parent / "migrations"))
        command.upgrade(config, BEFORE)
    database.close()
    with closing(sqlite3.connect(present)) as old, old:
        old.execute("ATTACH ? AS present", (str(kept),))
        tables = old.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            if table in (VERSION, "sqlite_sequence"):
                continue
            columns = ", ".join(row[1] for row in old.execute(f"PRAGMA main.table_info({table})"))
            old.execute(f"DELETE FROM main.{table}")
            old.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM present.{table}")


def version(settings: Settings) -> str:
    with closing(sqlite3.connect(settings.data_dir / "ledger.sqlite")) as ledger:
        return str(ledger.execute(f"SELECT version_num FROM {VERSION}").fetchone()[0])


def test_what_was_under_way_in_the_version_before_is_done_after_stop_migrate_start(
    newsroom: Newsroom,
) -> None:
    number = newsroom.start_worker("clean", more=("-c", "1"))
    raws = [make_raw(each) for each in range(100)]
    newsroom.accept(*raws[:60])
    wait_until(lambda: newsroom.ledger.counts().get("cleaned", 0) == 60, "the first stage")
    newsroom.accept(*raws[60:80])
    newsroom.kill(number)  # in the middle of whatever it has of these
    newsroom.ledger.accept(raws[80:], now_ms())
    newsroom.ledger.close()
    go_back(newsroom.settings)
    assert version(newsroom.settings) == BEFORE

    environ = {**os.environ, **newsroom.settings.environment(), "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "services.cli.main", "migrate"]
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert version(newsroom.settings) > BEFORE
    newsroom.ledger = open_ledger(newsroom.settings)
    newsroom.start_all()
    assert newsroom.wait_for_all() == {"indexed": 100}, newsroom.logs()
    assert {newsroom.ledger.article(raw.id).revision for raw in raws} == {1}
    index = open_index(newsroom.settings)
    assert index.count() == 100
    index.close()
