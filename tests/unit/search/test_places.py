"""Places of long searches: who gets one, who waits, and who is told to come again."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from services.search.app import create_app
from services.search.params import read_search
from services.search.places import GuardedIndex, Places, weigh
from shared.errors import Unavailable

ASKED = SimpleNamespace(query=None)
NOW = datetime(2026, 11, 27, 6, tzinfo=UTC)
DEAR = "q=%22of+the%22+near/20+said"
BROAD = "q=ferry&stories=fold"


@pytest.mark.parametrize(
    ("query", "weight"),
    [
        ("", "simple"),
        ("q=harbour", "simple"),
        ("q=harbour+-ferry+source:harbour.example&from=2026-01-01", "simple"),
        ('q="the harbour"&highlight=true', "simple"),
        ("q=ferry&facets=source,language,topic", "simple"),
        ("q=ferry&facets=source,language,topic,entity", "broad"),
        ("q=" + "+".join("abcdefghijklmnop"), "simple"),
        ("q=har*+fer*", "broad"),
        (BROAD, "broad"),
        ("sort=newest&offset=9000", "broad"),
        ("q=" + "+OR+".join("abcdefghij"), "broad"),
        (DEAR, "dear"),
        ("q=-(a+near/2+b)", "dear"),
        ("q=aaa*+bbb*+ccc*+ddd*", "dear"),
        ("q=har*+fer*&stories=fold", "dear"),
        ('q="a b" "c d" "e f" "g h"', "dear"),
    ],
)
def test_a_search_weighs_what_it_may_cost(query, weight):
    assert weigh(read_search(query.replace(" ", "+").encode(), NOW).request) == weight


class HeldIndex:
    """An index that answers when it is let go."""

    def __init__(self):
        self.go = threading.Event()
        self.running = threading.Semaphore(0)

    def search(self, request):
        self.running.release()
        assert self.go.wait(20)
        return "found"

    def walk(self, request, mark, now):
        return self.search(request)

    similar = trends = search

    def check(self):
        return None


def hold(index, query, times):
    """Threads that search, and what each is answered."""
    answers = []

    def ask():
        try:
            answers.append(index.search(read_search(query.encode(), NOW).request))
        except Unavailable as error:
            answers.append(error)

    threads = [threading.Thread(target=ask) for _ in range(times)]
    for thread in threads:
        thread.start()
    return threads, answers


def await_running(held, times):
    for _ in range(times):
        assert held.running.acquire(timeout=10)


def test_dear_and_broad_searches_leave_two_of_sixteen_threads_beside_exports():
    held = HeldIndex()
    index = GuardedIndex(held, 16)
    dear, of_dear = hold(index, DEAR, 16)
    broad, of_broad = hold(index, BROAD, 16)
    await_running(held, 2 + 4)
    end = time.monotonic() + 10
    while len(of_dear) < 12 or len(of_broad) < 10:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert not held.running.acquire(timeout=0.1)
    simple, of_simple = hold(index, "q=ferry", 3)
    await_running(held, 3)  # they need no place
    held.go.set()
    for thread in (*dear, *broad, *simple):
        thread.join(10)
    assert of_simple == ["found"] * 3
    assert of_dear.count("found") == 4  # two waited
    assert of_broad.count("found") == 6


def test_who_waits_too_long_for_a_place_is_refused_and_the_place_comes_back():
    places = Places(1, 1, patience=0.05)
    with places.place():
        began = time.monotonic()
        with pytest.raises(Unavailable, match="try again"), places.place():
            pass
        assert 0.05 <= time.monotonic() - began < 5
    with pytest.raises(ValueError, match="broke"), places.place():
        raise ValueError("broke")
    with places.place():
        pass


def test_a_step_of_a_walk_needs_a_place_too_and_the_rest_of_an_index_none():
    held = HeldIndex()
    index = GuardedIndex(held, 8)
    threads, _ = hold(index, DEAR, 1)
    await_running(held, 1)
    index._dear._patience = 0.05
    with pytest.raises(Unavailable):
        index.walk(read_search(DEAR.encode(), NOW).request, None, NOW)
    assert index.check() is None
    held.go.set()
    threads[0].join(10)
    assert index.walk(read_search(DEAR.encode(), NOW).request, None, NOW) == "found"


@pytest.mark.parametrize("name", ["similar", "trends"])
def test_what_is_like_a_text_or_told_of_more_has_the_places_of_broad_searches(name):
    held = HeldIndex()
    index = GuardedIndex(held, 4)
    threads, _ = hold(index, BROAD, 1)
    await_running(held, 1)
    with pytest.raises(Unavailable):
        getattr(index, name)(ASKED)
    held.go.set()
    threads[0].join(10)
    assert getattr(index, name)(ASKED) == "found"


def test_what_was_quick_of_late_needs_no_place_until_it_is_slow_again():
    held = HeldIndex()
    index = GuardedIndex(held, 4)
    held.go.set()
    assert index.similar(ASKED) == "found"
    held.go.clear()
    threads, answers = hold(index, BROAD, 1)
    await_running(held, 2)  # the one that is over, and the one that holds the place
    quick = threading.Thread(target=lambda: answers.append(index.similar(ASKED)))
    quick.start()
    await_running(held, 1)  # beside it
    time.sleep(0.5)
    held.go.set()
    quick.join(10)
    threads[0].join(10)
    assert answers == ["found", "found"]
    held.go.clear()
    threads, _ = hold(index, BROAD, 1)
    await_running(held, 1)
    with pytest.raises(Unavailable):
        index.similar(ASKED)
    held.go.set()
    threads[0].join(10)


def test_a_refused_search_is_a_503_that_tells_when_to_come_again(empty_newsroom, monkeypatch):
    app = create_app(empty_newsroom.settings, empty_newsroom.index, empty_newsroom.ledger)
    client = app.test_client()
    assert client.get(f"/v1/search?{DEAR}").status_code == 200

    def full(self):
        raise Unavailable("too many long searches run at once")

    monkeypatch.setattr(Places, "place", full)
    for address in (
        f"/v1/search?{DEAR}",
        "/v1/timeline?q=ferry",
        "/v1/suggest?q=fer",
        f"/v1/search.rss?{DEAR}",
    ):
        answer = client.get(address)
        assert (answer.status_code, bool(answer.headers["Retry-After"])) == (503, True), address
    answer = client.get("/v2/everything?q=%22a+b%22+%22c+d%22+%22e+f%22&apiKey=k")
    assert (answer.status_code, answer.json["status"]) == (503, "error")
    assert client.get("/v1/search?q=ferry").status_code == 200
