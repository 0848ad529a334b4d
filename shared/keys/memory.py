"""Keys that last as long as the process: for tests, and as the plainest reading of the port."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.keys.port import ApiKey


class MemoryKeys:
    """A ``KeyStore`` in a dict."""

    def __init__(self) -> None:
        self._kept: dict[str, ApiKey] = {}

    def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        self._kept[key.id] = key

    def find(self, key_id: str) -> ApiKey | None:
        """The key of an id."""
        return self._kept.get(key_id)

    def all(self) -> Sequence[ApiKey]:
        """Every key, the oldest first."""
        return sorted(self._kept.values(), key=lambda key: (key.created_at, key.id))

    def revoke(self, key_id: str, now: int) -> ApiKey | None:
        """End a key for good."""
        key = self._kept.get(key_id)
        if key is not None and key.revoked_at is None:
            key = self._kept[key_id] = replace(key, revoked_at=now)
        return key

    def note_use(self, key_id: str, now: int) -> None:
        """Say when a key was last used."""
        key = self._kept.get(key_id)
        if key is not None and (key.last_used_at or 0) < now:
            self._kept[key_id] = replace(key, last_used_at=now)

    def close(self) -> None:
        """Nothing is open."""
