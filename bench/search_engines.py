"""The engine's own time for a search: tantivy's through the port, Elasticsearch's as its users see it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from elasticsearch import Elasticsearch

from services.search.params import read_search
from services.search.suggest import read_beginning
from services.search.timeline import read_timeline
from shared.clock import to_ms
from shared.index.document import restore, story_key
from shared.index.dsl import filtering, search_body, stories_body, walk_body
from shared.index.dsl_facets import add_facets
from shared.index.elasticsearch import ENGINE_SEARCH_TIME
from shared.index.elasticsearch_client import Json, Node, read_hosts
from shared.index.elasticsearch_stories import UNWANTED, are_countable
from shared.index.elasticsearch_walk import ENGINE_STEP_TIME
from shared.index.facets import plan_facets
from shared.index.open import open_index
from shared.index.plan import plan_get, plan_search
from shared.index.port import Mark, SearchRequest
from shared.index.walking import MAX_STEP, plan_walk
from shared.settings import Settings

_KEEP: Final = "120s"


@dataclass(frozen=True, slots=True)
class Took:
    """One answer of the engine: how many articles match, and milliseconds.

    ``own`` is the engine's word: ``engine_ms`` of the port. ``client`` is what the plain Elasticsearch client
    took for the same requests, from the call to the answer read; None where there is no such thing.
    """

    articles: int
    own: float
    client: float | None = None


@dataclass(slots=True)
class Walk:
    """A walk of the engine's own beside one over HTTP."""

    request: SearchRequest
    mark: Mark | None = None
    started: bool = field(default=False)


class Direct:
    """One index asked without the service; not to be shared between threads."""

    def __init__(self, settings: Settings) -> None:
        self._index = open_index(settings)
        self._alias = settings.index_alias
        self._client: Elasticsearch | None = None
        if settings.index_url:
            hosts, _ = read_hosts(settings.index_url)
            # With the lean connection and the fast JSON that the service has: the plain ones are slower.
            self._client = Elasticsearch(hosts, node_class=Node, serializers={Json.mimetype: Json()})

    def close(self) -> None:
        """Give up connections and files."""
        self._index.close()
        if self._client is not None:
            self._client.close()

    def ask(self, path: str, query: str) -> Took:
        """Answer what ``/v1/{path}?{query}`` asks."""
        given, now = query.encode(), datetime.now(UTC)
        if path == "timeline":
            counted = self._index.timeline(read_timeline(given, now).request())
            return Took(counted.total, counted.engine_ms)
        if path == "suggest":
            begun = read_beginning(given)
            return Took(0, self._index.suggest(begun.text, begun.size, now).engine_ms)
        request = read_search(given, now).request
        page = self._index.search(request)
        return Took(page.articles, page.engine_ms, self._time(request))

    def begin(self, query: str) -> Walk:
        """A walk through the result of a query string, before its first page."""
        return Walk(read_search(query.encode(), datetime.now(UTC), MAX_STEP).request)

    def step(self, walk: Walk) -> Took:
        """The next page of a walk."""
        mark, now = walk.mark, datetime.now(UTC)
        # Before the port's own step, which gives up what is kept when it was the last.
        client = self._time_step(walk.request, mark, now) if mark is not None else None
        step = self._index.walk(walk.request, mark, now)
        walk.mark, walk.started = step.mark, True
        return Took(step.page.articles, step.page.engine_ms, client)

    def end(self, walk: Walk) -> None:
        """Give up what is kept for a walk."""
        if walk.mark is not None:
            self._index.end_walk(walk.mark)

    def _time(self, request: SearchRequest) -> float | None:
        """The plain client with the requests that the port makes of a search, in their order."""
        if self._client is None:
            return None
        plan, facets = plan_search(request), plan_facets(request)
        body = search_body(plan, ENGINE_SEARCH_TIME)
        if facets:
            add_facets(body, plan, facets, request.facet_size)
        answer, took = self._call(index=self._alias, body=body)
        if not plan.by_story or not answer["hits"]["hits"]:
            return took
        keys = [story_key(restore(hit["_source"]["article"])) for hit in answer["hits"]["hits"]]
        body = stories_body(plan, keys, ENGINE_SEARCH_TIME, count=are_countable(answer))
        return took + self._call(index=self._alias, body=body, filter_path=[UNWANTED])[1]

    def _time_step(self, request: SearchRequest, mark: Mark, now: datetime) -> float | None:
        if self._client is None:
            return None
        plan = plan_walk(request)
        pit = {"id": mark.pin, "keep_alive": _KEEP}
        answer, took = self._call(body=walk_body(plan, mark, pit, ENGINE_STEP_TIME, count=False))
        ids = [hit["_id"] for hit in answer["hits"]["hits"]][: plan.size]
        query = filtering(plan_get(tuple(ids), to_ms(now)))
        body = {"query": query, "size": len(ids), "_source": ["article"], "track_total_hits": False}
        return took + self._call(index=self._alias, body=body)[1]

    def _call(self, **given: Any) -> tuple[Any, float]:
        assert self._client is not None
        started = time.perf_counter()
        answer = self._client.search(**given).body
        return answer, (time.perf_counter() - started) * 1000
