"""What is believed of forwarded headers: as many proxies as the settings say, and without them nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.ingest.app import create_app as create_ingest
from services.search.app import create_app as create_search
from shared.clock import now_ms
from shared.errors import BadSettings
from shared.http import make_app
from shared.keys.memory import MemoryKeys
from shared.keys.secret import make_key
from shared.proxies import client_address
from shared.settings import Settings
from tests.unit.ingest.conftest import Notes
from tests.unit.search.conftest import Newsroom, open_newsroom

FORWARDED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "desk.example",
}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with open_newsroom(tmp_path_factory.mktemp("proxies")) as made:
        yield made
        for thread in threading.enumerate():
            if thread.name in ("capacity", "key use"):
                thread.join()


def searching(room: Newsroom, proxies: int, per_minute: int = 0) -> FlaskClient:
    settings = replace(room.settings, trusted_proxies=proxies, search_per_minute=per_minute)
    return create_search(settings, room.index, room.ledger).test_client()


def signing_in(room: Newsroom, proxies: int, headers: dict[str, str]) -> str:
    store = MemoryKeys()
    text, key = make_key("desk", ("search",), now_ms())
    store.add(key)
    settings = replace(room.settings, trusted_proxies=proxies, keys="on")
    client = create_search(settings, room.index, room.ledger, keys=store).test_client()
    return client.post("/sign-in", data={"key": text}, headers=headers).headers["Set-Cookie"]


def test_behind_a_tls_proxy_the_desks_cookie_never_leaves_https(room: Newsroom) -> None:
    assert "; Secure" in signing_in(room, 1, FORWARDED)
    assert "Secure" not in signing_in(room, 0, FORWARDED)
    assert "Secure" not in signing_in(room, 1, {})


def test_callers_behind_a_proxy_are_counted_one_by_one(room: Newsroom) -> None:
    client = searching(room, 1, per_minute=1)
    told = [
        client.get("/v1/search", headers={"X-Forwarded-For": value}).status_code
        for value in (
            "203.0.113.9", "203.0.113.9", "203.0.113.10", "203.0.113.10:40001", "203.0.113.10:40002",
            # What a caller puts in front of the proxy's own word is not looked at.
            "198.51.100.1, 203.0.113.9", "198.51.100.2, 203.0.113.9",
        )
    ]  # fmt: skip
    assert told == [200, 429, 200, 429, 429, 429, 429]


def test_as_many_are_believed_as_the_settings_say_and_no_fewer(room: Newsroom) -> None:
    client = searching(room, 2, per_minute=1)
    told = [
        client.get("/v1/search", headers={"X-Forwarded-For": value}).status_code
        for value in (
            "203.0.113.9, 10.0.0.1",
            "198.51.100.1, 203.0.113.9, 10.0.0.2",
            "198.51.100.7",
            "198.51.100.8",
        )
    ]  # the last two came past the first proxy, and count by the second one's address
    assert told == [200, 429, 200, 429]
    half = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    assert (
        "http://localhost/"
        in client.get("/v1/search.rss", headers={**half, "X-Forwarded-For": "203.0.113.1, 10.0.0.1"}).text
    )


@pytest.mark.parametrize(("proxies", "root"), [(0, "http://localhost"), (1, "https://desk.example")])
def test_links_begin_with_the_address_that_the_caller_used(room: Newsroom, proxies: int, root: str) -> None:
    client = searching(room, proxies)
    other = {"http://localhost", "https://desk.example"} - {root}
    for path in ("/v1/search.rss?q=a", "/v1/search.atom?q=a", "/v1/search.json?q=a"):
        told = client.get(path, headers=FORWARDED).text
        assert f"{root}{path.partition('?')[0]}" in told
        assert other.pop() not in told
        other = {"http://localhost", "https://desk.example"} - {root}
    moved = client.get("/v1//search", headers=FORWARDED)
    assert (moved.status_code, moved.headers["Location"]) == (308, f"{root}/v1/search")


def test_what_says_no_host_says_none_of_a_proxys_either(room: Newsroom) -> None:
    settings = replace(room.settings, trusted_proxies=1)
    for app in (
        create_search(settings, room.index, room.ledger),
        create_ingest(settings, room.ledger, Notes()),  # type: ignore[arg-type]
    ):
        told = app.test_client().get("/openapi.json", headers=FORWARDED).json
        assert told is not None
        assert all(one["url"].startswith("/") for one in told.get("servers", []))
    first = searching(room, 1).get("/v1/search?size=1", headers=FORWARDED).text
    assert "desk.example" not in first


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1:2", "2001:db8::/64"),
        ("[2001:db8:0:1::1]:443", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("_hidden" * 100, ("_hidden" * 100)[:64]),
        ("", "none"),
        (None, "none"),
    ],
)
def test_an_address_is_counted_without_its_port_and_a_network_of_ipv6_as_one(
    given: str | None, counted: str
) -> None:
    app = Flask(__name__)
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": given}):
        assert client_address() == counted


def test_a_number_of_proxies_below_nothing_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="TRUSTED_PROXIES"):
        Settings(data_dir=tmp_path, trusted_proxies=-1)


def test_with_no_proxy_nothing_stands_in_front(tmp_path: Path) -> None:
    app = make_app("services.trial", Settings(data_dir=tmp_path), {})
    app.add_url_rule("/who", view_func=client_address, endpoint="who")
    told = app.test_client().get("/who", headers=FORWARDED, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert told.text == "192.0.2.7"
