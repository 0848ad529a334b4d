"""The sources that the index knows, as NewsAPI lists them: language, category, country.

Language and category are those of most of a source's articles. Its country is what the settings say, else
what its domain ends in; a source of neither has none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

from services.search.newsapi.values import CATEGORIES, LANGUAGES, category_node, country_of, spoken
from shared.index.facets import MOST_VALUES
from shared.index.port import ArticleIndex, Filters, SearchPage, SearchRequest
from shared.index.query import Node

KEEP_SECONDS: Final = 60.0  # a new source is known that much later, except to a search that names it
KEEP_NAMES_SECONDS: Final = 3_600.0

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
        told = f"{self.name}: {self.category} news" if self.category else self.name
        return {
            "id": self.id, "name": self.name, "description": told, "url": self.url,
            "category": self.category or "general", "language": self.language, "country": self.country,
        }  # fmt: skip


class _Kept(Generic[T]):
    """A value that is made anew after a while, by one thread at a time."""

    def __init__(self, make: Callable[[], T], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._lock = threading.Lock()
        self._found: tuple[float, T] | None = None

    def get(self, *, anew: bool = False) -> T:
        with self._lock:
            now = time.monotonic()
            if anew or self._found is None or now - self._found[0] > self._seconds:
                self._found = (now, self._make())
            return self._found[1]


class Sources:
    """What is known of sources, asked of the index and kept for a minute; safe between threads.

    Every method raises ``Unavailable`` while the index is away.
    """

    def __init__(self, index: ArticleIndex, countries: Mapping[str, str]) -> None:
        self._index = index
        self._countries = countries
        self._known = _Kept(lambda: frozenset(self._count()), KEEP_SECONDS)
        self._languages = _Kept(self._count_languages, KEEP_SECONDS)
        self._categories = _Kept(self._count_categories, KEEP_SECONDS)
        self._names: dict[str, tuple[float, tuple[str, str, str | None]]] = {}

    def unknown(self, ids: Iterable[str]) -> list[str]:
        """Those of some ids that no source has."""
        ids = list(ids)
        known = self._known.get()
        if any(one not in known for one in ids):
            known = self._known.get(anew=True)  # it may have come just now
        return [one for one in ids if one not in known]

    def usual_languages(self) -> Mapping[str, str]:
        """The language of most articles of each source, as NewsAPI calls it; without sources of none."""
        return self._languages.get()

    def in_country(self, country: str) -> tuple[str, ...]:
        """The sources of a country."""
        return tuple(sorted(one for one in self._known.get() if self._country(one) == country))

    def all(self) -> list[SourceFacts]:
        """Every source, by id."""
        languages, categories = self._languages.get(), self._categories.get()
        found = []
        for one in sorted(self._known.get()):
            name, url, domain = self._named(one)
            country = self._country(one) or country_of(domain)
            found.append(
                SourceFacts(one, name, url, categories.get(one, ""), languages.get(one, ""), country)
            )
        return found

    def _country(self, source: str) -> str:
        return self._countries.get(source) or country_of(source if "." in source else None)

    def _named(self, source: str) -> tuple[str, str, str | None]:
        """The name, address and domain of a source, by its newest article."""
        now = time.monotonic()
        kept = self._names.get(source)
        if kept is not None and now - kept[0] < KEEP_NAMES_SECONDS:
            return kept[1]
        hits = self._search(filters=Filters(source=(source,)), duplicates="keep", size=1).hits
        named = hits[0].article.source if hits else None
        domain = (named and named.domain) or (source if "." in source else None)
        found = ((named and named.name) or source, f"https://{domain}" if domain else "", domain)
        self._names[source] = (now, found)
        return found

    def _count_languages(self) -> Mapping[str, str]:
        return _most({code: self._count(filters=Filters(language=spoken(code))) for code in LANGUAGES})

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


def _most(counts: Mapping[str, Counts]) -> dict[str, str]:
    """For each source the name under which it has most articles; the first of several."""
    best: dict[str, tuple[int, str]] = {}
    for name, found in counts.items():
        for source, count in found.items():
            if count > best.get(source, (0, ""))[0]:
                best[source] = (count, name)
    return {source: name for source, (_, name) in best.items()}
