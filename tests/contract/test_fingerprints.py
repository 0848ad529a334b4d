"""What the fingerprints port promises, on every adapter of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from shared.errors import Unavailable
from shared.fingerprints.memory import MemoryFingerprints
from shared.fingerprints.port import Fingerprints, TextClaim
from shared.fingerprints.redis import RedisFingerprints
from tests.servers import start_redis

Make = Callable[[float], Fingerprints]
LONG = 3600.0


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    if request.param == "memory":
        yield MemoryFingerprints
        return
    client = redis.Redis.from_url(request.getfixturevalue("redis_url"))
    RedisFingerprints(client).mark_ready()
    yield lambda window: RedisFingerprints(client, window)
    client.close()


def test_the_first_article_leads_its_text_and_later_ones_are_told_so(make: Make) -> None:
    fingerprints = make(LONG)
    assert fingerprints.claim([TextClaim("a", "t1"), TextClaim("b", "t1"), TextClaim("c", "t2")]) == [
        "a",
        "a",
        "c",
    ]
    assert fingerprints.claim([TextClaim("d", "t1")]) == ["a"]


def test_asking_again_gives_the_same_answer(make: Make) -> None:
    fingerprints = make(LONG)
    first = fingerprints.claim([TextClaim("a", "t1"), TextClaim("b", "t1")])
    assert fingerprints.claim([TextClaim("b", "t1"), TextClaim("a", "t1")]) == list(reversed(first))


def test_a_text_is_forgotten_after_the_window(make: Make) -> None:
    fingerprints = make(0.05)
    assert fingerprints.claim([TextClaim("a", "t1")]) == ["a"]
    deadline = time.monotonic() + 2
    while fingerprints.claim([TextClaim("b", "t1")]) != ["b"]:
        assert time.monotonic() < deadline, "the window never ended"
        time.sleep(0.01)


def test_only_the_lead_can_let_go_of_a_text(make: Make) -> None:
    fingerprints = make(LONG)
    fingerprints.claim([TextClaim("a", "t1")])
    fingerprints.forget("b", "t1")
    assert fingerprints.claim([TextClaim("c", "t1")]) == ["a"]
    fingerprints.forget("a", "t1")
    assert fingerprints.claim([TextClaim("c", "t1")]) == ["c"]


def test_looking_up_names_leads_in_order_and_claims_nothing(make: Make) -> None:
    fingerprints = make(LONG)
    fingerprints.claim([TextClaim("a", "t1"), TextClaim("b", "t2")])
    assert fingerprints.look_up(["t2", "t3", "t1", "t2"]) == ["b", None, "a", "b"]
    assert fingerprints.look_up([]) == []
    assert fingerprints.claim([TextClaim("c", "t3")]) == ["c"]
    fingerprints.forget("a", "t1")
    assert fingerprints.look_up(["t1"]) == [None]


def test_looking_up_does_not_lengthen_the_window(make: Make) -> None:
    fingerprints = make(0.05)
    fingerprints.claim([TextClaim("a", "t1")])
    deadline = time.monotonic() + 2
    while fingerprints.look_up(["t1"]) != [None]:
        assert time.monotonic() < deadline, "the window never ended"
        time.sleep(0.01)


def test_loading_puts_leads_back_and_overwrites_none(make: Make) -> None:
    fingerprints = make(LONG)
    fingerprints.claim([TextClaim("a", "t1")])
    fingerprints.load([TextClaim("x", "t1"), TextClaim("y", "t2")])
    assert fingerprints.claim([TextClaim("b", "t1"), TextClaim("b", "t2")]) == ["a", "y"]


def test_eight_racing_threads_find_one_lead_for_each_text(make: Make) -> None:
    fingerprints = make(LONG)
    barrier = threading.Barrier(8)
    leads: list[list[str]] = []

    def race(number: int) -> None:
        barrier.wait()
        leads.append(fingerprints.claim([TextClaim(f"{number}-{text}", f"t{text}") for text in range(200)]))

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(leads) == 8
    assert all(len({found[text] for found in leads}) == 1 for text in range(200))


@pytest.mark.servers
def test_a_redis_that_lost_its_memory_is_not_ready_until_told(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    fingerprints = RedisFingerprints(client)
    assert not fingerprints.is_ready()
    fingerprints.mark_ready()
    assert fingerprints.is_ready()
    client.flushall()
    assert not fingerprints.is_ready()
    with pytest.raises(Unavailable, match="put back"):
        fingerprints.claim([TextClaim("a", "t1")])
    fingerprints.load([TextClaim("b", "t1")])
    assert fingerprints.look_up(["t1"]) == ["b"]
    fingerprints.mark_ready()
    assert fingerprints.claim([TextClaim("a", "t1")]) == ["b"]
    client.close()


@pytest.mark.servers
def test_a_redis_that_was_started_again_is_not_ready_until_told(tmp_path: Path) -> None:
    server = start_redis(tmp_path)
    client = redis.Redis.from_url(server.url)
    RedisFingerprints(client).mark_ready()
    server.kill()
    server = start_redis(tmp_path, int(server.url.rsplit(":", 1)[1].split("/")[0]))
    assert not RedisFingerprints(client).is_ready()
    client.close()
    server.stop()


def test_a_redis_that_is_away_is_unavailable() -> None:
    fingerprints = RedisFingerprints(redis.Redis(port=1, socket_connect_timeout=0.2))
    with pytest.raises(Unavailable):
        fingerprints.claim([TextClaim("a", "t1")])
    with pytest.raises(Unavailable):
        fingerprints.look_up(["t1"])
