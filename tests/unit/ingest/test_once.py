"""Idempotency-Key: the same request is accepted once and answered the same, another one is refused."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.ingest.app import create_app
from shared.clock import now_ms
from shared.keys.memory import MemoryKeys
from shared.keys.secret import make_key
from shared.ledger.port import Ledger
from shared.settings import Settings

ITEM = {"url": "https://news.example/a", "title": "Harbour reopens", "body": "Ships may enter again."}
KEY = {"Idempotency-Key": "order-1"}
JSON = "application/json"


def post(client: FlaskClient, body: object, path: str = "/v1/articles", **more: Any) -> TestResponse:
    options = {"headers": KEY, "content_type": JSON} | more
    return client.post(path, data=body if isinstance(body, bytes) else json.dumps(body), **options)


def fields(answer: TestResponse) -> list[str]:
    assert answer.json is not None
    return [error["field"] for error in answer.json["errors"]]


@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("/v1/articles", JSON, ITEM),
        ("/v1/articles", JSON, [ITEM, {"title": 5}]),
        ("/v1/pages?source=a", "text/plain", b"A page."),
    ],
)
def test_the_same_request_is_accepted_once_and_answered_the_same(
    client: FlaskClient, ledger: Ledger, waker: Any, path: str, content_type: str, body: object
) -> None:
    first, second = (post(client, body, path, content_type=content_type) for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert first.data == second.data
    assert first.content_type == second.content_type == JSON
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert ledger.counts() == {"accepted": 1}
    assert len(waker.calls) == 1
    assert post(client, body, path, content_type=content_type, headers={}).status_code == 202
    assert ledger.counts() == {"accepted": 2}


@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("/v1/articles", JSON, json.dumps(ITEM | {"title": "Another"}).encode()),
        ("/v1/articles", JSON, json.dumps(ITEM).encode() + b" "),
        ("/v1/articles?x=1", JSON, json.dumps(ITEM).encode()),
        ("/v1/articles", JSON + "; charset=utf-8", json.dumps(ITEM).encode()),
        ("/v1/pages?source=a", "text/plain", json.dumps(ITEM).encode()),
    ],
)
def test_another_request_under_the_same_key_is_409_and_names_the_header(
    client: FlaskClient, ledger: Ledger, path: str, content_type: str, body: bytes
) -> None:
    assert post(client, ITEM).status_code == 202
    answer = post(client, body, path, content_type=content_type)
    assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
    assert fields(answer) == ["Idempotency-Key"]
    assert ledger.counts() == {"accepted": 1}


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb", "a\x7f"])
def test_a_key_that_cannot_be_one_is_400_and_names_the_header(
    client: FlaskClient, ledger: Ledger, key: str
) -> None:
    answer = post(client, ITEM, headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert fields(answer) == ["Idempotency-Key"]
    assert ledger.counts() == {}


@pytest.mark.parametrize("key", ["x", "x" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "a b~!"])
def test_any_printable_ascii_is_a_key(client: FlaskClient, key: str) -> None:
    answers = [post(client, ITEM, headers={"Idempotency-Key": key}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert "Idempotency-Replayed" in answers[1].headers


@pytest.mark.parametrize("body", [{"title": 5}, [{"title": 5}, {}], b"{", []])
def test_a_refused_request_leaves_its_key_free(client: FlaskClient, body: object) -> None:
    assert [post(client, body).status_code for _ in range(2)] == [400, 400]
    answer = post(client, ITEM)
    assert answer.status_code == 202
    assert "Idempotency-Replayed" not in answer.headers


def test_a_stream_takes_no_key(client: FlaskClient, ledger: Ledger) -> None:
    answer = post(client, ITEM, "/v1/articles:bulk", content_type="application/x-ndjson")
    assert answer.status_code == 400
    assert fields(answer) == ["Idempotency-Key"]
    assert ledger.counts() == {}


def test_twenty_at_once_are_one_acceptance(settings: Settings, ledger: Ledger, waker: Any) -> None:
    app = create_app(settings, ledger, waker)
    ready = threading.Barrier(20)
    answers: list[TestResponse] = []

    def push() -> None:
        ready.wait()
        answers.append(post(app.test_client(), [ITEM, ITEM | {"url": "https://news.example/b"}]))

    threads = [threading.Thread(target=push) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(answer.status_code, answer.data) for answer in answers} == {(202, answers[0].data)}
    assert len(answers) == 20
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 19
    assert ledger.counts() == {"accepted": 2}


def test_an_answer_outlives_the_process(settings: Settings, ledger: Ledger, waker: Any) -> None:
    first, second = (post(create_app(settings, ledger, waker).test_client(), ITEM) for _ in range(2))
    assert first.data == second.data


def test_each_callers_keys_are_its_own(settings: Settings, ledger: Ledger, waker: Any) -> None:
    store = MemoryKeys()
    holders = []
    for name in ("one", "two"):
        text, key = make_key(name, ("ingest",), now_ms())
        store.add(key)
        holders.append({"X-Api-Key": text})
    keyed = dataclasses.replace(settings, keys="on")
    client = create_app(keyed, ledger, waker, keys=store).test_client()
    long = "k" * 255
    for key in ("order-1", long):
        first = post(client, ITEM | {"title": key}, headers=holders[0] | {"Idempotency-Key": key})
        other = post(client, ITEM | {"title": f"not {key}"}, headers=holders[1] | {"Idempotency-Key": key})
        assert (first.status_code, other.status_code) == (202, 202)
        assert "Idempotency-Replayed" not in other.headers
        again = post(client, ITEM | {"title": key}, headers=holders[0] | {"Idempotency-Key": key})
        assert (again.headers["Idempotency-Replayed"], again.data) == ("true", first.data)
        mine = post(client, ITEM, headers=holders[1] | {"Idempotency-Key": key})
        assert mine.status_code == 409
    almost = post(client, ITEM, headers=holders[0] | {"Idempotency-Key": long[1:]})
    assert almost.status_code == 202
    with closing(sqlite3.connect(settings.ledger_url.removeprefix("sqlite:///"))) as kept:
        [(longest,)] = kept.execute("SELECT max(length(key)) FROM once")
    assert longest <= 255  # which PostgreSQL insists on
    for thread in threading.enumerate():
        if thread.name == "key use":
            thread.join()
