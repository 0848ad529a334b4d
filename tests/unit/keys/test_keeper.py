"""Who may do what: looked up, remembered for some seconds, and what holds while the ledger is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.errors import Unavailable
from shared.keys.keeper import AWAY_SECONDS, KNOWN_SECONDS, USE_NOTED_MS, Keeper, KeyRefused
from shared.keys.memory import MemoryKeys
from shared.keys.port import ApiKey
from shared.keys.secret import make_key

NOW = 1_790_000_000_000


class Watched(MemoryKeys):
    """Keys that count how often they are asked, can be away, and can hang until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = self.listed = 0
        self.noted: list[int] = []
        self.away = False
        self.go = threading.Event()
        self.go.set()

    def find(self, key_id: str) -> ApiKey | None:
        self.asked += 1
        found = super().find(key_id)
        self.go.wait(10)
        if self.away:
            raise Unavailable("ledger: disk I/O error at /data/ledger.sqlite")
        return found

    def all(self) -> Sequence[ApiKey]:
        self.listed += 1
        self.go.wait(10)
        if self.away:
            raise Unavailable("ledger: disk I/O error at /data/ledger.sqlite")
        return super().all()

    def note_use(self, key_id: str, now: int) -> None:
        if self.away:
            raise Unavailable("ledger: away")
        self.noted.append(now)
        super().note_use(key_id, now)


class World:
    """A keeper on watched keys, with clocks that stand until they are set on."""

    def __init__(self) -> None:
        self.store = Watched()
        self.now = NOW
        self.seconds = 1_000.0
        self.keeper = Keeper(self.store, lambda: self.now, lambda: self.seconds)

    def make(self, *scopes: str, days: float | None = None) -> str:
        text, key = make_key("desk", scopes, self.now, days)
        self.store.add(key)
        return text

    def why(self, text: str | None, scope: str | None = None) -> str:
        with pytest.raises(KeyRefused) as caught:
            self.keeper.check(text, scope)
        return caught.value.why

    def why_listed(self, text: str, scope: str | None = None) -> str:
        with pytest.raises(KeyRefused) as caught:
            self.keeper.check(text, scope, listed=True)
        return caught.value.why

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.now += int(seconds * 1000)


@pytest.fixture
def world() -> World:
    return World()


def uses_noted() -> None:
    for thread in threading.enumerate():
        if thread.name == "key use":
            thread.join()


def test_a_key_opens_what_it_was_made_for(world: World) -> None:
    text = world.make("search")
    assert world.keeper.check(text, "search").name == "desk"
    assert world.keeper.check(text, None).name == "desk"
    assert world.why(text, "ingest") == "scope"
    assert world.why(text, "admin") == "scope"


def test_without_one_and_with_one_that_is_none_nothing_opens(world: World) -> None:
    text = world.make("search")
    assert world.why(None) == world.why("") == "missing"
    assert world.why("no key") == world.why(text[:-1] + "g") == "unknown"
    assert world.why(f"cdk_{'0' * 12}_{'0' * 40}") == "unknown"
    last = "0" if text[-1] != "0" else "1"
    assert world.why(text[:-1] + last) == "unknown"


def test_ended_keys_are_refused_in_the_words_that_unknown_ones_are(world: World) -> None:
    revoked, expired = world.make("search"), world.make("search", days=1)
    world.store.revoke(revoked.split("_")[1], NOW)
    world.now += 24 * 3_600_000
    told = set()
    for text in (revoked, expired, f"cdk_{'0' * 12}_{'0' * 40}", "no key"):
        with pytest.raises(KeyRefused) as caught:
            world.keeper.check(text, "search")
        told.add(str(caught.value))
    assert len(told) == 1


def test_an_ended_key_with_a_wrong_secret_is_unknown(world: World) -> None:
    text = world.make("search")
    world.store.revoke(text.split("_")[1], NOW)
    assert world.why(text) == "ended"
    assert world.why(text[:17] + "0" * 40) == "unknown"


def test_a_revoked_key_ends_within_seconds_and_is_not_looked_up_each_time(world: World) -> None:
    text = world.make("search")
    for _ in range(50):
        world.keeper.check(text, "search")
    assert world.store.asked == 1
    world.store.revoke(text.split("_")[1], world.now)
    world.wait(KNOWN_SECONDS)
    assert world.why(text, "search") == "ended"
    assert world.store.asked == 2


def test_an_end_by_date_needs_no_second_look(world: World) -> None:
    text = world.make("search", days=1 / 86_400)  # a second
    world.keeper.check(text, "search")
    world.wait(1)
    assert world.why(text) == "ended"


def test_unknown_ids_are_remembered_too_and_forgotten_when_they_are_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.keys.keeper.MOST_KNOWN", 100)
    stranger = f"cdk_{'0' * 12}_{'0' * 40}"
    for _ in range(10):
        world.why(stranger)
    assert world.store.asked == 1
    for number in range(1, 300):
        world.why(f"cdk_{number:012x}_{'0' * 40}")
    assert len(world.keeper._strangers) == 100


def test_no_number_of_made_up_ids_pushes_a_key_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.keys.keeper.MOST_KNOWN", 100)
    known = world.make("search")
    world.keeper.check(known, "search")
    for number in range(1, 300):
        world.why(f"cdk_{number:012x}_{'0' * 40}")
    world.store.away = True
    world.wait(KNOWN_SECONDS)
    assert world.keeper.check(known, "search").name == "desk"


def test_a_made_up_id_that_becomes_a_key_is_one(world: World) -> None:
    text = world.make("search")
    key = world.store._kept.pop(text.split("_")[1])
    assert world.why(text) == "unknown"
    world.store.add(key)
    world.wait(KNOWN_SECONDS)
    assert world.keeper.check(text, "search").name == "desk"
    assert not world.keeper._strangers


def test_in_the_list_keys_are_found_and_ended_as_one_by_one_and_the_ledger_is_asked_once(
    world: World,
) -> None:
    text, ended = world.make("search"), world.make("search")
    world.store.revoke(ended.split("_")[1], NOW)
    for number in range(300):
        assert world.why_listed(f"cdk_{number:012x}_{'0' * 40}") == "unknown"
    assert world.keeper.check(text, "search", listed=True).name == "desk"
    assert world.why_listed(ended) == "ended"
    assert world.why_listed(text[:17] + "0" * 40) == world.why_listed("no key") == "unknown"
    assert world.why_listed(text, "admin") == "scope"
    assert (world.store.asked, world.store.listed) == (0, 1)
    world.store.revoke(text.split("_")[1], NOW)
    world.wait(KNOWN_SECONDS)
    assert world.why_listed(text) == "ended"
    assert world.store.listed == 2


def test_in_the_list_a_ledger_that_is_away_is_not_asked_by_each(world: World) -> None:
    seen, unseen = world.make("search"), world.make("search")
    world.keeper.check(seen, "search", listed=True)
    new = world.make("search")
    world.store.away = True
    world.wait(KNOWN_SECONDS)
    for _ in range(20):
        for text in (seen, unseen):
            assert world.keeper.check(text, "search", listed=True).name == "desk"
        assert world.why_listed(new) == "unknown"  # the list is of before
    assert world.store.listed == 2


def test_without_any_list_a_known_key_goes_on_and_others_wait_for_the_ledger(world: World) -> None:
    known, unseen = world.make("search"), world.make("search")
    world.keeper.check(known, "search")
    world.store.away = True
    world.wait(KNOWN_SECONDS)
    assert world.keeper.check(known, "search", listed=True).name == "desk"
    with pytest.raises(Unavailable):
        world.keeper.check(unseen, "search", listed=True)


def test_a_list_that_hangs_holds_one_and_not_all(world: World) -> None:
    text = world.make("search")
    world.keeper.check(text, "search", listed=True)
    world.wait(KNOWN_SECONDS)
    world.store.go.clear()
    held = threading.Thread(target=world.keeper.check, args=(text, "search"), kwargs={"listed": True})
    held.start()
    deadline = time.monotonic() + 10
    while world.store.listed < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    begun = time.monotonic()
    assert world.keeper.check(text, "search", listed=True).name == "desk"
    assert time.monotonic() - begun < 5
    world.store.go.set()
    held.join()
    uses_noted()


def test_while_the_ledger_is_away_known_keys_go_on_and_others_wait(world: World) -> None:
    known, unseen = world.make("search"), world.make("search")
    world.keeper.check(known, "search")
    world.store.away = True
    world.wait(AWAY_SECONDS - KNOWN_SECONDS)
    assert world.keeper.check(known, "search")
    assert world.why(known, "ingest") == "scope"
    assert world.why(known[:17] + "0" * 40) == "unknown"
    with pytest.raises(Unavailable) as caught:
        world.keeper.check(unseen, "search")
    assert "ledger.sqlite" not in str(caught.value)
    world.wait(2 * KNOWN_SECONDS)
    with pytest.raises(Unavailable):  # its last word is a day old
        world.keeper.check(known, "search")


def test_a_ledger_that_is_away_is_not_asked_with_every_request(world: World) -> None:
    known, unseen = world.make("search"), world.make("search")
    world.keeper.check(known, "search")
    world.store.away = True
    world.wait(KNOWN_SECONDS)
    for _ in range(20):
        world.keeper.check(known, "search")
        with pytest.raises(Unavailable):
            world.keeper.check(unseen, "search")
    assert world.store.asked == 2
    world.store.away = False
    world.wait(KNOWN_SECONDS)
    assert world.keeper.check(unseen, "search")


def test_a_known_key_that_ends_while_the_ledger_is_away_ends(world: World) -> None:
    text = world.make("search", days=1 / 24)
    world.keeper.check(text, "search")
    world.store.away = True
    world.wait(3_600)
    assert world.why(text) == "ended"


def test_a_ledger_that_hangs_holds_one_request_and_not_all(world: World) -> None:
    text = world.make("search")
    world.keeper.check(text, "search")
    world.wait(KNOWN_SECONDS)
    world.store.go.clear()
    held = threading.Thread(target=world.keeper.check, args=(text, "search"))
    held.start()
    deadline = time.monotonic() + 5
    while world.store.asked < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    begun = time.monotonic()
    assert world.keeper.check(text, "search")
    assert time.monotonic() - begun < 2
    assert held.is_alive()
    assert world.store.asked == 2
    world.store.go.set()
    held.join()


def test_who_asks_at_the_same_time_hears_the_same(world: World) -> None:
    text = world.make("search")
    world.keeper.check(text, "search")
    world.store.revoke(text.split("_")[1], world.now)
    world.wait(3_600)
    world.store.go.clear()
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(world.why(text))) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    world.store.go.set()
    for thread in threads:
        thread.join()
    assert found == ["ended"] * 8
    assert world.store.asked == 2


def test_its_use_is_noted_once_an_hour_and_never_in_the_way(world: World) -> None:
    text = world.make("search")
    for _ in range(10):
        world.keeper.check(text, "search")
    uses_noted()
    assert world.store.noted == [NOW]
    world.wait(USE_NOTED_MS / 1000 - 1)
    world.keeper.check(text, "search")
    uses_noted()
    assert len(world.store.noted) == 1
    world.wait(1)
    world.store.away = True
    assert world.keeper.check(text, "search")
    uses_noted()  # without an error that anybody would see
    world.store.away = False


def test_what_another_process_has_noted_is_not_noted_again(world: World) -> None:
    text = world.make("search")
    key_id = text.split("_")[1]
    world.store._kept[key_id] = replace(world.store._kept[key_id], last_used_at=NOW - 1)
    world.keeper.check(text, "search")
    uses_noted()
    assert world.store.noted == []
