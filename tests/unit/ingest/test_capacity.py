"""The caps on backlog and disk: refused before the body is read, never slowed by a slow ledger."""

from __future__ import annotations

import dataclasses
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from services.ingest import capacity as module
from services.ingest import door as door_module
from services.ingest.app import create_app
from services.ingest.bulk import BATCH_LINES
from services.ingest.capacity import Capacity, Full
from shared.errors import Unavailable
from shared.ledger.keeping import Load
from shared.ledger.port import Ledger, Outcome
from shared.settings import Settings

ROOMY = Load(pending=0, ledger_bytes=1, free_bytes=10**12)
ITEM = {"url": "https://news.example/a", "body": "Ships may enter again."}
NDJSON = "application/x-ndjson"
LONG = Random(1).randbytes(40_000).hex()  # does not fit into what is free in the file, however compressed


def other(number: int) -> dict[str, str]:
    return {**ITEM, "url": f"https://news.example/{number}"}


def ready_again(client: FlaskClient) -> TestResponse:
    """The first answer that says ready, else the last of five seconds; an answer holds for one."""
    deadline = time.monotonic() + 5
    while (answer := client.get("/readyz")).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


class Gauge:
    """A measurement that can be changed, held up and broken."""

    def __init__(self, load: Load = ROOMY) -> None:
        self.load = load
        self.taken = 0
        self.go = threading.Event()
        self.go.set()
        self.error: Exception | None = None

    def __call__(self) -> Load:
        self.taken += 1
        assert self.go.wait(20)
        if self.error:
            raise self.error
        return self.load


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every check finds the last measurement due for renewal."""
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(module, "BUSY_SHARE", 0.0)


@pytest.fixture
def gauge() -> Iterator[Gauge]:
    made = Gauge()
    yield made
    made.go.set()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def is_full(capacity: Capacity) -> bool:
    try:
        capacity.check()
    except Full:
        return True
    return False


@pytest.mark.parametrize(
    ("load", "status", "names"),
    [
        (Load(11, 1, 10**12), 429, "COPYDESK_MAX_BACKLOG"),
        (Load(10, 1_001, 10**12), 503, "COPYDESK_MAX_LEDGER_BYTES"),
        (Load(10, 1_000, 99), 503, "COPYDESK_MIN_FREE_BYTES"),
        (Load(10, 1_000, 100), None, ""),
        (Load(0, 0, None), None, ""),
    ],
)
def test_each_cap_names_its_setting(settings: Settings, load: Load, status: int | None, names: str) -> None:
    capped = dataclasses.replace(settings, max_backlog=10, max_ledger_bytes=1_000, min_free_bytes=100)
    capacity = Capacity(capped, lambda: load)
    for check in (capacity.check, capacity.check_now):
        if status is None:
            check()
            continue
        with pytest.raises(Full, match=names) as caught:
            check()
        assert caught.value.status == status
        assert caught.value.retry_after > 0
    capacity.close()


def test_a_slow_ledger_slows_no_check_and_is_asked_once_at_a_time(
    settings: Settings, gauge: Gauge, quick: None
) -> None:
    capacity = Capacity(dataclasses.replace(settings, max_backlog=10), gauge)
    capacity.check()
    gauge.go.clear()
    wait_until(lambda: capacity._running is None)
    taken = gauge.taken
    began = time.monotonic()
    threads = [threading.Thread(target=capacity.check) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 0.5 * module.PATIENCE_SECONDS * len(threads)
    assert gauge.taken == taken + 1
    gauge.load = Load(11, 1, None)
    gauge.go.set()
    wait_until(lambda: is_full(capacity))
    capacity.close()


def test_a_ledger_that_never_answered_holds_one_request_for_a_moment_and_refuses_none(
    settings: Settings, gauge: Gauge
) -> None:
    gauge.go.clear()
    gauge.load = Load(10**9, 10**15, 0)
    capacity = Capacity(settings, gauge)
    for longest in (module.PATIENCE_SECONDS + 1, module.PATIENCE_SECONDS / 2):
        began = time.monotonic()
        capacity.check()
        assert time.monotonic() - began < longest
    gauge.go.set()
    wait_until(lambda: is_full(capacity))
    capacity.close()


@pytest.mark.parametrize("error", [Unavailable("gone"), RuntimeError("a bug")])
def test_a_measurement_that_fails_refuses_nothing_and_is_taken_again(
    settings: Settings, gauge: Gauge, quick: None, error: Exception
) -> None:
    gauge.load = Load(10**9, 0, None)
    capacity = Capacity(settings, gauge)
    assert is_full(capacity)
    gauge.error = error
    wait_until(lambda: not is_full(capacity))
    gauge.error = None
    wait_until(lambda: is_full(capacity))
    capacity.close()


def test_a_measurement_is_taken_at_most_once_a_second(settings: Settings, gauge: Gauge) -> None:
    capacity = Capacity(settings, gauge)
    began = time.monotonic()
    checks = 0
    while time.monotonic() - began < 0.3:
        capacity.check()
        checks += 1
    assert checks > 100
    assert gauge.taken == 1
    capacity.close()


def test_what_was_measured_long_ago_refuses_nobody(settings: Settings, gauge: Gauge) -> None:
    gauge.load = Load(10**9, 0, None)
    capacity = Capacity(settings, gauge)
    assert is_full(capacity)
    gauge.go.clear()
    capacity._taken -= module.OLD_SECONDS
    capacity._due = 0.0
    assert not is_full(capacity)
    gauge.go.set()
    capacity.close()


# Over HTTP, on a real ledger


@pytest.fixture
def full(settings: Settings, ledger: Ledger, waker: Any) -> FlaskClient:
    """A service whose backlog is over its cap."""
    open_door = create_app(settings, ledger, waker).test_client()
    for number in range(2):
        assert open_door.post("/v1/articles", json=other(number)).status_code == 202
    return create_app(dataclasses.replace(settings, max_backlog=1), ledger, waker).test_client()


@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("/v1/articles", "application/json", json.dumps(ITEM)),
        ("/v1/articles", "application/json", json.dumps([ITEM])),
        ("/v1/articles:bulk", NDJSON, json.dumps(ITEM)),
        ("/v1/pages?source=a", "text/plain", "text"),
    ],
)
def test_a_long_backlog_answers_429_before_the_body_is_read(
    full: FlaskClient, ledger: Ledger, path: str, content_type: str, body: str
) -> None:
    stream = io.BytesIO(body.encode() + b" " * 100_000)
    unread = {"wsgi.input": stream, "wsgi.input_terminated": True}
    answer = full.post(path, content_type=content_type, environ_overrides=unread)
    assert (answer.status_code, answer.content_type) == (429, "application/problem+json")
    assert answer.headers["Retry-After"] == "10"
    assert answer.json is not None
    assert "COPYDESK_MAX_BACKLOG" in answer.json["detail"]
    assert stream.tell() == 0
    assert ledger.counts() == {"accepted": 2}


def test_pushes_are_taken_again_when_the_backlog_has_shrunk(
    full: FlaskClient, ledger: Ledger, quick: None
) -> None:
    assert full.post("/v1/articles", json=ITEM).status_code == 429
    claim = ledger.claim("clean", "live", 10, "test", 1_900_000_000_000)
    assert claim is not None
    outcomes = [Outcome(work.sequence, "rejected", "no article") for work in claim.works]
    ledger.commit(claim, outcomes, "dedupe", "test", 1_900_000_000_000)
    wait_until(lambda: full.post("/v1/articles", json=ITEM).status_code == 202)


@pytest.mark.parametrize(
    ("caps", "name"),
    [
        ({"max_ledger_bytes": 1}, "COPYDESK_MAX_LEDGER_BYTES"),
        ({"min_free_bytes": 10**18}, "COPYDESK_MIN_FREE_BYTES"),
    ],
)
def test_a_disk_without_room_answers_503_and_is_not_ready(
    settings: Settings, ledger: Ledger, waker: Any, caps: dict[str, int], name: str
) -> None:
    client = create_app(dataclasses.replace(settings, **caps), ledger, waker).test_client()
    answer = client.post("/v1/articles", json=ITEM)
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "60"
    assert answer.json is not None
    assert name in answer.json["detail"]
    assert ledger.counts() == {}
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json is not None
    for check in ("ledger", "capacity"):
        assert ready.json["checks"][check]["status"] == "failed"
        assert name in ready.json["checks"][check]["error"]


def test_a_long_backlog_degrades_readiness_and_reading_goes_on(full: FlaskClient) -> None:
    ready = full.get("/readyz")
    assert ready.status_code == 200
    assert ready.json is not None
    assert ready.json["status"] == "degraded"
    assert "COPYDESK_MAX_BACKLOG" in ready.json["checks"]["capacity"]["error"]
    assert ready.json["checks"]["ledger"] == {"status": "ok"}
    assert full.get("/metrics").status_code == 200


def test_a_stream_that_meets_the_cap_is_told_line_by_line(
    settings: Settings, ledger: Ledger, waker: Any, quick: None
) -> None:
    app = create_app(dataclasses.replace(settings, max_backlog=BATCH_LINES - 1), ledger, waker)

    class Patient:
        """Sends its last lines once the first batch is known to be too much."""

        pieces = [  # noqa: RUF012
            b"".join(json.dumps(other(n)).encode() + b"\n" for n in range(BATCH_LINES + 1)),
            b'{"title": 5}\n' + json.dumps(other(5_000)).encode() + b"\n",
        ]

        def read(self, size: int = -1, /) -> bytes:
            if len(self.pieces) == 1:
                probe = app.test_client()
                wait_until(lambda: probe.post("/v1/articles", json={}).status_code == 429)
            return self.pieces.pop(0) if self.pieces else b""

    chunked = {"wsgi.input": Patient(), "wsgi.input_terminated": True}
    answer = app.test_client().post("/v1/articles:bulk", content_type=NDJSON, environ_overrides=chunked)
    outcomes = [json.loads(line) for line in answer.text.splitlines()]
    statuses = [outcome["status"] for outcome in outcomes]
    assert statuses[:BATCH_LINES] == ["accepted"] * BATCH_LINES
    assert statuses[-2:] == ["invalid", "unavailable"]
    assert "COPYDESK_MAX_BACKLOG" in outcomes[-1]["error"]
    assert ledger.counts() == {"accepted": statuses.count("accepted")}


# The commit decides


@pytest.fixture
def limit(ledger: Ledger, client: FlaskClient) -> Iterator[Callable[[str], None]]:
    """A way to set a pragma on every connection of the ledger, as a full or broken disk would look."""
    assert client.post("/v1/articles", json=ITEM).status_code == 202
    engine = ledger._database.engine  # type: ignore[attr-defined]
    pragmas: list[str] = []

    def taken(connection: Any, *_: object) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    event.listen(engine, "checkout", taken)

    def set_one(pragma: str) -> None:
        pragmas[:] = [pragma]

    yield set_one
    event.remove(engine, "checkout", taken)


@pytest.mark.parametrize(
    ("pragma", "words"), [("max_page_count = 1", "full"), ("query_only = 1", "readonly")]
)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "x"}])
def test_a_ledger_that_cannot_grow_or_be_written_is_503_and_not_ready_until_it_can(
    client: FlaskClient, ledger: Ledger, limit: Any, headers: dict[str, str], pragma: str, words: str
) -> None:
    limit(pragma)
    for path, content_type, body in (
        ("/v1/articles", "application/json", json.dumps(ITEM | {"body": LONG})),
        ("/v1/pages?source=a", "text/plain", LONG),
    ):
        answer = client.post(path, data=body, content_type=content_type, headers=headers)
        assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
        assert int(answer.headers["Retry-After"]) > 0
        assert words in answer.json["detail"]  # type: ignore[index]
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json["checks"]["ledger"]["status"] == "failed"  # type: ignore[index]
    assert client.get("/metrics").status_code == 200
    limit("query_only = 0" if "query" in pragma else "max_page_count = 1000000")
    assert client.post("/v1/articles", json=ITEM, headers=headers).status_code == 202
    ready = ready_again(client)
    assert ready.json["checks"]["ledger"] == {"status": "ok"}  # type: ignore[index]
    assert ledger.counts() == {"accepted": 2}


def test_a_failed_commit_does_not_speak_against_readiness_for_ever(
    client: FlaskClient, limit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit("max_page_count = 1")
    assert client.post("/v1/articles", json=ITEM | {"body": LONG}).status_code == 503
    assert client.get("/readyz").status_code == 503
    monkeypatch.setattr(door_module, "REMEMBERED_SECONDS", 0.0)
    assert ready_again(client).status_code == 200
