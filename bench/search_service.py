"""The search service by itself, as ``copydesk up`` starts it, and how many searches a second it answers."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.processes import read_tree
from bench.system import LOG_NAME, ROOT, START_SECONDS, BenchFailed, log_tail
from services.cli.system import web_children
from shared.ledger.open import migrate_ledger
from shared.settings import PREFIX, Settings

STOP_SECONDS: Final = 10.0
_END: Final = b"\r\n\r\n"


@contextmanager
def searching(settings: Settings) -> Iterator[int]:
    """Start the service on the settings' port, and stop it whatever happens; yields its process id."""
    migrate_ledger(settings)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    _, child = web_children(settings, {**environ, **settings.environment()})
    with (settings.data_dir / LOG_NAME).open("wb") as log:
        process = subprocess.Popen(
            child.argv, cwd=ROOT, env=dict(child.environ), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,  # Ctrl-C comes to the bench, which then stops it in order
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_SECONDS
        while not child.probe():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchFailed(f"search did not start; its last lines were:\n{log_tail(settings)}")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def memory_of(pid: int) -> tuple[int, int]:
    """The resident memory of the service's largest process, in bytes: its own, and pages of files.

    An embedded index is read by way of the latter; the system takes them back when it needs the room.
    """
    largest = max(read_tree(pid), key=lambda process: process.rss_bytes)
    lines = Path(f"/proc/{largest.pid}/status").read_text().splitlines()
    kilobytes = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)
                 if name in ("RssAnon", "RssFile")}  # fmt: skip
    return kilobytes["RssAnon"] * 1024, kilobytes["RssFile"] * 1024


def measure_rate(port: int, targets: Sequence[str], connections: int, seconds: float) -> float:
    """Searches a second over some connections kept alive, each asking again as soon as it was answered."""
    with ThreadPoolExecutor(connections) as pool:
        started = time.perf_counter()
        turns = [[*targets[place:], *targets[:place]] for place in range(connections)]
        counts = list(pool.map(lambda mine: _keep_asking(port, mine, started + seconds), turns))
        return sum(counts) / (time.perf_counter() - started)


def _keep_asking(port: int, targets: Sequence[str], until: float) -> int:
    """One connection over a bare socket: a client with more to it would take the time of what it measures."""
    requests = [f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for target in targets]
    answered = 0
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.perf_counter() < until:
            sock.sendall(requests[answered % len(requests)])
            _read_answer(sock)
            answered += 1
    return answered


def _read_answer(sock: socket.socket) -> None:
    data = b""
    while _END not in data:
        data += _receive(sock)
    head, _, body = data.partition(_END)
    if not head.startswith(b"HTTP/1.1 200"):
        raise BenchFailed(f"a search was answered with {head[:60]!r}")
    length = next(
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    )
    left = length - len(body)
    while left > 0:
        left -= len(_receive(sock))


def _receive(sock: socket.socket) -> bytes:
    got = sock.recv(1 << 18)
    if not got:
        raise BenchFailed("the service closed a connection")
    return got
