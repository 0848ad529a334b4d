"""A copy of a SQLite ledger, made while it is written to, and a copy put in the ledger's place.

PostgreSQL has tools of its own for both (pg_dump, pg_restore), which know its roles and versions.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from shared.clock import from_ms
from shared.errors import BadSettings, CopydeskError, Unavailable
from shared.settings import PREFIX, Settings

BUSY_SECONDS = 30.0  # a checkpoint or a migration may hold the ledger for a while
PG_WORDS = (
    "the ledger is in PostgreSQL, which has tools of its own for that: `pg_dump --format=custom "
    "--file=ledger.dump --dbname=postgresql://...` while everything runs, and with everything stopped "
    "`createdb` a new database, `pg_restore --dbname=postgresql://... ledger.dump` into it, name it in "
    f"{PREFIX}LEDGER_URL, then `copydesk migrate` and `copydesk reindex`"
)


class NoBackup(CopydeskError):  # noqa: N818 - read as a sentence
    """A file is no whole backup of a ledger, or is of a release that this one does not know."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a backup holds: its submissions, when the newest came (None: there is none), and its tables."""

    submissions: int
    newest: datetime | None
    size: int  # bytes
    version: str  # of the tables


def is_on_server(settings: Settings) -> bool:
    """Whether the ledger is in a database server, and in no file."""
    return sa.make_url(settings.ledger_url).get_backend_name() != "sqlite"


def ledger_file(settings: Settings) -> Path:
    """Where the SQLite ledger lies; raises ``BadSettings`` for a ledger that is no file."""
    url = sa.make_url(settings.ledger_url)
    if is_on_server(settings):
        raise BadSettings(f"{PREFIX}LEDGER_URL: {PG_WORDS}")
    if not url.database or url.database == ":memory:":
        raise BadSettings(f"{PREFIX}LEDGER_URL names a ledger that is in no file")
    return Path(url.database)


def copy_ledger(source: Path, target: Path) -> Held:
    """Copy the ledger as it is at one moment; nobody who writes to it waits. Raises ``Unavailable``.

    What was committed before the call is in the copy. It is complete on the disk, and checked, before it has
    its name, so that a file of that name is a whole backup. Only its owner may read it: it holds articles.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        part.touch(mode=0o600)
        with _opened(source) as ledger, closing(sqlite3.connect(part)) as copy:
            # All pages in one step: with several, each write of another process would begin it anew.
            ledger.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE").close()  # one file, without a log beside it
        held = look_into(part)
        _sync(part)
        part.rename(target)
        _sync(target.parent)
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(f"no backup was made: {_words(error)}") from error
    finally:
        part.unlink(missing_ok=True)
    return held


def look_into(backup: Path) -> Held:
    """What a backup holds; raises ``NoBackup`` when it is damaged, or no ledger at all."""
    try:
        with _opened(backup) as copy:
            damage = _one(copy, "PRAGMA quick_check")
            if damage != "ok":
                raise NoBackup(f"{backup} is damaged: {damage}")
            # Refreshes are the ledger's own: nobody else calls them submissions.
            query = "SELECT count(*) FILTER (WHERE kind = 'push'), max(accepted_at) FROM submissions"
            count, newest = copy.execute(query).fetchone()
            version = _one(copy, "SELECT version_num FROM alembic_version")
    except sqlite3.Error as error:
        raise NoBackup(f"{backup} is no backup of a ledger: {error}") from error
    moment = None if newest is None else from_ms(newest)
    return Held(count, moment, backup.stat().st_size, str(version))


def put_back(backup: Path, ledger: Path) -> Held:
    """Make a backup the ledger, whole or not at all; raises ``NoBackup``, also where a ledger is already."""
    held = look_into(backup)
    if held.version not in known_versions():
        raise NoBackup(f"{backup} is of a newer release (tables {held.version}); install that one first")
    for path in (ledger, *(ledger.with_name(ledger.name + end) for end in ("-wal", "-shm"))):
        if path.exists():
            raise NoBackup(f"{path} is there already; move it away first, or choose another {PREFIX}DATA_DIR")
    ledger.parent.mkdir(parents=True, exist_ok=True)
    copy_ledger(backup, ledger)
    return held


def known_versions() -> frozenset[str]:
    """The versions of tables that this release can bring up to date."""
    found = (Path(__file__).parent / "migrations" / "versions").glob("m*_*.py")
    return frozenset(path.name[1:].partition("_")[0] for path in found)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    # A write-ahead log may have to be read first, which is also a write; on a read-only medium there is none.
    mode = "rw" if os.access(path, os.W_OK) else "ro"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)) as connection:
        connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}").close()
        yield connection


def _one(connection: sqlite3.Connection, query: str) -> object:
    return connection.execute(query).fetchone()[0]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _words(error: Exception) -> str:
    return f"{error.strerror} ({error.filename})" if isinstance(error, OSError) else str(error)
