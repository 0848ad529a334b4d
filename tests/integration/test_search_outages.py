"""What searches say of an Elasticsearch that is down, overloaded, silent or spoilt: all is told apart."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from flask.testing import FlaskClient

from services.search.app import create_app
from shared.article import Article, Source
from shared.index.document import document
from shared.index.elasticsearch import ElasticsearchIndex
from shared.ledger.open import migrate_ledger, open_ledger
from shared.settings import Settings
from tests.contract.elasticsearch_stub import Stub, serve
from tests.servers import free_port

NEVER = "f" * 32
SHOWING = (
    "/v1/search?q=ferry",
    "/v1/search.rss?q=ferry",
    "/v1/search.json?q=ferry",
    "/?q=ferry",
    "/v2/everything?q=ferry",
    "/v2/top-headlines?q=ferry",
)
COUNTING = ("/v1/timeline?q=ferry", "/v1/suggest?q=fer", "/v2/sources")
WALKING = ("/v1/search?q=ferry&cursor=*", "/v1/search/export?format=csv&q=ferry")
# What none of the bodies may have of the cluster and of us.
SECRETS = ("Traceback", 'File "', "127.0.0.1", "ConnectionError", "urllib3", "elastic_transport")


@contextmanager
def service(directory: Path, url: str, alias: str = "news") -> Iterator[FlaskClient]:
    settings = Settings(data_dir=directory, index_url=url, index_alias=alias)
    migrate_ledger(settings)
    index, ledger = ElasticsearchIndex(url, alias), open_ledger(settings)
    yield create_app(settings, index, ledger).test_client()
    index.close()
    ledger.close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()
    server = serve(made)
    yield made
    if made.waits is not None:
        made.waits.set()
    server.shutdown()
    server.server_close()


def expect_503(client: FlaskClient, address: str, seconds: float = 3.0) -> None:
    begun = time.monotonic()
    answer = client.get(address, buffered=True)
    took = time.monotonic() - begun
    assert answer.status_code == 503, (address, answer.text)
    assert int(answer.headers["Retry-After"]) > 0, address
    assert took < seconds, (address, took)
    for secret in SECRETS:
        assert secret not in answer.text, (address, secret)
    if address.startswith("/v2"):
        assert (answer.json["status"], answer.json["code"]) == ("error", "unexpectedError")


def test_a_cluster_that_is_down_is_a_503_at_every_address(tmp_path):
    with service(tmp_path, f"http://127.0.0.1:{free_port()}") as client:
        for address in (*SHOWING, *COUNTING, *WALKING):
            expect_503(client, address)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, "es_rejected_execution_exception"),
        (503, "no_shard_available_action_exception"),
        (401, "security_exception"),
    ],
)
def test_a_cluster_that_cannot_answer_now_is_a_503_at_every_address(tmp_path, stub, status, error):
    stub.status, stub.body = status, {"error": {"type": error, "reason": "because"}, "status": status}
    with service(tmp_path, stub.url) as client:
        for address in (*SHOWING, *COUNTING, *WALKING):
            expect_503(client, address)


def test_a_cluster_that_says_nothing_is_given_up_within_three_seconds(tmp_path, stub):
    stub.waits = threading.Event()
    with service(tmp_path, stub.url) as client:
        for address in ("/v1/search?q=ferry", "/v1/timeline?q=ferry", "/?q=ferry", "/v2/everything?q=ferry"):
            expect_503(client, address)


@pytest.mark.servers
def test_a_document_that_cannot_be_read_is_our_fault_and_nobody_is_told_to_come_back(
    tmp_path, elasticsearch_url
):
    alias = f"outages-{uuid.uuid4().hex}"
    index = ElasticsearchIndex(elasticsearch_url, alias)
    index.create()
    now = datetime.now(UTC)
    whole = Article("a" * 32, Source("a.example"), "Ferry", "The ferry left.", now, language="en", change=1)
    index.write([whole])
    broken = document(replace(whole, id=NEVER, sort_key=1)) | {"article": {"id": 5}}
    httpx.put(f"{elasticsearch_url}/{alias}/_doc/{NEVER}", json=broken).raise_for_status()
    index.refresh()
    try:
        with service(tmp_path, elasticsearch_url, alias) as client:
            assert client.get("/v1/timeline?q=ferry").json["total"] == 2
            for address in (*SHOWING, *WALKING):
                answer = client.get(address, buffered=True)
                assert answer.status_code == 500, (address, answer.text)
                assert "Retry-After" not in answer.headers
                assert not any(secret in answer.text for secret in SECRETS), address
                if address.startswith("/v1"):
                    assert len(answer.json["id"]) == 32
    finally:
        for name in httpx.get(f"{elasticsearch_url}/{alias}*").json():
            httpx.delete(f"{elasticsearch_url}/{name}").raise_for_status()
        index.close()
