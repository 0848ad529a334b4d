"""Exports out of a real server: whole files, files that broke off, and readers who go away or are slow."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.search.app import create_app
from services.search.export import STEP_SIZE
from shared.article import Article, Source
from shared.index.embedded import EmbeddedIndex
from shared.index.walking import WalkGone
from shared.ledger.open import migrate_ledger, open_ledger
from shared.settings import Settings
from tests.integration.service import run_app

MANY = 2 * STEP_SIZE + 50
BODY = "The ferry left. " * 6_000  # far more than lies between a server and a client that does not read
DATA = "EXPORT_TEST_DATA"


class ForgetfulIndex(EmbeddedIndex):
    """An index that forgets each walk for a forgotten thing at its second step."""

    def walk(self, request, mark, now):
        if mark is not None and request.duplicates == "keep":
            raise WalkGone("forgotten")
        return super().walk(request, mark, now)


def app():
    """The search service that the server of these tests runs."""
    settings = Settings(data_dir=Path(os.environ[DATA]), web_threads=4)
    return create_app(settings, ForgetfulIndex(settings.index_dir), open_ledger(settings))


def serving(data_dir):
    return run_app("tests.integration.test_exports:app", 4, {DATA: str(data_dir)})


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    settings = Settings(data_dir=tmp_path_factory.mktemp("exports"))
    migrate_ledger(settings)
    index = EmbeddedIndex(settings.index_dir, writing=True)
    index.create()
    moment = datetime(2026, 11, 27, 6, tzinfo=UTC)
    facts = {"ingested_at": moment, "body": BODY, "language": "en", "change": 1}
    index.write(
        [
            Article(f"{n:032x}", Source("harbour.example"), f"Ferry {n}", sort_key=1_000 + n, **facts)
            for n in range(MANY)
        ]
    )
    with serving(settings.data_dir) as client:
        yield client
    index.close()


def export(client, query):
    answer = client.get(f"/v1/search/export?{query}")
    assert answer.status_code == 200, answer.text
    return answer


def test_a_whole_file_comes_in_pieces_and_complete(client):
    lines = export(client, "q=ferry&format=ndjson&sort=oldest").content.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"{n:032x}" for n in range(MANY)]
    assert export(client, "q=nothere&format=ndjson").content == b""
    answer = export(client, "q=ferry&format=csv&fields=title")
    assert len(list(csv.reader(io.StringIO(answer.text, newline=""), strict=True))) == MANY + 1
    assert answer.headers["Transfer-Encoding"] == "chunked"


def test_a_file_that_broke_off_says_so_in_its_last_line(client):
    *articles, last = map(json.loads, export(client, "duplicates=keep&format=ndjson").content.splitlines())
    assert len(articles) == STEP_SIZE
    assert "not complete" in last["error"]["detail"]
    broken = export(client, "duplicates=keep&format=csv&fields=title").text
    with pytest.raises(csv.Error):
        list(csv.reader(io.StringIO(broken, newline=""), strict=True))


def test_readers_who_go_away_or_ask_for_the_head_alone_take_no_place_for_long(client):
    for _ in range(5):  # there is one place
        with client.stream("GET", "/v1/search/export?format=ndjson") as answer:
            assert answer.status_code == 200
            next(answer.iter_bytes())
        end = time.monotonic() + 10
        while (head := client.head("/v1/search/export?format=csv")).status_code == 503:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert (head.status_code, head.headers["X-Total-Count"], head.content) == (200, str(MANY), b"")


def test_a_slow_reader_holds_one_place_and_searches_go_on(client):
    with client.stream("GET", "/v1/search/export?format=ndjson") as slow:
        parts = slow.iter_bytes()
        next(parts)
        assert client.get("/v1/search/export?format=csv").status_code == 503
        assert client.get("/v1/search?q=ferry&fields=title").status_code == 200
        assert sum(len(part) for part in parts) > MANY * len(BODY) - 1_000_000
