"""Values to bytes and back: JSON by msgspec, compressed with zlib where the ledger keeps it.

The first byte of a packed value tells its format. A zlib stream begins with 0x78, which is the only format
so far; a build that packs what older ones could not read puts a byte of ``LATER`` before it. Fields that a
newer build adds are let pass, so they need no new format.
"""

from __future__ import annotations

import zlib
from typing import Any, TypeVar

import msgspec

from shared.errors import Unavailable

T = TypeVar("T")

_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {}
_ENCODER = msgspec.json.Encoder()
LATER = range(0x02, 0x20)  # first bytes of formats to come


class NewerFormat(Unavailable):
    """A value was packed by a newer build: it waits for one that can read it."""


def to_json(value: object) -> bytes:
    """Encode a value (dataclass, dict, list ...) as JSON; aware datetimes become RFC 3339."""
    return _ENCODER.encode(value)


def to_plain(value: object) -> Any:  # noqa: ANN401 - JSON values have no narrower type
    """Turn a value into dicts, lists, strings and numbers, ready for any JSON writer."""
    return msgspec.to_builtins(value)


def from_json(data: bytes | str, kind: type[T]) -> T:
    """Decode JSON into ``kind``, checking types; raises ``msgspec.ValidationError``."""
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
    return decoder.decode(data)  # type: ignore[no-any-return]


def pack(value: object) -> bytes:
    """Encode and compress; level 1, since most of the gain comes cheap on news text."""
    return zlib.compress(to_json(value), 1)


def unpack(data: bytes, kind: type[T]) -> T:
    """Undo ``pack``; raises ``NewerFormat`` for what a newer build has packed in a way of its own."""
    if data and data[0] in LATER:
        raise NewerFormat(f"a value of format {data[0]}, packed by a newer Copydesk, waits for one")
    return from_json(zlib.decompress(data), kind)
