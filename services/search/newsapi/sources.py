"""The sources that the index knows, as NewsAPI lists them: language, category, country.

Language and category are those of most of a source's articles; its country is ``shared/countries.py``'s.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

from services.search.newsapi.values import CATEGORIES, LANGUAGES, category_node, spoken
from services.search.params import MAX_SIZE
from shared.article import Source
from shared.countries import Told, country_of
from shared.errors import Unavailable
from shared.index.facets import MOST_VALUES
from shared.index.port import ArticleIndex, Filters, Hit, SearchPage, SearchRequest
from shared.index.query import Node

KEEP_SECONDS: Final = 60.0  # a new source is known that much later, except to a search that names it
GENERAL: Final = "general"
KEEP_NAMES_SECONDS: Final = 3_600.0
MOST_LOOKS: Final = 20  # searches for names; sources beyond are called by their ids until the next request
_NEVER: Final = (-math.inf, ("", ""))

T = TypeVar("T")
Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One source; empty strings where nothing is known."""

    id: str
    name: str
    url: str
    category: str
    language: str
    country: str

    def to_json(self) -> dict[str, Any]:
        """The source as NewsAPI shows it."""
        told = f"{self.name}: {self.category} news"
        return {
            "id": self.id, "name": self.name, "description": told, "url": self.url,
            "category": self.category, "language": self.language, "country": self.country,
        }  # fmt: skip


class _Kept(Generic[T]):
    """A value that is made anew after a while, by one thread at a time.

    While the index is away the others do not try in turn: they are told what the first was told.
    """

    def __init__(self, make: Callable[[], T], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._lock = threading.Lock()
        self._found: tuple[float, T] | None = None
        self._failed: tuple[float, Unavailable] | None = None

    def get(self) -> T:
        asked = time.monotonic()
        with self._lock:
            if self._failed is not None and self._failed[0] > asked:  # it failed while this one waited
                raise Unavailable(str(self._failed[1]))
            if self._found is None or asked - self._found[0] > self._seconds:
                self._found = (time.monotonic(), self._try())
            return self._found[1]

    def _try(self) -> T:
        try:
            return self._make()
        except Unavailable as error:
            self._failed = (time.monotonic(), error)
            raise


class Sources:
    """What is known of sources, asked of the index and kept for a minute; safe between threads.

    Every method raises ``Unavailable`` while the index is away.
    """

    def __init__(self, index: ArticleIndex, countries: Told) -> None:
        self._index = index
        self._countries = countries
        self._known = _Kept(lambda: frozenset(self._count()), KEEP_SECONDS)
        self._languages = _Kept(self._count_languages, KEEP_SECONDS)
        self._categories = _Kept(self._count_categories, KEEP_SECONDS)
        self._naming = threading.Lock()
        self._names: dict[str, tuple[float, tuple[str, str]]] = {}

    def unknown(self, ids: Iterable[str]) -> list[str]:
        """Those of some ids that no source has."""
        known = self._known.get()
        return [one for one in ids if one not in known and not self._has_articles(one)]

    def _has_articles(self, source: str) -> bool:
        """Whether a source has come since they were counted."""
        return self._search(filters=Filters(source=(source,)), duplicates="keep", size=0).articles > 0

    def usual_languages(self) -> Mapping[str, str]:
        """The language of most articles of each source that has one, by NewsAPI's code if there is any."""
        return self._languages.get()

    def chosen(self, category: str | None, language: str | None, country: str | None) -> list[SourceFacts]:
        """The sources of a category, a language and a country, by id; None: of all."""
        languages, categories = self._languages.get(), self._categories.get()
        found = [
            (one, categories.get(one, GENERAL), languages.get(one, ""), country_of(one, self._countries))
            for one in sorted(self._known.get())
        ]
        wanted = (category, language, country)
        chosen = [
            (one, facts)
            for one, *facts in found
            if all(each in (None, fact) for each, fact in zip(wanted, facts, strict=True))
        ]
        named = self._named([one for one, _ in chosen])
        return [SourceFacts(one, *named.get(one, _told(Source(one))), *facts) for one, facts in chosen]

    def _named(self, sources: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """The names and addresses of sources, each by its newest article; one that has none is left out.

        A search tells all that wrote one of the newest hundred articles, and the next is for the others.
        """
        with self._naming:  # who comes meanwhile finds what the first one learnt
            asked = time.monotonic()
            kept = {one for one in sources if asked - self._names.get(one, _NEVER)[0] < KEEP_NAMES_SECONDS}
            left = [one for one in sources if one not in kept]
            for _ in range(MOST_LOOKS):
                hits = self._newest(left)
                for hit in reversed(hits):
                    self._names[hit.article.source.id.lower()] = (asked, _told(hit.article.source))
                left = [one for one in left if self._names.get(one, _NEVER)[0] != asked]
                if not (hits and left):
                    break
            return {one: self._names[one][1] for one in sources if one in self._names}

    def _newest(self, sources: Sequence[str]) -> Sequence[Hit]:
        wanted = Filters(source=tuple(sources))
        return self._search(filters=wanted, duplicates="keep", size=MAX_SIZE).hits if sources else ()

    def _count_languages(self) -> Mapping[str, str]:
        page = self._search(duplicates="keep", size=0, facets=("language",), facet_size=MOST_VALUES)
        mine = {tag for code in LANGUAGES for tag in spoken(code)}
        # Those that NewsAPI has no code for as well: who writes in Finnish does not write in English.
        others = {found.value for found in page.facets["language"] if "-" not in found.value} - mine - {"und"}
        asked = {**{code: spoken(code) for code in LANGUAGES}, **{tag: (tag,) for tag in sorted(others)}}
        return _most({code: self._count(filters=Filters(language=tags)) for code, tags in asked.items()})

    def _count_categories(self) -> Mapping[str, str]:
        return _most({name: self._count(query=category_node(name)) for name in CATEGORIES})

    def _count(self, query: Node | None = None, filters: Filters | None = None) -> Counts:
        page = self._search(
            query=query, filters=filters or Filters(), duplicates="keep", size=0,
            facets=("source",), facet_size=MOST_VALUES,
        )  # fmt: skip
        return {found.value: found.count for found in page.facets["source"]}

    def _search(self, **asked: Any) -> SearchPage:  # noqa: ANN401 - the fields of a request
        return self._index.search(SearchRequest(now=datetime.now(UTC), sort="newest", **asked))


def _told(source: Source) -> tuple[str, str]:
    """The name and the address of a source."""
    domain = source.domain or (source.id if "." in source.id else None)
    return source.name or source.id, f"https://{domain}" if domain else ""


def _most(counts: Mapping[str, Counts]) -> dict[str, str]:
    """For each source the name under which it has most articles; the first of several."""
    best: dict[str, tuple[int, str]] = {}
    for name, found in counts.items():
        for source, count in found.items():
            if count > best.get(source, (0, ""))[0]:
                best[source] = (count, name)
    return {source: name for source, (_, name) in best.items()}
