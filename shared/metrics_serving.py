"""Serves one text to whoever scrapes it, from a thread that may live beside forks.

It takes no locks and starts no other threads, so that a fork may come at any moment. One asker is answered
after the other, and none may take longer than two seconds.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from shared.metrics import CONTENT_TYPE

PORTS: Final = 10  # tried, from the one that is asked for: several workers of one machine share a setting
ASKER_SECONDS: Final = 2.0
LONGEST_HEAD: Final = 8_192  # bytes
_REASONS: Final = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}


class MetricsServer:
    """Answers ``GET /metrics`` on the first free port of ten from one on."""

    def __init__(self, bind: str, port: int, tell: Callable[[], bytes]) -> None:
        """Take the port; raises ``OSError`` when none of them is to be had."""
        self._tell = tell
        self._socket = _listen(bind, port)
        self.port = int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begin to answer; returns at once."""
        threading.Thread(target=self._run, daemon=True, name="metrics").start()

    def close(self) -> None:
        """Stop listening; a forked child must, or it would hold the port when its parent has died."""
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                asker, _ = self._socket.accept()
            except OSError:
                if self._socket.fileno() < 0:  # closed
                    return
                time.sleep(0.1)  # no more files, for the moment
                continue
            with asker, suppress(OSError):
                self._answer(asker)

    def _answer(self, asker: socket.socket) -> None:
        head = _read_head(asker, time.monotonic() + ASKER_SECONDS)
        status, body = self._choose(head)
        told = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {CONTENT_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n\r\n"
        )
        asker.settimeout(ASKER_SECONDS)
        asker.sendall(told.encode() + (b"" if head.startswith(b"HEAD ") else body))

    def _choose(self, head: bytes) -> tuple[int, bytes]:
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if b"\r\n\r\n" not in head or len(words) != 3:
            return 400, b"what was sent is no request\n"
        if words[0] not in (b"GET", b"HEAD"):
            return 405, b"only GET is answered here\n"
        if words[1].split(b"?", 1)[0] != b"/metrics":
            return 404, b"there is only /metrics here\n"
        return 200, self._tell()


def _listen(bind: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    error: OSError | None = None
    for each in range(port, min(port + PORTS, 65_536)):
        try:
            # It lets a port be taken again at once after its last holder, and no port twice.
            return socket.create_server((bind, each), family=family)
        except OSError as found:
            error = found
    raise error or OSError(f"{port} is no port")


def _read_head(asker: socket.socket, until: float) -> bytes:
    """What comes up to an empty line, in the time and length that there is for it."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < LONGEST_HEAD and (left := until - time.monotonic()) > 0:
        asker.settimeout(left)
        try:
            piece = asker.recv(LONGEST_HEAD)
        except TimeoutError:
            break
        if not piece:
            break
        head += piece
    return head
