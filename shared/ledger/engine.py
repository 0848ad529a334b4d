"""Opens the database: SQLite's habits, PostgreSQL's time-outs, and library errors as ``Unavailable``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.errors import Unavailable

BUSY_MS = 5_000


def open_engine(url: str) -> sa.Engine:
    """An engine for a ledger URL; nothing connects yet."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    options = {"connect_timeout": 2, "options": f"-c lock_timeout={BUSY_MS} -c statement_timeout=20000"}
    return sa.create_engine(parsed, pool_pre_ping=True, pool_timeout=5, connect_args=options)


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, pool_timeout=5, connect_args={"timeout": BUSY_MS / 1000})
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
    # The driver must not open transactions by itself: a write begins IMMEDIATE, else two workers that both
    # read first would deadlock on the upgrade and fail at once, without waiting for busy_timeout.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_MS}", "cache_size=-16000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


class Database:
    """Transactions on one engine, for the process that made it."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        self._pid = os.getpid()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One write transaction; raises ``Unavailable`` when it cannot be had or committed."""
        with self._transaction(reading=False) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent read."""
        with self._transaction(reading=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, reading: bool) -> Iterator[sa.Connection]:
        if os.getpid() != self._pid:
            raise RuntimeError("a ledger opened before a fork was used after it; open it in the child")
        try:
            with self.engine.connect() as plain:
                connection = plain.execution_options(reading=reading)
                with connection.begin():
                    yield connection
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise Unavailable(f"ledger: {_first_line(error)}") from error

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _first_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).splitlines()[0] if str(cause) else type(error).__name__
