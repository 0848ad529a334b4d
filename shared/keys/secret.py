"""Keys as their holders have them: ``cdk_<id>_<secret>``. Made once, and kept only as a hash.

A secret is 160 random bits, so that one round of SHA-256 is enough to keep it by: there is nothing to guess.
"""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256
from typing import Final

from shared.errors import InvalidRequest
from shared.keys.port import MAX_NAME_CHARS, SCOPES, ApiKey, Scope

_SHAPE: Final = re.compile(r"cdk_([0-9a-f]{12})_[0-9a-f]{40}")
DAY_MS: Final = 24 * 3_600_000


def make_key(name: str, scopes: tuple[str, ...], now: int, days: float | None = None) -> tuple[str, ApiKey]:
    """A new key, and what is kept of it; raises ``InvalidRequest`` for a name or a scope that cannot be."""
    if not 0 < len(name) <= MAX_NAME_CHARS or not name.isprintable():
        raise InvalidRequest("name", f"must be 1 to {MAX_NAME_CHARS} characters that can be printed")
    key_id = secrets.token_hex(6)
    text = f"cdk_{key_id}_{secrets.token_hex(20)}"
    expires = None if days is None else now + int(days * DAY_MS)
    return text, ApiKey(key_id, name, _read_scopes(scopes), digest_of(text), now, expires)


def _read_scopes(given: tuple[str, ...]) -> tuple[Scope, ...]:
    unknown = set(given) - set(SCOPES)
    if unknown or not given:
        told = f"not {min(unknown)!r}" if unknown else "at least one"
        raise InvalidRequest("scope", f"must be one of {', '.join(SCOPES)}, {told}")
    return tuple(scope for scope in SCOPES if scope in given)


def id_of(text: str) -> str | None:
    """The id in a key, None where the text has not the shape of one."""
    found = _SHAPE.fullmatch(text)
    return found[1] if found else None


def digest_of(text: str) -> bytes:
    """What a key is kept by: 32 bytes."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def matches(text: str, key: ApiKey | None) -> bool:
    """Whether a text is the key; takes as long where there is none to compare it with."""
    kept = key.digest if key else bytes(32)
    return hmac.compare_digest(digest_of(text), kept) and key is not None
