"""Wrong keys, counted by address: who has sent too many, for how long, and who is not held up by it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.search.app import create_app
from shared.clock import now_ms
from shared.errors import BadSettings
from shared.keys.failures import Failures
from shared.keys.memory import MemoryKeys
from shared.keys.port import ApiKey
from shared.keys.secret import make_key
from shared.settings import Settings
from tests.unit.search.conftest import Newsroom, open_newsroom


class Store(MemoryKeys):
    """Keys that count how often they are asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = self.listed = 0

    def find(self, key_id: str) -> ApiKey | None:
        self.asked += 1
        return super().find(key_id)

    def all(self) -> Sequence[ApiKey]:
        self.listed += 1
        return super().all()

    def make(self, *scopes: str) -> str:
        text, key = make_key("one", scopes, now_ms())
        self.add(key)
        return text


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with open_newsroom(tmp_path_factory.mktemp("failures")) as made:
        yield made
        for thread in threading.enumerate():
            if thread.name == "key use":
                thread.join()


class Door:
    """A search service that takes so many wrong keys a minute."""

    def __init__(self, room: Newsroom, wrong: int, **more: int) -> None:
        self.store = Store()
        settings = replace(room.settings, keys="on", wrong_keys_per_minute=wrong, **more)
        app = create_app(settings, room.index, room.ledger, keys=self.store)
        self.client: FlaskClient = app.test_client(use_cookies=False)

    def get(self, key: str, path: str = "/v1/suggest?q=f", address: str = "192.0.2.1") -> TestResponse:
        return self.client.get(path, headers={"X-Api-Key": key}, environ_base={"REMOTE_ADDR": address})

    def sign_in(self, key: str) -> TestResponse:
        return self.client.post("/sign-in", data={"key": key}, environ_base={"REMOTE_ADDR": "192.0.2.1"})


def guess(number: int) -> str:
    return f"cdk_{number:012x}_{'0' * 40}"


def test_trying_keys_has_an_end_and_costs_the_ledger_nothing_more(room: Newsroom) -> None:
    door = Door(room, 5)
    assert [door.get(guess(number)).status_code for number in range(5)] == [401] * 5
    told = [door.get(guess(number)) for number in range(5, 200)]
    assert {answer.status_code for answer in told} == {429}
    assert door.store.asked == 5
    assert door.store.listed == 1
    refused = told[-1]
    assert refused.json["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert refused.json["violated-policies"] == ["wrong-keys"]
    assert refused.json["detail"].startswith("no more than 5 wrong keys a minute")
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert 0 < int(refused.headers["Retry-After"]) <= 60


def test_good_keys_of_the_same_address_go_on_seen_before_or_not(room: Newsroom) -> None:
    door = Door(room, 1)
    seen, unseen, pusher = door.store.make("search"), door.store.make("search"), door.store.make("ingest")
    assert door.get(seen).status_code == 200
    for number in range(3):
        door.get(guess(number))
    for key in (seen, unseen, seen, unseen):
        answer = door.get(key)
        assert answer.status_code == 200
        assert "Retry-After" not in answer.headers
    assert door.get(pusher).status_code == 403
    assert door.get(guess(9)).status_code == 429


def test_other_addresses_go_on_and_one_network_of_ipv6_is_one(room: Newsroom) -> None:
    door = Door(room, 1)
    told = [
        door.get(guess(number), address=address).status_code
        for number, address in enumerate(
            ("192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
        )
    ]
    assert told == [401, 429, 401, 401, 429, 401]


def test_every_way_to_send_a_key_is_counted_and_sending_none_is_not(room: Newsroom) -> None:
    door = Door(room, 3)
    base = {"REMOTE_ADDR": "192.0.2.1"}
    for _ in range(5):
        assert door.client.get("/v1/search", environ_base=base).status_code == 401
    assert door.sign_in(guess(1)).status_code == 401
    readyz = door.get(guess(2), "/readyz")
    assert (readyz.status_code, "error" in readyz.text) == (200, False)
    assert door.client.get(f"/v2/sources?apiKey={guess(3)}", environ_base=base).status_code == 401
    newsapi = door.client.get(f"/v2/sources?apiKey={guess(4)}", environ_base=base)
    assert (newsapi.status_code, newsapi.json["status"], newsapi.json["code"]) == (
        429,
        "error",
        "rateLimited",
    )
    assert newsapi.headers["X-RateLimit-Limit"] == "3"
    assert door.client.get("/v1/search", environ_base=base).status_code == 401


def test_people_at_the_desk_are_told_so_on_a_page(room: Newsroom) -> None:
    door = Door(room, 1)
    reader = door.store.make("search")
    door.get(guess(0))
    for answer in (door.sign_in(guess(1)), door.get(guess(2), "/")):
        assert (answer.status_code, answer.mimetype) == (429, "text/html")
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
    assert "Wait a minute" in door.sign_in(guess(3)).text
    good = door.sign_in(reader)
    assert good.status_code == 303


def test_what_is_open_to_all_stays_open(room: Newsroom) -> None:
    door = Door(room, 1)
    for number in range(3):
        door.get(guess(number))
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs", "/static/desk.css"):
        with door.get(guess(4), path) as answer:
            assert answer.status_code == 200
            assert "Retry-After" not in answer.headers


def test_the_limit_of_requests_is_another_one(room: Newsroom) -> None:
    door = Door(room, 1, search_per_minute=2)
    key = door.store.make("search")
    for number in range(3):
        door.get(guess(number))
    told = [door.get(key) for _ in range(3)]
    assert [answer.status_code for answer in told] == [200, 200, 429]
    assert told[2].headers["RateLimit-Policy"] == '"per-minute";q=2;w=60'


def test_nothing_is_counted_where_the_number_is_0(room: Newsroom) -> None:
    door = Door(room, 0)
    assert {door.get(guess(number)).status_code for number in range(200)} == {401}


class Clock:
    """A clock that stands until it is set on."""

    seconds = 1_000.0


def test_a_wait_is_over_when_its_minute_is(tmp_path: Path) -> None:
    clock = Clock()
    failures = Failures(Settings(data_dir=tmp_path, wrong_keys_per_minute=2), lambda: clock.seconds)
    assert [failures.count("192.0.2.1") for _ in range(2)] == [0, 0]
    left = failures.seconds_left("192.0.2.1")
    assert 58 <= left <= 61
    assert 58 <= failures.count("192.0.2.1") <= 60
    clock.seconds += 59
    assert 0 < failures.seconds_left("192.0.2.1") <= 2
    clock.seconds += 2
    assert failures.seconds_left("192.0.2.1") == 0


def test_addresses_without_end_take_no_memory_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.keys.failures.MOST_BLOCKED", 100)
    failures = Failures(Settings(data_dir=tmp_path, wrong_keys_per_minute=1))
    for number in range(300):
        failures.count(f"192.0.{number // 256}.{number % 256}")
    assert len(failures._blocked) == 100
    assert failures.seconds_left("192.0.1.43") > 0


def test_a_number_below_nothing_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="WRONG_KEYS_PER_MINUTE"):
        Settings(data_dir=tmp_path, wrong_keys_per_minute=-1)
