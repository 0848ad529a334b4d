"""Which pages may read answers in a browser, and what every answer says to browsers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.ingest.app import create_app as create_ingest
from services.search.app import create_app as create_search
from shared.clock import now_ms
from shared.errors import BadSettings
from shared.keys.memory import MemoryKeys
from shared.keys.secret import make_key
from shared.settings import Settings
from tests.unit.ingest.conftest import Notes
from tests.unit.search.conftest import Newsroom, open_newsroom

DESK = "https://desk.example"
PUSH = {"url": "https://a.example/1", "body": "Text."}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with open_newsroom(tmp_path_factory.mktemp("cors")) as made:
        yield made
        for thread in threading.enumerate():
            if thread.name in ("capacity", "key use"):
                thread.join()


def search(room: Newsroom, origins: str, **more: Any) -> FlaskClient:
    settings = replace(room.settings, cors_origins=origins, **more)
    return create_search(settings, room.index, room.ledger, keys=MemoryKeys()).test_client()


def ingest(room: Newsroom, origins: str, keys: MemoryKeys | None = None) -> FlaskClient:
    settings = replace(room.settings, cors_origins=origins, keys="on" if keys else "off")
    return create_ingest(settings, room.ledger, Notes(), keys=keys).test_client()  # type: ignore[arg-type]


def asks_first(client: FlaskClient, path: str, origin: str, method: str = "GET") -> dict[str, str]:
    told = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "x"}
    answer = client.options(path, headers=told)
    assert answer.status_code == 200
    return {name: value for name, value in answer.headers if name.startswith("Access-Control")}


def test_pages_of_the_named_origins_may_read_and_no_others(room: Newsroom) -> None:
    client = search(room, f"{DESK}, http://localhost:3000")
    for origin in (DESK, "http://localhost:3000"):
        answer = client.get("/v1/search", headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
    for origin in ("https://evil.example", "https://desk.example.evil", "http://desk.example", "null", "",
                   f"{DESK}:444", f"{DESK}, http://localhost:3000"):  # fmt: skip
        answer = client.get("/v1/search", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.vary
    assert "Access-Control-Allow-Origin" not in client.get("/v1/search").headers


def test_without_the_setting_nobody_may(room: Newsroom) -> None:
    client = search(room, "")
    assert asks_first(client, "/v2/everything", DESK) == {}
    answer = client.get("/v1/search", headers={"Origin": DESK})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_newsapis_client_in_a_browser_may_send_all_that_it_sends(room: Newsroom) -> None:
    told = asks_first(search(room, DESK, keys="on"), "/v2/everything", DESK)
    assert told["Access-Control-Allow-Origin"] == DESK
    allowed = set(told["Access-Control-Allow-Headers"].split(", "))
    assert allowed == {
        "x-api-key", "x-no-cache", "authorization", "content-type", "access-control-allow-origin"
    }  # fmt: skip
    assert {"GET", "HEAD"} <= set(told["Access-Control-Allow-Methods"].split(", "))
    assert told["Access-Control-Max-Age"] == "600"


def test_errors_can_be_read_too(room: Newsroom) -> None:
    client = search(room, DESK, keys="on")
    for path in ("/v1/search", "/v2/everything", "/no/such"):
        answer = client.get(path, headers={"Origin": DESK})
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, DESK)


def test_a_star_lets_every_page_read(room: Newsroom) -> None:
    answer = search(room, "*").get("/v1/search", headers={"Origin": "https://any.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_page_that_is_named_may_push_and_others_may_not(room: Newsroom) -> None:
    client = ingest(room, DESK)
    told = asks_first(client, "/v1/articles", DESK, "POST")
    assert "POST" in told["Access-Control-Allow-Methods"]
    assert {"idempotency-key", "authorization"} <= set(told["Access-Control-Allow-Headers"].split(", "))
    there = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/v1/articles", json=PUSH, headers={**there, "Origin": DESK}).status_code == 202
    for origin in ("https://evil.example", "null", ""):
        answer = client.post("/v1/articles", json=PUSH, headers={**there, "Origin": origin})
        assert answer.status_code == 403
    assert client.post("/v1/articles", json=PUSH, headers=there).status_code == 403


def test_any_page_may_push_only_where_it_needs_a_key(room: Newsroom) -> None:
    there = {"Sec-Fetch-Site": "cross-site", "Origin": "https://any.example"}
    assert ingest(room, "*").post("/v1/articles", json=PUSH, headers=there).status_code == 403
    keys = MemoryKeys()
    text, key = make_key("page", ("ingest",), now_ms())
    keys.add(key)
    client = ingest(room, "*", keys)
    assert client.post("/v1/articles", json=PUSH, headers=there).status_code == 401
    assert client.post("/v1/articles", json=PUSH, headers={**there, "X-Api-Key": text}).status_code == 202


@pytest.mark.parametrize(
    "value",
    ["desk.example", "https://desk.example/", "https://desk.example/path", "ftp://a", "https://", "null",
     "https://*.example", "https://a.example https://b.example", "https://a@b", "https://a\r\nX: 1"],
)  # fmt: skip
def test_an_origin_that_is_none_stops_the_start(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadSettings, match="COPYDESK_CORS_ORIGINS"):
        Settings(data_dir=tmp_path, cors_origins=value)


def test_every_answer_tells_browsers_to_be_careful(room: Newsroom) -> None:
    """Good ones, errors of every kind, pages, feeds, files and what Flask answers by itself."""
    wanted = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin",
              "Cross-Origin-Opener-Policy": "same-origin"}  # fmt: skip
    clients = [
        search(room, ""),
        search(room, "", keys="on"),
        ingest(room, ""),
        ingest(room, "", MemoryKeys()),
    ]
    for client in clients:
        for rule in client.application.url_map.iter_rules():
            for method in ("GET", "POST", "DELETE", "OPTIONS", "HEAD"):
                path = rule.rule.replace("<path:filename>", "desk.css")
                with client.open(path, method=method) as answer:
                    told = answer.headers
                    assert {name: told.get(name) for name in wanted} == wanted, (method, path)
                    assert "frame-ancestors 'none'" in told["Content-Security-Policy"]
                    assert told["Referrer-Policy"] in ("no-referrer", "same-origin")
                    assert "Server" not in told
                    assert len(told.getlist("Content-Security-Policy")) == 1
