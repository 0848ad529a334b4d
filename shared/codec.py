"""Values to bytes and back: JSON by msgspec, compressed with zlib where the ledger keeps it."""

from __future__ import annotations

import zlib
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {}
_ENCODER = msgspec.json.Encoder()


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
    """Undo ``pack``."""
    return from_json(zlib.decompress(data), kind)
