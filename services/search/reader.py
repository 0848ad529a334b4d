"""What the API and the web desk both ask of index and ledger; leaves shapes and pages to them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from werkzeug.exceptions import Gone, NotFound

from services.search.answers import Json, hit_json, search_json, trace_json
from services.search.params import Wanted, read_search
from services.search.past import Past
from shared.article import Article
from shared.errors import Unavailable
from shared.index.port import ArticleIndex, SearchPage
from shared.ledger.port import Ledger
from shared.profiles.port import SourceProfile, SourceProfiles

_ARTICLE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Found:
    """One search with its page; ``started`` is the clock as its query string came in."""

    wanted: Wanted
    page: SearchPage
    started: float

    def took_ms(self) -> float:
        """The milliseconds from the query string until now."""
        return round((time.perf_counter() - self.started) * 1000, 2)

    def to_json(self) -> Json:
        """The answer of ``/v1/search``."""
        marked = self.wanted.request.query if self.wanted.highlight else None
        hits = [hit_json(hit, self.wanted.fields, marked) for hit in self.page.hits]
        return search_json(self.page, hits, self.wanted.text, self.wanted.request.query, self.took_ms())


class Reader:
    """Searches, articles and traces out of one index and one ledger; safe to share between threads.

    ``profiles`` may be left out, or be away: a trace then says nothing of its source.
    """

    def __init__(self, index: ArticleIndex, ledger: Ledger, profiles: SourceProfiles | None = None) -> None:
        self._index = index
        self._ledger = ledger
        self._profiles = profiles
        self.past = Past(self.article, ledger)

    def search(self, query: bytes) -> Found:
        """Answer the search of a query string; raises ``InvalidRequest`` and ``Unavailable``."""
        started = time.perf_counter()
        wanted = self._follow_merges(read_search(query, datetime.now(UTC)))
        return Found(wanted, self._index.search(wanted.request), started)

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
            return Gone(f"the article {article_id} was withdrawn")
        # What was pushed last may have been pruned since; the tombstone tells.
        if tombstone and (status is None or status.stage is None):
            return Gone(f"the article {article_id} was withdrawn, or is no longer kept")
        if status is None:
            return NotFound(f"no article has the id {article_id}")
        return NotFound(f"the article {article_id} is not to be found now: its status is {status.status}")


def _check_id(article_id: str) -> None:
    if not _ARTICLE_ID.fullmatch(article_id):
        raise NotFound("an article id has 32 hex digits, in lower case")
