"""Opens the keys of the ledger that the settings name."""

from __future__ import annotations

from shared.keys.port import KeyStore
from shared.keys.sql import SqlKeys
from shared.settings import Settings


def open_keys(settings: Settings) -> KeyStore:
    """The keys of this process; nothing connects yet."""
    return SqlKeys(settings.ledger_url)
