"""What one ingest process counts: its refusals, by why, and the time that pushes take."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from services.ingest.app import create_app
from services.ingest.metrics import KINDS, PUSHES, refusal_kind
from shared.keys.memory import MemoryKeys
from shared.keys.secret import make_key
from shared.ledger.port import Ledger
from shared.settings import Settings

ITEM = {"url": "https://news.example/a", "title": "Harbour reopens", "body": "Ships may enter again."}
PAGE = "/v1/pages?source=a"
NONE = dict.fromkeys(KINDS, 0.0)


def read(client: FlaskClient, **given: Any) -> dict[tuple[str, str], float]:
    """What is told of this process's own, by name without its prefix and by its label's value."""
    answer = client.get("/metrics", **given)
    assert answer.status_code == 200
    return {
        (sample.name.removeprefix("copydesk_ingest_"), next(iter(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name.startswith("copydesk_ingest_") and "le" not in sample.labels
    }


def refused(client: FlaskClient, **given: Any) -> dict[str, float]:
    found = read(client, **given)
    return {label: value for (name, label), value in found.items() if name == "refusals_total"}


def pushed(client: FlaskClient) -> dict[str, float]:
    found = read(client)
    return {label: value for (name, label), value in found.items() if name == "push_seconds_count"}


def test_every_series_is_there_from_the_start(client: FlaskClient) -> None:
    assert refused(client) == NONE
    assert pushed(client) == dict.fromkeys(PUSHES, 0.0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, None), (202, None), (304, None), (400, "bad-request"), (401, "forbidden"), (403, "forbidden"),
     (404, "not-there"), (405, "bad-request"), (408, "bad-request"), (409, "bad-request"), (410, "not-there"),
     (413, "bad-request"), (415, "bad-request"), (422, "bad-request"), (429, "too-many"), (500, "our-fault"),
     (501, "our-fault"), (503, "unavailable"), (504, "unavailable")],
)  # fmt: skip
def test_each_status_is_of_one_kind(status: int, kind: str | None) -> None:
    assert refusal_kind(status) == kind
    assert kind is None or kind in KINDS


def test_what_a_sender_did_wrong_is_counted_once_for_each_request(client: FlaskClient) -> None:
    for data, content_type in (
        (b"{", "application/json"),
        (b"x" * 200_000, "application/json"),
        (b"", "image/png"),
    ):
        client.post("/v1/articles", data=data, content_type=content_type)
    client.post("/v1/articles", json=[{}, {}, {}])
    client.put("/v1/articles", json=ITEM)
    client.get("/v1/articles/none/status")
    assert refused(client) == NONE | {"bad-request": 5, "not-there": 1}
    assert pushed(client) == dict.fromkeys(PUSHES, 0.0)


def test_who_asks_too_often_is_counted_apart_from_what_is_away(
    settings: Settings, ledger: Ledger, waker: Any
) -> None:
    limited = dataclasses.replace(settings, ingest_per_minute=2, redis_url="")
    client = create_app(limited, ledger, waker).test_client()
    answers = [client.post("/v1/articles", json=ITEM).status_code for _ in range(5)]
    assert answers == [202, 202, 429, 429, 429]
    assert refused(client, environ_base={"REMOTE_ADDR": "10.0.0.9"}) == NONE | {"too-many": 3}


def test_a_ledger_that_was_away_is_told_once_it_is_back(
    client: FlaskClient, settings: Settings, ledger: Ledger
) -> None:
    path = Path(settings.ledger_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE submissions RENAME TO gone")
        assert client.post("/v1/articles", json=ITEM).status_code == 503
        assert client.get("/metrics").status_code == 503
        database.execute("ALTER TABLE gone RENAME TO submissions")
    assert refused(client) == NONE | {"unavailable": 1}


def test_what_is_our_fault_is_told_apart(
    client: FlaskClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(ledger, "accept", fail)
    assert client.post("/v1/articles", json=ITEM).status_code == 500
    assert refused(client) == NONE | {"our-fault": 1}


def test_a_wrong_key_and_a_key_without_the_right_are_counted(
    settings: Settings, ledger: Ledger, waker: Any
) -> None:
    store = MemoryKeys()
    secret, kept = make_key("reader", ("search",), 0)
    store.add(kept)
    client = create_app(dataclasses.replace(settings, keys="on"), ledger, waker, keys=store).test_client()
    right = {"X-Api-Key": secret}
    assert client.post("/v1/articles", json=ITEM).status_code == 401
    assert client.post("/v1/articles", json=ITEM, headers=right).status_code == 403
    assert refused(client, headers=right) == NONE | {"forbidden": 2}


def test_probes_scrapes_and_the_start_page_are_no_refusals(client: FlaskClient, waker: Any) -> None:
    for path in ("/", "/healthz", "/readyz", "/no-such", "/metrics?x=1"):
        client.get(path)
    assert refused(client) == NONE


def test_the_time_of_an_accepted_push_is_told_by_its_route(client: FlaskClient) -> None:
    before = read(client)
    client.post("/v1/articles", json=ITEM)
    client.post("/v1/articles", json=[ITEM, {}])
    client.post(PAGE, data=b"<p>Ships may enter again.</p>", content_type="text/html")
    client.post(PAGE, data=b"", content_type="text/html")
    stream = client.post("/v1/articles:bulk", data=b"{}\n", content_type="application/x-ndjson")
    assert b"invalid" in stream.data
    stream.close()
    assert pushed(client) == {"/v1/articles": 2, "/v1/pages": 1}
    after = read(client)
    for route in PUSHES:
        spent = after["push_seconds_sum", route] - before["push_seconds_sum", route]
        assert 0 < spent < 60


def test_threads_lose_no_count(settings: Settings, ledger: Ledger, waker: Any) -> None:
    app = create_app(settings, ledger, waker)
    ready = threading.Barrier(8)

    def ask(_: int) -> None:
        client = app.test_client()
        ready.wait()
        for _ in range(25):
            client.post("/v1/articles", data=b"{", content_type="application/json")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert refused(app.test_client()) == NONE | {"bad-request": 200}


def test_pushes_are_counted_by_how_they_were_answered(client: FlaskClient) -> None:
    def counted() -> dict[str, float]:
        return {
            label: value for (name, label), value in read(client).items() if name == "pushes_total" and value
        }

    assert counted() == {}
    client.post("/v1/articles", json=ITEM)
    client.post(PAGE, data="Ships may enter again.", content_type="text/plain")
    client.post("/v1/articles:bulk", data=b"{}\n", content_type="application/x-ndjson").get_data()
    client.post("/v1/articles", json={"tags": "x"})
    client.get("/v1/articles/none/status")  # no push
    assert counted() == {"taken": 3.0, "bad-request": 1.0}
