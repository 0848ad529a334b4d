"""Totals since the beginning, kept by the transactions that change them; how full, and how alive, it is."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from shared.clock import from_ms
from shared.ledger.keeping import Load
from shared.ledger.reasons import is_reason
from shared.ledger.schema import journey, submissions, tallies

SHARDS = 16
STEPS_LOOKED_AT = 100_000  # of the journeys of some 20,000 articles; more would not be read in a moment


def _make_addition(insert: Any) -> Any:  # noqa: ANN401 - each dialect has a type of its own
    added = {"value": tallies.c.value + insert.excluded.value}
    return insert.on_conflict_do_update(index_elements=["name", "shard"], set_=added)


# Made once, and given its rows only as it is executed: a statement that holds values is compiled every time,
# which took ten times as long as the rest of the call.
_ADD = {
    "sqlite": _make_addition(sqlite.insert(tallies)),
    "postgresql": _make_addition(postgresql.insert(tallies)),
}


def add(connection: sa.Connection, counts: Mapping[str, int]) -> None:
    """Add to totals, negative numbers too.

    Whoever holds a total makes others wait until its transaction ends, so this comes last in it. Each
    thread has a shard, and names are in order, so that they seldom wait and never for each other.
    """
    shard = threading.get_native_id() % SHARDS
    rows = [{"name": name, "shard": shard, "value": counts[name]} for name in sorted(counts) if counts[name]]
    if not rows:
        return
    connection.execute(_ADD[connection.dialect.name], rows)


def read_tallies(connection: sa.Connection) -> dict[str, int]:
    """Every total by name, but for those of reasons; what never happened is left out."""
    query = sa.select(tallies.c.name, sa.func.sum(tallies.c.value)).group_by(tallies.c.name)
    query = query.where(sa.not_(is_reason(tallies.c.name)))
    return {name: int(total) for name, total in connection.execute(query) if total}


def read_last_indexed(connection: sa.Connection) -> datetime | None:
    """When the index stage finished a submission last; looks no further back than ``STEPS_LOOKED_AT``.

    The newest steps come first, so it is found among a few as long as anything is indexed.
    """
    newest = sa.select(sa.func.max(journey.c.id)).scalar_subquery()
    done = sa.select(journey.c.at).where(
        journey.c.id > newest - STEPS_LOOKED_AT,
        journey.c.stage == "index",  # a person, or newer rules, may say the word as well
        journey.c.word == "indexed",
    )
    found = connection.scalar(done.order_by(journey.c.id.desc()).limit(1))
    return None if found is None else from_ms(found)


def measure_load(connection: sa.Connection, url: sa.URL, pending_cap: int) -> Load:
    """How full the ledger is; bytes of a SQLite file in memory only are told as 0."""
    pending = sa.select(sa.literal(1)).select_from(submissions).where(submissions.c.stage.is_not(None))
    counted = sa.select(sa.func.count()).select_from(pending.limit(pending_cap + 1).subquery())
    found = connection.scalar(counted) or 0
    if connection.dialect.name == "postgresql":
        taken = connection.scalar(sa.select(sa.func.pg_database_size(sa.func.current_database())))
        return Load(found, int(taken or 0), None)
    if not url.database or url.database == ":memory:":
        return Load(found, 0, None)
    return Load(found, _file_bytes(url.database), shutil.disk_usage(Path(url.database).parent).free)


def _file_bytes(database: str) -> int:
    total = 0
    for path in (Path(database), Path(f"{database}-wal")):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # no write-ahead log while nobody has the file open
            continue
    return total
