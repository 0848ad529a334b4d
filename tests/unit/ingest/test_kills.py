"""Kills over HTTP: a push that needs no content, done before it is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.ledger.port import Ledger
from tests.unit.ingest.kept import advance

ITEM = {"url": "https://news.example/a", "title": "Harbour reopens", "body": "Ships may enter again."}
OTHER = {"url": "https://news.example/b", "title": "Ferry", "body": "The ferry left."}
KILL = {"url": ITEM["url"], "pub_status": "canceled"}
LATER = 1_900_000_000_000


def ok(answer: TestResponse, status: int = 202) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found = answer.json
    assert isinstance(found, dict)
    return found


def fields(answer: TestResponse) -> list[str]:
    return [error["field"] for error in ok(answer, 400)["errors"]]


@pytest.mark.parametrize(
    "content",
    [{}, {"body": ""}, {"html": " "}, {"title": "KILL: Harbour reopens", "body": "Editors: kill this."}],
)
def test_a_kill_ends_what_was_pushed_and_needs_no_content(
    client: FlaskClient, ledger: Ledger, waker: Any, content: dict[str, str]
) -> None:
    article = ok(client.post("/v1/articles", json=ITEM))["id"]
    waker.lanes.clear()
    receipt = ok(client.post("/v1/articles", json=KILL | content))
    assert (receipt["id"], receipt["status"]) == (article, "accepted")
    assert waker.lanes == [("index", "live")]
    assert ledger.counts() == {"withdrawn": 2}
    assert ledger.claim("clean", "live", 10, "test", LATER) is None
    assert client.get(receipt["status_url"]).status_code == 410
    assert client.post("/v1/articles", json=ITEM).status_code == 409


def test_the_tombstone_of_a_kill_waits_at_the_index(client: FlaskClient, ledger: Ledger) -> None:
    client.post("/v1/articles", json=ITEM)
    advance(ledger)
    client.post("/v1/articles", json=KILL)
    claim = ledger.claim("index", "live", 10, "test", LATER)
    assert claim is not None
    (work,) = claim.works
    assert work.article is not None
    assert work.article.withdrawn


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "again"}])
def test_a_kill_is_taken_again_and_again(client: FlaskClient, headers: dict[str, str]) -> None:
    for _ in range(3):
        ok(client.post("/v1/articles", json=KILL, headers=headers))
    assert client.post("/v1/articles", json=ITEM).status_code == 409


def test_a_kill_after_a_withdrawal_is_taken(client: FlaskClient) -> None:
    article = ok(client.post("/v1/articles", json=ITEM))["id"]
    ok(client.delete(f"/v1/articles/{article}"), 200)
    assert ok(client.post("/v1/articles", json=KILL))["id"] == article


def test_kills_in_an_array_work_beside_the_others(client: FlaskClient, ledger: Ledger, waker: Any) -> None:
    results = ok(client.post("/v1/articles", json=[ITEM, KILL, ITEM, OTHER]))["results"]
    assert [result["status"] for result in results] == ["accepted", "accepted", "refused", "accepted"]
    assert waker.lanes == [("clean", "live"), ("index", "live")]
    assert ledger.counts() == {"withdrawn": 2, "accepted": 1}


def test_kills_in_a_stream_work_beside_the_others(client: FlaskClient, ledger: Ledger) -> None:
    lines = "\n".join(json.dumps(item) for item in (ITEM, KILL, ITEM, OTHER))
    answer = client.post("/v1/articles:bulk", data=lines, content_type="application/x-ndjson")
    found = [json.loads(line)["status"] for line in answer.text.splitlines()]
    assert found == ["accepted", "accepted", "refused", "accepted"]
    assert ledger.counts() == {"withdrawn": 2, "accepted": 1}


@pytest.mark.parametrize(
    ("item", "wrong"),
    [
        ({"pub_status": "canceled"}, ["url", "source"]),
        ({"pub_status": "canceled", "uri": "x"}, ["source"]),
        (KILL | {"body": "a", "text": "b"}, ["text"]),
        (KILL | {"reason": "libel"}, ["reason"]),
        (KILL | {"pub_status": "cancelled"}, ["pub_status", "body"]),
        ({"url": ITEM["url"], "pub_status": "withheld"}, ["body"]),
        ({"url": ITEM["url"], "pub_status": ["canceled"]}, ["pub_status", "body"]),
    ],
)
def test_what_is_no_kill_is_refused_as_ever(
    client: FlaskClient, ledger: Ledger, item: dict[str, Any], wrong: list[str]
) -> None:
    assert fields(client.post("/v1/articles", json=item)) == wrong
    assert ledger.counts() == {}
