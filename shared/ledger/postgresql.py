"""PostgreSQL's connections: no wait for the server lasts longer than a stated time."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import event

LOCK_MS = 5_000
STATEMENT_MS = 10_000
CONNECT_SECONDS = 2  # the shortest that libpq knows
# A server that is frozen, or a network that swallows everything, never says that a statement took too long.
WAIT_SECONDS = STATEMENT_MS / 1000 + 2


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that gives up on a server from which nothing comes; raises ``OperationalError``."""

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the driver's own types
        """Wait as the driver does, which looks up ten times a second, but no longer than is stated."""
        return super().wait(self._bounded(gen), *args, **kwargs)

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        end = time.monotonic() + WAIT_SECONDS
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > end:
                    self.pgconn.finish()  # what became of the statement cannot be known
                    raise psycopg.OperationalError(f"no answer from the server in {WAIT_SECONDS:.0f} s")
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value


def open_postgresql(url: sa.URL, *, patient: bool) -> sa.Engine:
    """An engine for a PostgreSQL URL; a patient one, for migrations, lets statements take their time."""
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    limits = "" if patient else f"-c lock_timeout={LOCK_MS} -c statement_timeout={STATEMENT_MS}"
    options = {"connect_timeout": CONNECT_SECONDS, "options": limits}
    engine = sa.create_engine(
        url, pool_pre_ping=True, pool_timeout=5, hide_parameters=True, connect_args=options
    )
    if not patient:
        event.listen(engine, "do_connect", _connect)
    return engine


def _connect(_dialect: object, _record: object, args: Any, options: Any) -> BoundedConnection:  # noqa: ANN401
    return BoundedConnection.connect(*args, **options)
