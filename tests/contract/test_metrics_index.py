"""What is told of the index, on either engine: its size, and what it puts off because it is too busy."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.workers.metrics import Measures
from services.workers.runner import StageRunner
from shared.errors import Unavailable
from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.open import open_index
from shared.ledger.port import Claim, Committed, Work
from shared.metrics_index import IndexSize, engine_bytes
from shared.settings import Settings
from tests.contract.elasticsearch_cases import article
from tests.contract.elasticsearch_stub import Stub, serve
from tests.integration.workers.conftest import wait_until
from tests.unit.workers.test_runner import Desk


@pytest.mark.servers
def test_elasticsearch_tells_the_size_of_what_the_alias_stands_for(
    elasticsearch_url: str, tmp_path: Path
) -> None:
    alias = f"news-{uuid.uuid4().hex}"
    settings = Settings(data_dir=tmp_path, index_url=elasticsearch_url, index_alias=alias)
    with pytest.raises(Unavailable):
        IndexSize(settings)()
    with closing(open_index(settings, writing=True)) as index:
        index.create()
        empty = engine_bytes(elasticsearch_url, alias)
        index.write([article(number) for number in range(200)])
        index.refresh()
        # The engine measures anew after ten seconds.
        wait_until(lambda: (engine_bytes(elasticsearch_url, alias) or 0) > (empty or 0), "it to grow", 30)
        full = IndexSize(settings)()
    for name in httpx.get(f"{elasticsearch_url}/{alias}*").json():
        httpx.delete(f"{elasticsearch_url}/{name}").raise_for_status()
    assert empty is not None
    assert full is not None
    assert 0 < empty < full < 10_000_000


def test_the_embedded_index_takes_what_its_files_take(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert IndexSize(settings)() == 0
    with closing(open_index(settings, writing=True)) as index:
        index.create()
        index.write([article(number) for number in range(200)])
    files = [path for path in settings.index_dir.rglob("*") if path.is_file()]
    assert IndexSize(settings)() == sum(path.stat().st_size for path in files) > 1_000


@dataclass
class Ledger:
    """Two articles that wait to be indexed, and what became of them."""

    committed: list[str] = field(default_factory=list)

    def claim(self, stage: Any, lane: Any, *_: Any, **__: Any) -> Claim:
        works = [Work(number, f"s{number}", f"a{number}", 0, article=article(number)) for number in (1, 2)]
        return Claim(stage, lane, "token", tuple(works), full=False)

    def commit(self, claim: Claim, outcomes: Any, *_: Any) -> Committed:
        self.committed += [outcome.word for outcome in outcomes]
        return Committed({outcome.word: 1 for outcome in outcomes}, ())

    def renew(self, token: str, now: int) -> bool:
        return True


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()


BUSY = {"error": {"type": "es_rejected_execution_exception", "reason": "too much"}}
FULL = {"error": {"type": "cluster_block_exception", "reason": "flood stage"}}


def one(status: int, told: dict[str, Any]) -> dict[str, Any]:
    return {"index": {"status": status, "_index": "copydesk-articles", **told}}


@pytest.mark.parametrize(
    ("status", "body", "words", "busy"),
    [
        (429, BUSY, ["deferred", "deferred"], 2),
        (429, {}, ["deferred", "deferred"], 2),
        (403, FULL, ["deferred", "deferred"], 0),
        (503, FULL, ["deferred", "deferred"], 0),
        (200, {"items": [one(429, BUSY), one(403, FULL)]}, ["deferred", "deferred"], 1),
    ],
)
def test_what_elasticsearch_answers_429_is_counted_by_the_article(
    stub: Stub, status: int, body: dict[str, Any], words: list[str], busy: int
) -> None:
    stub.answer = lambda sent: (status, body) if sent.startswith(b'{"index"') else (429, BUSY)
    measures, ledger, index = Measures(), Ledger(), ElasticsearchIndex(stub.url, "news")
    parts: Any = Desk().runner._parts  # of fakes, all but these two
    parts.index, parts.ledger = index, ledger
    StageRunner("index", parts, measures=measures).run("live", "t")
    index.close()
    text = measures.tell("w", []).decode()
    measures.close()
    assert ledger.committed == words
    assert f"copydesk_index_busy_articles_total {float(busy)}\n" in text
