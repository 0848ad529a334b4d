"""The commands against services that need keys: with one they work, without one they say what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from newsapi import NewsApiClient, const
from newsapi.newsapi_exception import NewsAPIException

from services.cli.client import Desk
from shared.errors import InvalidRequest
from shared.index.open import open_index
from shared.ledger.open import migrate_ledger
from shared.settings import Settings
from tests.integration.service import run_ingest, run_search
from tests.servers import free_port

PUSH = {"url": "https://a.example/1", "body": "Text of an article."}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("keys")
    made = Settings(
        data_dir=folder / "data", broker_url=f"redis://127.0.0.1:{free_port()}/0", keys="on",
        ingest_port=free_port(), search_port=free_port(),
    )  # fmt: skip
    migrate_ledger(made)
    index = open_index(made, writing=True)
    index.create()
    index.close()
    with run_ingest(made, folder / "ingest.log"), run_search(made, folder / "search.log"):
        yield made


def copydesk(settings: Settings, *words: str, key: str = "") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **settings.environment(), "COPYDESK_API_KEY": key}
    command = [sys.executable, "-m", "services.cli.main", *words]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)


def make(settings: Settings, *scopes: str) -> str:
    done = copydesk(settings, "keys", "create", "tests", *(f"--scope={scope}" for scope in scopes))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_commands_take_their_key_from_the_environment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPYDESK_API_KEY", f" {make(settings, 'ingest', 'search')}\n")
    with Desk(settings) as desk:
        [pushed] = desk.push([PUSH])
        assert pushed["status"] == "accepted"
        assert desk.status(pushed["id"])["status"] == "accepted"
        assert desk.search({"q": "ferry"})["total"]["articles"] == 0


@pytest.mark.parametrize(("scopes", "status"), [((), "401"), (("search",), "403")])
def test_without_the_right_one_they_say_where_it_belongs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, scopes: tuple[str, ...], status: str
) -> None:
    monkeypatch.setenv("COPYDESK_API_KEY", make(settings, *scopes) if scopes else "")
    with Desk(settings) as desk, pytest.raises(InvalidRequest, match="COPYDESK_API_KEY") as caught:
        desk.push([PUSH])
    assert caught.value.field == status


def test_a_search_on_the_command_line_ends_with_one_sentence(settings: Settings) -> None:
    done = copydesk(settings, "search", "ferry")
    assert done.returncode == 1
    assert "a key is needed" in done.stderr
    assert "Traceback" not in done.stderr
    key = make(settings, "search")
    done = copydesk(settings, "search", "ferry", key=key)
    assert done.returncode == 0
    assert key not in done.stdout + done.stderr


def test_newsapis_own_client_gets_in_with_a_key_and_is_told_why_it_does_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(const, "EVERYTHING_URL", f"http://127.0.0.1:{settings.search_port}/v2/everything")
    key = make(settings, "search")
    assert NewsApiClient(key).get_everything(q="ferry") == {"status": "ok", "totalResults": 0, "articles": []}
    revoked = make(settings, "search")
    assert copydesk(settings, "keys", "revoke", revoked.split("_")[1]).returncode == 0
    for wrong, code in (("nonsense", "apiKeyInvalid"), (revoked, "apiKeyDisabled")):
        with pytest.raises(NewsAPIException) as caught:
            NewsApiClient(wrong).get_everything(q="ferry")
        assert caught.value.get_code() == code


def test_services_that_others_reach_do_not_start_before_somebody_decides(settings: Settings) -> None:
    alone = replace(settings, keys="auto", bind="0.0.0.0")
    for words in (("up",), ("migrate",)):
        done = copydesk(alone, *words)
        assert done.returncode == 2
        assert "COPYDESK_BIND=0.0.0.0 lets others reach the services" in done.stderr
    environ = {**os.environ, **alone.environment()}
    start = "from services.ingest.app import create_app; create_app()"
    done = subprocess.run(
        [sys.executable, "-c", start], env=environ, capture_output=True, text=True, timeout=60,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.returncode != 0
    assert "COPYDESK_KEYS=on" in done.stderr
