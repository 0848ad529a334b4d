"""What every web service has in common, tried on a small app of its own."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path

import pytest
import structlog
from flask import request
from flask.testing import FlaskClient
from pydantic import BaseModel, ConfigDict
from structlog.testing import capture_logs

from shared.errors import IndexMissing, InvalidRequest, RejectedArticle, Unavailable
from shared.fields import FieldError, InvalidFields
from shared.http import make_app, problem, read_body
from shared.settings import Settings


class Size(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int = 3


class Part:
    """A dependency that can be broken."""

    error: Exception | None = None

    def check(self) -> None:
        if self.error:
            raise self.error


ERRORS: dict[str, Exception] = {
    "invalid": InvalidRequest("q", "unclosed quote", 7),
    "fields": InvalidFields([FieldError("a", "is needed"), FieldError("b.0", "is no known field")]),
    "away": Unavailable("the database is locked"),
    "missing": IndexMissing("no index"),
    "rejected": RejectedArticle("empty"),
    "bug": RuntimeError("secret password"),
    "surrogate": InvalidRequest("\ud800", "half \udfff of a pair"),
}


@pytest.fixture
def parts() -> dict[str, Part]:
    return {"ledger": Part(), "broker": Part()}


@pytest.fixture
def client(tmp_path: Path, parts: dict[str, Part]) -> FlaskClient:
    settings = dataclasses.replace(Settings(data_dir=tmp_path), max_request_bytes=1_000)
    checks = {name: part.check for name, part in parts.items()}
    app = make_app("services.trial", settings, checks, optional=["broker"])

    @app.get("/size")
    def size(query: Size) -> dict[str, int]:
        return {"size": query.size}

    @app.post("/count")
    def count() -> dict[str, int]:
        return {"bytes": len(read_body(request))}

    @app.route("/raise/<name>")
    def fail(name: str) -> str:
        raise ERRORS[name]

    @app.route("/context")
    def context() -> dict[str, object]:
        return {"bound": structlog.contextvars.get_contextvars()["request_id"]}

    return app.test_client()


@pytest.mark.parametrize(
    ("path", "status", "fields"),
    [
        ("/raise/invalid", 400, ["q"]),
        ("/raise/fields", 400, ["a", "b.0"]),
        ("/raise/surrogate", 400, ["?"]),
        ("/raise/away", 503, []),
        ("/raise/missing", 503, []),
        ("/raise/rejected", 500, []),
        ("/raise/bug", 500, []),
        ("/size?size=x", 400, ["size"]),
        ("/size?sise=1", 400, ["sise"]),
        ("/nowhere", 404, []),
        ("/size/", 404, []),
        ("/count", 405, []),
    ],
)
def test_every_error_is_a_problem_with_the_fields_it_names(
    client: FlaskClient, path: str, status: int, fields: list[str]
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json is not None
    assert answer.json["status"] == status
    assert answer.json["type"] == "about:blank"
    assert answer.json["title"]
    assert answer.json["detail"]
    assert [error["field"] for error in answer.json["errors"]] == fields


def test_a_query_error_tells_its_position(client: FlaskClient) -> None:
    assert client.get("/raise/invalid").json == {
        "type": "about:blank", "title": "Invalid request", "status": 400, "detail": "q: unclosed quote",
        "errors": [{"field": "q", "message": "unclosed quote"}], "position": 7,
    }  # fmt: skip


def test_a_part_that_is_away_asks_to_come_back(client: FlaskClient) -> None:
    assert int(client.get("/raise/away").headers["Retry-After"]) > 0


def test_an_unknown_error_is_logged_by_its_id_and_tells_nothing_else(client: FlaskClient) -> None:
    with capture_logs() as logs:
        answer = client.get("/raise/bug")
    assert answer.json is not None
    assert [line["id"] for line in logs if line["event"] == "request failed"] == [answer.json["id"]]
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_a_method_that_is_not_allowed_says_which_are(client: FlaskClient) -> None:
    assert "POST" in client.get("/count").headers["Allow"]


@pytest.mark.parametrize(("size", "status"), [(0, 200), (1_000, 200), (1_001, 413), (500_000, 413)])
def test_a_body_over_the_limit_is_413_with_and_without_a_length(
    client: FlaskClient, size: int, status: int
) -> None:
    open_end = {"wsgi.input": io.BytesIO(b"x" * size), "wsgi.input_terminated": True}
    for answer in (
        client.post("/count", data=b"x" * size),
        client.post("/count", environ_overrides=open_end),
    ):
        assert answer.status_code == status
        if status == 200:
            assert answer.json == {"bytes": size}
        else:
            assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(("size", "left"), [(1_000, 0), (100_000, 100_000)])
def test_a_short_body_of_a_refused_request_is_read_so_that_the_connection_lives(
    client: FlaskClient, size: int, left: int
) -> None:
    body = io.BytesIO(b"x" * size)
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_LENGTH": str(size)}
    assert client.post("/nowhere", environ_overrides=environ).status_code == 404
    assert len(body.read()) == left


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/raise/bug", "/openapi.json", "/size?size=x"])
def test_every_answer_carries_the_safe_headers_and_an_id(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-Id"])


def test_a_request_id_is_taken_over_and_bound_for_the_log(client: FlaskClient) -> None:
    answer = client.get("/context", headers={"X-Request-Id": "trace-1.A_b"})
    assert answer.headers["X-Request-Id"] == "trace-1.A_b"
    assert answer.json == {"bound": "trace-1.A_b"}


@pytest.mark.parametrize("given", ["a b", "a\tb", "x" * 65, "é", "<script>", ""])
def test_a_request_id_that_could_forge_a_log_is_replaced(client: FlaskClient, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] != given


def test_a_service_is_alive_even_when_its_parts_are_not(client: FlaskClient, parts: dict[str, Part]) -> None:
    parts["ledger"].error = Unavailable("gone")
    assert client.get("/healthz").json == {"status": "ok"}


def test_readiness_names_each_part(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ready",
        "checks": {"ledger": {"status": "ok"}, "broker": {"status": "ok"}},
    }


def test_readiness_is_503_when_a_needed_part_fails(client: FlaskClient, parts: dict[str, Part]) -> None:
    parts["ledger"].error = Unavailable("disk full")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["checks"]["ledger"] == {"status": "failed", "error": "disk full"}
    assert answer.json["checks"]["broker"] == {"status": "ok"}


def test_readiness_is_degraded_when_only_an_optional_part_fails(
    client: FlaskClient, parts: dict[str, Part]
) -> None:
    parts["broker"].error = Unavailable("refused")
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["status"] == "degraded"
    assert answer.json["advice"] == {
        "broker": "articles are accepted, and wait until it is back; start it, or correct COPYDESK_BROKER_URL"
    }


def test_each_part_that_failed_says_why_it_matters_and_what_to_do(
    client: FlaskClient, parts: dict[str, Part]
) -> None:
    for part in parts.values():
        part.error = Unavailable("redis://user:password@host")
    answer = client.get("/readyz")
    assert answer.json is not None
    assert answer.json["advice"].keys() == parts.keys()
    assert "nothing is accepted or worked on" in answer.json["advice"]["ledger"]
    assert "`copydesk doctor`" in answer.json["advice"]["ledger"]
    assert "host" not in str(answer.json["advice"])


def test_a_check_that_breaks_is_a_failed_check_without_its_text(
    client: FlaskClient, parts: dict[str, Part]
) -> None:
    parts["ledger"].error = ValueError("redis://user:password@host")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "password" not in answer.text


def test_the_openapi_document_lists_routes_and_refers_to_what_it_holds(client: FlaskClient) -> None:
    document = client.get("/openapi.json")
    assert document.json is not None
    assert document.json["openapi"].startswith("3.1")
    assert "/size" in document.json["paths"]
    for name in set(re.findall(r"#/components/schemas/(\w+)", document.text)):
        assert name in document.json["components"]["schemas"]


def test_a_problem_may_carry_more_members() -> None:
    assert problem(410, "Gone", "expired", cursor="abc").json["cursor"] == "abc"  # type: ignore[index]
