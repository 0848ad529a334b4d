"""The index on Elasticsearch 9: requests out, answers and errors in the port's words.

What is written and asked is decided by ``document.py`` and ``plan.py``; ``bulk.py`` and ``dsl.py`` put it
into the engine's formats. ``elasticsearch_builds.py`` knows the indices behind the alias.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from elasticsearch import ApiError, BadRequestError, Elasticsearch

from shared.article import Article
from shared.clock import to_ms
from shared.errors import IndexMissing, InvalidRequest, Unavailable
from shared.frequencies import Frequencies
from shared.index.bulk import BulkItem, bulk_item, delete_lines, describe, divide, newest, outcome
from shared.index.document import INDEX_VERSION, digest, restore, story_key
from shared.index.dsl import filtering, search_body, stories_body
from shared.index.dsl_facets import add_facets, read_facets
from shared.index.dsl_similar import similar_body
from shared.index.dsl_timeline import counts_body, read_timeline, span_body
from shared.index.elasticsearch_builds import Builds, Places
from shared.index.elasticsearch_client import Json, Node, in_our_words, reason
from shared.index.elasticsearch_client import read_hosts as read_hosts
from shared.index.elasticsearch_frequencies import find_frequencies
from shared.index.elasticsearch_stories import UNWANTED, are_countable, is_partial, with_stories
from shared.index.elasticsearch_trends import ElasticsearchCounting
from shared.index.elasticsearch_walk import ElasticsearchWalks
from shared.index.facets import plan_facets
from shared.index.mapping import build_alias, index_settings, is_current
from shared.index.outcomes import worse
from shared.index.plan import MAX_WINDOW, Plan, plan_get, plan_search, plan_tombstones
from shared.index.port import (
    SEARCH_SECONDS,
    Hit,
    Mark,
    SearchPage,
    SearchRequest,
    Step,
    Suggestions,
    Timeline,
    TimelineRequest,
    WriteOutcome,
)
from shared.index.similar import Similar, SimilarRequest, make_similar, plan_similar
from shared.index.suggest import make_suggestions, plan_suggestions
from shared.index.timeline import plan_timeline
from shared.index.titles import search_titles, suggested_titles
from shared.index.trends import Trends, TrendsRequest, find_trends, plan_trends
from shared.index.walking import plan_walk

READ_SECONDS = 5.0
ANSWER_SECONDS = 2.8  # to searches: who asks is told of an outage within three seconds
WRITE_SECONDS = 12.0  # two of them, and the work between, stay within a task's time limit of 30 s
ENGINE_SEARCH_TIME = f"{SEARCH_SECONDS}s"  # then the engine answers with what it has, and the page is partial
ENGINE_WRITE_TIME = "5s"  # how long a write waits for a shard that is away
TOO_MANY = "too_many"  # clauses: how many a node takes depends on its memory and threads
_RETRIED = (502, 503, 504)  # another node may answer; never 429, since a retry at once adds to the overload
_LOOKS = 3  # at the aliases, for one batch: they moved while it was being written
_IDS = 1_000  # documents asked for by id at once


class ElasticsearchIndex:
    """An ``ArticleIndex`` behind one alias of an Elasticsearch cluster; obeys the port's contract."""

    def __init__(self, url: str, alias: str, shards: int = 1, replicas: int = 0) -> None:
        """Take one or more addresses, ``http://[user:password@]host[:port][,host2...]``; connect later."""
        hosts, credentials = read_hosts(url)
        self._alias = alias
        self._client = Elasticsearch(
            hosts,
            basic_auth=credentials,
            node_class=Node,
            serializers={Json.mimetype: Json()},
            request_timeout=READ_SECONDS,
            max_retries=len(hosts),
            retry_on_status=_RETRIED,
            retry_on_timeout=False,
        )
        self._reader = self._client.options(request_timeout=ANSWER_SECONDS)
        self._writer = self._client.options(request_timeout=WRITE_SECONDS)
        self._builds = Builds(self._client, self._writer, alias, index_settings(shards, replicas))
        self._walks = ElasticsearchWalks(self._client, alias)

    def create(self) -> None:
        """Make the index and its alias if they are missing; harmless when they exist or come at once."""
        with in_our_words():
            self._builds.create()

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
        for result in self._write_everywhere(items):
            outcomes[places[result.id]] = result
        return [result for result in outcomes if result is not None]

    def _write_everywhere(self, items: Sequence[BulkItem]) -> list[WriteOutcome]:
        """Write to what is being built, if anything is, and to what is in use.

        Looked up for each batch, and after its articles were read from the ledger. A batch that was read
        before ``begin_build`` may thus go to the old index only. That loses nothing: whoever builds queues
        every article again after ``begin_build`` returned, so each is read once more, and looked up after.
        The build comes first: should ``switch`` come between, the alias stands for it by then.
        """
        if not items:
            return []
        for _ in range(_LOOKS):
            with in_our_words():
                places = self._builds.places()
            try:
                return worse([self._write_to(target, items) for target in self._targets(places)])
            except IndexMissing:
                with in_our_words():
                    if self._builds.places() == places:
                        raise
        raise Unavailable("the index was switched again and again")

    def _targets(self, places: Places) -> list[str]:
        if places.build is None:
            self._require_version(places.used)
            return [self._alias]
        writable = all(is_current(name, self._alias) for name in places.used)
        return [build_alias(self._alias), self._alias] if writable else [build_alias(self._alias)]

    def _write_to(self, target: str, items: Sequence[BulkItem]) -> list[WriteOutcome]:
        return [result for piece in divide(items) for result in self._send(target, piece)]

    def _send(self, target: str, items: Sequence[BulkItem]) -> list[WriteOutcome]:
        lines: Any = [item.lines for item in items]  # encoded already, which the library's types do not know
        try:
            with in_our_words():
                answer = self._writer.bulk(
                    index=target,
                    operations=lines,
                    require_alias=True,
                    timeout=ENGINE_WRITE_TIME,
                    filter_path=["items.*.status", "items.*.error", "items.*._index"],
                )
        except ApiError as error:
            if error.status_code not in (400, 413):
                raise
            if len(items) == 1:
                return [WriteOutcome(items[0].id, "refused", reason(error))]
            # One item can get the whole request refused (a bad id, a length): halves find it.
            middle = len(items) // 2
            return [*self._send(target, items[:middle]), *self._send(target, items[middle:])]
        results = [result["index"] for result in answer["items"]]
        # What another version's mapping refuses is no fault of the articles.
        self._require_version({result["_index"] for result in results if result["status"] in (200, 201, 400)})
        return [outcome(item.id, result) for item, result in zip(items, results, strict=True)]

    def search(self, request: SearchRequest) -> SearchPage:
        """Answer one search with one request; with a second one that counts, where stories are folded."""
        plan, facets = plan_search(request), plan_facets(request)
        body = search_body(plan, ENGINE_SEARCH_TIME)
        if facets:
            add_facets(body, plan, facets, request.facet_size)
        answer = self._ask(body)
        page = _page(plan, answer)
        if facets:
            counts, off = read_facets(answer, facets, request.facet_size)
            page = replace(page, facets=counts, facets_approximate=off)
        return self._count_stories(plan, page, answer) if plan.by_story and page.groups else page

    def _count_stories(self, plan: Plan, page: SearchPage, answer: Mapping[str, Any]) -> SearchPage:
        countable = are_countable(answer)
        keys = [story_key(hit.article) for hit in page.hits]
        told = None
        if keys or countable:
            body = stories_body(plan, keys, ENGINE_SEARCH_TIME, count=countable)
            with in_our_words():
                told = self._reader.search(index=self._alias, body=body, filter_path=[UNWANTED]).body
        return with_stories(page, answer, told)

    def timeline(self, request: TimelineRequest) -> Timeline:
        """Count hits by time: one request asks for how long a time, one counts."""
        plan = plan_timeline(request)
        span = self._ask(span_body(plan, ENGINE_SEARCH_TIME))
        with in_our_words():
            body = counts_body(plan, span, ENGINE_SEARCH_TIME)
            counted = self._reader.search(index=self._alias, body=body).body
        return read_timeline(plan, span, counted)

    def suggest(self, text: str, size: int, now: datetime) -> Suggestions:
        """Suggest sources, topics and entities by how their names begin, titles by their words."""
        plan, facets = plan_suggestions(text, size, now)
        body = search_body(plan, ENGINE_SEARCH_TIME)
        add_facets(body, plan, facets, size)
        # The hit tells of the index's version.
        answer = self._ask(body | {"size": 1, "_source": False, "track_total_hits": False})
        counts, _ = read_facets(answer, facets, size)
        page = self.search(search_titles(text, size, now))
        titles, engine_ms = suggested_titles(page, text, size), answer["took"] + page.engine_ms
        partial = is_partial(answer) or page.partial
        return make_suggestions(counts, titles, engine_ms=engine_ms, partial=partial)

    def similar(self, request: SimilarRequest) -> Similar:
        """Find articles like a text: one request for how common its words are, one for the articles."""
        plan = plan_similar(request, self._frequencies)
        if plan is None:
            return Similar(SearchPage(0, 0, (), 0.0))
        answer = self._ask(similar_body(plan, ENGINE_SEARCH_TIME))
        return make_similar(plan, _page(plan.search, answer))

    def trends(self, request: TrendsRequest) -> Trends:
        """Find what stands in unusually many articles: four requests, or five."""
        counting = ElasticsearchCounting(self._ask, ENGINE_SEARCH_TIME)
        found = find_trends(plan_trends(request), counting)
        return replace(found, engine_ms=counting.engine_ms, partial=counting.partial)

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
        with in_our_words():
            try:
                answer = self._reader.search(index=self._alias, body=dict(body)).body
            except BadRequestError as error:
                self._require_version(self._builds.places().used)  # another mapping may refuse what is asked
                if TOO_MANY in str(error.body):
                    words = "asks for too much at once; take some words, prefixes or near/N out of it"
                    raise InvalidRequest("q", words) from error
                raise
            hits = answer["hits"]["hits"]
            # An index of another version finds nothing, or what cannot be read; only then a second request.
            self._require_version({hit["_index"] for hit in hits} or self._builds.places().used)
            return answer

    def frequencies(self, language: str, words: Sequence[str]) -> Frequencies:
        """In how many bodies of a language each word occurs, as a shard has it; one request."""
        with in_our_words():
            return find_frequencies(self._client, self._alias, language, words)

    def _frequencies(self, language: str, words: Sequence[str]) -> Frequencies:
        with in_our_words():  # for somebody who waits for the answer
            return find_frequencies(self._reader, self._alias, language, words)

    def count(self, *, build: bool = False) -> int:
        """How many documents there are, tombstones included, as of the last refresh."""
        with in_our_words():
            return int(self._client.count(index=self._target(build=build))["count"])

    def changes(self, ids: Sequence[str], *, build: bool = False) -> dict[str, int]:
        """The ``change`` of those documents that there are, whether visible or not, also before a refresh."""
        found = self._fetch(ids, source=False, build=build)
        return {document["_id"]: int(document["_version"]) for document in found}

    def digests(self, ids: Sequence[str], *, build: bool = False) -> dict[str, str]:
        """A digest of each document's article as stored, also before a refresh."""
        found = self._fetch(ids, source=["article"], build=build)
        return {document["_id"]: digest(_article(document)) for document in found}

    def _fetch(self, ids: Sequence[str], *, source: bool | list[str], build: bool) -> Iterator[Any]:
        known = list(dict.fromkeys(ids))
        for start in range(0, len(known), _IDS):
            with in_our_words():
                answer = self._client.mget(
                    index=self._target(build=build), ids=known[start : start + _IDS], source=source
                )
            for document in answer["docs"]:
                if "error" in document:
                    missing = document["error"].get("type") == "index_not_found_exception"
                    raise (IndexMissing if missing else Unavailable)(describe(document["error"]))
                if document["found"]:
                    yield document

    def _target(self, *, build: bool) -> str:
        return build_alias(self._alias) if build else self._alias

    def begin_build(self) -> str:
        """Make an empty index beside the one in use, or go on with one begun before."""
        with in_our_words():
            return self._builds.begin()

    def building(self) -> str | None:
        """The name of the index being built, if there is one."""
        with in_our_words():
            return self._builds.places().build

    def switch(self, now: int) -> str:
        """Put the built index in the place of the one in use, in one step."""
        with in_our_words():
            return self._builds.switch(now)

    def abandon_build(self) -> None:
        """Drop the index being built, if there is one."""
        with in_our_words():
            self._builds.abandon()

    def drop_retired(self, before: int) -> list[str]:
        """Drop what was retired before a moment."""
        with in_our_words():
            return self._builds.drop_retired(before)

    def remove_tombstones(self, before: int, limit: int) -> int:
        """Drop up to ``limit`` tombstones written before a moment."""
        wanted = {
            "query": filtering(plan_tombstones(before)),
            "size": min(limit, MAX_WINDOW),
            "version": True,
            "_source": False,
            "track_total_hits": False,
        }
        hits = self._ask(wanted)["hits"]["hits"]
        if not hits:
            return 0
        lines: Any = [delete_lines(hit["_index"], hit["_id"], hit["_version"]) for hit in hits]
        with in_our_words():
            # With a full batch the caller asks for the next: it must not be given the same again.
            full = len(hits) >= limit
            answer = self._writer.bulk(operations=lines, filter_path=["items.*.status"], refresh=full)
        return sum(item["delete"]["status"] == 200 for item in answer["items"])

    def refresh(self) -> None:
        """Make everything written so far searchable at once."""
        with in_our_words():
            self._writer.indices.refresh(index=self._alias)
            self._writer.indices.refresh(index=build_alias(self._alias), ignore_unavailable=True)

    def check(self) -> None:
        """Return when the alias is there and every shard of it can answer; missing replicas do not matter."""
        with in_our_words():
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

    def walk(self, request: SearchRequest, mark: Mark | None, now: datetime) -> Step:
        """Take the next step through a whole result: two requests, and two more to begin."""
        plan = plan_walk(request)
        if mark is None or not mark.pin:
            with in_our_words():
                self._require_version(self._builds.places().used)
        return self._walks.step(plan, mark or Mark(), now)

    def end_walk(self, mark: Mark) -> None:
        """Give up at once what is kept for a walk."""
        self._walks.end(mark)

    def _require_version(self, names: Iterable[str]) -> None:
        for name in names:
            if not is_current(name, self._alias):
                raise IndexMissing(
                    f"{name} is not of version {INDEX_VERSION}; `copydesk reindex` rebuilds it"
                )


def _page(plan: Plan, answer: Mapping[str, Any]) -> SearchPage:
    shown = answer["hits"]["total"]["value"]
    scored = plan.sort == "relevance"
    return SearchPage(
        articles=answer["aggregations"]["articles"]["doc_count"] if plan.shown is not None else shown,
        groups=shown,
        hits=tuple(Hit(_article(hit), hit["_score"] if scored else None) for hit in answer["hits"]["hits"]),
        engine_ms=float(answer["took"]),
        partial=is_partial(answer),
    )


def _article(hit: Mapping[str, Any]) -> Article:
    return restore(hit["_source"]["article"])
