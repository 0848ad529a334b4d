"""What the source profiles port promises, on every adapter of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.errors import Unavailable
from shared.profiles.memory import MemorySourceProfiles
from shared.profiles.port import (
    EMPTY,
    HALVED_AT,
    MOST_DESCRIPTIONS,
    MOST_LINES,
    ROOMY_LINES,
    Sighting,
    SourceProfile,
    SourceProfiles,
)
from shared.profiles.redis import RedisSourceProfiles

Make = Callable[[float], SourceProfiles]
LONG = 3600.0


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    if request.param == "memory":
        yield MemorySourceProfiles
        return
    client = redis.Redis.from_url(request.getfixturevalue("redis_url"))
    yield lambda kept: RedisSourceProfiles(client, kept)
    client.close()


def line(number: int) -> bytes:
    return number.to_bytes(8, "big")


def seen(article: str, *numbers: int, source: str = "s", told: Sequence[str] = ()) -> Sighting:
    return Sighting(source, article, frozenset(map(line, numbers)), tuple(told))


def read(profiles: SourceProfiles, source: str = "s") -> SourceProfile:
    return profiles.read([source])[source]


def fill(profiles: SourceProfiles, articles: int, *numbers: int) -> None:
    """Count articles that have the same lines."""
    profiles.count([seen(f"fill-{number}", *numbers) for number in range(articles)])


def test_a_source_without_articles_is_empty(make: Make) -> None:
    profiles = make(LONG)
    assert profiles.read(["s", "t"]) == {"s": EMPTY, "t": EMPTY}
    assert profiles.read([]) == {}
    profiles.count([])


def test_lines_met_three_times_are_told_with_the_number_of_articles(make: Make) -> None:
    profiles = make(LONG)
    profiles.count([seen("a", 1, 2, 3), seen("b", 1, 2)])
    assert read(profiles) == SourceProfile(2)
    profiles.count([seen("c", 1, 4), seen("d", 1, 2)])
    assert read(profiles) == SourceProfile(4, {line(1): 4, line(2): 3})


def test_sources_are_counted_apart_also_within_a_batch(make: Make) -> None:
    profiles = make(LONG)
    profiles.count([seen(f"{source}{n}", 1, source=source) for n in range(4) for source in "st"][:-1])
    assert profiles.read(["t", "s", "t"]) == {
        "s": SourceProfile(4, {line(1): 4}),
        "t": SourceProfile(3, {line(1): 3}),
    }


def test_an_article_is_counted_once(make: Make) -> None:
    profiles = make(LONG)
    batch = [seen("a", 1), seen("b", 1), seen("a", 1, 5, told=["We are S."])]
    for _ in range(3):
        profiles.count(batch)
    assert read(profiles) == SourceProfile(2)
    profiles.count([*batch, seen("c", 1)])
    assert read(profiles) == SourceProfile(3, {line(1): 3})


def test_an_article_stays_counted_while_the_counts_are_halved(make: Make) -> None:
    profiles = make(LONG)
    fill(profiles, HALVED_AT + 1, 1)
    assert read(profiles) == SourceProfile(HALVED_AT // 2 + 1, {line(1): HALVED_AT // 2 + 1})
    fill(profiles, HALVED_AT + 1, 1)
    assert read(profiles).articles == HALVED_AT // 2 + 1


def test_new_furniture_outweighs_the_old_after_as_many_articles(make: Make) -> None:
    profiles = make(LONG)
    profiles.count([seen(f"old-{n}", 1) for n in range(2 * HALVED_AT)])
    profiles.count([seen(f"new-{n}", 2) for n in range(HALVED_AT)])
    profile = read(profiles)
    assert profile.lines[line(2)] > profile.lines[line(1)]
    assert sum(profile.lines.values()) == pytest.approx(profile.articles, abs=3)


def test_lines_met_too_seldom_after_halving_are_no_longer_told(make: Make) -> None:
    profiles = make(LONG)
    profiles.count([seen(f"a{n}", 1, *([2] if n < 5 else [])) for n in range(HALVED_AT - 1)])
    assert read(profiles).lines[line(2)] == 5
    profiles.count([seen("z", 1)])
    assert set(read(profiles).lines) == {line(1)}
    profiles.count([seen("last", 2)])
    assert read(profiles).lines[line(2)] == 3


def test_the_rarest_lines_leave_when_there_are_too_many(make: Make) -> None:
    profiles = make(LONG)
    fill(profiles, 3, 1, 2, 3)
    profiles.count([seen("twice-1", 4), seen("twice-2", 4)])
    profiles.count(
        [seen(f"flood-{n}", *range(n * 500 + 10, n * 500 + 510)) for n in range(MOST_LINES // 500)]
    )
    profiles.count([seen("more", 4, 10)])
    # The four known lines and the one met last are left: what was met once is gone, and counts anew.
    assert set(read(profiles).lines) == {line(1), line(2), line(3), line(4)}
    profiles.count([seen("again", 10)])
    assert line(10) not in read(profiles).lines
    profiles.count([seen("and again", 10)])
    assert read(profiles).lines[line(10)] == 3


def test_lines_met_often_are_limited_too(make: Make) -> None:
    profiles = make(LONG)
    fill(profiles, 4, *range(10))
    for first in range(1_000, 1_000 + MOST_LINES + 500, 500):
        profiles.count([seen(f"{first}-{again}", *range(first, first + 500)) for again in range(3)])
    lines = read(profiles).lines
    assert ROOMY_LINES <= len(lines) <= MOST_LINES
    assert set(map(line, range(10))) <= set(lines)


def test_descriptions_are_told_the_most_frequent_first(make: Make) -> None:
    profiles = make(LONG)
    profiles.count(
        [seen("a", told=["S is a paper."]), seen("b", told=["S, since 1921: «Zeitung»", "S is a paper."])]
    )
    assert read(profiles).descriptions == ("S is a paper.", "S, since 1921: «Zeitung»")


def test_a_new_description_takes_the_place_of_the_rarest(make: Make) -> None:
    profiles = make(LONG)
    texts = [f"text {number:02}" for number in range(MOST_DESCRIPTIONS)]
    profiles.count([seen("a", told=texts), seen("b", told=texts[:7] + texts[8:])])
    profiles.count([seen("c", told=["a new one"])])
    assert set(read(profiles).descriptions) == {*texts, "a new one"} - {"text 07"}


def test_a_silent_source_is_forgotten_and_a_busy_one_is_not(make: Make) -> None:
    profiles = make(0.3)
    profiles.count([seen(f"quiet-{n}", 1, source="quiet") for n in range(3)])
    deadline = time.monotonic() + 5
    number = 0
    while read(profiles, "quiet") != EMPTY:
        assert time.monotonic() < deadline, "the source was never forgotten"
        number += 1
        profiles.count([seen(f"busy-{number}", 1, source="busy")])
        time.sleep(0.02)
    assert read(profiles, "busy").articles == number
    profiles.count([seen("quiet-0", 1, source="quiet")])
    assert read(profiles, "quiet").articles == 1


def test_racing_threads_count_each_article_once(make: Make) -> None:
    profiles = make(LONG)
    barrier = threading.Barrier(6)

    def race() -> None:
        barrier.wait()
        for first in range(0, 120, 20):
            profiles.count([seen(f"a{n}", 1, n + 100) for n in range(first, first + 20)])

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(profiles) == SourceProfile(120, {line(1): 120})


@pytest.mark.servers
def test_a_source_takes_little_memory(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    profiles = RedisSourceProfiles(client)
    for first in range(0, HALVED_AT - 100, 50):
        profiles.count(
            [seen(f"a{n}", *range(10), *range(n * 40 + 10, n * 40 + 50)) for n in range(first, first + 50)]
        )
    keys = client.keys("copydesk:source:s:*")
    assert sum(client.memory_usage(key, samples=0) for key in keys) < 500_000  # bytes, at its fullest
    assert all(client.pttl(key) > 29 * 86_400_000 for key in keys)
    client.close()


@pytest.mark.servers
def test_a_redis_that_lost_its_memory_begins_anew(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    profiles = RedisSourceProfiles(client)
    fill(profiles, 3, 1)
    client.flushall()
    client.script_flush()
    assert read(profiles) == EMPTY
    fill(profiles, 3, 1)
    assert read(profiles) == SourceProfile(3, {line(1): 3})
    client.close()


def test_a_redis_that_is_away_is_unavailable() -> None:
    profiles = RedisSourceProfiles(
        redis.Redis(port=1, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0))
    )
    with pytest.raises(Unavailable):
        profiles.read(["s"])
    with pytest.raises(Unavailable):
        profiles.count([seen("a", 1)])
