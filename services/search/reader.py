"""What the API and the web desk both ask of index and ledger; leaves shapes and pages to them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from werkzeug.exceptions import Gone, NotFound

from services.search.answers import Json, hits_json, search_json, trace_json
from services.search.cursors import Ahead, Cursors
from services.search.facets import with_written_names, with_written_suggestions
from services.search.params import BEGIN, Given, Wanted, read_cursor, read_pairs, read_search
from services.search.past import Past
from services.search.similar import FoundSimilar, SimilarText, like_article, like_text, read_similar
from services.search.suggest import read_beginning, suggestions_json
from services.search.timeline import WantedTimeline, read_timeline, timeline_json
from services.search.trends import FoundTrends, find_samples, read_trends
from shared.article import Article
from shared.errors import InvalidRequest, Unavailable
from shared.index.port import ArticleIndex, Filters, Mark, SearchPage, Step, Timeline
from shared.index.walking import MAX_STEP, mark_behind
from shared.ledger.port import Ledger
from shared.messages import Held
from shared.profiles.port import SourceProfile, SourceProfiles

_ARTICLE_ID = re.compile(r"[0-9a-f]{32}")
_HELD: Mapping[Held, str] = {
    "withheld": "its source withholds it until it sends another version",
    "embargo": "it is under embargo",
    "expired": "its source let it expire",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One search with its page; ``started`` is the clock as its query string came in.

    ``next`` is the cursor of the page behind, None where there is none.
    """

    wanted: Wanted
    page: SearchPage
    started: float
    next: str | None = None

    def took_ms(self) -> float:
        """The milliseconds from the query string until now."""
        return round((time.perf_counter() - self.started) * 1000, 2)

    def to_json(self) -> Json:
        """The answer of ``/v1/search``."""
        marked = self.wanted.request.query if self.wanted.highlight else None
        hits = hits_json(self.page.hits, self.wanted.fields, marked)
        return search_json(
            self.page, hits, self.wanted.text, self.wanted.request.query, self.took_ms(), self.next
        )


@dataclass(frozen=True, slots=True)
class FoundTimeline:
    """One timeline, with what was asked for; ``started`` as in ``Found``."""

    wanted: WantedTimeline
    timeline: Timeline
    started: float

    def to_json(self) -> Json:
        """The answer of ``/v1/timeline``."""
        took_ms = round((time.perf_counter() - self.started) * 1000, 2)
        return timeline_json(self.timeline, self.wanted, took_ms)


class Reader:
    """Searches, articles and traces out of one index and one ledger; safe to share between threads.

    ``profiles`` may be left out, or be away: a trace then says nothing of its source. ``countries`` are those
    of sources as the settings have them.
    """

    def __init__(
        self,
        index: ArticleIndex,
        ledger: Ledger,
        cursors: Cursors,
        profiles: SourceProfiles | None = None,
        countries: Mapping[str, str] | None = None,
    ) -> None:
        self._index = index
        self._ledger = ledger
        self._cursors = cursors
        self._profiles = profiles
        self._countries = countries or {}
        self.past = Past(self.article, ledger)

    def search(self, query: bytes) -> Found:
        """Answer the search of a query string; raises ``InvalidRequest`` and ``Unavailable``."""
        started = time.perf_counter()
        wanted = self._complete(read_search(query, datetime.now(UTC)))
        page = with_written_names(self._index.search(wanted.request), self._index, wanted.request.now)
        return Found(wanted, page, started)

    def page(self, query: bytes) -> Found:
        """Answer a search as ``search`` does, or give a page of a walk; ``next`` tells how to go on.

        A plain search keeps nothing: its ``next`` begins a walk behind it, see ``mark_behind``. With
        ``cursor=*`` beside its parameters a search begins the walk by itself, with up to 500 hits a page.
        Facets come with a plain search alone.
        """
        started = time.perf_counter()
        given = read_pairs(query)
        cursor = read_cursor(given)
        if cursor is None:
            found = self.search(query)
            return self._add_next(found, given, mark_behind(found.wanted.request, found.page))
        if cursor != BEGIN:
            ahead = self._cursors.read(cursor, datetime.now(UTC))
            wanted = self._with_countries(_read_ahead(ahead))
            step = self.step(wanted, ahead.mark)
            return self._add_next(Found(wanted, step.page, started), read_pairs(ahead.query), step.mark)
        wanted = self.read_walk(given)
        if wanted.request.facets:
            raise InvalidRequest("facets", "come with a plain search; a walk gives only articles")
        step = self.step(wanted, None)
        return self._add_next(Found(wanted, step.page, started), given, step.mark)

    def timeline(self, query: bytes) -> FoundTimeline:
        """Count the hits of a query string by time; raises ``InvalidRequest`` and ``Unavailable``."""
        started = time.perf_counter()
        wanted = read_timeline(query, datetime.now(UTC))
        wanted = replace(wanted, search=self._complete(wanted.search))
        return FoundTimeline(wanted, self._index.timeline(wanted.request()), started)

    def suggest(self, query: bytes) -> Json:
        """Suggest what to filter by; raises ``InvalidRequest`` and ``Unavailable``."""
        started, now = time.perf_counter(), datetime.now(UTC)
        begun = read_beginning(query)
        found = self._index.suggest(begun.text, begun.size, now)
        entities = with_written_suggestions(found.entities, self._index, now)
        took_ms = round((time.perf_counter() - started) * 1000, 2)
        return suggestions_json(replace(found, entities=entities), took_ms)

    def trends(self, query: bytes) -> FoundTrends:
        """Find what stands in unusually many articles; raises ``InvalidRequest`` and ``Unavailable``."""
        started = time.perf_counter()
        wanted = read_trends(query, datetime.now(UTC))
        wanted = replace(wanted, search=self._complete(wanted.search))
        found = self._index.trends(wanted.request())
        return FoundTrends(wanted, found, find_samples(found, wanted.request(), self._index), started)

    def similar(self, article_id: str, query: bytes) -> FoundSimilar:
        """Find articles like one; raises as ``article`` does, ``InvalidRequest`` and ``Unavailable``."""
        started = time.perf_counter()
        wanted = self._complete(read_similar(query, datetime.now(UTC)))
        asked = like_article(self.article(article_id), wanted, self._index)
        return FoundSimilar(wanted, self._index.similar(asked), started)

    def similar_to_text(self, text: SimilarText, query: bytes) -> FoundSimilar:
        """Find articles like a text; raises ``InvalidRequest`` and ``Unavailable``."""
        started = time.perf_counter()
        wanted = self._complete(read_similar(query, datetime.now(UTC)))
        return FoundSimilar(wanted, self._index.similar(like_text(text, wanted)), started)

    def read_walk(self, given: Given) -> Wanted:
        """Read the search that is to be walked through; raises ``InvalidRequest``."""
        pairs = [(name, value) for name, values in given.items() for value in values]
        query = urlencode([pair for pair in pairs if pair[0] not in ("cursor", "format")]).encode()
        return self._complete(read_search(query, datetime.now(UTC), MAX_STEP))

    def step(self, wanted: Wanted, mark: Mark | None) -> Step:
        """Take the next step of a walk, or the first; raises as ``ArticleIndex.walk`` does."""
        return self._index.walk(wanted.request, mark, datetime.now(UTC))

    def end_walk(self, mark: Mark) -> None:
        """Give up what is kept for a walk."""
        self._index.end_walk(mark)

    def _add_next(self, found: Found, given: Given, mark: Mark | None) -> Found:
        if mark is None:
            return found
        request = found.wanted.request
        try:
            ahead = Ahead(_carried(given, request.filters), request.now, mark)
            return replace(found, next=self._cursors.write(ahead, datetime.now(UTC)))
        except BaseException:
            self.end_walk(mark)  # nobody has its cursor
            raise

    def _complete(self, wanted: Wanted) -> Wanted:
        """A search with what its query string cannot tell."""
        return self._follow_merges(self._with_countries(wanted))

    def _with_countries(self, wanted: Wanted) -> Wanted:
        filters = replace(wanted.request.filters, source_countries=self._countries)
        return replace(wanted, request=replace(wanted.request, filters=filters))

    def _follow_merges(self, wanted: Wanted) -> Wanted:
        """Search for the stories that merged ones went into; as it was asked while the ledger is away."""
        filters = wanted.request.filters
        if not (filters.story or filters.not_story):
            return wanted
        try:
            story, not_story = (
                tuple(dict.fromkeys(self._ledger.living(ids))) for ids in (filters.story, filters.not_story)
            )
        except Unavailable:
            return wanted
        filters = replace(filters, story=story, not_story=not_story)
        return replace(wanted, request=replace(wanted.request, filters=filters))

    def article(self, article_id: str) -> Article:
        """The visible article of an id; raises ``Gone`` when it was withdrawn, else ``NotFound``."""
        _check_id(article_id)
        found = self._index.get([article_id], datetime.now(UTC))
        if found:
            return found[0]
        raise self._why_not(article_id)

    def trace(self, article_id: str) -> Json:
        """Everything that was done to an article; raises ``NotFound`` when the ledger knows no such id."""
        _check_id(article_id)
        status = self._ledger.status(article_id)
        if status is None:
            raise self._why_not(article_id)
        journey, article = self._ledger.journey(article_id), self._ledger.article(article_id)
        profile = self._profile(article.source.id) if article is not None else None
        return trace_json(status, journey, article, profile, datetime.now(UTC))

    def _profile(self, source: str) -> SourceProfile | None:
        """What was learnt of a source; None while that is not to be had."""
        if self._profiles is None:
            return None
        try:
            return self._profiles.read([source]).get(source)
        except Unavailable:
            return None

    def _why_not(self, article_id: str) -> NotFound | Gone:
        """Why there is nothing to show of an article."""
        status, article = self._ledger.status(article_id), self._ledger.article(article_id)
        tombstone = article is not None and article.withdrawn
        if status is not None and status.status == "withdrawn":
            why = f": {status.reason}" if status.reason else ""
            return Gone(f"the article {article_id} is withdrawn{why}")
        # What was pushed last may have been pruned since; the tombstone tells.
        if tombstone and (status is None or status.stage is None):
            return Gone(f"the article {article_id} was withdrawn, or is no longer kept")
        if status is None:
            return NotFound(f"no article has the id {article_id}")
        if status.held is not None:
            return NotFound(f"the article {article_id} is not to be found now: {_HELD[status.held]}")
        return NotFound(f"the article {article_id} is not to be found now: its status is {status.status}")


def _carried(given: Given, filters: Filters) -> bytes:
    """The query string of a search for its next page, with the stories that merged ones had gone into.

    Were merges followed again then, a story that was merged meanwhile would be lost from the kept state.
    """
    stories = {"story": filters.story, "-story": filters.not_story}
    kept = {name: values for name, values in given.items() if name not in ("cursor", "offset", *stories)}
    named = {name: [",".join(ids)] for name, ids in stories.items() if ids}
    return urlencode(kept | named, doseq=True).encode()


def _read_ahead(ahead: Ahead) -> Wanted:
    try:
        return read_search(ahead.query, ahead.now, MAX_STEP)
    except InvalidRequest as error:  # it was understood by the program that wrote it
        raise InvalidRequest("cursor", "was made by another version of this service; begin again") from error


def _check_id(article_id: str) -> None:
    if not _ARTICLE_ID.fullmatch(article_id):
        raise NotFound("an article id has 32 hex digits, in lower case")
