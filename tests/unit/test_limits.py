"""How many requests a minute: by key, by address without keys, and what is told of it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.ingest.app import create_app as create_ingest
from services.search.app import create_app as create_search
from shared.clock import now_ms
from shared.errors import BadSettings
from shared.keys.memory import MemoryKeys
from shared.keys.secret import make_key
from shared.quota import HEADERS
from shared.settings import Settings
from tests.unit.ingest.conftest import Notes
from tests.unit.search.conftest import Newsroom, open_newsroom


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with open_newsroom(tmp_path_factory.mktemp("limits")) as made:
        yield made
        for thread in threading.enumerate():
            if thread.name in ("capacity", "key use"):
                thread.join()


class Keyed:
    """A search service with keys on and so many requests a minute, and two keys."""

    def __init__(self, room: Newsroom, per_minute: int) -> None:
        store = MemoryKeys()
        self.texts = []
        for name in ("one", "two"):
            text, key = make_key(name, ("search",), now_ms())
            store.add(key)
            self.texts.append(text)
        settings = replace(room.settings, keys="on", search_per_minute=per_minute)
        app = create_search(settings, room.index, room.ledger, keys=store)
        self.client = app.test_client(use_cookies=False)

    def get(self, path: str, key: int = 0) -> TestResponse:
        return self.client.get(path, headers={"X-Api-Key": self.texts[key]})


def by_address(room: Newsroom, per_minute: int) -> FlaskClient:
    settings = replace(room.settings, search_per_minute=per_minute, ingest_per_minute=per_minute)
    return create_search(settings, room.index, room.ledger).test_client()


def test_one_request_too_many_is_turned_away_and_told_when_to_come_back(room: Newsroom) -> None:
    keyed = Keyed(room, 3)
    for left in (2, 1, 0):
        answer = keyed.get("/v1/search")
        assert answer.status_code == 200
        assert answer.headers["X-RateLimit-Remaining"] == str(left)
        assert "Retry-After" not in answer.headers
    refused = keyed.get("/v1/search")
    assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.json["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert refused.json["violated-policies"] == ["per-minute"]
    assert refused.json["detail"].startswith("no more than 3 requests a minute")


def test_both_families_of_headers_tell_the_same(room: Newsroom) -> None:
    answer = Keyed(room, 3).get("/v1/suggest?q=f")
    told = {name: answer.headers[name] for name in HEADERS}
    assert told["X-RateLimit-Limit"] == "3"
    assert told["X-RateLimit-Remaining"] == "2"
    seconds = int(told["X-RateLimit-Reset"]) - time.time()
    assert 58 < seconds <= 61
    assert told["RateLimit-Policy"] == '"per-minute";q=3;w=60'
    found = re.fullmatch(r'"per-minute";r=2;t=(\d+)', told["RateLimit"])
    assert found is not None
    assert 59 <= int(found[1]) <= 60


def test_each_key_has_its_own_and_one_for_all_its_routes(room: Newsroom) -> None:
    keyed = Keyed(room, 2)
    assert [keyed.get(path).status_code for path in ("/v1/search", "/", "/v1/suggest?q=f")] == [200, 200, 429]
    assert keyed.get("/v1/search", key=1).headers["X-RateLimit-Remaining"] == "1"


def test_newsapis_clients_are_told_of_it_in_newsapis_words(room: Newsroom) -> None:
    keyed, open_to_all = Keyed(room, 1), by_address(room, 1)
    assert keyed.get("/v2/sources").json["status"] == "ok"
    refused = keyed.get("/v2/everything?q=a")
    assert (refused.status_code, refused.json["code"]) == (429, "apiKeyExhausted")
    assert (refused.json["status"], refused.mimetype) == ("error", "application/json")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit"].startswith('"per-minute";r=0;t=')
    open_to_all.get("/v2/sources")
    assert open_to_all.get("/v2/sources").json["code"] == "rateLimited"


def test_without_keys_an_address_is_counted(room: Newsroom) -> None:
    client = by_address(room, 1)
    statuses = [
        client.get("/v1/search", environ_base={"REMOTE_ADDR": address}).status_code
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1")
    ]
    assert statuses == [200, 429, 200, 200]
    # Whoever could write this header would never be turned away.
    told = {"X-Forwarded-For": "192.0.2.77"}
    assert (
        client.get("/v1/search", environ_base={"REMOTE_ADDR": "192.0.2.1"}, headers=told).status_code == 429
    )


def test_what_is_open_to_all_is_not_counted(room: Newsroom) -> None:
    client = by_address(room, 1)
    for path in ("/healthz", "/readyz", "/openapi.json", "/static/desk.css"):
        for _ in range(3):
            with client.get(path) as answer:
                assert answer.status_code == 200
                assert "X-RateLimit-Limit" not in answer.headers
    assert client.options("/v1/search").status_code == 200
    assert client.get("/v1/search").status_code == 200


def test_the_desk_says_it_on_a_page(room: Newsroom) -> None:
    client = by_address(room, 1)
    client.get("/")
    refused = client.get("/")
    assert (refused.status_code, refused.mimetype) == (429, "text/html")
    assert int(refused.headers["Retry-After"]) > 0


def test_strangers_use_up_nobodys_requests(room: Newsroom) -> None:
    keyed = Keyed(room, 1)
    for _ in range(5):
        assert keyed.client.get("/v1/search").status_code == 401
    assert keyed.get("/v1/search").status_code == 200


def test_pushes_have_a_number_of_their_own(room: Newsroom) -> None:
    settings = replace(room.settings, ingest_per_minute=1, search_per_minute=5)
    client = create_ingest(settings, room.ledger, Notes()).test_client()  # type: ignore[arg-type]
    push = {"url": "https://a.example/1", "body": "Text."}
    assert client.post("/v1/articles", json=push).status_code == 202
    refused = client.post("/v1/articles", json=push)
    assert (refused.status_code, refused.headers["X-RateLimit-Limit"]) == (429, "1")


def test_without_a_number_there_is_no_limit_and_no_word_of_one(room: Newsroom) -> None:
    client = room.client()
    assert {client.get("/v1/suggest?q=f").status_code for _ in range(50)} == {200}
    assert "RateLimit" not in client.get("/v1/suggest?q=f").headers


def test_a_number_below_nothing_stops_the_start(tmp_path: Path) -> None:
    for name in ("search_per_minute", "ingest_per_minute"):
        with pytest.raises(BadSettings, match=name.upper()):
            Settings(data_dir=tmp_path, **{name: -1})
