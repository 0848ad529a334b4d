"""Which facets a search may ask for, how names in them are written, and how an answer shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast, get_args

from shared.article import Article
from shared.errors import InvalidRequest
from shared.index.keywords import fold_name
from shared.index.port import ArticleIndex, FacetName, Filters, SearchPage, SearchRequest, Suggestion

FACETS: tuple[FacetName, ...] = get_args(FacetName)
_LOOKED_AT = 100  # articles for how the names of one facet are written

# Facets whose values lie folded in the index, and where articles have them as they are written.
_WRITTEN: Mapping[str, Callable[[Article], Iterable[str]]] = {
    "author": lambda article: article.authors,
    "entity": lambda article: (entity.name for entity in article.entities),
}


def check_facets(names: Iterable[str]) -> tuple[FacetName, ...]:
    """The names of facets as asked for; raises ``InvalidRequest`` naming those that there are none of."""
    names = tuple(names)
    unknown = [name for name in names if name not in FACETS]
    if unknown:
        named = ", ".join(f'"{name[:50]}"' for name in unknown)
        raise InvalidRequest("facets", f"{named}: no such facet; there are {', '.join(FACETS)}")
    return cast("tuple[FacetName, ...]", names)


def with_written_names(page: SearchPage, index: ArticleIndex, now: datetime) -> SearchPage:
    """The page with the names in its facets as articles write them: ``Zoë Smith`` for ``zoe smith``.

    Each is read from the hits, else from the newest articles that have one of the names, in one more search
    for a facet. The few that are not among those stay folded, and are filtered by all the same.
    """
    facets = dict(page.facets)
    for name, read in _WRITTEN.items():
        if counts := facets.get(name):
            folded = [one.value for one in counts]
            written = _written(folded, read, [hit.article for hit in page.hits])
            if missing := tuple(value for value in folded if value not in written):
                written |= _written(missing, read, _with_names(name, missing, index, now))
            facets[name] = tuple(replace(one, value=written.get(one.value, one.value)) for one in counts)
    return replace(page, facets=facets)


def with_written_suggestions(
    found: Sequence[Suggestion], index: ArticleIndex, now: datetime
) -> tuple[Suggestion, ...]:
    """Suggested entities named as articles write them, as ``with_written_names`` does."""
    values = tuple(one.value for one in found)
    read = _WRITTEN["entity"]
    written = _written(values, read, _with_names("entity", values, index, now)) if values else {}
    return tuple(replace(one, name=written.get(one.value, one.value)) for one in found)


def facets_json(page: SearchPage) -> dict[str, Any]:
    """The facets of an answer; ``facets_approximate`` is there only where some may be off, and names them."""
    about = {"facets_approximate": page.facets_approximate} if page.facets_approximate else {}
    return {"facets": page.facets} | about


def _written(
    folded: Iterable[str], read: Callable[[Article], Iterable[str]], articles: Iterable[Article]
) -> dict[str, str]:
    """How most of the articles write each of the names, where any has it."""
    forms: dict[str, Counter[str]] = {value: Counter() for value in folded}
    for article in articles:
        for name in read(article):
            if (value := fold_name(name)) in forms:
                forms[value][name] += 1
    return {value: counts.most_common(1)[0][0] for value, counts in forms.items() if counts}


def _with_names(name: str, values: tuple[str, ...], index: ArticleIndex, now: datetime) -> list[Article]:
    wanted: dict[str, Any] = {name: values}
    filters = replace(Filters(), **wanted)
    size = min(_LOOKED_AT, 5 * len(values))
    request = SearchRequest(now, filters=filters, duplicates="keep", sort="newest", size=size)
    return [hit.article for hit in index.search(request).hits]
