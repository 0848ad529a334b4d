"""What the OpenAPI document says of searches: parameters are read by hand, for the sake of the errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from flask_openapi3.models.operation import Operation
from flask_openapi3.models.parameter import Parameter
from flask_openapi3.openapi import OpenAPI

from services.search.answers import ARTICLE_FIELDS
from services.search.export import EXPORT_PARAMETERS
from services.search.export import FORMATS as EXPORT_FORMATS
from services.search.facets import FACETS
from services.search.feed_routes import FEED_PARAMETERS
from services.search.params import DEFAULT_SIZE, MAX_SIZE, MAX_WORDS, PARAMETERS
from services.search.similar import SIMILAR_PARAMETERS
from services.search.suggest import SUGGEST_PARAMETERS
from services.search.timeline import TIMELINE_PARAMETERS
from services.search.trends import DEFAULT_TRENDS, FIELDS, TRENDS_PARAMETERS
from shared.index.facets import MAX_FACET_SIZE
from shared.index.plan import MAX_WINDOW
from shared.index.port import Duplicates, Sort, Stories
from shared.index.similar import MAX_SIMILAR
from shared.index.trends import MAX_TRENDS
from shared.openapi import PROBLEM, Content, Schema, add_answer, add_errors, operations

_TEXT: Final = {"type": "string"}
_LIST: Final = "; several with commas"
_NAMES: Final = '; several with commas, one with a comma in it in quotes: "Smith, John"'
_NOT: Final = "leaves out what the filter of this name without - finds"


def _one_of(values: Iterable[str], default: str | None = None) -> Schema:
    found: dict[str, Any] = {"type": "string", "enum": list(values)}
    return found if default is None else found | {"default": default}


def _whole(lowest: int, highest: int, default: int | None = None) -> Schema:
    found: dict[str, Any] = {"type": "integer", "minimum": lowest, "maximum": highest}
    return found if default is None else found | {"default": default}


DESCRIBED: Final[Mapping[str, tuple[str, Schema]]] = {
    "q": ("words and phrases, in the query language", {"type": "string", "maxLength": 512}),
    "source": (f"id of a source{_LIST}", _TEXT),
    "-source": (_NOT, _TEXT),
    "domain": (f"host, or a domain above it{_LIST}", _TEXT),
    "-domain": (_NOT, _TEXT),
    "country": (f"code of the source's country, such as de{_LIST}", _TEXT),
    "-country": (_NOT, _TEXT),
    "language": (f"code such as en or pt-BR{_LIST}", _TEXT),
    "-language": (_NOT, _TEXT),
    "topic": (f"code such as medtop:04000000, with all below it{_LIST}", _TEXT),
    "-topic": (_NOT, _TEXT),
    "entity": (f"whole name of a person, organisation or place{_NAMES}", _TEXT),
    "-entity": (_NOT, _TEXT),
    "author": (f"whole name{_NAMES}", _TEXT),
    "-author": (_NOT, _TEXT),
    "story": (f"id of a story{_LIST}", _TEXT),
    "-story": (_NOT, _TEXT),
    "from": ("published at or after: a date, or a moment with its time zone", _TEXT),
    "to": ("published at or before; of a date the whole day", _TEXT),
    "indexed_since": ("became searchable at or after", _TEXT),
    "min_words": ("at least so many words of text", _whole(0, MAX_WORDS)),
    "max_words": ("at most so many", _whole(0, MAX_WORDS)),
    "has_image": ("with an image, or without", _one_of(("true", "false"))),
    "duplicates": (
        "fold: copies under their leads; keep: as hits; only: nothing else",
        _one_of(get_args(Duplicates), "fold"),
    ),
    "stories": ("fold: one hit for each story", _one_of(get_args(Stories), "keep")),
    "sort": ("by default relevance where there is a q, else newest", _one_of(get_args(Sort))),
    "size": ("hits of a page; up to 500 in a walk with cursor=*", _whole(0, MAX_SIZE, DEFAULT_SIZE)),
    "offset": ("hits before the page", _whole(0, MAX_WINDOW, 0)),
    "cursor": ("the next of an answer; alone. * begins a walk to the very end", _TEXT),
    "fields": (f"fields of a hit{_LIST}: {', '.join(ARTICLE_FIELDS)}", _TEXT),
    "highlight": ("fragments with what was found in mark elements", _one_of(("true", "false"), "false")),
    "facets": (f"counts by value{_LIST}: {', '.join(FACETS)}", _TEXT),
    "facet_size": ("values of each facet", _whole(1, MAX_FACET_SIZE, DEFAULT_SIZE)),
    "interval": ("hour, day, week, month; or a number of minutes, hours or days such as 6h", _TEXT),
    "split": ("also count the ten largest of these", _one_of(("source", "topic"))),
    "window": ("the time looked at, up to `to`: hours, days or weeks such as 6h, 7d; else 24h", _TEXT),
    "before": ("the time just before it that it is compared with, told in the same way; else 7d", _TEXT),
    "field": ("what is counted", _one_of(FIELDS, FIELDS[0])),
    "format": ("ninjs: IPTC's ninjs 3.1, as by Accept: application/ninjs+json", _one_of(("json", "ninjs"))),
}  # fmt: skip
_OF_ADDRESSES: Final[Mapping[str, Iterable[str]]] = {
    "/v1/search": (*PARAMETERS, "cursor", "format"),
    "/v1/search/export": EXPORT_PARAMETERS,
    "/v1/search.rss": FEED_PARAMETERS,
    "/v1/search.atom": FEED_PARAMETERS,
    "/v1/search.json": FEED_PARAMETERS,
    "/v1/timeline": TIMELINE_PARAMETERS,
    "/v1/trends": TRENDS_PARAMETERS,
    "/v1/suggest": SUGGEST_PARAMETERS,
    "/v1/articles/{article_id}": ("format",),
    "/v1/articles/{article_id}/similar": SIMILAR_PARAMETERS,
    "/v1/similar": SIMILAR_PARAMETERS,
}
_OTHERWISE: Final[Mapping[tuple[str, str], tuple[str, Schema]]] = {
    ("/v1/search/export", "format"): ("of the file", _one_of(EXPORT_FORMATS)),
    ("/v1/search/export", "sort"): ("the order of the file", _one_of(get_args(Sort), "newest")),
    ("/v1/suggest", "q"): ("the beginning of a name, or of a title", _TEXT),
    ("/v1/articles/{article_id}/similar", "size"): ("hits", _whole(1, MAX_SIMILAR, DEFAULT_SIZE)),
    ("/v1/similar", "size"): ("hits", _whole(1, MAX_SIMILAR, DEFAULT_SIZE)),
    ("/v1/trends", "size"): ("trends", _whole(1, MAX_TRENDS, DEFAULT_TRENDS)),
    ("/v1/trends", "to"): ("where the window ends, by default now; of a date its last moment", _TEXT),
}


_NUMBER: Final = {"type": "number"}
_OBJECT: Final = {"type": "object"}
_ARTICLE: Final = {"type": "object", "required": ["id"]}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_COUNT: Final = {"type": "integer", "minimum": 0}
_OR_NULL: Final = {"anyOf": [{"type": "string"}, {"type": "null"}]}
_SEARCH: Final = _object(
    total=_object(articles=_COUNT, groups=_COUNT),
    hits=_list(_ARTICLE),
    next=_OR_NULL,
    facets={
        "type": "object",
        "additionalProperties": _list(_object(value=_TEXT, count=_COUNT)),
    },
    query=_object(text=_TEXT, parsed=_TEXT),
    partial={"type": "boolean"},
    took_ms=_NUMBER,
)
_EARNED: Final = _list(_object(term=_TEXT, weight={"type": "integer", "minimum": 1, "maximum": 100}))
_SIMILAR: Final = _object(
    total=_object(articles=_COUNT, groups=_COUNT),
    hits=_list(_object(id=_TEXT, score=_NUMBER, by=_EARNED)),
    by=_EARNED,
    partial={"type": "boolean"},
    took_ms=_NUMBER,
)
_TITLE: Final = _object(id=_TEXT, title=_TEXT, source=_object(id=_TEXT), published_at=_OR_NULL)
_TIMES: Final = _object(**{"from": _TEXT, "to": _TEXT})
_TREND: Final = _object(
    value=_TEXT, name=_TEXT, now=_COUNT, before=_COUNT, expected=_NUMBER, score=_NUMBER,
    sample={"anyOf": [_object(id=_TEXT, title=_TEXT), {"type": "null"}]},
)  # fmt: skip
_TRENDS: Final = _object(
    window=_TIMES,
    before=_TIMES,
    articles=_object(now=_COUNT, before=_COUNT),
    trends=_list(_TREND),
    query=_object(text=_TEXT, parsed=_TEXT),
    approximate={"type": "boolean"},
    partial={"type": "boolean"},
    took_ms=_NUMBER,
)
# What answers 200 with JSON; the text of other formats is described where it is made.
_ANSWERS: Final[Mapping[str, Schema]] = {
    "/v1/search": _SEARCH,
    "/v1/articles/{article_id}": _ARTICLE,
    "/v1/articles/{article_id}/trace": _object(id=_TEXT, status=_OBJECT, journey=_list(_OBJECT)),
    "/v1/articles/{article_id}/versions": _object(id=_TEXT, versions=_list(_OBJECT)),
    "/v1/articles/{article_id}/versions/{revision}": _ARTICLE,
    "/v1/articles/{article_id}/diff": _OBJECT,
    "/v1/stories/{story_id}": _OBJECT,
    "/v1/articles/{article_id}/similar": _SIMILAR,
    "/v1/similar": _SIMILAR,
    "/v1/timeline": _object(interval=_TEXT, buckets=_list(_OBJECT), total=_COUNT, undated=_COUNT),
    "/v1/trends": _TRENDS,
    "/v1/suggest": _object(
        sources=_list(_OBJECT), topics=_list(_OBJECT), entities=_list(_OBJECT), titles=_list(_TITLE)
    ),
    "/v2/everything": _object(status={"const": "ok"}, totalResults=_COUNT, articles=_list(_OBJECT)),
    "/v2/top-headlines": _object(status={"const": "ok"}, totalResults=_COUNT, articles=_list(_OBJECT)),
    "/v2/top-headlines/sources": _object(status={"const": "ok"}, sources=_list(_OBJECT)),
    "/v2/sources": _object(status={"const": "ok"}, sources=_list(_OBJECT)),
}
_ALSO: Final[Mapping[str, Content]] = {  # other media types of the answer
    "/v1/search.json": {"application/feed+json": _object(version=_TEXT, title=_TEXT, items=_list(_OBJECT))},
    "/v1/search": {"application/ninjs+json": _list(_OBJECT)},
    "/v1/articles/{article_id}": {"application/ninjs+json": _OBJECT},
    "/v1/articles/{article_id}/diff": {"text/html": _TEXT},
}
NEWSAPI_ERROR: Final[Content] = {
    "application/json": _object(status={"const": "error"}, code=_TEXT, message=_TEXT),
}
_OF_ALL: Final = {
    400: "the request cannot be answered, and why",
    429: "too many requests in a minute; come back after Retry-After",
    503: "come back after Retry-After",
}
_OF_ONE: Final = {404: "there is none of this id", 410: "it was withdrawn"}  # articles and stories
_OF_BODIES: Final = {
    408: "the body came too slowly",
    413: "the body is too large",
    415: "the body is of another media type",
}
_OF_SOME: Final[Mapping[str, Mapping[int, str]]] = {
    "/v1/search": {410: "the cursor has expired; begin again"},
    "/v2/everything": {426: "maximumResultsReached"},
    "/v2/top-headlines": {426: "maximumResultsReached"},
}


def describe(app: OpenAPI) -> None:
    """Add parameters, answers and errors to the document of an app that has these addresses."""
    for path, names in _OF_ADDRESSES.items():
        told = [(name, *_OTHERWISE.get((path, name), DESCRIBED[name])) for name in names]
        _add_parameters(app.paths[path].get or app.paths[path].post, told)
    for path, _, operation in operations(app):
        content = {"application/json": _ANSWERS[path]} if path in _ANSWERS else {}
        if content or path in _ALSO:
            add_answer(operation, 200, "the answer", content | dict(_ALSO.get(path, {})))
        errors = {**_OF_ALL, **(_OF_ONE if "{" in path else {}), **_OF_SOME.get(path, {})}
        errors |= _OF_BODIES if operation.requestBody is not None else {}
        add_errors(operation, errors, NEWSAPI_ERROR if path.startswith("/v2/") else PROBLEM)


def _add_parameters(operation: Operation, told: Iterable[tuple[str, str, Schema]]) -> None:
    made = [
        Parameter.model_validate({"name": name, "in": "query", "description": words, "schema": schema})
        for name, words, schema in told
    ]
    operation.parameters = [*(operation.parameters or ()), *made]
