"""Cuts a stream of bytes into lines of limited length, holding one line and a few pieces.

A server's read waits until a piece is full or the stream ends. So the first bytes, and those after every
wait, are read one by one, and a line is handed on as soon as it has ended; pieces grow while bytes come fast.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum
from queue import Empty, Full, Queue
from threading import Thread
from typing import Final

from shared.reading import WAIT_SECONDS, Stream

PIECE_BYTES: Final = 16 * 1024
# Read one by one after a wait. The end of a longer line, or of a burst, from a sender who then pauses, may
# be handed on only when the sender has sent the rest of a piece, or ends.
CAREFUL_BYTES: Final = 4 * 1024
PIECES_AHEAD: Final = 4
_LOOK_SECONDS: Final = 1.0  # how often a reader that is ahead looks whether it is still wanted


class Gap(Enum):
    """What comes where no line is: one that was too long, or nothing for a while."""

    TOO_LONG = "too long"
    PAUSE = "pause"


class Pieces:
    """The pieces of a stream, read ahead by a thread of its own; a ``PAUSE`` where none comes for a while."""

    def __init__(self, stream: Stream, patience: float) -> None:
        self._stream = stream
        self._patience = patience
        self._queue: Queue[bytes | Exception] = Queue(PIECES_AHEAD)
        self._closed = False
        self._reader = Thread(target=self._run, name="bulk-read", daemon=True)
        self._reader.start()

    def __iter__(self) -> Iterator[bytes | Gap]:
        """The pieces until the end; raises what reading raised."""
        while True:
            try:
                piece = self._queue.get(timeout=self._patience)
            except Empty:
                yield Gap.PAUSE
                continue
            if isinstance(piece, Exception):
                raise piece
            if not piece:
                return
            yield piece

    @property
    def all_read(self) -> bool:
        """Whether the stream has been read to its end."""
        return not self._reader.is_alive()

    def close(self) -> None:
        """Read no more, and wait for a read under way: a request must not end before it."""
        self._closed = True
        self._reader.join()

    def _run(self) -> None:
        try:
            for piece in eager_pieces(self._stream):
                self._put(piece)
                if self._closed:
                    return
            self._put(b"")
        except Exception as error:  # noqa: BLE001 - raised again in the thread that works
            self._put(error)

    def _put(self, piece: bytes | Exception) -> None:
        while not self._closed:
            with suppress(Full):
                self._queue.put(piece, timeout=_LOOK_SECONDS)
                break


def eager_pieces(stream: Stream) -> Iterator[bytes]:
    """What a stream holds, in pieces that end with a line as long as the sender is slow."""
    line = bytearray()
    fast, size = 0, 1  # bytes since the last wait
    read, clock = stream.read, time.monotonic  # called for each of thousands of bytes
    before = clock()
    while piece := read(size):
        after = clock()
        fast = len(piece) if after - before > WAIT_SECONDS else fast + len(piece)
        before = after
        line += piece
        if size > 1 or piece == b"\n" or fast >= CAREFUL_BYTES:
            yield bytes(line)
            line.clear()
            before = clock()
            size = 1 if fast < CAREFUL_BYTES else min(2 * size, PIECE_BYTES)
    if line:
        yield bytes(line)


def read_lines(pieces: Iterable[bytes | Gap], limit: int) -> Iterator[bytes | Gap]:
    """Yield each line without its end, ``TOO_LONG`` for one of more than ``limit`` bytes, and each ``PAUSE``.

    The bytes of a line that is too long are thrown away as they come.
    """
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        if isinstance(piece, Gap):
            yield piece
            continue
        *ended, rest = piece.split(b"\n")
        for tail in ended:
            yield _join(parts, tail) if size + len(tail) <= limit else Gap.TOO_LONG
            parts, size = [], 0
        size += len(rest)
        if size <= limit:
            parts.append(rest)
        else:
            parts.clear()
    if size:
        yield _join(parts, b"") if size <= limit else Gap.TOO_LONG


def _join(parts: list[bytes], tail: bytes) -> bytes:
    return b"".join((*parts, tail))
