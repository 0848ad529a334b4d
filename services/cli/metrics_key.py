"""The key that Prometheus reads `/metrics` with, kept in a file: `python3 -m` this at each start of compose.

Who may open the file, its owner and group say, which are those of this process.
"""

from __future__ import annotations

import sys
from pathlib import Path

from services.cli.passwords import write_secret
from shared.clock import now_ms
from shared.errors import CopydeskError
from shared.keys.open import open_keys
from shared.keys.port import KeyStore
from shared.keys.secret import id_of, make_key, matches
from shared.settings import read_settings

NAME = "prometheus"
SCOPES = ("search",)  # any key may read the numbers, and this is the one that can do least


def keep_key(path: Path, store: KeyStore, now: int) -> bool:
    """Put a new key into a file, unless the one in it is still good; returns whether it did.

    Raises ``Unavailable`` while the keys cannot be read or added to.
    """
    if _is_good(path, store, now):
        return False
    text, key = make_key(NAME, SCOPES, now)
    store.add(key)
    write_secret(path, text, mode=0o440)
    return True


def _is_good(path: Path, store: KeyStore, now: int) -> bool:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return False
    key_id = id_of(text)
    key = store.find(key_id) if key_id else None
    return key is not None and matches(text, key) and key.is_live(now)


def main() -> None:
    """Keep the key in the file that is named, in the ledger of the settings."""
    try:
        store = open_keys(read_settings())
        try:
            made = keep_key(Path(sys.argv[1]), store, now_ms())
        finally:
            store.close()
    except CopydeskError as error:
        raise SystemExit(f"copydesk: {error}") from error
    print("a key for Prometheus is made" if made else "the key of Prometheus is still good")


if __name__ == "__main__":
    main()
