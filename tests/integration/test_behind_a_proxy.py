"""Both services as the system starts them, behind a proxy that ends TLS, and asked past it by a stranger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from shared.clock import now_ms
from shared.index.open import open_index
from shared.keys.open import open_keys
from shared.keys.secret import make_key
from shared.ledger.open import migrate_ledger
from shared.settings import Settings
from tests.integration.service import run_ingest, run_search
from tests.servers import free_port

pytestmark = pytest.mark.slow
# What the proxy adds to what the caller wrote, behind it.
NAMES = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")
PROXY = list(zip(NAMES, ("203.0.113.9", "https", "desk.example"), strict=True))
SPOOFED = list(zip(NAMES, ("198.51.100.1", "http", "evil.example"), strict=True))


class Running:
    """Search and ingest on one data folder, and a key for both."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        migrate_ledger(settings)
        index = open_index(settings, writing=True)
        index.create()
        index.close()
        self.key, key = make_key("tests", ("ingest", "search"), now_ms())
        store = open_keys(settings)
        store.add(key)
        store.close()

    def ask(self, path: str, headers: list[tuple[str, str]], port: int = 0) -> httpx.Response:
        port = port or self.settings.search_port
        return httpx.get(f"http://127.0.0.1:{port}{path}", headers=[*headers, ("X-Api-Key", self.key)])

    def sign_in(self, headers: list[tuple[str, str]]) -> httpx.Response:
        url = f"http://127.0.0.1:{self.settings.search_port}/sign-in"
        return httpx.post(url, headers=headers, data={"key": self.key})

    def guess(self, headers: list[tuple[str, str]]) -> int:
        url = f"http://127.0.0.1:{self.settings.search_port}/v1/search"
        return httpx.get(url, headers=[*headers, ("X-Api-Key", "hunter2")]).status_code


@pytest.fixture(params=[0, 1], scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("proxied")
    settings = Settings(
        data_dir=folder / "data", broker_url=f"redis://127.0.0.1:{free_port()}/0", keys="on",
        ingest_port=free_port(), search_port=free_port(), wrong_keys_per_minute=2,
    )  # fmt: skip
    settings = replace(settings, trusted_proxies=request.param)
    made = Running(settings)
    with run_search(settings, folder / "search.log"), run_ingest(settings, folder / "ingest.log"):
        yield made


def test_the_cookie_and_the_links_are_those_of_the_outside(running: Running) -> None:
    believed = running.settings.trusted_proxies == 1
    root = "https://desk.example" if believed else f"http://127.0.0.1:{running.settings.search_port}"
    for headers in (PROXY, [*SPOOFED, *PROXY]):
        cookie = running.sign_in(headers).headers["Set-Cookie"]
        assert ("; Secure" in cookie) is believed
        feed = running.ask("/v1/search.atom", headers).text
        assert f'href="{root}/v1/search.atom"' in feed
        assert ("desk.example" in feed) is believed
        assert "evil.example" not in feed
    for port in (running.settings.search_port, running.settings.ingest_port):
        moved = running.ask("/v1//articles", PROXY, port)
        if moved.status_code == 308:
            ours = f"http://127.0.0.1:{port}"
            assert moved.headers["Location"].startswith("https://desk.example/" if believed else ours)


def test_strangers_behind_it_are_told_apart_and_cannot_choose_who_they_are(running: Running) -> None:
    believed = running.settings.trusted_proxies == 1
    one, other = ([("X-Forwarded-For", f"203.0.113.{number}")] for number in (20, 21))
    assert [running.guess(one) for _ in range(2)] == [401, 401]
    assert running.guess(one) == 429
    assert running.guess([("X-Forwarded-For", "198.51.100.77"), *one]) == 429
    assert running.guess(other) == (401 if believed else 429)
    assert running.ask("/v1/search", one).status_code == 200
