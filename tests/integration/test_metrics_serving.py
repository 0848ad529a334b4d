"""The little server of workers' metrics: one page, whoever asks, however slowly."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from shared import metrics_serving
from shared.metrics import CONTENT_TYPE
from shared.metrics_serving import PORTS, MetricsServer
from tests.servers import free_port


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    made = MetricsServer("127.0.0.1", free_port(), lambda: b"copydesk_one 1\n" * 20_000)
    made.start()
    yield made
    made.close()


def address(server: MetricsServer, path: str = "/metrics") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def test_the_page_is_what_is_told_whole(server: MetricsServer) -> None:
    answer = httpx.get(address(server, "/metrics?name=x"))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, CONTENT_TYPE)
    assert answer.content == b"copydesk_one 1\n" * 20_000
    assert httpx.head(address(server)).content == b""


def test_all_else_is_refused(server: MetricsServer) -> None:
    assert httpx.get(address(server, "/")).status_code == 404
    assert httpx.get(address(server, "/metrics/../etc")).status_code == 404
    assert httpx.post(address(server)).status_code == 405
    for sent in (b"\r\n\r\n", b"GET /metrics\r\n\r\n", b"\x00\xff" * 6_000):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as asker:
            asker.sendall(sent)
            assert asker.recv(64).startswith(b"HTTP/1.1 400 ")


def test_an_asker_that_sends_nothing_or_goes_away_holds_nobody_for_long(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_serving, "ASKER_SECONDS", 0.5)
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
    slow[1].sendall(b"GET /metrics")
    slow[2].close()
    began = time.monotonic()
    assert httpx.get(address(server), timeout=10).status_code == 200
    assert time.monotonic() - began < 5
    for one in slow:
        one.close()


def test_an_asker_that_does_not_read_holds_nobody_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics_serving, "ASKER_SECONDS", 0.5)
    large = MetricsServer("127.0.0.1", free_port(), lambda: b"x" * 30_000_000)  # more than buffers hold
    large.start()
    with socket.create_connection(("127.0.0.1", large.port)) as deaf:
        deaf.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert httpx.get(address(large), timeout=10).status_code == 200
    large.close()


def test_workers_of_one_machine_take_one_port_after_the_other() -> None:
    first = free_port()
    servers = [MetricsServer("127.0.0.1", first, lambda: b"") for _ in range(3)]
    assert len({server.port for server in servers}) == 3
    assert all(first <= server.port < first + PORTS for server in servers)
    for server in servers:
        server.close()


def test_no_port_at_all_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"):
        MetricsServer("192.0.2.1", 9_100, lambda: b"")  # no address of this machine
