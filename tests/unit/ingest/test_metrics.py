"""What ``/metrics`` says is what the ledger holds, counted by hand in SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from services.ingest.app import create_app
from shared.clock import now_ms
from shared.ledger.keeping import PruneRule
from shared.ledger.port import Ledger
from shared.messages import LANES, STAGES, TERMINAL
from shared.metrics import LedgerCollector
from shared.settings import Settings
from tests.unit.ingest.kept import advance, claim, quarantine, reject

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
HOUR_MS = 3_600_000


@pytest.fixture
def database(settings: Settings, ledger: Ledger) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(Path(settings.ledger_url.removeprefix("sqlite:///")))) as opened:
        yield opened


def push(client: FlaskClient, *names: str) -> list[str]:
    items = [{"url": f"https://news.example/{name}", "body": f"Text of {name}."} for name in names]
    answer = client.post("/v1/articles", json=items)
    assert answer.status_code == 202
    return [result["id"] for result in answer.json["results"]]  # type: ignore[index]


def scrape(client: FlaskClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[(f"copydesk_{name}", frozenset(labels.items()))]


def test_every_series_is_there_from_the_start(client: FlaskClient) -> None:
    samples = scrape(client)
    for name in ("accepted_total", "sweeper_wakes_total", "pruned_total"):
        assert value(samples, name) == 0
    for name in ("quarantined", "oldest_accepted_seconds", "last_indexed_timestamp_seconds"):
        assert value(samples, name) == 0
    assert {value(samples, "ended_total", word=word) for word in TERMINAL} == {0}
    for stage in STAGES:
        for lane in LANES:
            assert value(samples, "oldest_wait_seconds", stage=stage, lane=lane) == 0
            for state in ("waiting", "held", "put_off"):
                assert value(samples, "backlog", stage=stage, lane=lane, state=state) == 0
    assert value(samples, "ledger_bytes") > 0
    assert value(samples, "ledger_free_bytes") > 0


def test_the_numbers_are_those_of_the_ledger(
    client: FlaskClient, ledger: Ledger, database: sqlite3.Connection
) -> None:
    first, *_ = push(client, "a", "b", "c")
    advance(ledger)
    push(client, "d", "e")
    reject(ledger)
    push(client, "f", "g", "h")
    quarantine(ledger)
    (one, *_) = client.get("/v1/quarantine").json["items"]  # type: ignore[index]
    assert client.post(f"/v1/quarantine/{one['submission']}/replay").status_code == 200
    assert client.post("/v1/quarantine/drop", json={"reason": "x", "which": {"all": True}}).status_code == 200
    push(client, "i", "j")
    quarantine(ledger)
    assert client.delete(f"/v1/articles/{first}").status_code == 200
    push(client, "k", "l", "m")
    held = claim(ledger, "clean")
    push(client, "n", "o")
    ledger.tally("woken", 3)
    assert len(held.works) == 3

    samples = scrape(client)
    pushes = dict(
        database.execute("SELECT status, count(*) FROM submissions WHERE kind = 'push' GROUP BY status")
    )
    assert pushes == {
        "indexed": 2, "withdrawn": 1, "rejected": 4, "accepted": 6, "quarantined": 2,
    }  # fmt: skip
    assert value(samples, "accepted_total") == sum(pushes.values()) == 15
    assert {word: value(samples, "ended_total", word=word) for word in TERMINAL} == {
        word: pushes.get(word, 0) for word in TERMINAL
    }
    assert value(samples, "quarantined") == 2
    assert value(samples, "sweeper_wakes_total") == 3
    assert value(samples, "pruned_total") == 0
    depth = {
        (stage, lane, state): count
        for stage, lane, state, count in database.execute(
            "SELECT stage, lane, CASE WHEN token IS NULL THEN 'waiting' ELSE 'held' END, count(*)"
            " FROM submissions WHERE stage IS NOT NULL GROUP BY 1, 2, 3"
        )
    }
    assert depth == {
        ("clean", "live", "held"): 3, ("clean", "live", "waiting"): 2,
        ("clean", "replay", "waiting"): 1, ("index", "live", "waiting"): 1,
    }  # fmt: skip
    assert depth == {
        tuple(dict(labels)[name] for name in ("stage", "lane", "state")): count
        for (name, labels), count in samples.items()
        if name == "copydesk_backlog" and count
    }


def test_the_last_success_is_the_moment_at_which_a_submission_was_indexed_last(
    client: FlaskClient, ledger: Ledger, database: sqlite3.Connection
) -> None:
    push(client, "a")
    advance(ledger)
    query = "SELECT at FROM journey WHERE stage = 'index' AND word = 'indexed' ORDER BY id"
    ((first,),) = database.execute(query).fetchall()
    assert abs(first - now_ms()) < HOUR_MS
    assert value(scrape(client), "last_indexed_timestamp_seconds") == first / 1000
    push(client, "b")
    reject(ledger)
    assert value(scrape(client), "last_indexed_timestamp_seconds") == first / 1000
    push(client, "c")
    advance(ledger)
    assert (
        value(scrape(client), "last_indexed_timestamp_seconds")
        == database.execute(query).fetchall()[1][0] / 1000
    )


def test_what_was_pruned_stays_in_the_totals(
    client: FlaskClient, ledger: Ledger, database: sqlite3.Connection
) -> None:
    push(client, "a", "b", "c")
    reject(ledger)
    later = now_ms() + HOUR_MS
    assert ledger.prune(PruneRule("ended", later), 0, 2, later).changed == 2
    samples = scrape(client)
    assert database.execute("SELECT count(*) FROM submissions").fetchone() == (1,)
    assert (value(samples, "accepted_total"), value(samples, "ended_total", word="rejected")) == (3, 3)
    assert value(samples, "pruned_total") == 2


def test_ages_grow_and_are_never_negative(ledger: Ledger, client: FlaskClient) -> None:
    push(client, "a")
    claim(ledger, "clean")
    push(client, "b")
    now = now_ms()

    def ages(at: int) -> dict[str, float]:
        families = {family.name: family for family in LedgerCollector(ledger, lambda: at).collect()}
        waits = families["copydesk_oldest_wait_seconds"].samples
        found = {"/".join(sample.labels.values()): sample.value for sample in waits if sample.value}
        return found | {"accepted": families["copydesk_oldest_accepted_seconds"].samples[0].value}

    assert ages(now + HOUR_MS) == {
        "clean/live": pytest.approx(3_600, abs=60), "accepted": pytest.approx(3_600, abs=60),
    }  # fmt: skip
    assert ages(now - HOUR_MS) == {"accepted": 0}  # the clock was set back


def test_two_services_in_one_process_do_not_meet(settings: Settings, ledger: Ledger, waker: Any) -> None:
    clients = [create_app(settings, ledger, waker).test_client() for _ in range(2)]
    push(clients[0], "a")
    assert [value(scrape(client), "accepted_total") for client in clients] == [1, 1]


def test_a_ledger_that_is_away_is_503_in_plain_text(
    client: FlaskClient, database: sqlite3.Connection
) -> None:
    database.execute("ALTER TABLE tallies RENAME TO gone")
    database.commit()
    answer = client.get("/metrics")
    assert (answer.status_code, answer.content_type) == (503, "text/plain; charset=utf-8")
    assert "ledger" in answer.text


def test_the_types_are_what_prometheus_may_make_of_them(client: FlaskClient) -> None:
    text = client.get("/metrics").text
    types = {line.split()[2]: line.split()[3] for line in text.splitlines() if line.startswith("# TYPE")}
    counters = {name for name, kind in types.items() if kind == "counter"}
    assert counters == {
        "copydesk_accepted_total", "copydesk_sweeper_wakes_total", "copydesk_pruned_total",
        "copydesk_ingest_refusals_total", "copydesk_ingest_pushes_total",
    }  # fmt: skip
    assert {name for name, kind in types.items() if kind == "histogram"} == {"copydesk_ingest_push_seconds"}
    assert set(types.values()) == {"counter", "gauge", "histogram"}
