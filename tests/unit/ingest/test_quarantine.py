"""The quarantine over HTTP on a real ledger: found, shown, sent back to work, and ended."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.ingest import quarantine as module
from shared.clock import from_ms, now_ms
from shared.errors import Unavailable
from shared.ledger.port import Ledger
from shared.messages import Stage
from shared.settings import Settings
from tests.unit.ingest.kept import advance, claim, quarantine

JSON = dict[str, Any]
NOBODY = "0" * 32


def push(client: FlaskClient, *names: object, source: str = "news.example") -> list[JSON]:
    items = [
        {"url": f"https://{source}/{name}", "title": f"Title {name}", "body": f"Text of {name}."}
        for name in names
    ]
    return list(ok(client.post("/v1/articles", json=items), 202)["results"])


def ok(answer: TestResponse, status: int = 200) -> JSON:
    assert answer.status_code == status, answer.text
    found = answer.json
    assert isinstance(found, dict)
    return found


def listed(client: FlaskClient, **query: object) -> JSON:
    return ok(client.get("/v1/quarantine", query_string={name: str(value) for name, value in query.items()}))


def shown(page: JSON) -> list[str]:
    return [item["submission"] for item in page["items"]]


def ms_later() -> datetime:
    """A time later than every earlier one in the ledger's milliseconds."""
    began = now_ms()
    while now_ms() <= began:
        time.sleep(0.001)
    return from_ms(now_ms())


@pytest.fixture
def three(client: FlaskClient, ledger: Ledger) -> list[str]:
    """Submissions that failed at clean, dedupe and clean, of two sources, one after the other."""
    made: list[str] = []
    steps: list[tuple[str, str, Stage, str]] = [
        ("a", "news.example", "clean", "ValueError: 50% off_"),
        ("b", "wire.example", "dedupe", "its worker died"),
        ("c", "wire.example", "clean", "ran out of time"),
    ]
    for name, source, stage, reason in steps:
        made.append(push(client, name, source=source)[0]["submission"])
        if stage == "dedupe":
            advance(ledger, "clean")
        quarantine(ledger, stage, reason)
        ms_later()
    return made


def test_an_empty_quarantine_is_an_empty_page(client: FlaskClient) -> None:
    assert listed(client) == {"total": 0, "items": [], "next": None}


def test_the_list_says_of_each_what_people_need(client: FlaskClient, three: list[str]) -> None:
    page = listed(client)
    assert (page["total"], shown(page), page["next"]) == (3, three, None)
    first = page["items"][0]
    assert set(first) == {
        "submission", "id", "source", "stage", "reason", "attempts", "accepted_at", "quarantined_at",
    }  # fmt: skip
    assert (first["source"], first["stage"], first["reason"]) == (
        "news.example",
        "clean",
        "ValueError: 50% off_",
    )
    assert first["accepted_at"] <= first["quarantined_at"]
    assert first["quarantined_at"].endswith("Z")
    assert client.get(f"/v1/articles/{first['id']}/status").json["status"] == "quarantined"  # type: ignore[index]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"source": "wire.example"}, [1, 2]),
        ({"source": "WWW.Wire.Example"}, [1, 2]),
        ({"stage": "clean"}, [0, 2]),
        ({"stage": "tag"}, []),
        ({"reason": "valueerror"}, [0]),
        ({"reason": "0% off_"}, [0]),
        ({"reason": "0%o"}, []),
        ({"stage": "clean", "source": "wire.example"}, [2]),
    ],
)
def test_every_condition_of_a_filter_must_hold(
    client: FlaskClient, three: list[str], query: JSON, found: list[int]
) -> None:
    page = listed(client, **query)
    assert shown(page) == [three[number] for number in found]
    assert page["total"] == len(found)


def test_times_bound_when_it_was_quarantined(client: FlaskClient, three: list[str]) -> None:
    times = [item["quarantined_at"] for item in listed(client)["items"]]
    assert shown(listed(client, since=times[1])) == three[1:]
    assert shown(listed(client, until=times[1])) == three[:1]
    assert shown(listed(client, since=times[0], until=times[2])) == three[:2]
    west = datetime.fromisoformat(times[1]).astimezone(timezone(timedelta(hours=-2)))
    assert shown(listed(client, since=west.isoformat())) == three[1:]


def test_pages_follow_each_other_without_gap_or_overlap(client: FlaskClient, ledger: Ledger) -> None:
    made = [result["submission"] for result in push(client, *range(25))]
    quarantine(ledger)
    found: list[str] = []
    after, pages = 0, 0
    while True:
        page = listed(client, size=10, after=after)
        assert page["total"] == 25
        found += shown(page)
        pages += 1
        if page["next"] is None:
            break
        after = page["next"]
    assert (found, pages) == (made, 3)
    assert listed(client, size=25)["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("stage=fetch", "stage"), ("size=0", "size"), ("size=501", "size"), ("size=x", "size"),
        ("after=-1", "after"), ("after=9223372036854775808", "after"), ("since=yesterday", "since"),
        ("since=2026-01-01", "since"),
        ("until=2026-01-01T00:00:00", "until"), ("reason=", "reason"), ("reason=a%00b", "reason"),
        ("source=", "source"), ("reson=x", "reson"), ("size=1&size=2", "size"), ("reason=%ff", "reason"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "until"), ("submission=x", "submission"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_used_is_400_and_names_its_field(
    client: FlaskClient, query: str, field: str
) -> None:
    answer = client.get(f"/v1/quarantine?{query}")
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert field in [error["field"] for error in ok(answer, 400)["errors"]]


# One


def test_one_is_shown_with_all_that_is_known_and_can_be_pushed_again(
    client: FlaskClient, three: list[str]
) -> None:
    whole = ok(client.get(f"/v1/quarantine/{three[1]}"))
    assert whole["traceback"] == "Traceback: line 1"
    assert [(step["stage"], step["word"]) for step in whole["journey"]] == [
        ("accept", "accepted"), ("clean", "cleaned"), ("dedupe", "quarantined"),
    ]  # fmt: skip
    assert {step["submission"] for step in whole["journey"]} == {three[1]}
    again = ok(client.post("/v1/articles", json=whole["original"]), 202)
    assert again["id"] == whole["id"]


@pytest.mark.parametrize("name", ["0" * 32, "x", "%00", "é", "replay", "A" * 32])
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/replay"), ("POST", "/drop")])
def test_a_submission_that_is_not_in_quarantine_is_404(
    client: FlaskClient, name: str, method: str, path: str
) -> None:
    answer = client.open(
        f"/v1/quarantine/{name}{path}", method=method, json={"reason": "x"} if path else None
    )
    assert answer.status_code in ((404,) if path or name != "replay" else (404, 405))


def test_one_that_is_on_its_way_is_not_in_quarantine(client: FlaskClient) -> None:
    submission = push(client, "a")[0]["submission"]
    assert client.get(f"/v1/quarantine/{submission}").status_code == 404
    assert client.post(f"/v1/quarantine/{submission}/replay").status_code == 404


def test_one_is_replayed_and_its_stage_woken(
    client: FlaskClient, ledger: Ledger, waker: Any, three: list[str]
) -> None:
    waker.lanes.clear()
    assert ok(client.post(f"/v1/quarantine/{three[1]}/replay")) == {"replayed": 1}
    assert ("clean", "replay") in waker.lanes
    assert shown(listed(client)) == [three[0], three[2]]
    (work,) = claim(ledger, "clean", "replay").works
    assert (work.submission, work.attempts) == (three[1], 1)
    assert client.post(f"/v1/quarantine/{three[1]}/replay").status_code == 404


def test_one_whose_original_is_gone_cannot_be_replayed(
    client: FlaskClient, settings: Settings, waker: Any, three: list[str]
) -> None:
    with sqlite3.connect(Path(settings.ledger_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DELETE FROM originals")
    connection.close()
    waker.lanes.clear()
    answer = client.post(f"/v1/quarantine/{three[0]}/replay")
    assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
    assert ok(client.get(f"/v1/quarantine/{three[0]}"))["original"] is None
    assert waker.lanes == []


def test_one_is_dropped_with_a_reason(client: FlaskClient, ledger: Ledger, three: list[str]) -> None:
    article = listed(client)["items"][0]["id"]
    assert ok(client.post(f"/v1/quarantine/{three[0]}/drop", json={"reason": " spam "})) == {"dropped": 1}
    status = ok(client.get(f"/v1/articles/{article}/status"))
    assert (status["status"], status["reason"]) == ("rejected", "dropped: spam")
    assert client.post(f"/v1/quarantine/{three[0]}/drop", json={"reason": "spam"}).status_code == 404
    assert ledger.counts() == {"quarantined": 2, "rejected": 1}


# Many


MEANT: list[tuple[JSON, int]] = [
    ({"all": True}, 3),
    ({"source": "wire.example"}, 2),
    ({"stage": "clean", "source": "wire.example"}, 1),
    ({"reason": "DIED"}, 1),
    ({"since": "2020-01-01T00:00:00Z"}, 3),
    ({"until": "2020-01-01T00:00:00Z"}, 0),
]


@pytest.mark.parametrize(("conditions", "count"), MEANT)
def test_all_that_a_filter_means_are_replayed(
    client: FlaskClient, ledger: Ledger, three: list[str], conditions: JSON, count: int
) -> None:
    assert ok(client.post("/v1/quarantine/replay", json=conditions)) == {"replayed": count}
    assert ledger.counts().get("accepted", 0) == count


@pytest.mark.parametrize(("conditions", "count"), MEANT)
def test_all_that_a_filter_means_are_dropped(
    client: FlaskClient, ledger: Ledger, three: list[str], conditions: JSON, count: int
) -> None:
    answer = client.post("/v1/quarantine/drop", json={"reason": "spam", "which": conditions})
    assert ok(answer) == {"dropped": count}
    assert ledger.counts().get("rejected", 0) == count


def test_many_are_replayed_in_batches(
    client: FlaskClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 10)
    push(client, *range(30))
    quarantine(ledger)
    assert ok(client.post("/v1/quarantine/replay", json={"all": True})) == {"replayed": 30}
    assert ledger.counts() == {"accepted": 30}
    quarantine(ledger, lane="replay")
    drop = {"reason": "spam", "which": {"all": True}}
    assert ok(client.post("/v1/quarantine/drop", json=drop)) == {"dropped": 30}


def test_what_comes_back_meanwhile_is_not_replayed_twice(
    client: FlaskClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 5)
    push(client, *range(12))
    quarantine(ledger)
    replay = type(ledger).replay_quarantined
    pages: list[int] = []

    def and_fail_again(self: Any, *args: Any) -> Any:
        """Between two pages the workers are quick: everything is back, and something new beside it."""
        page = replay(self, *args)
        pages.append(page.changed)
        ms_later()
        if page.changed:
            quarantine(self, "clean", "again", "replay")
        if len(pages) == 1:
            push(client, "new")
            quarantine(self, "clean", "new")
        return page

    monkeypatch.setattr(type(ledger), "replay_quarantined", and_fail_again)
    assert ok(client.post("/v1/quarantine/replay", json={"all": True})) == {"replayed": 12}
    assert sum(pages) == 12
    assert ledger.counts() == {"quarantined": 13}


ALL = {"which": {"all": True}}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("replay", {}, "all"),
        ("replay", {"all": False}, "all"),
        ("replay", {"all": True, "stage": "tag"}, "all"),
        ("replay", {"all": 1}, "all"),
        ("replay", {"reason": None}, "all"),
        ("replay", {"stage": "fetch"}, "stage"),
        ("replay", {"since": 5}, "since"),
        ("replay", {"reason": ""}, "reason"),
        ("replay", {"reason": "a\0"}, "reason"),
        ("replay", {"reason": "\ud800"}, "reason"),
        ("replay", {"source": "a,b"}, "source"),
        ("replay", {"x": 1}, "x"),
        ("replay", [], "request"),
        ("replay?source=a", {"all": True}, "source"),
        (f"{NOBODY}/replay?all=true", {}, "all"),
        ("drop", ALL, "reason"),
        ("drop", {"reason": "spam"}, "which"),
        ("drop", {"reason": "spam", "which": {}}, "which.all"),
        ("drop", {"reason": "spam", "which": {"stage": 5}}, "which.stage"),
        ("drop", {"reason": "spam", "all": True}, "all"),
        ("drop", {"reason": " "} | ALL, "reason"),
        ("drop", {"reason": "x" * 1_001} | ALL, "reason"),
        ("drop?x", {"reason": "spam"} | ALL, "x"),
        (f"{NOBODY}/drop", {}, "reason"),
        (f"{NOBODY}/drop", {"reason": 5}, "reason"),
    ],
)
def test_a_request_that_does_not_say_what_it_means_is_400_and_names_its_field(
    client: FlaskClient, ledger: Ledger, three: list[str], path: str, body: object, field: str
) -> None:
    data = json.dumps(body)
    answer = client.post(f"/v1/quarantine/{path}", data=data, content_type="application/json")
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert field in [error["field"] for error in ok(answer, 400)["errors"]]
    assert ledger.counts() == {"quarantined": 3}


def test_pages_of_other_sites_change_nothing(client: FlaskClient, ledger: Ledger, three: list[str]) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = client.post("/v1/quarantine/replay", json={"all": True}, headers=headers)
    assert answer.status_code == 403
    assert ledger.counts() == {"quarantined": 3}


def test_a_ledger_that_goes_away_between_pages_is_503_and_what_was_replayed_is_woken(
    client: FlaskClient, ledger: Ledger, waker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 5)
    push(client, *range(12))
    quarantine(ledger)
    waker.lanes.clear()
    replay = type(ledger).replay_quarantined

    def once(self: Any, which: Any, after: int, *rest: Any) -> Any:
        if after:
            raise Unavailable("ledger: gone")
        return replay(self, which, after, *rest)

    monkeypatch.setattr(type(ledger), "replay_quarantined", once)
    answer = client.post("/v1/quarantine/replay", json={"all": True})
    assert answer.status_code == 503
    assert ("clean", "replay") in waker.lanes
    assert ledger.counts() == {"accepted": 5, "quarantined": 7}
