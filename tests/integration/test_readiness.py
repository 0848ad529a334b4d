"""``/readyz`` of a real granian process under a flood: few looks, nobody is held up, the truth in seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.integration.ready_app import FOLDER
from tests.integration.service import run_app

CLIENTS = THREADS = 16
TRUTH_SECONDS = 2.0
SLACK = 3.0  # for a machine that is busy; what is looked for here is minutes, or never


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    factory = "tests.integration.ready_app:create_app"
    with run_app(factory, THREADS, {FOLDER: str(tmp_path)}) as found:
        yield found


def looks(folder: Path, name: str) -> int:
    asked = folder / f"{name}.asked"
    return len(asked.read_text().splitlines()) if asked.exists() else 0


@contextmanager
def flood(client: httpx.Client) -> Iterator[Callable[[], int]]:
    """Sixteen who ask without a pause; how many answers they had."""
    over, answers = threading.Event(), [0] * CLIENTS

    def ask(number: int) -> None:
        with httpx.Client(base_url=client.base_url, timeout=30, trust_env=False) as mine:
            while not over.is_set():
                assert mine.get("/readyz").status_code in (200, 503)
                answers[number] += 1

    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(ask, number) for number in range(CLIENTS)]
        try:
            yield lambda: sum(answers)
        finally:
            over.set()
            for one in asking:
                one.result(60)


def seconds_until(client: httpx.Client, status: int) -> float:
    begun = time.monotonic()
    while _status(client) != status:
        assert time.monotonic() - begun < 30
        time.sleep(0.02)
    return time.monotonic() - begun


def _status(client: httpx.Client) -> int:
    try:
        return client.get("/readyz", timeout=0.5).status_code
    except httpx.ReadTimeout:  # it was the one who looks
        return 0


def test_a_flood_makes_one_look_a_second_and_stops_nobody(client: httpx.Client, tmp_path: Path) -> None:
    with flood(client) as answered:
        begun, longest = time.monotonic(), 0.0
        while time.monotonic() - begun < 4:
            asked = time.monotonic()
            assert client.get("/healthz").status_code == 200
            longest = max(longest, time.monotonic() - asked)
        lasted = time.monotonic() - begun
    assert answered() > 10 * lasted
    assert 2 <= looks(tmp_path, "ledger") <= lasted + 2
    assert looks(tmp_path, "index") == looks(tmp_path, "ledger")
    assert longest < SLACK


def test_a_part_that_goes_away_is_told_of_within_two_seconds(client: httpx.Client, tmp_path: Path) -> None:
    away = tmp_path / "ledger.away"
    with flood(client):
        seconds_until(client, 200)
        away.touch()
        assert seconds_until(client, 503) < TRUTH_SECONDS + SLACK
        away.unlink()
        assert seconds_until(client, 200) < TRUTH_SECONDS + SLACK


def test_a_part_that_hangs_is_told_of_as_soon_and_holds_one_thread(
    client: httpx.Client, tmp_path: Path
) -> None:
    hangs = tmp_path / "index.hangs"
    with flood(client) as answered:
        seconds_until(client, 200)
        hangs.touch()
        try:
            assert seconds_until(client, 503) < TRUTH_SECONDS + SLACK
            told = client.get("/readyz").json()
            assert told["checks"]["ledger"] == {"status": "ok"}
            assert told["checks"]["index"]["error"].startswith("has not answered for")
            before, looked = answered(), looks(tmp_path, "index")
            begun = time.monotonic()
            while time.monotonic() - begun < 2:
                assert client.get("/healthz", timeout=SLACK).status_code == 200
            assert answered() - before > CLIENTS
            assert looks(tmp_path, "index") == looked
        finally:
            hangs.unlink()
        assert seconds_until(client, 200) < TRUTH_SECONDS + SLACK
