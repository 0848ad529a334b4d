"""Opens the database: SQLite's habits, whose turn it is, and library errors as ``Unavailable``.

The order of locks, which keeps transactions from waiting for each other in a ring (PostgreSQL; on SQLite
every write transaction has the database for itself):

1. rows of ``submissions``, in the order of their sequences, or skipping what others hold;
2. the turn (``take_turn``), before any row of ``articles`` is written, or is read to decide something;
3. totals (``tallies.add``), last.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.errors import Unavailable

BUSY_MS = 5_000
TURN = 0x6C656467  # any number will do, as long as nothing else in the database takes it
# SQLSTATE classes and codes that say "not now", not "not ever": lost connections, refused logins, no such
# database, deadlocks, too few resources, shutdowns, input and output; a lock held too long, a standby.
OUTAGES = ("08", "28", "3D", "40", "53", "57", "58", "55P03", "25006")
MIGRATE = "; run `copydesk migrate`"
UNMIGRATED = ("42P01", "42703")  # no such table, no such column


def open_engine(url: str, *, patient: bool = False) -> sa.Engine:
    """An engine for a ledger URL; nothing connects yet."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    from shared.ledger.postgresql import open_postgresql  # its driver takes long to load

    return open_postgresql(parsed, patient=patient)


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    # An error's text must not quote the values of a row: they are articles.
    timed = {"timeout": BUSY_MS / 1000}
    engine = sa.create_engine(url, pool_timeout=5, hide_parameters=True, connect_args=timed)
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
    # The driver must not open transactions by itself: a write begins IMMEDIATE, else two workers that both
    # read first would deadlock on the upgrade and fail at once, without waiting for busy_timeout.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_MS}", "cache_size=-16000"):
        connection.execute(f"PRAGMA {pragma}").close()
    # What was erased must be gone from the file, drafts of long ago too; many builds of SQLite leave it.
    connection.execute("PRAGMA secure_delete=ON").close()


def _begin(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def take_turn(connection: sa.Connection) -> None:
    """Wait until no other transaction changes facts about articles, and keep others from it until the end.

    Who leads whom, and what must be written again, depends on many rows at once: two that decide on such
    facts at the same time would each miss what the other does. What is read after this is up to date.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(TURN)))


def try_alone(connection: sa.Connection, what: str) -> bool:
    """Whether this is the only transaction under way that asked for it; it stays so until it ends."""
    if connection.dialect.name != "postgresql":
        return True
    number = zlib.crc32(what.encode()) & 0x7FFFFFFF
    lock = sa.func.pg_try_advisory_xact_lock(sa.cast(TURN, sa.Integer), sa.cast(number, sa.Integer))
    return bool(connection.scalar(sa.select(lock)))


class Database:
    """Transactions on one engine, for the process that made it; ``patient`` without limits of time."""

    def __init__(self, url: str, *, patient: bool = False) -> None:
        self.engine = open_engine(url, patient=patient)
        self._pid = os.getpid()
        self._reading: dict[str, Any] = {"reading": True}
        if self.engine.dialect.name == "postgresql":  # where each statement else sees what is new by then
            self._reading["isolation_level"] = "REPEATABLE READ"

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One write transaction; raises ``Unavailable`` when it cannot be had or committed."""
        with self._transaction(reading=False) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent read: all its queries see the ledger as it was at the first of them."""
        with self._transaction(reading=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, reading: bool) -> Iterator[sa.Connection]:
        if os.getpid() != self._pid:
            raise RuntimeError("a ledger opened before a fork was used after it; open it in the child")
        try:
            with self.engine.connect() as plain:
                connection = plain.execution_options(**(self._reading if reading else {}))
                with connection.begin():
                    yield connection
        except PoolTimeout as error:
            raise Unavailable(f"ledger: {_first_line(error)}") from error
        except DBAPIError as error:
            if (advice := _advise(error)) is None:
                raise  # a fault of the program, or of the data
            raise Unavailable(f"ledger: {_first_line(error)}{advice}") from error

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _advise(error: DBAPIError) -> str | None:
    """What to say of an error that passes or that an operator ends; None: waiting does not help."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _advise_sqlite(cause)
    state = getattr(cause, "sqlstate", None)
    if state is None:  # no word from the server: the connection was lost, or never made
        return "" if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) else None
    if state in UNMIGRATED:
        return MIGRATE
    return "" if state.startswith(OUTAGES) else None


def _advise_sqlite(cause: sqlite3.Error) -> str | None:
    if str(cause).startswith(("no such table", "no such column")):
        return MIGRATE
    # Its primary code is in the low byte. Locked, full, read-only, broken, unreadable files have codes of
    # their own; what is wrong with a statement or a value has one of these.
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    mistakes = (
        sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE, sqlite3.SQLITE_TOOBIG,
    )  # fmt: skip
    return None if code in mistakes else ""


def _first_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).splitlines()[0] if str(cause) else type(error).__name__
