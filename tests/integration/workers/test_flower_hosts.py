"""By which names Flower answers where it asks for no password, as the embedded default has it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from services.cli import system
from services.workers.flower_login import PASSWORD, PASSWORD_FILE, USER
from shared.settings import Settings
from tests.servers import free_port, start_redis

from .conftest import ROOT, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]
SECRET = "flower-s3cret-word"
OWN = ["localhost", "127.0.0.1", "[::1]", "desk.localhost", "LOCALHOST:5555", "127.0.0.1:80"]
FOREIGN = [
    "evil.example",
    "evil.example:5555",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.7",
]


@contextmanager
def started(folder: Path, password: str = "") -> Iterator[httpx.Client]:
    """Flower as `copydesk up` starts it, on a Redis of its own."""
    server = start_redis(folder, free_port())
    settings = Settings(data_dir=folder / "data", broker_url=server.url, flower_port=free_port())
    inherited = {name: value for name, value in os.environ.items() if name not in (PASSWORD, PASSWORD_FILE)}
    environ = {**inherited, **settings.environment(), "PYTHONPATH": str(ROOT)}
    spec = system.flower_child(settings, {**environ, PASSWORD: password} if password else environ)
    with (folder / "flower.log").open("ab") as log:
        process = subprocess.Popen(spec.argv, cwd=ROOT, env=dict(spec.environ), stdout=log, stderr=log)
    try:
        wait_until(spec.probe, "Flower")
        with httpx.Client(base_url=system.flower_url(settings), trust_env=False, timeout=60) as client:
            yield client
    finally:
        process.terminate()
        process.wait(timeout=30)
        server.stop()


@pytest.fixture(scope="module")
def open_flower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with started(tmp_path_factory.mktemp("flower")) as client:
        yield client


@pytest.mark.parametrize("host", OWN)
def test_it_answers_by_this_machines_names(open_flower: httpx.Client, host: str) -> None:
    for path in ("/api/tasks", "/workers", "/metrics"):
        assert open_flower.get(path, headers={"Host": host}).status_code == 200, path


@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_of_somebody_else_is_refused_on_every_route(open_flower: httpx.Client, host: str) -> None:
    for path in ("/api/tasks", "/api/workers", "/", "/tasks", "/metrics", "/healthcheck", "/nowhere"):
        told = open_flower.get(path, headers={"Host": host})
        assert told.status_code == 421, path
        assert PASSWORD in told.text
    assert open_flower.post("/api/task/revoke/x", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "https://evil.example:5555", "null", "http://["])
def test_a_page_of_another_site_is_refused_and_not_let_read(open_flower: httpx.Client, origin: str) -> None:
    for told in (
        open_flower.get("/api/tasks", headers={"Origin": origin}),
        open_flower.options("/api/tasks", headers={"Origin": origin}),
    ):
        assert told.status_code == 421
        assert "access-control-allow-origin" not in told.headers


def test_its_own_pages_may_ask(open_flower: httpx.Client) -> None:
    own = {"Origin": "http://localhost:5555", "Sec-Fetch-Site": "same-origin"}
    assert open_flower.get("/api/tasks", headers=own).status_code == 200


def test_with_a_password_any_name_will_do(tmp_path: Path) -> None:
    with started(tmp_path, SECRET) as client:
        asked = {"Host": "flower.newsroom.example"}
        assert client.get("/api/tasks", headers=asked).status_code == 401
        assert client.get("/api/tasks", headers=asked, auth=(USER, SECRET)).status_code == 200
