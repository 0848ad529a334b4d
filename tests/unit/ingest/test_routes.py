"""Ingest over HTTP on a real ledger: what is answered, what is durable then, and who is woken."""

from __future__ import annotations

import dataclasses
import json
import re
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.ingest.app import create_app
from services.ingest.bulk import AFTER_BODY, BATCH_LINES
from services.ingest.lines import PIECE_BYTES
from shared.article import RawArticle
from shared.ledger.port import Claim, Ledger
from shared.settings import Settings

ITEM = {"url": "https://news.example/harbour", "title": "Harbour reopens", "body": "Ships may enter again."}
NDJSON = "application/x-ndjson"
JSON_TYPE = {"Content-Type": "application/json"}


def other(number: int) -> dict[str, Any]:
    return {**ITEM, "url": f"https://news.example/{number}"}


def lines_of(answer: TestResponse) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


def ndjson(*items: object) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def post_stream(client: FlaskClient, stream: object, **headers: str) -> TestResponse:
    """Post a stream of unknown length, as a server hands on a chunked body."""
    chunked = {"wsgi.input": stream, "wsgi.input_terminated": True}
    return client.post("/v1/articles:bulk", content_type=NDJSON, environ_overrides=chunked, headers=headers)


def waiting(ledger: Ledger) -> list[RawArticle]:
    """The originals that wait at stage clean, as a worker would get them."""
    claim = ledger.claim("clean", "live", 1_000, "test", 1_900_000_000_000)
    assert isinstance(claim, Claim)
    return [work.raw for work in claim.works if work.raw is not None]


def test_an_accepted_article_is_in_the_ledger_and_its_stage_is_woken(
    client: FlaskClient, ledger: Ledger, waker: Any
) -> None:
    answer = client.post("/v1/articles", json=ITEM)
    assert answer.status_code == 202
    receipt = answer.json
    assert receipt is not None
    assert set(receipt) == {"id", "submission", "status", "status_url"}
    assert receipt["status"] == "accepted"
    assert waker.calls == [("clean", (receipt["submission"],))]
    (raw,) = waiting(ledger)
    assert (raw.id, raw.title, raw.body) == (receipt["id"], ITEM["title"], ITEM["body"])
    assert raw.ingested_at is not None


def test_the_status_url_tells_how_the_submission_fares(client: FlaskClient) -> None:
    receipt = client.post("/v1/articles", json=ITEM).json
    assert receipt is not None
    status = client.get(receipt["status_url"]).json
    assert status is not None
    assert set(status) == {
        "id", "submission", "revision", "status", "stage", "reason", "attempts", "updated_at",
        "request", "held",
    }  # fmt: skip
    assert (status["id"], status["submission"]) == (receipt["id"], receipt["submission"])
    assert (status["status"], status["stage"], status["reason"]) == ("accepted", "clean", None)
    assert status["updated_at"].endswith("Z")


@pytest.mark.parametrize("name", ["0" * 32, "x", "..%2Fetc", "%00", "é", "a" * 5_000])
def test_the_status_of_an_id_nobody_accepted_is_404(client: FlaskClient, name: str) -> None:
    assert client.get(f"/v1/articles/{name}/status").status_code == 404


def test_a_resend_is_accepted_under_the_same_id(client: FlaskClient) -> None:
    first, second = (client.post("/v1/articles", json=ITEM).json for _ in range(2))
    assert first is not None
    assert second is not None
    assert first["id"] == second["id"]
    assert first["submission"] != second["submission"]


def test_what_the_sender_says_of_publication_is_carried(client: FlaskClient, ledger: Ledger) -> None:
    client.post(
        "/v1/articles", json={**ITEM, "pub_status": "withheld", "embargo_until": "2027-01-01T00:00:00Z"}
    )
    (raw,) = waiting(ledger)
    assert raw.pub_status == "withheld"
    assert raw.embargo_until is not None


def test_a_bad_article_reaches_neither_ledger_nor_queue(
    client: FlaskClient, ledger: Ledger, waker: Any
) -> None:
    answer = client.post("/v1/articles", json={**ITEM, "tags": "x"})
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["errors"] == [{"field": "tags", "message": "is no known field"}]
    assert (ledger.counts(), waker.calls) == ({}, [])


def test_the_good_items_of_an_array_are_accepted_and_the_bad_ones_named(
    client: FlaskClient, ledger: Ledger
) -> None:
    items = [other(0), {"title": 5}, other(2), "x", {**ITEM, "title": "a\ud800"}]
    answer = client.post("/v1/articles", data=json.dumps(items), content_type="application/json")
    assert answer.status_code == 202
    assert answer.json is not None
    results = answer.json["results"]
    assert [result["index"] for result in results] == [0, 1, 2, 3, 4]
    assert [result["status"] for result in results] == [
        "accepted",
        "invalid",
        "accepted",
        "invalid",
        "invalid",
    ]
    assert [bool(result["error"]) for result in results] == [False, True, False, True, True]
    assert {error["field"] for error in results[1]["errors"]} == {"title", "body", "url", "source"}
    assert "title" in results[4]["error"]
    assert {raw.id for raw in waiting(ledger)} == {results[0]["id"], results[2]["id"]}


def test_an_array_of_bad_items_is_400_and_names_each_field_by_its_index(client: FlaskClient) -> None:
    answer = client.post("/v1/articles", json=[{**ITEM, "title": 5}, {**ITEM, "tags": 1}])
    assert answer.status_code == 400
    assert answer.json is not None
    assert [error["field"] for error in answer.json["errors"]] == ["0.title", "1.tags"]
    assert [result["status"] for result in answer.json["results"]] == ["invalid", "invalid"]


@pytest.mark.parametrize(("count", "status"), [(0, 400), (1_000, 202), (1_001, 400)])
def test_an_array_holds_one_to_a_thousand_items(
    settings: Settings, ledger: Ledger, waker: Any, count: int, status: int
) -> None:
    roomy = dataclasses.replace(settings, max_request_bytes=1_000_000)
    client = create_app(roomy, ledger, waker).test_client()
    answer = client.post("/v1/articles", json=[other(number) for number in range(count)])
    assert answer.status_code == status
    assert sum(ledger.counts().values()) == (count if status == 202 else 0)


# Streams


def test_a_stream_answers_one_outcome_per_line_in_order(client: FlaskClient, ledger: Ledger) -> None:
    good = [other(number) for number in range(250)]
    body = ndjson(*good[:120]) + b'{"title"\n' + ndjson(*good[120:], {**ITEM, "tags": 1})
    answer = client.post("/v1/articles:bulk", data=body, content_type=NDJSON)
    assert (answer.status_code, answer.content_type) == (200, NDJSON)
    outcomes = lines_of(answer)
    assert [outcome["index"] for outcome in outcomes] == list(range(252))
    bad = [outcome for outcome in outcomes if outcome["status"] != "accepted"]
    assert [outcome["index"] for outcome in bad] == [120, 251]
    assert "JSON" in bad[0]["error"]
    assert bad[1]["errors"] == [{"field": "tags", "message": "is no known field"}]
    assert ledger.counts() == {"accepted": 250}


def test_blank_lines_are_counted_but_not_answered(client: FlaskClient) -> None:
    body = b"\n" + ndjson(ITEM) + b"  \r\n" + json.dumps(other(1)).encode() + b"\r\n\n"
    outcomes = lines_of(client.post("/v1/articles:bulk", data=body, content_type=NDJSON))
    assert [(outcome["index"], outcome["status"]) for outcome in outcomes] == [
        (1, "accepted"),
        (3, "accepted"),
    ]


def test_a_line_over_the_limit_is_answered_and_the_next_one_goes_on(
    client: FlaskClient, settings: Settings
) -> None:
    long = {**ITEM, "body": "x" * settings.max_request_bytes}
    outcomes = lines_of(client.post("/v1/articles:bulk", data=ndjson(long, ITEM), content_type=NDJSON))
    assert [outcome["status"] for outcome in outcomes] == ["invalid", "accepted"]
    assert "100000 bytes" in outcomes[0]["error"]


def test_a_stream_may_be_longer_than_a_request(client: FlaskClient, settings: Settings) -> None:
    items = [{**other(number), "body": "word " * 2_000} for number in range(30)]
    body = ndjson(*items)
    assert len(body) > 2 * settings.max_request_bytes
    answer = client.post("/v1/articles:bulk", data=body, content_type=NDJSON)
    assert [outcome["status"] for outcome in lines_of(answer)] == ["accepted"] * 30


def test_an_empty_stream_is_400(client: FlaskClient) -> None:
    for body in (b"", b"\n \n"):
        assert client.post("/v1/articles:bulk", data=body, content_type=NDJSON).status_code == 400


def test_outcomes_come_while_the_stream_is_still_open_and_after_their_commit(
    client: FlaskClient, ledger: Ledger
) -> None:
    seen: list[int] = []

    class Slow:
        """Hands out the second half of its lines only once the first outcomes have been read."""

        pieces = [ndjson(*(other(n) for n in range(BATCH_LINES))), ndjson(other(1_000))]  # noqa: RUF012

        def read(self, size: int = -1, /) -> bytes:
            if len(self.pieces) == 1:
                deadline = time.monotonic() + 5
                while not seen and time.monotonic() < deadline:
                    time.sleep(0.005)
            return self.pieces.pop(0) if self.pieces else b""

    answer = post_stream(client, Slow())
    pieces = iter(answer.response)
    first = next(pieces)
    assert first.count(b"\n") == BATCH_LINES
    assert ledger.counts() == {"accepted": BATCH_LINES}
    seen.append(1)
    assert b"".join(pieces).count(b"\n") == 1
    answer.close()


def test_a_stream_whose_answer_is_to_come_after_its_body_is_committed_meanwhile(
    client: FlaskClient, ledger: Ledger
) -> None:
    class Slow:
        """Hands out the second half of its lines only once the first is in the ledger."""

        pieces = [ndjson(*(other(n) for n in range(BATCH_LINES))), ndjson(other(1_000)), b""]  # noqa: RUF012
        before: dict[str, int] = {}  # noqa: RUF012 - what the ledger held then

        def read(self, size: int = -1, /) -> bytes:
            if len(self.pieces) == 2:
                deadline = time.monotonic() + 30
                while not self.before and time.monotonic() < deadline:
                    self.before.update(ledger.counts())
            return self.pieces.pop(0) if self.pieces else b""

    stream = Slow()
    answer = post_stream(client, stream, **{AFTER_BODY: "1"})
    assert stream.pieces == []
    assert stream.before == {"accepted": BATCH_LINES}
    outcomes = lines_of(answer)
    assert [outcome["index"] for outcome in outcomes] == list(range(BATCH_LINES + 1))
    assert {outcome["status"] for outcome in outcomes} == {"accepted"}


def test_an_empty_stream_is_400_also_where_the_answer_is_to_come_after_it(client: FlaskClient) -> None:
    answer = client.post("/v1/articles:bulk", data=b"", content_type=NDJSON, headers={AFTER_BODY: "1"})
    assert answer.status_code == 400


def test_a_client_that_leaves_ends_the_work(client: FlaskClient, ledger: Ledger) -> None:
    class Endless:
        reads = 0
        line = ndjson(ITEM)

        def read(self, size: int = -1, /) -> bytes:
            Endless.reads += 1
            return self.line * (PIECE_BYTES // len(self.line)) if self.reads < 5_000 else b""

    answer = post_stream(client, Endless())
    next(iter(answer.response))
    answer.close()
    for thread in [thread for thread in threading.enumerate() if thread.name == "bulk"]:
        thread.join(10)
        assert not thread.is_alive()
    assert Endless.reads < 5_000


# Pages


@pytest.mark.parametrize(
    ("query", "content_type", "body", "kind", "text"),
    [
        (
            "url=https://news.example/p",
            "text/html; charset=utf-8",
            "<p>Grüße</p>".encode(),
            "html",
            "<p>Grüße</p>",
        ),
        ("source=hokanews.com", "text/plain", "Grüße\nText".encode(), "text", "Grüße\nText"),
        ("source=hokanews.com", "text/plain; charset=utf-8", "Grüße".encode("cp1252"), "text", "Grüße"),
        ("source=a", "text/html", b'<meta charset="windows-1251"><p>\xef\xf0\xe8', "html", "при"),
        ("source=a", "application/xhtml+xml", b"<html/>", "html", "<html/>"),
        ("source=a", "text/plain", b"a\0b", "text", "ab"),
    ],
)
def test_a_page_is_accepted_as_it_came(
    client: FlaskClient, ledger: Ledger, query: str, content_type: str, body: bytes, kind: str, text: str
) -> None:
    answer = client.post(f"/v1/pages?{query}", data=body, content_type=content_type)
    assert answer.status_code == 202
    (raw,) = waiting(ledger)
    assert text in getattr(raw, kind)


def test_a_page_without_url_is_known_by_its_bytes(client: FlaskClient, ledger: Ledger) -> None:
    def push(body: bytes) -> str:
        answer = client.post("/v1/pages?source=hokanews.com", data=body, content_type="text/plain")
        assert answer.json is not None
        return str(answer.json["id"])

    assert push(b"one page") == push(b"one page") != push(b"another page")
    uris = {raw.uri for raw in waiting(ledger)}
    assert all(uri is not None and uri.startswith("sha256:") for uri in uris)
    assert len(uris) == 2


def test_a_page_may_name_its_own_uri(client: FlaskClient, ledger: Ledger) -> None:
    client.post("/v1/pages?source=a&uri=file:page.txt", data=b"text", content_type="text/plain")
    assert waiting(ledger)[0].uri == "file:page.txt"


@pytest.mark.parametrize(
    ("query", "field"),
    [("", "source"), ("uri=x", "source"), ("url=/a", "url"), ("source=", "source"), ("source=a&x=1", "x")],
)
def test_a_page_needs_to_say_where_it_came_from(client: FlaskClient, query: str, field: str) -> None:
    answer = client.post(f"/v1/pages?{query}", data=b"text", content_type="text/plain")
    assert answer.status_code == 400
    assert answer.json is not None
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_a_page_of_nothing_is_400(client: FlaskClient) -> None:
    for body in (b"", b"  \n", b"\0\0", "\u200b\ufeff".encode()):
        answer = client.post("/v1/pages?source=a", data=body, content_type="text/plain")
        assert answer.status_code == 400


# Outages


def test_a_broker_that_is_away_changes_nothing_but_readiness(client: FlaskClient, waker: Any) -> None:
    waker.down = True
    assert client.post("/v1/articles", json=ITEM).status_code == 202
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json and ready.json["status"]) == (200, "degraded")


@pytest.fixture
def broken(settings: Settings, ledger: Ledger) -> None:
    """Take the submissions away from a ledger that is open."""
    drop_table(settings)


def drop_table(settings: Settings) -> None:
    with sqlite3.connect(Path(settings.ledger_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("ALTER TABLE submissions RENAME TO gone")
    connection.close()


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("/v1/articles", json.dumps(ITEM), "application/json"),
        ("/v1/articles", json.dumps([ITEM, {}]), "application/json"),
        ("/v1/articles:bulk", ndjson(ITEM, {}), NDJSON),
        ("/v1/pages?source=a", "text", "text/plain"),
    ],
)
def test_a_ledger_that_is_away_is_503_and_never_202(
    client: FlaskClient, waker: Any, path: str, body: Any, content_type: str
) -> None:
    answer = client.post(path, data=body, content_type=content_type)
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0
    assert waker.calls == []


def test_a_ledger_that_goes_away_in_a_stream_marks_the_rest_as_not_taken(
    client: FlaskClient, ledger: Ledger, settings: Settings
) -> None:
    class Breaking:
        """Takes the ledger away after the first batch has been committed."""

        pieces = [  # noqa: RUF012
            ndjson(*(other(n) for n in range(BATCH_LINES))) + ndjson(other(1_000)),
            ndjson({"title": 5}, other(1_001)),
        ]

        def read(self, size: int = -1, /) -> bytes:
            if len(self.pieces) == 1:
                deadline = time.monotonic() + 5
                while ledger.counts() != {"accepted": BATCH_LINES} and time.monotonic() < deadline:
                    time.sleep(0.005)
                drop_table(settings)
            return self.pieces.pop(0) if self.pieces else b""

    answer = post_stream(client, Breaking())
    statuses = [outcome["status"] for outcome in lines_of(answer)]
    assert statuses == ["accepted"] * BATCH_LINES + ["unavailable", "invalid", "unavailable"]


# The rest


def test_a_push_sent_by_a_page_of_another_site_is_refused(client: FlaskClient, ledger: Ledger) -> None:
    for site in ("cross-site", "same-site"):
        answer = client.post(
            "/v1/pages?source=a", data=b"x", content_type="text/plain", headers={"Sec-Fetch-Site": site}
        )
        assert answer.status_code == 403
    assert ledger.counts() == {}
    assert (
        client.post("/v1/articles", json=ITEM, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 202
    )


def test_the_front_page_says_where_to_go_on(client: FlaskClient) -> None:
    links = client.get("/").json
    assert links is not None
    for name in ("openapi", "ready"):
        assert client.get(links[name]).status_code == 200


def test_the_openapi_document_describes_every_route_of_the_service(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document is not None
    assert set(document["paths"]) == {
        "/v1/articles", "/v1/articles:bulk", "/v1/pages", "/v1/articles/{article_id}",
        "/v1/articles/{article_id}/status", "/v1/quarantine", "/v1/quarantine/replay", "/v1/quarantine/drop",
        "/v1/quarantine/{submission}", "/v1/quarantine/{submission}/replay",
        "/v1/quarantine/{submission}/drop", "/v1/events",
    }  # fmt: skip
    for name in re.findall(r"#/components/schemas/(\w+)", json.dumps(document)):
        assert name in document["components"]["schemas"]
    for path in ("/v1/articles", "/v1/pages"):
        names = [one["name"] for one in document["paths"][path]["post"]["parameters"]]
        assert "Idempotency-Key" in names
    assert set(document["components"]["schemas"]["PushItem"]["properties"]) >= {
        "url",
        "uri",
        "body",
        "source",
    }


@pytest.mark.parametrize(
    ("path", "headers", "body", "status", "field", "message"),
    [
        ("/v1/articles", {}, b"{}", 415, "Content-Type", "must be one of application/json, not none"),
        ("/v1/articles", {"Content-Type": "application/json; charset=x"}, b"{}", 415,
         "Content-Type", "UTF-8"),
        ("/v1/articles", {"Content-Type": "application/json", "Content-Encoding": "br"}, b"{}", 415,
         "Content-Encoding", "'br' is not supported"),
        ("/v1/articles", JSON_TYPE, b"x" * 100_001, 413, "request", "100000 bytes"),
        ("/v1/articles", JSON_TYPE, b'{"": 1}', 400, '""', "is no known field"),
        ("/v1/articles", JSON_TYPE, b'{"": 1, "": 2}', 400, '""', "given twice"),
        ("/v1/articles", JSON_TYPE, b'{"source": {"": 1}}', 400, 'source.""',
         "is no known field"),
        ("/v1/pages?source=a&source=b", {"Content-Type": "text/plain"}, b"x", 400, "source", "given 2 times"),
        ("/v1/pages?source=%ff%fe", {"Content-Type": "text/plain"}, b"x", 400, "source", "not valid UTF-8"),
    ],
)  # fmt: skip
def test_a_refusal_names_what_it_is_about(
    client: FlaskClient,
    path: str,
    headers: dict[str, str],
    body: bytes,
    status: int,
    field: str,
    message: str,
) -> None:
    answer = client.post(path, data=body, headers=headers)
    assert answer.status_code == status
    assert answer.json is not None
    assert any(error["field"] == field and message in error["message"] for error in answer.json["errors"]), (
        answer.json
    )


def test_a_body_that_is_too_long_names_its_field_while_a_page_may_be_large(
    ledger: Ledger, waker: Any, settings: Settings
) -> None:
    client = create_app(dataclasses.replace(settings, max_body_chars=50), ledger, waker).test_client()
    assert client.post("/v1/articles", json={**ITEM, "body": "x" * 50}).status_code == 202
    answer = client.post("/v1/articles", json={**ITEM, "body": "x" * 51})
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["errors"] == [{"field": "body", "message": "must have at most 50 characters"}]
    page = {"url": ITEM["url"], "html": f"<p>{'x' * 51}</p>"}
    assert client.post("/v1/articles", json=page).status_code == 202


def test_a_mistake_in_the_json_of_a_line_tells_its_position(client: FlaskClient) -> None:
    answer = client.post("/v1/articles:bulk", data=b'{"url": x}\n', content_type=NDJSON)
    (outcome,) = lines_of(answer)
    assert outcome["errors"][0]["field"] == "line"
    assert outcome["errors"][0]["message"].endswith("(at position 8)")
