"""Cursors: where a walk through a whole result stands, in a string that only this deployment can make.

A cursor carries all that its next page needs, so that any process with the same key can give it: the query
string of the search, the moment that ``now`` means in it, and the index's mark. On the wire it is base64url
(no padding) of an HMAC-SHA256 and the zlib-compressed MessagePack that it signs.
"""

from __future__ import annotations

import hmac
import os
import secrets
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from shared.errors import BadSettings, InvalidRequest, Unavailable
from shared.index.port import Mark
from shared.index.walking import KEEP_SECONDS, WalkGone
from shared.settings import Settings

# A query string has at most 65,534 bytes, as the server's parser of addresses has it, and so have cursors.
MAX_CURSOR_CHARS: Final = 60_000
KEY_FILE: Final = "cursor.key"
_KEY_BYTES: Final = 32
_MAC_BYTES: Final = 32
# Changes with the meaning of what is signed, so that an older program's cursors are refused, not misread.
_PURPOSE: Final = b"copydesk cursor 1\0"


@dataclass(frozen=True, slots=True)
class Ahead:
    """What lies ahead in a walk: the search, ``now`` as it was when it began, and where to go on."""

    query: bytes
    now: datetime
    mark: Mark


@dataclass(frozen=True, slots=True)
class _Signed:
    """What a cursor holds; ``made`` is when, by the clock of who made it."""

    ahead: Ahead
    made: datetime


class Cursors:
    """Writes and reads the cursors of one deployment; safe to share between threads.

    The key is ``COPYDESK_CURSOR_SECRET``, else one made by chance and kept in the data directory.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key: bytes | None = None

    def prepare(self) -> None:
        """Read or make the key; raises ``BadSettings`` where neither can be done."""
        try:
            self._find_key()
        except OSError as error:
            raise BadSettings(
                f"COPYDESK_CURSOR_SECRET must be set: no key can be kept in the data directory ({error})"
            ) from error

    def write(self, ahead: Ahead, now: datetime) -> str:
        """The cursor of a place, good for ``KEEP_SECONDS`` from ``now``.

        Raises ``InvalidRequest`` for a search so long that its cursor could not be sent.
        """
        data = zlib.compress(msgspec.msgpack.encode(_Signed(ahead, now)))
        text = urlsafe_b64encode(self._sign(data) + data).rstrip(b"=").decode()
        if len(text) > MAX_CURSOR_CHARS:
            raise InvalidRequest("query string", "is too long to walk through its result; use fewer filters")
        return text

    def read(self, text: str, now: datetime) -> Ahead:
        """The place that a cursor stands for.

        Raises ``InvalidRequest`` for what this deployment did not make, ``WalkGone`` for one that is too old.
        """
        signed = self._open(text)
        if now - signed.made > timedelta(seconds=KEEP_SECONDS):
            raise WalkGone(f"a cursor is good for {KEEP_SECONDS} seconds")
        return signed.ahead

    def _open(self, text: str) -> _Signed:
        wrong = InvalidRequest("cursor", "is none of this service; send `next` of an answer as it stands")
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError as error:
            raise wrong from error
        data = raw[_MAC_BYTES:]
        # Bits that the last character has to spare are not signed, and the decoder passes over what is no
        # base64: only one spelling is a cursor.
        if urlsafe_b64encode(raw).rstrip(b"=") != text.encode():
            raise wrong
        if not hmac.compare_digest(raw[:_MAC_BYTES], self._sign(data)):
            raise wrong
        return msgspec.msgpack.decode(zlib.decompress(data), type=_Signed)

    def _sign(self, data: bytes) -> bytes:
        try:
            return hmac.digest(self._find_key(), _PURPOSE + data, "sha256")
        except OSError as error:
            raise Unavailable("the key of cursors can be neither read nor made") from error

    def _find_key(self) -> bytes:
        if self._key is None:
            secret = self._settings.cursor_secret
            self._key = (
                secret.encode(errors="surrogateescape") if secret else _kept_key(self._settings.data_dir)
            )
        return self._key


def _kept_key(directory: Path) -> bytes:
    """The key in a data directory, made by whoever comes first; raises ``OSError``."""
    path = directory / KEY_FILE
    with suppress(FileNotFoundError):
        return _read_key(path)
    directory.mkdir(parents=True, exist_ok=True)
    fresh = directory / f"{KEY_FILE}.{secrets.token_hex(4)}"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(_KEY_BYTES).encode())
            file.flush()
            os.fsync(handle)
        with suppress(FileExistsError):
            os.link(fresh, path)  # whole or not at all, and never over another's
    finally:
        fresh.unlink()
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    key = path.read_bytes().strip()
    if len(key) < _KEY_BYTES:
        raise OSError(f"{path.name} is damaged; remove it, and a new one is made")
    return key
