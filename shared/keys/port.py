"""The port to the keys that callers have: what is kept of one, and what a store of them does.

The key itself is never kept, only its hash; ``secret.py`` makes and reads keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

Scope = Literal["ingest", "search", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("ingest", "search", "admin")
MAX_NAME_CHARS: Final = 100


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of one key; times are milliseconds since the epoch.

    ``id`` is the part of the key that is no secret, ``digest`` the SHA-256 of the whole. ``last_used_at`` is
    coarse: it is written anew when it is an hour old.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    digest: bytes
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether it is neither revoked nor expired; at ``expires_at`` itself it has expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def allows(self, scope: Scope) -> bool:
        """Whether it may do what wants ``scope``; who may administer may do everything."""
        return scope in self.scopes or "admin" in self.scopes


class KeyStore(Protocol):
    """Keys, kept where every service finds them. Every call raises ``Unavailable`` while it is away."""

    def add(self, key: ApiKey) -> None:
        """Keep a new key; its id is new."""

    def find(self, key_id: str) -> ApiKey | None:
        """The key of an id, revoked and expired ones too; None when there is none."""

    def all(self) -> Sequence[ApiKey]:
        """Every key, the oldest first."""

    def revoke(self, key_id: str, now: int) -> ApiKey | None:
        """End a key for good; the key as it is then, None when there is none.

        One that was revoked before keeps the time of that.
        """

    def note_use(self, key_id: str, now: int) -> None:
        """Say when a key was last used; an earlier time than the one kept changes nothing."""

    def close(self) -> None:
        """Let go of every connection."""
