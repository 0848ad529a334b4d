"""One of several nodes dies over a request: the next one is asked, within the same call."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Thread

import pytest

from shared.errors import Unavailable
from shared.index.elasticsearch import ElasticsearchIndex
from tests.contract.elasticsearch_stub import Stub, serve
from tests.servers import free_port

FOUND = {
    "took": 1,
    "timed_out": False,
    "_shards": {"total": 1, "successful": 1, "failed": 0},
    "hits": {"hits": []},
}
NODES = 3  # the library begins with any of them: with so many calls each was the first
CALLS = 12


@contextmanager
def dying() -> Iterator[tuple[str, list[bytes]]]:
    """A node that is killed as soon as a request has reached it: its address, and what it was asked."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as node:

        def die() -> None:
            while True:
                try:
                    taken, _ = node.accept()
                except OSError:  # closed: the test is over
                    return
                with taken:
                    seen.append(taken.recv(65_536))

        Thread(target=die, daemon=True).start()
        yield f"http://127.0.0.1:{node.getsockname()[1]}", seen
        node.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def living() -> Iterator[Stub]:
    stub = Stub(body=FOUND)
    server = serve(stub)
    yield stub
    server.shutdown()
    server.server_close()


def test_who_dies_over_a_request_has_it_answered_by_another(living: Stub) -> None:
    with dying() as (one, seen_by_one), dying() as (other, seen_by_other):
        for _ in range(CALLS):
            with closing(ElasticsearchIndex(f"{one},{living.url},{other}", "news")) as index:
                index.check()
    assert len(living.seen) == CALLS
    assert seen_by_one
    assert seen_by_other


def test_who_is_gone_costs_no_answer_and_little_time(living: Stub) -> None:
    gone = [f"http://127.0.0.1:{free_port()}" for _ in range(NODES - 1)]
    began = time.monotonic()
    for _ in range(CALLS):
        with closing(ElasticsearchIndex(",".join([*gone, living.url]), "news")) as index:
            index.check()
    assert len(living.seen) == CALLS
    assert time.monotonic() - began < CALLS


def test_with_every_node_gone_one_is_told_so() -> None:
    gone = ",".join(f"http://127.0.0.1:{free_port()}" for _ in range(NODES))
    with (
        closing(ElasticsearchIndex(gone, "news")) as index,
        pytest.raises(Unavailable, match="does not answer"),
    ):
        index.check()
