"""A pipe between the thread that works and the thread that answers, with a long buffer on disk.

Many clients send all they have before they read one byte of the answer. Were the work to wait for such a
client to read, and the client for the work to go on reading, both would stand still for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from threading import Condition
from typing import Final

MEMORY_BYTES: Final = 1024 * 1024  # what lies beyond this goes to disk
MAX_UNREAD_BYTES: Final = 256 * 1024 * 1024  # about two million outcomes
PATIENCE_SECONDS: Final = 30.0  # for a client that has that much unread and reads nothing


class Abandoned(Exception):  # noqa: N818 - what happened, not an error of ours
    """The reader is gone, or has not read for too long."""


class Spool:
    """Bytes in at one end, out at the other, in order; one writer, one reader."""

    def __init__(self, max_unread: int = MAX_UNREAD_BYTES, patience: float = PATIENCE_SECONDS) -> None:
        self._file = SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - closed by the reader
        self._changed = Condition()
        self._max_unread = max_unread
        self._patience = patience
        self._written = 0
        self._read = 0
        self._ended = False
        self._closed = False
        self._error: Exception | None = None

    def write(self, data: bytes) -> None:
        """Add bytes; raises ``Abandoned`` when nobody will read them."""
        with self._changed:
            room = self._changed.wait_for(self._has_room, self._patience)
            if self._closed or not room:
                raise Abandoned
            self._file.seek(self._written)
            self._file.write(data)
            self._written += len(data)
            self._changed.notify_all()

    def end(self, error: Exception | None = None) -> None:
        """Say that nothing more comes; ``error`` is raised to the reader after the last byte."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def wait_for_end(self) -> None:
        """Wait until nothing more comes: all is written, or the writer has met the limit and given up."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended)

    def read(self) -> bytes:
        """Wait for bytes and take all there are; empty at the end; raises what ``end`` was given."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._written > self._read)
            if self._written == self._read:
                if self._error is not None:
                    raise self._error
                return b""
            self._file.seek(self._read)
            data = self._file.read(min(MEMORY_BYTES, self._written - self._read))
            self._read += len(data)
            self._empty_if_read()
            self._changed.notify_all()
            return data

    def close(self) -> None:
        """Give up the buffer; the writer learns of it with its next bytes."""
        with self._changed:
            self._closed = self._ended = True
            self._file.close()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[bytes]:
        """What is to be read, until the end."""
        return iter(self.read, b"")

    def _has_room(self) -> bool:
        return self._closed or self._written - self._read < self._max_unread

    def _empty_if_read(self) -> None:
        if self._read == self._written:
            self._file.seek(0)
            self._file.truncate()
            self._read = self._written = 0
