"""A backup of a SQLite ledger goes into PostgreSQL whole or not at all, with every number that was given."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from shared.clock import now_ms
from shared.errors import Unavailable
from shared.ledger.backup import NoBackup, copy_ledger
from shared.ledger.engine import Database
from shared.ledger.moving import count_rows, load_backup
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.schema import metadata
from shared.settings import Settings
from tests.integration.workers.conftest import make_raw
from tests.servers import free_port

pytestmark = pytest.mark.servers
MANY = 1_203  # more than two inserts' worth
GIVEN = MANY + 1  # one is withdrawn, which is written to the index by a submission of the ledger's own


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Submissions, of which one was withdrawn, and the last few were pruned."""
    folder = tmp_path_factory.mktemp("one-host")
    settings = Settings(data_dir=folder / "data")
    migrate_ledger(settings)
    with closing(open_ledger(settings)) as ledger:
        ledger.accept([make_raw(number) for number in range(MANY)], now_ms())
        ledger.withdraw(make_raw(0).id, now_ms())
    put_in_the_rest(settings)
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as file, file:
        file.execute("DELETE FROM submissions WHERE sequence > ?", (MANY - 2,)).close()
    copy_ledger(folder / "data" / "ledger.sqlite", folder / "saved.sqlite")
    return folder / "saved.sqlite"


def put_in_the_rest(settings: Settings) -> None:
    """A row in each table that pushes alone leave empty, with whatever kinds of values it has."""
    kinds = {
        sa.LargeBinary: b"\x00\xff packed \x80", sa.Boolean: True, sa.Float: 0.1 + 0.2,
        sa.BigInteger: 2**53 + 1, sa.Integer: 7, sa.Text: "it's “prose”\n", sa.String: "word",
    }  # fmt: skip
    with closing(Database(settings.ledger_url)) as database, database.write() as connection:
        for table in metadata.sorted_tables:
            if not connection.scalar(sa.select(sa.func.count()).select_from(table)):
                row = {
                    column.name: next(
                        value
                        for kind, value in kinds.items()
                        if isinstance(getattr(column.type, "impl", column.type), kind)
                    )
                    for column in table.columns
                }
                connection.execute(table.insert(), [row])


@pytest.fixture
def many(empty_postgresql_url: str, tmp_path: Path) -> Settings:
    """Settings of a newsroom on several hosts, whose database is still empty."""
    return Settings(data_dir=tmp_path, ledger_url=empty_postgresql_url)


def rows_of(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in an order that does not depend on the database."""
    with closing(Database(url)) as database, database.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def ignore(_count: int) -> None:
    """Progress that nobody looks at."""


def test_every_row_arrives_as_it_was(backup: Path, many: Settings) -> None:
    told: list[int] = []
    before, mode = backup.read_bytes(), backup.stat().st_mode
    backup.chmod(0o400)
    held = load_backup(backup, many, told.append)
    backup.chmod(mode)
    assert [path.name for path in backup.parent.iterdir() if path.is_file()] == [backup.name]
    assert backup.read_bytes() == before
    there = rows_of(many.ledger_url)
    assert there == rows_of(f"sqlite:///{backup}")
    assert all(there.values())
    assert held.submissions == len(there["submissions"]) == MANY - 2
    assert sum(told) == count_rows(backup) == sum(map(len, there.values()))


def test_what_comes_next_has_a_number_that_nothing_had_before(backup: Path, many: Settings) -> None:
    load_backup(backup, many, ignore)
    with closing(open_ledger(many)) as ledger:
        ledger.accept([make_raw(MANY + 1)], now_ms())
    with closing(Database(many.ledger_url)) as database, database.read() as connection:
        table = metadata.tables["submissions"]
        newest = connection.scalar(sa.select(sa.func.max(table.c.sequence)))
    assert newest == GIVEN + 1  # not that of a pruned one, which somebody may still know


def damage(backup: Path, folder: Path, *statements: str) -> Path:
    """A copy of a backup with some changes."""
    copy_ledger(backup, folder / "other.sqlite")
    with closing(sqlite3.connect(folder / "other.sqlite")) as file, file:
        for statement in statements:
            file.execute(statement).close()
    return folder / "other.sqlite"


def test_one_row_that_cannot_be_taken_leaves_the_database_empty(
    backup: Path, many: Settings, tmp_path: Path
) -> None:
    wrong = damage(backup, tmp_path, "UPDATE tallies SET value = 'many' WHERE name = 'accepted'")
    with pytest.raises(NoBackup, match="tallies"):
        load_backup(wrong, many, ignore)
    assert sum(map(len, rows_of(many.ledger_url).values())) == len(rows_of(many.ledger_url)["tallies"])
    load_backup(backup, many, ignore)
    assert rows_of(many.ledger_url) == rows_of(f"sqlite:///{backup}")


def holds_a_submission(settings: Settings) -> None:
    migrate_ledger(settings)
    with closing(open_ledger(settings)) as ledger:
        ledger.accept([make_raw(7)], now_ms())


def holds_a_key(settings: Settings) -> None:
    migrate_ledger(settings)
    with psycopg.connect(settings.ledger_url) as connection:
        connection.execute(
            "INSERT INTO api_keys (id, name, scopes, digest, created_at) VALUES ('a', 'b', 'search', 'c', 1)"
        )


@pytest.mark.parametrize(
    ("fill", "table"), [(holds_a_submission, "journey"), (holds_a_key, "api_keys")], ids=["pushed", "key"]
)
def test_a_database_that_holds_something_keeps_it(
    backup: Path, many: Settings, fill: Callable[[Settings], None], table: str
) -> None:
    fill(many)
    before = rows_of(many.ledger_url)
    with pytest.raises(NoBackup, match=f"holds {table} already; `createdb` a new one"):
        load_backup(backup, many, ignore)
    assert rows_of(many.ledger_url) == before


def test_a_backup_of_another_release_is_told_what_to_do(backup: Path, tmp_path: Path) -> None:
    older = damage(backup, tmp_path, "UPDATE alembic_version SET version_num = '0003'")
    with pytest.raises(NoBackup, match=r"of version 0003.* `copydesk migrate`, `copydesk backup` again"):
        count_rows(older)


def test_a_server_that_is_away_is_named(backup: Path, tmp_path: Path) -> None:
    away = f"postgresql://copydesk@127.0.0.1:{free_port()}/ledger"
    with pytest.raises(Unavailable, match="ledger"):
        load_backup(backup, replace(Settings(data_dir=tmp_path), ledger_url=away), ignore)
