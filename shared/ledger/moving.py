"""A backup of a SQLite ledger put into PostgreSQL, for when one machine is no longer enough.

Rows keep their numbers, so that what callers remember (ids, revisions, where they are among the events) stays
true. What waited goes on waiting, at its stage; nothing is decided anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from shared.ledger.backup import Held, NoBackup, known_versions, look_into
from shared.ledger.engine import Database
from shared.ledger.open import migrate_ledger
from shared.ledger.schema import metadata, tallies
from shared.settings import PREFIX, Settings

ROWS = 500  # in one insert; with their articles some megabytes


def count_rows(backup: Path) -> int:
    """How many rows a backup has, in all tables; raises ``NoBackup`` where it is none that can be loaded."""
    held = look_into(backup)
    if held.version != max(known_versions()):
        raise NoBackup(
            f"{backup} has tables of version {held.version}, and PostgreSQL takes those of this release: "
            f"restore it into an empty {PREFIX}DATA_DIR without {PREFIX}LEDGER_URL, `copydesk migrate`, "
            "`copydesk backup` again"
        )
    with _opened(backup) as rows:
        return sum(_count(rows, table) for table in metadata.sorted_tables)


def load_backup(backup: Path, settings: Settings, advance: Callable[[int], None]) -> Held:
    """Copy a backup into the settings' PostgreSQL, all of it or nothing; returns what it holds.

    ``advance`` is told of rows as they are copied. Raises ``NoBackup``, also for a database that holds
    something, and ``Unavailable`` when it cannot be reached.
    """
    held = look_into(backup)
    migrate_ledger(settings)
    with (
        closing(Database(settings.ledger_url, patient=True)) as target,
        _opened(backup) as rows,
        target.write() as made,
    ):
        _check_empty(made)
        for table in metadata.sorted_tables:
            _copy(rows, made, table, advance)
    return held


@contextmanager
def _opened(backup: Path) -> Iterator[sa.Connection]:
    """To be read and left as it is, also where the file or its folder cannot be written to."""
    address = f"{backup.absolute().as_uri()}?mode=ro"
    engine = sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _check_empty(made: sa.Connection) -> None:
    for table in metadata.sorted_tables:
        made.execute(sa.text(f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE"))
        if table is tallies:  # a migration leaves zeros there
            made.execute(tallies.delete().where(tallies.c.value == 0))
        if _count(made, table):
            raise NoBackup(
                f"the database of {PREFIX}LEDGER_URL holds {table.name} already; `createdb` a new one"
            )


def _copy(rows: sa.Connection, made: sa.Connection, table: sa.Table, advance: Callable[[int], None]) -> None:
    read = rows.execution_options(yield_per=ROWS).execute(sa.select(table))
    for part in read.mappings().partitions():
        try:
            made.execute(table.insert(), [dict(row) for row in part])
        except (sa.exc.DataError, sa.exc.IntegrityError) as error:
            # Its text may quote the row, which may be an article.
            state = getattr(error.orig, "sqlstate", None)
            raise NoBackup(
                f"PostgreSQL does not take a row of {table.name} (SQLSTATE {state}), so nothing was kept"
            ) from error
        advance(len(part))
    _go_on_numbering(rows, made, table)
    found, wanted = _count(made, table), _count(rows, table)
    if found != wanted:
        raise NoBackup(f"only {found} of {wanted} rows of {table.name} arrived, so nothing was kept")


def _go_on_numbering(rows: sa.Connection, made: sa.Connection, table: sa.Table) -> None:
    """Let the next row have the number that it would have had, also where the last ones were pruned."""
    column = table.autoincrement_column
    if column is None or column.autoincrement is not True:
        return
    last = rows.scalar(sa.select(sa.func.max(column))) or 0
    if table.dialect_options["sqlite"]["autoincrement"]:
        given = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = max(last, rows.scalar(given, {"name": table.name}) or 0)
    counter = sa.func.pg_get_serial_sequence(table.name, column.name)
    made.execute(sa.select(sa.func.setval(counter, max(last, 1), last > 0)))


def _count(rows: sa.Connection, table: sa.Table) -> int:
    return rows.scalar(sa.select(sa.func.count()).select_from(table)) or 0
