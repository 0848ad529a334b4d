"""A service without keys answers by this machine's names alone, so that no page elsewhere becomes its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from services.ingest.app import create_app as create_ingest
from services.search.app import create_app as create_search
from tests.unit.ingest.conftest import Notes
from tests.unit.search.conftest import Newsroom, open_newsroom

OURS = [
    "localhost",
    "localhost:8000",
    "LOCALHOST:8000",
    "127.0.0.1:8000",
    "127.8.8.8",
    "[::1]:8000",
    "a.localhost",
]
OTHERS = ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example",
          "192.0.2.1", "0.0.0.0:8000", "[2001:db8::1]:8000", "notlocalhost"]  # fmt: skip
PUSH = {"url": "https://a.example/1", "body": "Text of an article."}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with open_newsroom(tmp_path_factory.mktemp("hosts")) as made:
        yield made
        for thread in threading.enumerate():
            if thread.name in ("capacity", "key use"):
                thread.join()


def clients(room: Newsroom, **more: object) -> tuple[FlaskClient, FlaskClient]:
    settings = replace(room.settings, **more)  # type: ignore[arg-type]
    ingest = create_ingest(settings, room.ledger, Notes())  # type: ignore[arg-type]
    return create_search(settings, room.index, room.ledger).test_client(), ingest.test_client()


@pytest.mark.parametrize("host", OTHERS)
def test_a_page_that_leads_its_own_name_here_can_neither_read_nor_push(room: Newsroom, host: str) -> None:
    search, ingest = clients(room)
    headers = {"Host": host, "Sec-Fetch-Site": "same-origin", "Origin": f"http://{host}"}
    before = room.ledger.counts()
    for answer in (
        search.get("/v1/search", headers=headers),
        search.get("/", headers=headers),
        search.get("/v2/everything?q=a", headers=headers),
        search.get("/readyz", headers=headers),
        ingest.post("/v1/articles", json=PUSH, headers=headers),
        ingest.delete(f"/v1/articles/{'0' * 32}", headers=headers),
    ):
        assert answer.status_code == 421
        assert "COPYDESK_TRUSTED_PROXIES" in answer.text
        assert "X-Request-Id" in answer.headers
    assert room.ledger.counts() == before


@pytest.mark.parametrize("host", OURS)
def test_by_its_own_names_it_answers(room: Newsroom, host: str) -> None:
    search, ingest = clients(room)
    assert search.get("/v1/search", headers={"Host": host}).status_code == 200
    assert ingest.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "more", [{"keys": "off"}, {"keys": "on"}, {"trusted_proxies": 1}, {"bind": "192.0.2.1", "keys": "off"}]
)
def test_where_keys_or_a_proxy_were_thought_of_any_name_will_do(
    room: Newsroom, more: dict[str, object]
) -> None:
    for client in clients(room, **more):
        assert client.get("/healthz", headers={"Host": "desk.example"}).status_code == 200
