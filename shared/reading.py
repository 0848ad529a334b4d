"""Reads bodies from senders of any speed, so that slow ones cannot hold every thread of a web service.

A server's read waits for as many bytes as it is asked for and cannot be broken off; granian even stands
still when a request ends while its body is being read. So places are counted before a read, and reads are
of one byte while the sender is slow. Who sends nothing keeps a place for as long as the connection lives.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, get_ident
from typing import Final, Protocol

from werkzeug.exceptions import RequestTimeout

from shared.errors import Unavailable

BODY_SECONDS: Final = 10.0  # for a whole body
GRACE_SECONDS: Final = 0.5  # a body that takes longer needs one of the few places of the slow
PLACE_SECONDS: Final = 0.25  # to wait for a place: others are done in a moment, or slow
LINGERS_SECONDS: Final = 0.15  # whoever holds a place for longer is waiting for its sender
DRAIN_PLACE_SECONDS: Final = 0.01
WAIT_SECONDS: Final = 0.05  # a read that took longer has waited for its sender
MAX_PIECE_BYTES: Final = 64 * 1024
_FREE_THREADS: Final = 2

Release = Callable[[], None]


class Stream(Protocol):
    """What can be read: a WSGI input, a file."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; empty at the end."""


class Room:
    """The places of those who may hold a thread while they send; the rest of the threads stays free.

    A quarter of the threads are for streams, as many for slow bodies, one for bodies that nobody wants; two
    are for requests without a body.
    """

    def __init__(self, threads: int) -> None:
        few = self._few = max(1, threads // 4)
        self._most = max(1, threads - few - 1 - _FREE_THREADS)
        self._streams = BoundedSemaphore(few)
        self._slow = BoundedSemaphore(few)
        self._bodies = BoundedSemaphore(self._most)
        self._unwanted = BoundedSemaphore(1)
        self._since: dict[int, float] = {}  # when each thread that reads a body began to

    def read(self, stream: Stream, most: int, seconds: float = BODY_SECONDS) -> bytes:
        """At most ``most`` bytes; raises 408 after ``seconds``, ``Unavailable`` where too many are slow."""
        with _place(self._bodies, 0 if self._is_held_up() else PLACE_SECONDS), self._reading():
            began = time.monotonic()
            parts = timed_pieces(stream, most)
            data = bytearray()
            for part in parts:
                data += part
                if time.monotonic() - began > min(GRACE_SECONDS, seconds):
                    break
            else:
                return bytes(data)
            with _place(self._slow, 0):
                for part in parts:
                    data += part
                    if time.monotonic() - began > seconds:
                        raise RequestTimeout(f"the body did not come within {seconds:g} seconds")
        return bytes(data)

    def drain(self, stream: Stream, most: int, seconds: float) -> None:
        """Read what is not wanted, for ``seconds``, so that its sender hears why; raises ``Unavailable``.

        Anybody may send such a body, and then nothing: so it takes no place of those who are let in.
        """
        with _place(self._unwanted, DRAIN_PLACE_SECONDS):
            began = time.monotonic()
            for _ in timed_pieces(stream, most):
                if time.monotonic() - began > seconds:
                    return

    @contextmanager
    def _reading(self) -> Iterator[None]:
        self._since[get_ident()] = time.monotonic()
        try:
            yield
        finally:
            del self._since[get_ident()]

    def _is_held_up(self) -> bool:
        """Whether slow senders hold theirs and half of the other places: to wait for one would hold up all.

        Each that waits does so in a thread, and who is refused may come again at once, two hundred at a time.
        """
        now = time.monotonic()
        slow = sum(now - since > LINGERS_SECONDS for since in list(self._since.values()))
        return 2 * (slow - self._few) >= self._most - self._few

    def take_stream(self) -> Release:
        """Take the place of a stream; the answer gives it back. Raises ``Unavailable`` when all are taken."""
        if not self._streams.acquire(blocking=False):
            raise Unavailable("too many streams are open; try again, or push arrays to /v1/articles")
        return self._streams.release


def timed_pieces(stream: Stream, most: int) -> Iterator[bytes]:
    """What a stream holds, up to ``most`` bytes, in pieces that grow as long as none is waited for."""
    size = 1
    while most > 0:
        began = time.monotonic()
        piece = stream.read(min(size, most))
        if not piece:
            return
        most -= len(piece)
        waited = time.monotonic() - began > WAIT_SECONDS
        size = 1 if waited else min(2 * size, MAX_PIECE_BYTES)
        yield piece


@contextmanager
def _place(places: BoundedSemaphore, patience: float) -> Iterator[None]:
    if not places.acquire(timeout=patience):
        raise Unavailable("too many bodies are being sent slowly; try again")
    try:
        yield
    finally:
        places.release()
