"""The index on Elasticsearch 9: requests out, answers and errors in the port's words.

What is written and asked is decided by ``document.py`` and ``plan.py``; ``bulk.py`` and ``dsl.py`` put it
into the engine's formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from elastic_transport import TransportError, Urllib3HttpNode
from elastic_transport.client_utils import DEFAULT, DefaultType
from elasticsearch import ApiError, BadRequestError, Elasticsearch, NotFoundError, UnsupportedProductError
from elasticsearch.serializer import JsonSerializer

from shared.article import Article
from shared.clock import to_ms
from shared.codec import from_json
from shared.errors import BadSettings, IndexMissing, Unavailable
from shared.index.bulk import BulkItem, bulk_item, describe, divide, newest, outcome
from shared.index.document import INDEX_VERSION, restore
from shared.index.dsl import filtering, search_body
from shared.index.mapping import index_mapping, index_name, index_settings, is_current
from shared.index.plan import MAX_WINDOW, plan_get, plan_search
from shared.index.port import Hit, SearchPage, SearchRequest, WriteOutcome

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
WRITE_SECONDS = 12.0  # two of them, and the work between, stay within a task's time limit of 30 s
ENGINE_SEARCH_TIME = "2s"  # then the engine answers with what it has, and the page is partial
ENGINE_WRITE_TIME = "5s"  # how long a write waits for a shard that is away
DEFAULT_PORT = 9200
_RETRIED = (502, 503, 504)  # another node may answer; never 429, since a retry at once adds to the overload
_WAIT = frozenset((401, 403, 408, 429))  # beside 5xx: what an operator or time will mend


class ElasticsearchIndex:
    """An ``ArticleIndex`` behind one alias of an Elasticsearch cluster; obeys the port's contract."""

    def __init__(self, url: str, alias: str, shards: int = 1, replicas: int = 0) -> None:
        """Take one or more addresses, ``http://[user:password@]host[:port][,host2...]``; connect later."""
        hosts, credentials = read_hosts(url)
        self._alias = alias
        self._settings = index_settings(shards, replicas)
        self._client = Elasticsearch(
            hosts,
            basic_auth=credentials,
            node_class=_Node,
            serializers={_Json.mimetype: _Json()},
            request_timeout=READ_SECONDS,
            max_retries=len(hosts),
            retry_on_status=_RETRIED,
            retry_on_timeout=False,
        )
        self._writer = self._client.options(request_timeout=WRITE_SECONDS)

    def create(self) -> None:
        """Make the index and its alias if they are missing; harmless when they exist or come at once."""
        name = index_name(self._alias)
        with self._in_our_words():
            if self._has_alias():
                return
            try:
                self._writer.indices.create(
                    index=name,
                    settings=self._settings,
                    mappings=index_mapping(),
                    aliases={self._alias: {"is_write_index": True}},
                )
            except BadRequestError as error:
                if error.error != "resource_already_exists_exception":
                    raise IndexMissing(_reason(error)) from error
                # Another process was faster, and its alias came with it; or somebody took the alias away.
                self._writer.indices.put_alias(index=name, name=self._alias, is_write_index=True)

    def write(self, articles: Sequence[Article]) -> list[WriteOutcome]:
        """Write a batch in few requests; one outcome each, in order."""
        sent = newest(articles)
        outcomes: list[WriteOutcome | None] = [None] * len(articles)
        places: dict[str, int] = {}
        items: list[BulkItem] = []
        for place, article in enumerate(articles):
            if place not in sent:
                outcomes[place] = WriteOutcome(article.id, "stale")
                continue
            places[article.id] = place
            try:
                items.append(bulk_item(article))
            except (ValueError, OverflowError) as error:
                outcomes[place] = WriteOutcome(article.id, "refused", str(error))
        for piece in divide(items):
            for result in self._send(piece):
                outcomes[places[result.id]] = result
        return [result for result in outcomes if result is not None]

    def _send(self, items: Sequence[BulkItem]) -> list[WriteOutcome]:
        lines: Any = [item.lines for item in items]  # encoded already, which the library's types do not know
        try:
            with self._in_our_words():
                answer = self._writer.bulk(
                    index=self._alias,
                    operations=lines,
                    require_alias=True,
                    timeout=ENGINE_WRITE_TIME,
                    filter_path=["items.*.status", "items.*.error", "items.*._index"],
                )
        except ApiError as error:
            if error.status_code not in (400, 413):
                raise
            if len(items) == 1:
                return [WriteOutcome(items[0].id, "refused", _reason(error))]
            # One item can get the whole request refused (a bad id, a length): halves find it.
            middle = len(items) // 2
            return [*self._send(items[:middle]), *self._send(items[middle:])]
        results = [result["index"] for result in answer["items"]]
        # What another version's mapping refuses is no fault of the articles.
        self._require_version({result["_index"] for result in results if result["status"] in (200, 201, 400)})
        return [outcome(item.id, result) for item, result in zip(items, results, strict=True)]

    def search(self, request: SearchRequest) -> SearchPage:
        """Answer one search with one request."""
        plan = plan_search(request)
        answer = self._ask(search_body(plan, ENGINE_SEARCH_TIME))
        shown = answer["hits"]["total"]["value"]
        counted = answer["aggregations"]["articles"]["doc_count"] if plan.shown is not None else shown
        scored = plan.sort == "relevance"
        return SearchPage(
            articles=counted,
            groups=shown,
            hits=tuple(
                Hit(_article(hit), hit["_score"] if scored else None) for hit in answer["hits"]["hits"]
            ),
            engine_ms=float(answer["took"]),
            partial=bool(answer["timed_out"] or answer["_shards"]["failed"]),
        )

    def get(self, ids: Sequence[str], now: datetime) -> list[Article]:
        """The visible articles among ``ids``, in the order asked."""
        found: dict[str, Article] = {}
        for start in range(0, len(ids), MAX_WINDOW):
            query = filtering(plan_get(tuple(ids[start : start + MAX_WINDOW]), to_ms(now)))
            answer = self._ask(
                {"query": query, "size": MAX_WINDOW, "_source": ["article"], "track_total_hits": False}
            )
            if answer["_shards"]["failed"]:
                raise Unavailable("a part of the index did not answer")
            for article in map(_article, answer["hits"]["hits"]):
                found[article.id] = article
        return [found[article_id] for article_id in ids if article_id in found]

    def _ask(self, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON values have no narrower type
        with self._in_our_words():
            return self._client.search(index=self._alias, body=dict(body)).body

    def count(self) -> int:
        """How many documents there are, tombstones included."""
        with self._in_our_words():
            return int(self._client.count(index=self._alias)["count"])

    def refresh(self) -> None:
        """Make everything written so far searchable at once."""
        with self._in_our_words():
            self._writer.indices.refresh(index=self._alias)

    def check(self) -> None:
        """Return when the alias is there and every shard of it can answer; missing replicas do not matter."""
        with self._in_our_words():
            self._require_version(self._client.indices.get_alias(name=self._alias))
            self._client.search(
                index=self._alias,
                size=0,
                terminate_after=1,
                track_total_hits=False,
                allow_partial_search_results=False,
            )

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _require_version(self, names: Iterable[str]) -> None:
        for name in names:
            if not is_current(name, self._alias):
                raise IndexMissing(f"{name} is not of version {INDEX_VERSION}; rebuild it from the ledger")

    def _has_alias(self) -> bool:
        return bool(self._client.indices.exists_alias(name=self._alias))

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        """Turn the library's errors into the port's; a request that we built wrong stays the library's."""
        try:
            yield
        except NotFoundError as error:
            raise IndexMissing(_reason(error)) from error
        except UnsupportedProductError as error:
            raise Unavailable("what answers at the index URL is not Elasticsearch") from error
        except ApiError as error:
            if error.status_code in _WAIT or error.status_code >= 500:
                raise Unavailable(_reason(error)) from error
            raise
        except TransportError as error:
            raise Unavailable(f"Elasticsearch does not answer: {error.message}") from error


class _Node(Urllib3HttpNode):
    """A node that is given up soon when it does not take a connection, however long an answer may take."""

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Any = None,  # noqa: ANN401 - the library's own type
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> Any:  # noqa: ANN401 - as above
        read = self.config.request_timeout if isinstance(request_timeout, DefaultType) else request_timeout
        limit: Any = urllib3.Timeout(connect=CONNECT_SECONDS, read=read)
        return super().perform_request(method, target, body, headers, limit)


class _Json(JsonSerializer):
    """JSON read as it was written: fast, and a number that needs more than 64 bits stays whole."""

    def json_loads(self, data: bytes) -> Any:  # noqa: ANN401 - JSON values have no narrower type
        return from_json(data, object)


def read_hosts(url: str) -> tuple[list[str], tuple[str, str] | None]:
    """The hosts of a URL list and the credentials that one of them carries; raises ``BadSettings``."""
    hosts: list[str] = []
    credentials = None
    scheme = "http"
    for part in url.split(","):
        try:
            parsed = urlsplit(part.strip() if "://" in part else f"{scheme}://{part.strip()}")
            port = parsed.port or DEFAULT_PORT
        except ValueError as error:
            raise BadSettings(f"COPYDESK_INDEX_URL: {error}") from error
        if not parsed.hostname:
            raise BadSettings("COPYDESK_INDEX_URL must name a host, such as http://localhost:9200")
        scheme = parsed.scheme
        host = f"[{parsed.hostname}]" if ":" in parsed.hostname else parsed.hostname
        hosts.append(f"{scheme}://{host}:{port}{parsed.path.rstrip('/')}")
        if parsed.username is not None:
            credentials = (unquote(parsed.username), unquote(parsed.password or ""))
    return hosts, credentials


def _article(hit: Mapping[str, Any]) -> Article:
    return restore(hit["_source"]["article"])


def _reason(error: ApiError) -> str:
    told = error.body.get("error") if isinstance(error.body, dict) else None
    return describe(told) if isinstance(told, dict) else str(error)
