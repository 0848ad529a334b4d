"""A few connections that divide a stream of work among themselves, and all stop when one of them must."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from bench.client import Connection

T = TypeVar("T")


class _Shared(Generic[T]):
    """An iterable for several threads, which ends for all of them at ``stop``."""

    def __init__(self, values: Iterable[T]) -> None:
        self._values = iter(values)
        self._lock = threading.Lock()
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def __iter__(self) -> Iterator[T]:
        while not self._stopped:
            with self._lock:
                try:
                    value = next(self._values)
                except StopIteration:
                    return
            yield value


def send_all(port: int, count: int, values: Iterable[T], send: Callable[[Connection, T], None]) -> None:
    """Call ``send`` for every value from ``count`` threads, each on a connection of its own."""
    shared = _Shared(values)

    def work(_: int) -> None:
        try:
            with Connection(port) as connection:
                for value in shared:
                    send(connection, value)
        finally:
            shared.stop()  # at the end, or because of an error that the others need not repeat

    with ThreadPoolExecutor(count) as pool:
        try:
            list(pool.map(work, range(count)))
        except BaseException:  # Ctrl-C too
            shared.stop()
            raise
