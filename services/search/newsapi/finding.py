"""NewsAPI's searches as searches of the index."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from services.search.newsapi.errors import NO_SUCH_SOURCE, Refused
from services.search.newsapi.params import Asked, SourcesAsked
from services.search.newsapi.sources import SourceFacts, Sources
from services.search.newsapi.values import category_node, spoken
from shared.countries import Told
from shared.index.port import ArticleIndex, Filters, SearchPage, SearchRequest
from shared.index.query import And, Keyword, Node, Not, Or

FRESH: Final = timedelta(hours=72)  # what headlines are of; where there are none, of any time
UNDETERMINED: Final = "und"
ENGLISH: Final = "en"  # what an article of no known language counts as, unless its source has another


class Finder:
    """Answers NewsAPI's three questions; raises ``Refused`` and ``Unavailable``."""

    def __init__(self, index: ArticleIndex, sources: Sources, countries: Told) -> None:
        self._index = index
        self._sources = sources
        self._countries = countries

    def everything(self, asked: Asked, now: datetime) -> SearchPage:
        """All articles that match, copies too."""
        self._check_sources(asked)
        return self._index.search(self._request(asked, now))

    def headlines(self, asked: Asked, now: datetime) -> SearchPage:
        """The newest articles, of the last three days where there are any; copies only of chosen sources.

        A country chooses its sources.
        """
        self._check_sources(asked)
        request = self._request(asked, now)
        # What a source ran is its own, though others had it first; so it is with those of a country.
        if not (request.filters.source or request.filters.country):
            request = replace(request, duplicates="fold")
        fresh = replace(request, filters=replace(request.filters, start=now - FRESH))
        page = self._index.search(fresh)
        return page if page.groups else self._index.search(request)

    def sources(self, asked: SourcesAsked) -> list[SourceFacts]:
        """The sources of a category, language and country."""
        return self._sources.chosen(asked.category, asked.language, asked.country)

    def _check_sources(self, asked: Asked) -> None:
        unknown = self._sources.unknown(asked.sources)
        if unknown:
            raise Refused(
                NO_SUCH_SOURCE,
                f"The source {unknown[0]!r} does not exist; /v2/sources lists those there are.",
            )

    def _request(self, asked: Asked, now: datetime) -> SearchRequest:
        parts = [asked.query, self._in_language(asked.language)]
        parts.append(None if asked.category is None else category_node(asked.category))
        nodes = tuple(part for part in parts if part is not None)
        return SearchRequest(
            now=now,
            query=And(nodes) if nodes else None,
            filters=self._filters(asked),
            duplicates="keep",
            sort=asked.sort,
            size=asked.size,
            offset=asked.offset,
        )

    def _filters(self, asked: Asked) -> Filters:
        return Filters(
            source=asked.sources, domain=asked.domains, not_domain=asked.not_domains,
            country=() if asked.country is None else (asked.country,), source_countries=self._countries,
            start=asked.start, end=asked.end,
        )  # fmt: skip

    def _in_language(self, language: str | None) -> Node | None:
        """What is in a language, and what is in no known one but comes from a source that writes in it."""
        if language is None:
            return None
        usual = self._sources.usual_languages()
        plain = tuple(Keyword("language", tag) for tag in spoken(language))
        unknown = Keyword("language", UNDETERMINED)
        theirs = tuple(Keyword("source", one) for one, code in usual.items() if code == language)
        others = tuple(Keyword("source", one) for one, code in usual.items() if code != language)
        if language == ENGLISH:
            mine: Node = And((unknown, Not(Or(others)))) if others else unknown
            return Or((*plain, mine))
        return Or((*plain, And((unknown, Or(theirs))))) if theirs else Or(plain)
