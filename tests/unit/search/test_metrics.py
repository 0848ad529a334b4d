"""What search tells Prometheus: answers by kind, their times, what is open, and nothing of a reader's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from services.search.app import create_app
from services.search.metrics import Walks
from shared import metrics_index
from shared.errors import Unavailable
from shared.index.port import Mark, SearchPage, SearchRequest
from shared.index.walking import KEEP_SECONDS
from shared.metrics_index import IndexSize, engine_bytes
from shared.settings import Settings
from tests.unit.search.conftest import Newsroom

SEARCH = "/v1/search"


class Broken:
    """An index that answers as a test wants; the rest is the real one's."""

    def __init__(self, index: Any, error: Exception | None = None, *, partial: bool = False) -> None:
        self._index = index
        self._error = error
        self._partial = partial

    def search(self, request: SearchRequest) -> SearchPage:
        if self._error is not None:
            raise self._error
        return replace(self._index.search(request), partial=self._partial)

    def count(self) -> int:
        if isinstance(self._error, Unavailable):
            raise self._error
        return int(self._index.count())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)


def client_of(newsroom: Newsroom, error: Exception | None = None, *, partial: bool = False) -> FlaskClient:
    index: Any = Broken(newsroom.index, error, partial=partial)
    app = create_app(newsroom.settings, index, newsroom.ledger)
    app.testing = False
    return app.test_client()


class Told:
    """The samples of one scrape."""

    def __init__(self, client: FlaskClient) -> None:
        answer = client.get("/metrics")
        assert answer.status_code == 200
        assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
        self.text = answer.text
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        return self.samples[(f"copydesk_{name}", frozenset(labels.items()))]

    def answers(self, route: str) -> dict[str, float]:
        kinds = ("ok", "your-query", "try-again", "our-fault")
        return {
            kind: count
            for kind in kinds
            if (count := self("search_requests_total", route=route, answer=kind))
        }


def test_answers_are_counted_by_route_and_kind(newsroom: Newsroom) -> None:
    client = client_of(newsroom)
    for query in ("q=ferry", "q=harbour", "q=(", "size=0x"):
        client.get(f"{SEARCH}?{query}")
    client.get("/v1/articles/0123")
    client.get("/v1/articles/" + "0" * 32)
    told = Told(client)
    assert told.answers(SEARCH) == {"ok": 2, "your-query": 2}
    assert told.answers("/v1/articles/<string:article_id>") == {"your-query": 2}
    assert told("search_errors_total", status="400") == 2
    assert told("search_errors_total", status="404") == 2


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [(Unavailable("index: away"), "try-again", "503"), (RuntimeError("a fault"), "our-fault", "500")],
)
def test_what_is_away_and_what_is_our_fault_are_never_confused(
    newsroom: Newsroom, error: Exception, kind: str, status: str
) -> None:
    client = client_of(newsroom, error)
    assert client.get(f"{SEARCH}?q=ferry").status_code == int(status)
    told = Told(client)
    assert told.answers(SEARCH) == {kind: 1}
    assert told("search_errors_total", status=status) == 1


def test_every_series_is_there_before_anybody_has_asked(newsroom: Newsroom) -> None:
    told = Told(client_of(newsroom))
    for route in (SEARCH, "/v1/search/export", "/v2/everything", "/", "none"):
        for kind in ("ok", "your-query", "try-again", "our-fault"):
            assert told("search_requests_total", route=route, answer=kind) == 0
        assert told("search_seconds_count", route=route) == 0
    for asked in ("search", "walk", "timeline", "suggest", "similar", "trends"):
        assert told("search_engine_seconds_count", asked=asked) == 0
        assert told("search_partial_total", asked=asked) == 0
    assert told("search_open_walks") == told("search_open_exports") == 0


def test_whole_and_engine_s_time_are_counted_and_the_whole_is_longer(newsroom: Newsroom) -> None:
    client = client_of(newsroom)
    for _ in range(5):
        client.get(f"{SEARCH}?q=ferry")
    told = Told(client)
    assert told("search_seconds_count", route=SEARCH) == 5
    assert told("search_engine_seconds_count", asked="search") == 5
    engine = told("search_engine_seconds_sum", asked="search")
    assert 0 < engine < told("search_seconds_sum", route=SEARCH) < 5


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("/v1/timeline?q=ferry", "timeline"), ("/v1/suggest?q=ha", "suggest"), ("/v1/trends", "trends"),
        ("/v2/everything?q=ferry", "search"), ("/v1/search.rss?q=ferry", "search"),
        ("/v1/search?q=ferry&cursor=*", "walk"), ("/v1/articles/{id}/similar", "similar"),
    ],
)  # fmt: skip
def test_each_way_to_ask_the_engine_is_counted_by_its_name(
    newsroom: Newsroom, address: str, asked: str
) -> None:
    client = client_of(newsroom)
    found = client.get(f"{SEARCH}?q=ferry").get_json()["hits"][0]["id"]
    before = Told(client)
    assert client.get(address.format(id=found)).status_code == 200
    told, name = Told(client), "search_engine_seconds_count"
    assert told(name, asked=asked) > before(name, asked=asked)


def test_a_partial_answer_is_counted(newsroom: Newsroom) -> None:
    client = client_of(newsroom, partial=True)
    assert client.get(f"{SEARCH}?q=ferry").get_json()["partial"] is True
    assert Told(client)("search_partial_total", asked="search") == 1


def test_open_walks_are_those_that_have_neither_ended_nor_lapsed(newsroom: Newsroom) -> None:
    client = client_of(newsroom)
    first = client.get(f"{SEARCH}?cursor=*&size=2").get_json()
    client.get(f"{SEARCH}?cursor=*&size=2")
    assert Told(client)("search_open_walks") == 2
    while first["next"]:
        first = client.get(SEARCH, query_string={"cursor": first["next"]}).get_json()
    assert Told(client)("search_open_walks") == 1


def test_a_walk_counts_for_as_long_as_it_is_kept() -> None:
    now = [0.0]
    walks = Walks(lambda: now[0])
    walks.moved(None, Mark("a"))
    now[0] = 100
    walks.moved(None, Mark("b"))
    walks.moved(Mark("a"), Mark("a"))
    now[0] = 100 + KEEP_SECONDS - 1
    assert walks.open() == 2
    now[0] = 100 + KEEP_SECONDS
    assert walks.open() == 0
    walks.moved(None, Mark("c"))
    walks.moved(Mark("c"), None)
    assert walks.open() == 0


def test_an_export_is_open_until_it_is_sent_or_its_reader_has_gone(newsroom: Newsroom) -> None:
    client = client_of(newsroom)
    address = "/v1/search/export?format=ndjson"
    answer = client.get(address, buffered=False)
    assert Told(client)("search_open_exports") == 1
    answer.close()
    answer.close()
    assert Told(client)("search_open_exports") == 0
    client.head(address)
    client.get("/v1/search/export?format=pdf")
    assert Told(client)("search_open_exports") == 0


def test_nothing_that_a_reader_sends_becomes_a_label(newsroom: Newsroom) -> None:
    client = client_of(newsroom)
    before = Told(client)
    client.get("/v1/search?q=zanzibar")
    client.get("/zanzibar/news")
    client.get("/v1/articles/zanzibar")
    client.open("/v1/search", method="ZANZIBAR")
    client.get("/v1/suggest?q=zanzibar", headers={"X-Request-Id": "zanzibar"})
    told = Told(client)
    assert "zanzibar" not in told.text.lower()
    assert told.answers("none") == {"your-query": 2}  # no route, and no such method
    new = {name for name, _ in told.samples.keys() - before.samples.keys()}
    assert new <= {"copydesk_search_errors_total"}


def test_the_size_of_the_index_is_told(empty_newsroom: Newsroom) -> None:
    client = client_of(empty_newsroom)
    told = Told(client)
    assert (told("index_up"), told("index_documents")) == (1, 0)
    empty_newsroom.publish("Ferry line opens", "The new ferry left the harbour at dawn.")
    told = Told(client_of(empty_newsroom))
    files = [path for path in empty_newsroom.settings.index_dir.rglob("*") if path.is_file()]
    assert told("index_documents") == 1
    assert told("index_bytes") == sum(path.stat().st_size for path in files) > 0


def test_an_index_that_is_away_is_told_as_down_and_the_rest_is_told(newsroom: Newsroom) -> None:
    told = Told(client_of(newsroom, Unavailable("index: away")))
    assert told("index_up") == 0
    assert "copydesk_index_documents" not in told.text
    assert told("search_requests_total", route=SEARCH, answer="ok") == 0


def test_the_size_is_asked_for_once_in_ten_seconds(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    now, sizes = [100.0], iter([1, 2])
    monkeypatch.setattr(metrics_index, "folder_bytes", lambda folder: next(sizes))
    size = IndexSize(Settings(data_dir=tmp_path), lambda: now[0])
    assert (size(), size()) == (1, 1)
    now[0] += metrics_index.FRESH_SECONDS
    assert size() == 2


STATS = {"_all": {"primaries": {"store": {"size_in_bytes": 4_711}}}}


@pytest.mark.parametrize(
    ("status", "body", "size"),
    [(200, STATS, 4_711), (403, {"error": "no"}, None), (401, {"error": "no"}, None)],
)
def test_elasticsearch_is_asked_with_its_password(
    monkeypatch: pytest.MonkeyPatch, status: int, body: Any, size: int | None
) -> None:
    asked: list[tuple[str, Any]] = []

    def get(url: str, **options: Any) -> httpx.Response:
        asked.append((url, options["auth"]))
        if "first" in url:
            raise httpx.ConnectError("away")
        return httpx.Response(status, json=body, request=httpx.Request("GET", url))

    monkeypatch.setattr(httpx, "get", get)
    assert engine_bytes("http://me:secret@first:9201,second", "news") == size
    assert asked == [
        ("http://first:9201/news/_stats/store", ("me", "secret")),
        ("http://second:9200/news/_stats/store", ("me", "secret")),
    ]


def test_an_elasticsearch_that_tells_nothing_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = httpx.Response(200, json={}, request=httpx.Request("GET", "http://one"))
    monkeypatch.setattr(httpx, "get", lambda *_, **__: answer)
    with pytest.raises(Unavailable):
        engine_bytes("http://one", "news")


def test_two_services_in_one_process_do_not_meet(newsroom: Newsroom) -> None:
    one, other = client_of(newsroom), client_of(newsroom)
    one.get(f"{SEARCH}?q=ferry")
    assert Told(one).answers(SEARCH) == {"ok": 1}
    assert Told(other).answers(SEARCH) == {}


def test_a_mark_that_nothing_is_kept_for_is_no_open_walk() -> None:
    walks = Walks()
    walks.moved(None, Mark(key=1, seen=("a",)))
    assert walks.open() == 0
