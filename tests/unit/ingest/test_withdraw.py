"""Withdrawals over HTTP on a real ledger: gone for readers, and for its sender too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.ledger.keeping import PruneRule
from shared.ledger.port import Ledger
from shared.settings import Settings
from tests.unit.ingest.kept import advance, quarantine

MARKER = "Ships may enter the walrus basin again."
ITEM = {"url": "https://news.example/a", "title": "Harbour reopens", "body": MARKER}
OTHER = {"url": "https://news.example/b", "title": "Ferry", "body": "The ferry left."}
PROBLEM = "application/problem+json"
NDJSON = "application/x-ndjson"
LATER = 1_900_000_000_000


def ok(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found = answer.json
    assert isinstance(found, dict)
    return found


@pytest.fixture
def article(client: FlaskClient) -> str:
    """One that was accepted, and is on its way."""
    return str(ok(client.post("/v1/articles", json=ITEM), 202)["id"])


@pytest.fixture
def gone(client: FlaskClient, article: str) -> str:
    """One that was withdrawn."""
    ok(client.delete(f"/v1/articles/{article}"))
    return article


def test_what_is_under_way_ends_as_withdrawn(client: FlaskClient, ledger: Ledger, article: str) -> None:
    answer = ok(client.delete(f"/v1/articles/{article}"))
    assert answer == {"id": article, "status": "withdrawn", "submissions": 1}
    assert ledger.counts() == {"withdrawn": 1}
    assert ledger.claim("clean", "live", 10, "test", LATER) is None


def test_an_indexed_article_is_taken_out_of_the_index(
    client: FlaskClient, ledger: Ledger, waker: Any, article: str
) -> None:
    advance(ledger)
    waker.lanes.clear()
    ok(client.delete(f"/v1/articles/{article}"))
    assert waker.lanes == [("index", "live")]
    claim = ledger.claim("index", "live", 10, "test", LATER)
    assert claim is not None
    (work,) = claim.works
    assert work.article is not None
    assert (work.article_id, work.article.withdrawn) == (article, True)


def test_a_withdrawn_article_is_410_and_stays_so(client: FlaskClient, gone: str) -> None:
    answer = client.get(f"/v1/articles/{gone}/status")
    assert (answer.status_code, answer.content_type) == (410, PROBLEM)
    again = ok(client.delete(f"/v1/articles/{gone}"))
    assert (again["id"], again["status"]) == (gone, "withdrawn")
    assert client.get(f"/v1/articles/{gone}/status").status_code == 410


def test_a_withdrawn_article_whose_last_submission_was_pruned_is_still_410(
    client: FlaskClient, ledger: Ledger, article: str
) -> None:
    advance(ledger)
    client.post("/v1/articles", json=ITEM | {"body": "Changed."})
    ok(client.delete(f"/v1/articles/{article}"))
    ledger.prune(PruneRule("ended", LATER), 0, 100, LATER)
    assert client.get(f"/v1/articles/{article}/status").status_code == 410
    assert client.post("/v1/articles", json=ITEM).status_code == 409


def test_an_article_that_is_no_longer_kept_is_410_until_it_is_pushed_again(
    client: FlaskClient, ledger: Ledger, article: str
) -> None:
    advance(ledger)
    assert ledger.prune(PruneRule("articles", LATER), 0, 100, LATER).changed == 1
    assert client.get(f"/v1/articles/{article}/status").status_code == 410
    assert client.post("/v1/articles", json=ITEM).status_code == 202
    assert ok(client.get(f"/v1/articles/{article}/status"))["status"] == "accepted"


@pytest.mark.parametrize("name", ["0" * 32, "x", "%00", "é", "A" * 32, "a" * 5_000])
@pytest.mark.parametrize("query", ["", "?purge=true"])
def test_an_article_nobody_ever_pushed_is_404(client: FlaskClient, name: str, query: str) -> None:
    answer = client.delete(f"/v1/articles/{name}{query}")
    assert (answer.status_code, answer.content_type) == (404, PROBLEM)


@pytest.mark.parametrize(
    ("query", "field"),
    [("purge=yes", "purge"), ("purge=", "purge"), ("purge=1", "purge"), ("prune=true", "prune"),
     ("purge=true&purge=false", "purge")],
)  # fmt: skip
def test_a_withdrawal_that_is_not_understood_changes_nothing(
    client: FlaskClient, ledger: Ledger, article: str, query: str, field: str
) -> None:
    answer = ok(client.delete(f"/v1/articles/{article}?{query}"), 400)
    assert [error["field"] for error in answer["errors"]] == [field]
    assert ledger.counts() == {"accepted": 1}


def test_a_purge_leaves_nothing_to_read_and_says_where_copies_may_be(
    client: FlaskClient, ledger: Ledger, settings: Settings, article: str
) -> None:
    advance(ledger, "clean")
    answer = ok(client.delete(f"/v1/articles/{article}?purge=true"))
    assert answer["purged"] is True
    assert "backups" in answer["backups"]
    assert ok(client.delete(f"/v1/articles/{article}?purge=true"))["purged"] is True
    left = ledger.article(article)
    assert left is not None
    assert (left.withdrawn, left.title, left.body) == (True, "", "")
    assert client.post("/v1/articles", json=ITEM).status_code == 409


def test_a_purge_may_follow_a_withdrawal(client: FlaskClient, gone: str) -> None:
    assert "purged" not in ok(client.delete(f"/v1/articles/{gone}?purge=false"))
    assert ok(client.delete(f"/v1/articles/{gone}?purge=true"))["purged"] is True


def test_an_article_in_quarantine_leaves_it(client: FlaskClient, ledger: Ledger, article: str) -> None:
    quarantine(ledger)
    ok(client.delete(f"/v1/articles/{article}"))
    assert ok(client.get("/v1/quarantine"))["total"] == 0


# Pushed again


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "again"}])
def test_its_item_is_refused(
    client: FlaskClient, ledger: Ledger, waker: Any, gone: str, headers: dict[str, str]
) -> None:
    waker.calls.clear()
    for _ in range(2):
        answer = client.post("/v1/articles", json=ITEM, headers=headers)
        assert (answer.status_code, answer.content_type) == (409, PROBLEM)
        refusal = ok(answer, 409)
        assert refusal["id"] == gone
        assert "withdrawn" in refusal["detail"]
    assert ledger.counts() == {"withdrawn": 1}
    assert waker.calls == []


def test_its_page_is_refused(client: FlaskClient) -> None:
    def push() -> TestResponse:
        return client.post("/v1/pages?source=a&uri=x", data=b"A page.", content_type="text/plain")

    ok(client.delete(f"/v1/articles/{ok(push(), 202)['id']}"))
    assert push().status_code == 409


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "again"}])
def test_in_an_array_it_is_refused_and_the_others_go_on(
    client: FlaskClient, ledger: Ledger, waker: Any, gone: str, headers: dict[str, str]
) -> None:
    waker.calls.clear()
    items = [OTHER, ITEM, {"title": 5}, OTHER]
    results = ok(client.post("/v1/articles", json=items, headers=headers), 202)["results"]
    assert [result["status"] for result in results] == ["accepted", "refused", "invalid", "accepted"]
    assert set(results[1]) == {"index", "status", "id", "error"}
    assert (results[1]["index"], results[1]["id"]) == (1, gone)
    assert "withdrawn" in results[1]["error"]
    assert waker.calls == [("clean", (results[0]["submission"], results[3]["submission"]))]
    assert ledger.counts() == {"withdrawn": 1, "accepted": 2}


def test_in_a_stream_it_is_refused_and_the_others_go_on(client: FlaskClient, gone: str) -> None:
    body = b"".join(json.dumps(item).encode() + b"\n" for item in (OTHER, ITEM, OTHER))
    answer = client.post("/v1/articles:bulk", data=body, content_type=NDJSON)
    outcomes = [json.loads(line) for line in answer.text.splitlines()]
    assert [outcome["status"] for outcome in outcomes] == ["accepted", "refused", "accepted"]
    assert (outcomes[1]["index"], outcomes[1]["id"]) == (1, gone)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "again"}])
def test_an_array_of_which_nothing_is_taken_is_no_202(
    client: FlaskClient, gone: str, headers: dict[str, str]
) -> None:
    for _ in range(2):
        answer = client.post("/v1/articles", json=[ITEM, {"title": 5}], headers=headers)
        assert answer.content_type == PROBLEM
        refusal = ok(answer, 409)
        assert [result["status"] for result in refusal["results"]] == ["refused", "invalid"]
        assert "1.title" in [error["field"] for error in refusal["errors"]]


def test_a_purged_marker_is_in_no_file_of_the_ledger(
    client: FlaskClient, ledger: Ledger, settings: Settings, article: str
) -> None:
    quarantine(ledger, "clean", f"ValueError: {MARKER}")
    files = sorted(Path(settings.ledger_url.removeprefix("sqlite:///")).parent.glob("ledger.sqlite*"))
    assert any(MARKER.encode() in path.read_bytes() for path in files)
    ok(client.delete(f"/v1/articles/{article}?purge=true"))
    assert not any(MARKER.encode() in path.read_bytes() for path in files if path.exists())
