"""Ingest in a real process: a frozen broker holds no 202, a key is one acceptance, a cap is no false 202."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import redis

from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import Ledger, Outcome
from shared.settings import Settings
from tests.integration.service import run_ingest
from tests.servers import NoServer, RunningServer, free_port, require, start_redis

LATER = 1_900_000_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(
        data_dir=tmp_path / "data",
        broker_url=f"redis://127.0.0.1:{free_port()}/0",
        ingest_port=free_port(),
        max_backlog=100,
    )
    migrate_ledger(made)
    return made


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with closing(open_ledger(settings)) as opened:
        yield opened


@pytest.fixture
def client(settings: Settings, tmp_path: Path) -> Iterator[httpx.Client]:
    base = f"http://127.0.0.1:{settings.ingest_port}"
    limits = httpx.Limits(max_connections=40)
    with (
        run_ingest(settings, tmp_path / "granian.log"),
        httpx.Client(base_url=base, timeout=30, trust_env=False, limits=limits) as opened,
    ):
        yield opened


def item(name: object) -> dict[str, str]:
    return {"url": f"https://news.example/{name}", "body": f"Text of {name}."}


@pytest.mark.servers
def test_a_frozen_broker_holds_no_push_for_a_second(settings: Settings, tmp_path: Path) -> None:
    try:
        server = start_redis(tmp_path / "redis")
    except NoServer as error:
        require(str(error))
    frozen = dataclasses.replace(settings, broker_url=server.url, redis_url=server.url)
    base = f"http://127.0.0.1:{settings.ingest_port}"
    with (
        run_ingest(frozen, tmp_path / "granian.log"),
        httpx.Client(base_url=base, timeout=30, trust_env=False) as client,
        closing(open_ledger(settings)) as ledger,
    ):
        assert client.post("/v1/articles", json=item("before")).status_code == 202
        _wait_for_wake_up(server)
        server.process.send_signal(signal.SIGSTOP)
        try:
            longest = 0.0
            for number in range(20):
                began = time.monotonic()
                assert client.post("/v1/articles", json=item(number)).status_code == 202
                assert client.delete(f"/v1/articles/{'0' * 32}").status_code == 404
                longest = max(longest, time.monotonic() - began)
            assert longest < 1
            assert ledger.counts() == {"accepted": 21}
        finally:
            server.process.send_signal(signal.SIGCONT)
            server.stop()


def _wait_for_wake_up(server: RunningServer) -> None:
    with redis.Redis.from_url(server.url) as client:
        deadline = time.monotonic() + 20
        while not client.llen("copydesk:copydesk.clean"):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_twenty_pushes_of_one_key_at_once_are_one_acceptance(client: httpx.Client, ledger: Ledger) -> None:
    ready = threading.Barrier(20)
    answers: list[httpx.Response] = []

    def push() -> None:
        ready.wait()
        answers.append(client.post("/v1/articles", json=item("a"), headers={"Idempotency-Key": "one"}))

    threads = [threading.Thread(target=push) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
    assert len(answers) == 20
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 19
    assert ledger.counts() == {"accepted": 1}


def test_a_flood_meets_the_cap_and_goes_on_when_there_is_room(client: httpx.Client, ledger: Ledger) -> None:
    taken, deadline = 0, time.monotonic() + 30
    answer = client.post("/v1/articles", json=item("first"))
    while answer.status_code == 202:
        assert time.monotonic() < deadline
        taken += 1
        answer = client.post("/v1/articles", json=item(taken))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert taken > 100
    assert ledger.counts() == {"accepted": taken}
    claim = ledger.claim("clean", "live", 10_000, "test", LATER)
    assert claim is not None
    outcomes = [Outcome(work.sequence, "rejected", "no article") for work in claim.works]
    ledger.commit(claim, outcomes, "dedupe", "test", LATER)
    while client.post("/v1/articles", json=item("again")).status_code != 202:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert ledger.counts() == {"rejected": taken, "accepted": 1}


def test_a_ledger_that_is_locked_slows_no_reading_of_its_load(
    client: httpx.Client, settings: Settings, ledger: Ledger
) -> None:
    path = Path(settings.ledger_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            began = time.monotonic()
            assert client.post("/v1/articles", json={"title": 5}).status_code == 400
            assert client.get("/metrics").status_code == 200
            assert time.monotonic() - began < 2
        other.execute("ROLLBACK")
    assert client.post("/v1/articles", json=item("a")).status_code == 202


def test_a_server_under_load_is_killed_and_every_202_is_in_the_ledger(
    settings: Settings, tmp_path: Path, ledger: Ledger
) -> None:
    acknowledged: list[str] = []
    stop = threading.Event()

    def push(sender: int, client: httpx.Client) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            headers = {"Idempotency-Key": f"{sender}-{number}"} if sender % 2 else {}
            try:
                answer = client.post("/v1/articles", json=item(f"{sender}-{number}"), headers=headers)
            except httpx.HTTPError:
                return
            if answer.status_code == 202:
                acknowledged.append(answer.json()["submission"])

    roomy = dataclasses.replace(settings, max_backlog=1_000_000)
    base = f"http://127.0.0.1:{settings.ingest_port}"
    with (
        run_ingest(roomy, tmp_path / "granian.log") as process,
        httpx.Client(base_url=base, timeout=30, trust_env=False) as client,
    ):
        threads = [threading.Thread(target=push, args=(sender, client)) for sender in range(4)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 30
        while len(acknowledged) < 300:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join(30)
    path = Path(settings.ledger_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as database:
        kept = {row[0] for row in database.execute("SELECT id FROM submissions")}
    assert set(acknowledged) <= kept
    assert ledger.tallies()["accepted"] == len(kept)
