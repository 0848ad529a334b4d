"""Every search as a feed: ``/v1/search.rss``, ``.atom`` and ``.json``, with conditional requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.types import ResponseDict
from werkzeug.exceptions import PreconditionFailed

from services.search.feeds import ATOM_TYPE, JSON_TYPE, RSS_TYPE, Feed, atom, json_feed, last_change, rss
from services.search.negotiation import JSON_ONLY
from services.search.params import PARAMETERS, Given, check_names, read_pairs
from services.search.reader import Found, Reader
from shared.errors import InvalidRequest
from shared.index.printer import print_query

# What a feed is made of is fixed, and so is its order of entries; the rest of a search is all there.
FEED_PARAMETERS: Final = tuple(name for name in PARAMETERS if name not in JSON_ONLY)
# What is indexed is found within a second or so, not always in order. Last-Modified stays this far behind
# the clock, so that nobody is told that nothing has changed by what came in meanwhile.
SETTLING: Final = timedelta(seconds=5)
_TIMES: Final = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE")
_NO_FILTERS: Final = ("q", "sort", "size", "offset")
_ORDERS: Final = {"newest": "the newest first", "oldest": "the oldest first", "relevance": "the best first"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One format of feeds: the end of its address, its media type, its name, how it is written."""

    suffix: str
    media_type: str
    name: str
    write: Callable[[Feed], bytes]

    def address(self, pairs: Iterable[tuple[str, str]]) -> str:
        """The path and query of the feed of a search; parameters that feeds do not have are left out."""
        query = urlencode([pair for pair in pairs if pair[0] in FEED_PARAMETERS])
        return f"/v1/search.{self.suffix}{'?' if query else ''}{query}"


RSS: Final = Kind("rss", RSS_TYPE, "RSS", rss)
ATOM: Final = Kind("atom", ATOM_TYPE, "Atom", atom)
JSON: Final = Kind("json", JSON_TYPE, "JSON Feed", json_feed)
KINDS: Final = (RSS, ATOM, JSON)


@dataclass(frozen=True, slots=True)
class FeedLink:
    """The feed of a search as a page links to it."""

    name: str
    media_type: str
    address: str


def feeds(reader: Reader) -> APIBlueprint:
    """The blueprint of the feeds over one reader."""
    routes = APIBlueprint("feeds", __name__, url_prefix="/v1")

    @routes.get("/search.rss", summary="A search as an RSS feed", responses=_responses(RSS))
    def rss_feed() -> Response:
        return _answer(reader, RSS)

    @routes.get("/search.atom", summary="A search as an Atom feed", responses=_responses(ATOM))
    def atom_feed() -> Response:
        return _answer(reader, ATOM)

    @routes.get("/search.json", summary="A search as a JSON Feed", responses=_responses(JSON))
    def json_feed() -> Response:
        return _answer(reader, JSON)

    return routes


def feed_links(pairs: Sequence[tuple[str, str]]) -> list[FeedLink]:
    """The feeds of a search, from its parameters; a feed begins with the newest, whatever page is shown."""
    kept = [pair for pair in pairs if pair[0] != "offset"]
    return [FeedLink(kind.name, kind.media_type, kind.address(kept)) for kind in KINDS]


def _answer(reader: Reader, kind: Kind) -> Response:
    given = read_pairs(request.query_string)
    check_names(given, FEED_PARAMETERS)
    found = reader.search(_query(given))
    feed = _feed(kind, given, found)
    answer = Response(kind.write(feed), content_type=f"{kind.media_type}; charset=utf-8")
    if feed.partial:  # not the whole truth, so that nobody may keep it
        answer.headers["Cache-Control"] = "no-store"
        return answer
    return _conditional(answer, last_change(feed.articles), found.wanted.request.now)


def _conditional(answer: Response, changed: datetime | None, now: datetime) -> Response:
    """The answer with its validators, or 304 when the asker has it already; raises 412 for If-Match."""
    answer.cache_control.public = True
    answer.cache_control.no_cache = True  # asked for each time: what is withdrawn must be gone at once
    answer.add_etag()
    # By the tag alone: what was withdrawn has left the feed, and its newest entry may be as old as before.
    asked = {name: value for name, value in request.environ.items() if name not in _TIMES}
    answer.make_conditional(asked)
    if answer.status_code == PreconditionFailed.code:
        raise PreconditionFailed
    if changed is not None:
        answer.last_modified = min(changed, now - SETTLING)
    return answer


def _query(given: Given) -> bytes:
    """The query string of the search: sorted by date where nobody asked for another order."""
    pairs = _pairs(given)
    return urlencode(pairs if "sort" in given else [*pairs, ("sort", "newest")]).encode()


def _feed(kind: Kind, given: Given, found: Found) -> Feed:
    root = _root()
    pairs = _pairs(given)
    asked = found.wanted.request
    query = urlencode(pairs)
    return Feed(
        title=_title(given, "" if asked.query is None else print_query(asked.query)),
        description=f"The articles that this search finds, {_ORDERS[asked.sort]}.",
        root=root,
        home=f"{root}{'?' if query else ''}{query}",
        address=root.removesuffix("/") + kind.address(pairs),
        articles=[hit.article for hit in found.page.hits],
        partial=found.page.partial,
    )


def _root() -> str:
    """Where this service is reached, for links that work anywhere; raises ``InvalidRequest`` without Host."""
    if not request.host:  # none was given, or none that could stand in an address
        raise InvalidRequest("Host", "must be a host name, which the links of a feed begin with")
    return f"{request.scheme}://{request.host}{request.root_path}/"


def _title(given: Given, parsed: str) -> str:
    """The query as it was understood, and the filters as they were given."""
    filters = [f"{name} {','.join(values)}" for name, values in given.items() if name not in _NO_FILTERS]
    return "Copydesk: " + ", ".join([parsed or "all copy", *filters])


def _pairs(given: Given) -> list[tuple[str, str]]:
    return [(name, value) for name, values in given.items() for value in values]


def _responses(kind: Kind) -> ResponseDict:
    return {200: {"content": {kind.media_type: {"schema": {"type": "string"}}}}}
