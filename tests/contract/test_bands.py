"""What the bands port promises, on every adapter of it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.errors import Unavailable
from shared.fingerprints import bands_redis
from shared.fingerprints.bands import MOST_CANDIDATES, MOST_SHARING, BandClaim, Bands
from shared.fingerprints.bands_memory import MemoryBands
from shared.fingerprints.bands_redis import RedisBands
from shared.fingerprints.bands_script import SCRIPT
from shared.fingerprints.redis import RedisFingerprints

DAY = 30_000  # in 2052: whatever is written of it stays for as long as a test can run
BANDS = 64


class Make(Protocol):
    def __call__(
        self, *, least: int = 1, window_days: int = 3, placed: bool = True, remembers: bool = True
    ) -> Bands: ...


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    if request.param == "memory":
        yield MemoryBands
        return
    with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
        RedisFingerprints(client).mark_ready()
        yield lambda **options: RedisBands(client, "near", **options)


def name(number: int) -> str:
    """An article id, as spread out as real ones."""
    return f"{random.Random(f'id {number}').getrandbits(128):032x}"


def keys(seed: object, count: int = BANDS) -> tuple[int, ...]:
    made = random.Random(f"keys {seed}")
    return tuple(made.getrandbits(32) for _ in range(count))


def sharing(base: tuple[int, ...], count: int, seed: object) -> tuple[int, ...]:
    """Keys of which the first ``count`` are those of another article."""
    return base[:count] + keys(seed)[count:]


def ask(number: int, own: tuple[int, ...], day: int = DAY, rejected: tuple[str, ...] = ()) -> BandClaim:
    return BandClaim(name(number), day, own, frozenset(rejected))


def test_the_first_leads_and_what_shares_a_band_is_told_of_it(make: Make) -> None:
    bands, base = make(), keys("a")
    assert bands.claim([ask(1, base), ask(2, keys("b")), ask(3, sharing(base, 1, "c"))]) == [
        (), (), (name(1),),
    ]  # fmt: skip
    last = (*base[:-1], base[-1] ^ 1)
    assert bands.claim([ask(4, last)]) == [(name(1),)]
    assert bands.claim([ask(5, keys("d")[:-1] + base[-1:])]) == [(name(1),)]


def test_who_is_told_of_candidates_is_not_written_down(make: Make) -> None:
    bands, base = make(), keys("a")
    bands.claim([ask(1, base)])
    for _ in range(2):
        assert bands.claim([ask(2, sharing(base, 32, "b"))]) == [(name(1),)]
    assert bands.claim([ask(3, keys("c")[:32] + sharing(base, 32, "b")[32:])]) == [()]


def test_a_band_counts_only_at_its_own_place_unless_keys_are_a_set(make: Make) -> None:
    base = keys("a")
    turned = base[1:] + base[:1]
    placed = make()
    assert placed.claim([ask(1, base), ask(2, turned)]) == [(), ()]
    placed.forget([ask(1, base), ask(2, turned)])
    assert make(placed=False).claim([ask(3, base), ask(4, turned)]) == [(), (name(3),)]


def test_rejected_candidates_are_left_out_and_when_all_are_the_article_leads(make: Make) -> None:
    bands, base = make(), keys("a")
    bands.claim([ask(1, base), ask(2, sharing(base, 20, "b"), rejected=(name(1),))])
    third = sharing(base, 10, "c")
    assert set(bands.claim([ask(3, third)])[0]) == {name(1), name(2)}
    assert bands.claim([ask(3, third, rejected=(name(1),))]) == [(name(2),)]
    assert bands.claim([ask(3, third, rejected=(name(1), name(2)))]) == [()]
    assert set(bands.claim([ask(4, sharing(base, 5, "d"))])[0]) == {name(1), name(2), name(3)}


def test_a_lead_that_came_while_others_were_rejected_is_told_of(make: Make) -> None:
    bands, base = make(), keys("a")
    bands.claim([ask(1, sharing(base, 3, "other"))])
    assert bands.claim([ask(2, base)]) == bands.claim([ask(3, base)]) == [(name(1),)]
    assert bands.claim([ask(2, base, rejected=(name(1),)), ask(3, base, rejected=(name(1),))]) == [
        (), (name(2),),
    ]  # fmt: skip


def test_a_lead_that_claims_again_leads_whatever_came_after_it(make: Make) -> None:
    bands, base = make(), keys("a")
    bands.claim([ask(1, base), ask(2, sharing(base, 40, "b"), rejected=(name(1),))])
    assert bands.claim([ask(1, base), ask(2, sharing(base, 40, "b")), ask(1, base)]) == [(), (), ()]
    assert bands.claim([ask(3, base)]) == [(name(1), name(2))]


def test_bands_that_do_not_remember_tell_a_repeated_article_of_what_is_like_it(make: Make) -> None:
    bands, base = make(remembers=False), keys("a")
    second = sharing(base, 40, "b")
    assert bands.claim([ask(1, base), ask(2, second), ask(2, second, rejected=(name(1),))]) == [
        (), (name(1),), (),
    ]  # fmt: skip
    assert bands.claim([ask(2, second), ask(1, base)]) == [(name(1),), (name(2),)]
    assert bands.claim([ask(2, second, rejected=(name(1),)), ask(1, base, rejected=(name(2),))]) == [(), ()]
    assert bands.claim([ask(3, base)]) == [(name(1), name(2))]


def test_an_article_that_is_told_again_is_not_written_down_again(make: Make) -> None:
    bands, base = make(remembers=False), keys("a")
    for number in range(MOST_SHARING + 1):
        bands.load([ask(number, sharing(base, 2, number))])
    newest = tuple(name(number) for number in range(1, MOST_SHARING + 1))
    assert bands.claim([ask(0, sharing(base, 2, 0))]) == [newest]
    assert bands.claim([ask(0, sharing(base, 2, 0), rejected=newest)]) == [()]
    assert bands.claim([ask(999, base)]) == [newest]


def test_a_lead_with_another_text_is_compared_again_but_never_with_itself(make: Make) -> None:
    bands, base, other = make(), keys("a"), keys("b")
    bands.claim([ask(1, base), ask(2, other)])
    changed = base[:30] + other[30:40] + base[40:]
    assert bands.claim([ask(1, changed)]) == [(name(2),)]
    assert bands.claim([ask(1, changed, rejected=(name(2),)), ask(1, changed)]) == [(), ()]
    assert bands.claim([ask(3, keys("c")[:35] + changed[35:40] + keys("d")[40:])]) in (
        [(name(1), name(2))], [(name(2), name(1))],
    )  # fmt: skip


def test_those_with_the_most_in_common_come_first_then_those_of_earlier_days(make: Make) -> None:
    bands, base = make(), keys("a")
    for number, (count, day) in enumerate([(5, DAY), (50, DAY + 1), (20, DAY), (20, DAY - 1)]):
        bands.load([ask(number, sharing(base, count, number), day)])
    assert bands.claim([ask(9, base)]) == [(name(1), name(3), name(2), name(0))]


def test_fewer_shared_bands_than_the_least_make_no_candidate(make: Make) -> None:
    bands, base = make(least=2), keys("a")
    bands.claim([ask(1, base)])
    assert bands.claim([ask(2, sharing(base, 1, "b")), ask(3, sharing(base, 2, "c"))]) == [(), (name(1),)]


@pytest.mark.parametrize("window", [3, 5])
def test_only_days_within_the_window_are_looked_at_on_either_side(make: Make, window: int) -> None:
    bands, base = make(window_days=window), keys("a")
    bands.claim([ask(1, base)])
    for days in (-window, -1, 0, 1, window):
        assert bands.claim([ask(2, base, DAY + days)]) == [(name(1),)], days
    for days in (-window - 1, window + 1):
        assert bands.claim([ask(2, base, DAY + days)]) == [()], days
        bands.forget([ask(2, base, DAY + days)])


def test_candidates_are_bounded_and_rejecting_them_all_is_enough_to_lead(make: Make) -> None:
    bands, base = make(), keys("a")
    many = 2 * MOST_CANDIDATES
    # Each shares three bands of its own with the last one, but for the first ten, which share more.
    crowd = [keys(number) for number in range(many)]
    for number, own in enumerate(crowd):
        first = 3 * (number % 20)
        few = own[:first] + base[first : first + 3] + own[first + 3 :]
        bands.load([ask(number, few if number >= 10 else sharing(base, 20, number), DAY - number % 3)])
    found = bands.claim([ask(999, base)])[0]
    assert len(found) == len(set(found)) == MOST_CANDIDATES
    assert {name(number) for number in range(10)} <= set(found[:16])
    assert bands.claim([ask(999, base, rejected=found)]) == [()]


@pytest.mark.parametrize("shared", [2, 40])
@pytest.mark.parametrize("earlier", [MOST_CANDIDATES - 1, MOST_CANDIDATES, MOST_CANDIDATES + 6])
def test_who_came_while_others_were_rejected_counts_among_the_most(
    make: Make, earlier: int, shared: int
) -> None:
    bands, base = make(), keys("a")
    for number in range(100, 100 + earlier):
        own, first = keys(number), 3 * (number % 20)
        three = own[:first] + base[first : first + 3] + own[first + 3 :]
        bands.load([ask(number, three, DAY - number % 2)])
    (told,) = bands.claim([ask(1, base)])
    assert len(told) == min(earlier, MOST_CANDIDATES)
    bands.load([ask(2, sharing(base, shared, "between"), DAY + 1)])
    is_looked_at = shared > 3 or earlier < MOST_CANDIDATES
    assert bands.claim([ask(1, base, rejected=told)]) == [(name(2),) if is_looked_at else ()]


def test_of_a_band_that_many_share_the_newest_are_remembered(make: Make) -> None:
    bands, base = make(), keys("a")
    for number in range(3 * MOST_SHARING):
        bands.load([ask(number, sharing(base, 1, number))])
    newest = {name(number) for number in range(2 * MOST_SHARING, 3 * MOST_SHARING)}
    assert set(bands.claim([ask(999, base)])[0]) == newest
    assert bands.claim([ask(998, keys("x")[:40] + keys(1)[40:])]) == [(name(1),)]


def test_members_of_one_call_see_each_other_in_order(make: Make) -> None:
    bands, base = make(), keys("a")
    claims = [ask(number, base) for number in range(40)]
    assert bands.claim(claims) == [(), *[(name(0),)] * 39]
    assert bands.claim([]) == []


def test_an_article_without_bands_has_no_candidates_and_is_none(make: Make) -> None:
    bands = make()
    assert bands.claim([ask(1, ()), ask(2, ())]) == [(), ()]
    bands.load([ask(3, ())])
    bands.forget([ask(3, ())])


def test_what_was_loaded_is_found_and_loading_twice_adds_nothing(make: Make) -> None:
    bands, base = make(), keys("a")
    for _ in range(2):
        bands.load([ask(1, base), ask(2, base)])
    assert bands.claim([ask(3, base)]) == [(name(1), name(2))]
    assert bands.claim([ask(1, base), ask(2, base)]) == [(), ()]


def test_what_was_forgotten_is_no_candidate_and_may_lead_again(make: Make) -> None:
    bands, base = make(), keys("a")
    bands.load([ask(1, base), ask(2, sharing(base, 10, "b"))])
    bands.forget([ask(1, base), ask(7, base), ask(8, keys("unknown"), DAY + 1)])
    assert bands.claim([ask(3, base)]) == [(name(2),)]
    assert bands.claim([ask(1, base)]) == [(name(2),)]
    bands.forget([ask(2, sharing(base, 10, "b"))])
    assert bands.claim([ask(1, base), ask(3, base)]) == [(), (name(1),)]


def test_forgetting_goes_on_where_only_part_is_there(make: Make) -> None:
    bands, base = make(), keys("a")
    bands.load([ask(1, sharing(base, 32, "b")), ask(2, keys("b"))])
    bands.forget([ask(1, base), ask(1, base)])
    assert bands.claim([ask(3, base), ask(4, keys("b")[:32] + keys("c")[32:])]) == [(), (name(2),)]


def test_a_day_of_many_articles_finds_each_of_them(make: Make) -> None:
    bands = make()
    bands.load([ask(number, keys(number)) for number in range(1_500)])
    for number in range(0, 1_500, 50):
        assert name(number) in bands.claim([ask(10_000 + number, sharing(keys(number), 8, "x"))])[0]
        assert bands.claim([ask(number, keys(number))]) == [()]
    bands.forget([ask(number, keys(number)) for number in range(1_500)])
    assert bands.claim([ask(20_000, keys(7)), ask(20_001, keys(1_499))]) == [(), ()]


def test_eight_racing_threads_find_one_lead_for_each_text(make: Make) -> None:
    bands = make()
    barrier = threading.Barrier(8)
    answers: list[list[tuple[str, ...]]] = []

    def race(racer: int) -> None:
        barrier.wait()
        claims = [
            ask(1_000 * (racer + 1) + text, sharing(keys(text), 40, (racer, text))) for text in range(100)
        ]
        answers.append([answer for claim in claims for answer in bands.claim([claim])])

    threads = [threading.Thread(target=race, args=(racer,)) for racer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert all([answer[text] for answer in answers].count(()) == 1 for text in range(100))


def test_memory_forgets_after_the_window_counted_from_day_or_writing() -> None:
    day = 86_400.0
    now = [100 * day]
    bands = MemoryBands(clock=lambda: now[0])
    bands.load([ask(1, keys("past"), 50), ask(2, keys("now"), 100), ask(3, keys("coming"), 101)])
    past, present, coming = ask(4, keys("past"), 50), ask(5, keys("now"), 100), ask(6, keys("coming"), 101)
    now[0] = 104 * day - 1
    assert bands.claim([past, present, coming]) == [(name(1),), (name(2),), (name(3),)]
    now[0] = 104 * day
    assert bands.claim([coming]) == [(name(3),)]
    assert bands.claim([past, present]) == [(), ()]


@pytest.mark.servers
def test_redis_ends_every_key_after_the_window_counted_from_day_or_writing(redis_url: str) -> None:
    day = 86_400
    with redis.Redis.from_url(redis_url) as client:
        today = int(client.time()[0]) // day
        bands = RedisBands(client, window_days=3)
        for written in (today - 40, today, today + 1):
            client.flushall()
            bands.load([ask(1, keys(1), written)])
            bands.load([ask(2, keys(2), written), ask(1, keys(1), written)])
            ends = [client.expiretime(key) for key in client.scan_iter()]
            due = (max(today, written) + 4) * day
            assert ends
            assert all(due <= end <= due + 3_600 for end in ends)


@pytest.mark.servers
def test_redis_lengthens_what_is_written_late(redis_url: str) -> None:
    day = 86_400
    with redis.Redis.from_url(redis_url) as client:
        today = int(client.time()[0]) // day
        bands = RedisBands(client)
        bands.load([ask(1, keys("a"), today - 2)])
        for key in client.scan_iter():
            client.expireat(key, (today + 2) * day)  # as it would have been made two days ago
        bands.load([ask(2, keys("a"), today - 2)])
        # The name of the first one need not stay.
        own = [key for key in client.scan_iter() if not key.rpartition(b":")[2].startswith(b"n")]
        assert len(own) > 1
        assert all(client.expiretime(key) >= (today + 4) * day for key in own)


@pytest.mark.servers
def test_a_redis_that_lost_its_memory_answers_no_claim_until_told(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        bands = RedisBands(client)
        with pytest.raises(Unavailable, match="put back"):
            bands.claim([ask(1, keys("a"))])
        bands.load([ask(1, keys("a"))])
        RedisFingerprints(client).mark_ready()
        assert bands.claim([ask(2, keys("a"))]) == [(name(1),)]


@pytest.mark.servers
def test_redis_keeps_one_record_of_an_article_that_asks_again(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        RedisFingerprints(client).mark_ready()
        bands = RedisBands(client, "story", remembers=False)
        assert bands.claim([ask(1, keys("a"))] * 5) == [()] * 5
        assert client.hmget(f"copydesk:story:{DAY}", "held", "total") == [b"1", b"1"]


@pytest.mark.servers
def test_bands_of_two_names_are_strangers(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        RedisFingerprints(client).mark_ready()
        near, story = RedisBands(client, "near"), RedisBands(client, "story", least=2, window_days=5)
        assert near.claim([ask(1, keys("a"))]) == story.claim([ask(2, keys("a"))]) == [()]
        assert story.claim([ask(3, keys("a"))]) == [(name(2),)]


@pytest.mark.servers
def test_two_articles_whose_numbers_are_the_same_are_both_told_of(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        RedisFingerprints(client).mark_ready()
        bands = RedisBands(client)
        one, other = "00c0ffee" + "1" * 24, "00c0ffee" + "2" * 24
        first, second = BandClaim(one, DAY, keys("a")), BandClaim(other, DAY, keys("b"))
        assert bands.claim([first, second]) == [(), ()]
        assert one in bands.claim([ask(3, keys("a"))])[0]
        assert bands.claim([BandClaim(other, DAY, keys("a"))]) == [(one,)]
        bands.forget([first])
        assert bands.claim([ask(4, keys("a")), ask(5, keys("b"))]) == [(), (other,)]


@pytest.mark.servers
def test_the_order_of_a_band_that_is_full_stays(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        RedisFingerprints(client).mark_ready()
        bands, base = RedisBands(client), keys("a")
        for number in range(MOST_SHARING + 3):
            bands.load([ask(number, sharing(base, 2, number))])
        newest = tuple(name(number) for number in range(3, MOST_SHARING + 3))
        assert bands.claim([ask(999, base)]) == [newest]


@pytest.mark.servers
def test_a_day_grows_by_layers_and_the_next_is_made_as_large_at_once(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        bands = RedisBands(client)
        bands.load([ask(number, keys(number)) for number in range(1_400)])
        bands.load([ask(2_000, keys(2_000), DAY + 1), ask(2_001, keys(2_001), DAY + 10)])
        layers = {day: client.hget(f"copydesk:near:{day}", "layers") for day in (DAY, DAY + 1, DAY + 10)}
        assert layers == {DAY: b"9 13", DAY + 1: b"10", DAY + 10: b"9"}
        assert client.dbsize() < 1_400 * BANDS / 10


@pytest.mark.servers
@pytest.mark.parametrize("what", ["a store that was filled again", "somebody else"])
def test_who_asks_again_to_lead_is_told_of_what_came_in_between(redis_url: str, what: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        RedisFingerprints(client).mark_ready()
        mine, others, base = RedisBands(client), RedisBands(client), keys("a")
        mine.load([ask(1, sharing(base, 30, "x")), ask(2, keys("elsewhere"))])
        assert mine.claim([ask(5, base)]) == [(name(1),)]
        if what == "somebody else":
            others.forget([ask(2, keys("elsewhere"))])
            assert others.claim([ask(6, base, rejected=(name(1),))]) == [()]
        else:  # with as many articles as before, and another one among them
            client.flushall()
            RedisFingerprints(client).mark_ready()
            others.load([ask(1, sharing(base, 30, "x")), ask(6, base)])
        assert mine.claim([ask(5, base, rejected=(name(1),))]) == [(name(6),)]


@pytest.mark.servers
def test_redis_reads_again_only_days_on_which_something_was_written(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        RedisFingerprints(client).mark_ready()
        mine, others, base = RedisBands(client), RedisBands(client), keys("a")
        days = range(DAY - 3, DAY + 4)
        mine.load([ask(day, sharing(base, 30, day), day) for day in days])
        found, looks = looking(client, lambda: mine.claim([ask(1, base)]))
        assert set(found[0]) == {name(day) for day in days}
        others.load([ask(2, sharing(base, 3, "b"), DAY + 1), ask(3, keys("elsewhere"), DAY - 2)])
        told = ask(1, base, rejected=found[0])
        assert looking(client, lambda: mine.claim([told])) == ([(name(2),)], looks * 2 / len(days))
        # Whom that answer names is not rejected here: it tells nothing of any day.
        assert looking(client, lambda: mine.claim([told])) == ([(name(2),)], looks)


def looking(client: redis.Redis, ask_them: Callable[[], list[tuple[str, ...]]]) -> tuple[object, float]:
    """What was answered, and how many times the server read buckets for it."""
    client.config_resetstat()
    found = ask_them()
    return found, client.info("commandstats")["cmdstat_mget"]["calls"]


@pytest.mark.servers
@pytest.mark.parametrize("layers", ["as they are", "of two buckets"])
@pytest.mark.parametrize(
    "options", [{}, {"placed": False, "remembers": False, "least": 2}], ids=["near", "story"]
)
def test_redis_answers_as_memory_does_whatever_comes(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], layers: str
) -> None:
    if layers != "as they are":
        small = SCRIPT.replace("AIM, FULL = 100, 160", "AIM, FULL = 2, 4")
        small = small.replace("FEW, SMALL, MANY = 9, 14, BITS", "FEW, SMALL, MANY = 1, 5, BITS")
        assert small.count("= 2, 4") == small.count("= 1, 5, BITS") == 1
        monkeypatch.setattr(bands_redis, "SCRIPT", small)
    chance = random.Random(f"{options} {layers}")
    with redis.Redis.from_url(redis_url) as client:
        RedisFingerprints(client).mark_ready()
        memory, servers = MemoryBands(**options), [RedisBands(client, "near", **options) for _ in range(3)]
        town, told = Town(chance), 0
        for _ in range(400):
            server, batch = chance.choice(servers), town.batch()
            act = chance.random()
            if act < 0.85:
                expected, found = memory.claim(batch), server.claim(batch)
                assert [set(one) for one in found] == [set(one) for one in expected]
                town.take(batch, found)
                told += sum(map(bool, found))
            elif act < 0.93:
                memory.load(batch)
                server.load(batch)
            else:
                memory.forget(batch)
                server.forget(batch)
        assert told > 100


class Town:
    """Articles of nine days, some of them about the same; each with whom it was compared with already."""

    KEYS = 12

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._articles: list[tuple[int, tuple[int, ...]]] = []
        self._rejected: dict[int, set[str]] = {}

    def batch(self) -> list[BandClaim]:
        return [self._one() for _ in range(self._chance.choice((1, 1, 2, 5, 12)))]

    def take(self, batch: list[BandClaim], found: list[tuple[str, ...]]) -> None:
        numbers = {name(number): number for number in range(len(self._articles))}
        for claim, candidates in zip(batch, found, strict=True):
            self._rejected.setdefault(numbers[claim.article_id], set()).update(claim.rejected, candidates)

    def _one(self) -> BandClaim:
        if not self._articles or self._chance.random() < 0.35:
            self._articles.append((DAY + self._chance.randrange(9), self._keys()))
            number = len(self._articles) - 1
        else:
            number = self._chance.randrange(max(0, len(self._articles) - 40), len(self._articles))
        day, own = self._articles[number]
        rejected = sorted(self._rejected.get(number, ()))
        kept = self._chance.choice((1.0, 1.0, 1.0, 0.5, 0.0))  # a retry knows none of them
        return ask(number, own, day, tuple(one for one in rejected if self._chance.random() < kept))

    def _keys(self) -> tuple[int, ...]:
        """Some keys of a subject that is in the news just now, the others of its own."""
        subject = keys(f"{self._chance.randrange(5)} of {len(self._articles) // 60}", self.KEYS)
        return tuple(key if self._chance.random() < 0.4 else self._chance.getrandbits(32) for key in subject)


def test_a_redis_that_is_away_is_unavailable() -> None:
    bands = RedisBands(redis.Redis(port=1, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0)))
    for act in (bands.claim, bands.load, bands.forget):
        with pytest.raises(Unavailable):
            act([ask(1, keys("a"))])
