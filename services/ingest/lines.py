"""Cuts a stream of bytes into lines of limited length, holding no more than one line and one piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

# A server reads until a piece is full or the stream ends, so that a smaller piece means earlier outcomes
# for a sender that goes slowly. (Line reading of some servers loses bytes; it is not used.)
PIECE_BYTES = 16 * 1024


class Stream(Protocol):
    """What can be read: a WSGI input, a file."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; empty at the end."""


def read_lines(stream: Stream, limit: int) -> Iterator[bytes | None]:
    """Yield each line without its end; None stands for a line of more than ``limit`` bytes.

    The bytes of a line that is too long are thrown away as they come.
    """
    parts: list[bytes] = []
    size = 0
    while piece := stream.read(PIECE_BYTES):
        *ended, rest = piece.split(b"\n")
        for tail in ended:
            yield _join(parts, tail) if size + len(tail) <= limit else None
            parts, size = [], 0
        size += len(rest)
        if size <= limit:
            parts.append(rest)
        else:
            parts.clear()
    if size:
        yield _join(parts, b"") if size <= limit else None


def _join(parts: list[bytes], tail: bytes) -> bytes:
    return b"".join((*parts, tail))
