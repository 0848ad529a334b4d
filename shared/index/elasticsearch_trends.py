"""What trends are made of, counted by Elasticsearch: one request for each question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from shared.index.dsl import Dsl, filtering, search_body
from shared.index.dsl_facets import add_facets, read_facets
from shared.index.elasticsearch_stories import is_partial
from shared.index.facets import FacetPlan
from shared.index.plan import AllOf, Plan, PlanNode
from shared.index.port import FacetCount

Ask = Callable[[Mapping[str, Any]], Any]


class ElasticsearchCounting:
    """A ``trends.Counting`` over what sends a request; adds up the engine's own time."""

    def __init__(self, ask: Ask, timeout: str) -> None:
        self._ask = ask
        self._timeout = timeout
        self.engine_ms = 0.0
        self.partial = False

    def total(self, plan: Plan) -> int:
        """How many articles there are."""
        found: int = self._count(plan, {}, track_total_hits=True)["hits"]["total"]["value"]
        return found

    def largest(self, plan: Plan, column: str, size: int) -> tuple[Sequence[FacetCount], bool]:
        """The values with most articles, and whether these are sure to be they."""
        facet = FacetPlan("entity", column, plan.filters)  # its name is ours alone
        body = search_body(plan, self._timeout)
        add_facets(body, plan, [facet], size)
        counts, approximate = read_facets(self._send(body), [facet], size)
        return counts[facet.name], not approximate

    def among(self, plan: Plan, column: str, values: Sequence[str]) -> Mapping[str, int]:
        """How many articles each of these values has."""
        most = len(values)
        terms = {"field": column, "size": most, "shard_size": most, "include": list(values)}
        told = self._count(plan, {"values": {"terms": terms}})["aggregations"]["values"]
        return {bucket["key"]: bucket["doc_count"] for bucket in told["buckets"]}

    def matching(self, plan: Plan, nodes: Sequence[PlanNode]) -> Sequence[int]:
        """How many articles match each node too."""
        filters = {"filters": {"filters": [filtering(node) for node in nodes]}}
        told = self._count(plan, {"matching": filters})["aggregations"]["matching"]
        return [bucket["doc_count"] for bucket in told["buckets"]]

    def titles(self, plan: Plan, most: int) -> Iterator[tuple[str, str]]:
        """Title and language of the newest articles."""
        order = [{"sort_key": {"order": "desc"}}]
        answer = self._count(
            plan, {}, size=most, sort=order, _source=["article.title", "article.language"]
        )  # fmt: skip
        for hit in answer["hits"]["hits"]:
            article = hit["_source"]["article"]
            yield article["title"], article["language"]

    def _count(self, plan: Plan, aggs: Dsl, **more: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
        shown = () if plan.shown is None else (plan.shown,)
        query = filtering(AllOf((plan.scored, plan.filters, *shown)))
        # The hit tells of the index's version.
        body = {"query": query, "size": 1, "_source": False, "track_total_hits": False, "aggs": aggs}
        return self._send(body | {"timeout": self._timeout, **more})

    def _send(self, body: Dsl) -> Any:  # noqa: ANN401 - as above
        answer = self._ask(body)
        self.engine_ms += answer["took"]
        self.partial |= is_partial(answer)
        return answer
