"""A request's id follows what it brought, by every way in; so does its place in a trace."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.ledger.port import Ledger

ITEM = {"url": "https://news.example/harbour", "title": "Harbour reopens", "body": "Ships may enter again."}
MINE = {"X-Request-Id": "desk-7"}

WAYS: dict[str, Callable[[FlaskClient], TestResponse]] = {
    "object": lambda client: client.post("/v1/articles", json=ITEM, headers=MINE),
    "array": lambda client: client.post("/v1/articles", json=[ITEM], headers=MINE),
    "once": lambda client: client.post("/v1/articles", json=ITEM, headers=MINE | {"Idempotency-Key": "k"}),
    "stream": lambda client: client.post(
        "/v1/articles:bulk", data=json.dumps(ITEM), content_type="application/x-ndjson", headers=MINE
    ),
    "page": lambda client: client.post(
        f"/v1/pages?url={ITEM['url']}", data="<p>Ships</p>", content_type="text/html", headers=MINE
    ),
}


def id_in(answer: TestResponse) -> str:
    told = json.loads(answer.text.splitlines()[0])
    found = told["results"][0]["id"] if "results" in told else told["id"]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_the_id_that_a_sender_gives_is_in_status_and_journey(
    client: FlaskClient, ledger: Ledger, way: str
) -> None:
    answer = WAYS[way](client)
    article_id = id_in(answer)
    assert answer.headers["X-Request-Id"] == "desk-7"
    assert client.get(f"/v1/articles/{article_id}/status").json["request"] == "desk-7"
    assert [step.request for step in ledger.journey(article_id)] == ["desk-7"]


def test_a_request_without_an_id_is_given_one_that_is_kept(client: FlaskClient) -> None:
    answer = client.post("/v1/articles", json=ITEM)
    status = client.get(answer.json["status_url"]).json
    assert status["request"] == answer.headers["X-Request-Id"]
    assert len(status["request"]) == 32


def test_an_id_that_cannot_be_one_is_replaced(client: FlaskClient) -> None:
    answer = client.post("/v1/articles", json=ITEM, headers={"X-Request-Id": "a key\tor worse"})
    assert client.get(answer.json["status_url"]).json["request"] == answer.headers["X-Request-Id"] != "a key"
