"""Keys in a table of their own in the ledger's database, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import sqlalchemy as sa

from shared.keys.port import ApiKey, Scope
from shared.ledger.engine import Database
from shared.ledger.schema import api_keys


class SqlKeys:
    """A ``KeyStore`` on one database; open it in the process that uses it."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        row = {
            "id": key.id, "name": key.name, "scopes": ",".join(key.scopes), "digest": key.digest,
            "created_at": key.created_at, "expires_at": key.expires_at, "revoked_at": key.revoked_at,
            "last_used_at": key.last_used_at,
        }  # fmt: skip
        with self._database.write() as connection:
            connection.execute(sa.insert(api_keys).values(row))

    def find(self, key_id: str) -> ApiKey | None:
        """The key of an id."""
        with self._database.read() as connection:
            return _find(connection, key_id)

    def all(self) -> Sequence[ApiKey]:
        """Every key, the oldest first."""
        query = sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        with self._database.read() as connection:
            return [_read(row) for row in connection.execute(query)]

    def revoke(self, key_id: str, now: int) -> ApiKey | None:
        """End a key for good."""
        live = sa.and_(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        with self._database.write() as connection:
            connection.execute(sa.update(api_keys).where(live).values(revoked_at=now))
            return _find(connection, key_id)

    def note_use(self, key_id: str, now: int) -> None:
        """Say when a key was last used."""
        used = api_keys.c.last_used_at
        older = sa.and_(api_keys.c.id == key_id, sa.or_(used.is_(None), used < now))
        with self._database.write() as connection:
            connection.execute(sa.update(api_keys).where(older).values(last_used_at=now))

    def close(self) -> None:
        """Close every connection."""
        self._database.close()


def _find(connection: sa.Connection, key_id: str) -> ApiKey | None:
    row = connection.execute(sa.select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
    return None if row is None else _read(row)


def _read(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    told = row.scopes.split(",")
    scopes: tuple[Scope, ...] = tuple(scope for scope in get_args(Scope) if scope in told)
    return ApiKey(
        row.id, row.name, scopes, row.digest, row.created_at, row.expires_at, row.revoked_at, row.last_used_at
    )
