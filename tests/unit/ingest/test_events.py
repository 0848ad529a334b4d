"""`GET /v1/events`: what befell articles, page by page, for consumers that follow."""

from __future__ import annotations

import pytest

from shared.clock import now_ms
from tests.unit.ingest.kept import advance


def push(client, number, body="A body of some words."):
    answer = client.post("/v1/articles", json={"source": "paper.example", "uri": f"{number}", "body": body})
    assert answer.status_code == 202
    return answer.json["id"]


def events(client, query=""):
    answer = client.get(f"/v1/events{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_what_happens_to_articles_is_told_in_order(client, ledger):
    assert events(client) == {"events": [], "next": 0, "last": 0, "missed": False}
    first, second = push(client, 1), push(client, 2)
    advance(ledger)
    push(client, 1, "Another body of some words.")
    advance(ledger)
    client.delete(f"/v1/articles/{second}")
    told = events(client)
    assert [(event["kind"], event["article_id"]) for event in told["events"]] == [
        ("published", first), ("published", second), ("updated", first), ("withdrawn", second),
    ]  # fmt: skip
    assert set(told["events"][0]) == {
        "id", "at", "kind", "article_id", "source", "revision", "change", "detail",
    }  # fmt: skip
    assert told["events"][2]["revision"] == 2
    assert told["events"][0]["source"] == "paper.example"
    assert told["next"] == told["last"] == told["events"][-1]["id"]
    assert events(client, f"?since={told['next']}") == {
        "events": [], "next": told["next"], "last": told["last"], "missed": False,
    }  # fmt: skip


def test_a_consumer_follows_page_by_page(client, ledger):
    ids = [push(client, number) for number in range(7)]
    advance(ledger)
    seen, since = [], 0
    while page := events(client, f"?since={since}&limit=3")["events"]:
        assert len(page) <= 3
        seen += [event["article_id"] for event in page]
        since = page[-1]["id"]
    assert seen == ids


def test_no_event_carries_any_text(client, ledger):
    article_id = push(client, 1, "A very secret body.")
    advance(ledger)
    client.delete(f"/v1/articles/{article_id}?purge=true")
    assert b"secret" not in client.get("/v1/events").data


def test_a_consumer_that_was_away_for_too_long_is_told_so(client, ledger):
    for number in range(5):
        push(client, number)
    advance(ledger)
    first = events(client)["events"][0]["id"]
    assert ledger.prune_events(now_ms() + 1_000, 3) == 3
    assert events(client, f"?since={first}")["missed"]
    assert not events(client, f"?since={first + 2}")["missed"]
    assert not events(client, "?since=0")["missed"]  # one that begins has missed nothing
    assert len(events(client, "?since=0")["events"]) == 2


def test_a_consumer_that_stands_beyond_the_newest_event_is_led_back(client, ledger):
    """Such ids are those of a ledger that was since restored from an older copy, or begun anew."""
    assert events(client, "?since=7") == {"events": [], "next": 0, "last": 0, "missed": True}
    push(client, 1)
    advance(ledger)
    newest = events(client)["last"]
    beyond = events(client, f"?since={newest + 1}")
    assert beyond == {"events": [], "next": newest, "last": newest, "missed": True}
    push(client, 2)
    advance(ledger)
    followed = events(client, f"?since={beyond['next']}")
    assert (len(followed["events"]), followed["missed"]) == (1, False)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=-1", "since"), ("since=x", "since"), ("since=1.5", "since"), ("since=", "since"),
        (f"since={2**63}", "since"), ("limit=0", "limit"), ("limit=1001", "limit"), ("after=1", "after"),
        ("since=1&since=2", "since"), ("since=%00", "since"), ("limit=%ff", "limit"),
    ],
)  # fmt: skip
def test_a_bad_parameter_is_named(client, query, field):
    answer = client.get(f"/v1/events?{query}")
    assert answer.status_code == 400
    assert answer.json["errors"][0]["field"] == field


def test_answers_are_not_kept_by_proxies_and_nothing_can_be_pushed_there(client):
    assert client.get("/v1/events").headers["Cache-Control"] == "no-store"
    assert client.post("/v1/events", json={}).status_code == 405


def test_the_api_describes_its_events(client):
    described = client.get("/openapi.json").json["paths"]["/v1/events"]["get"]
    assert {parameter["name"] for parameter in described["parameters"]} == {"since", "limit"}
    assert "Search follows within seconds" in described["description"]
