"""The index port: what is searched, and nothing that could not be rebuilt from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from shared.article import Article, Source
from shared.frequencies import Frequencies
from shared.index.query import Node

if TYPE_CHECKING:  # they are told in the words below
    from shared.index.similar import Similar, SimilarRequest
    from shared.index.trends import Trends, TrendsRequest

Duplicates = Literal["fold", "keep", "only"]
Stories = Literal["keep", "fold"]
Sort = Literal["relevance", "newest", "oldest"]
FacetName = Literal["source", "language", "topic", "domain", "author", "entity", "story"]
WriteWord = Literal["written", "stale", "refused", "unavailable"]
SEARCH_SECONDS = 2  # that an engine may take over a search; then the answer is partial


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """What became of one article of a bulk write.

    ``written``: it is (or will within a second be) searchable. ``stale``: the index holds an equal or newer
    ``change``, which is success. ``refused``: this document can never be written, ``reason`` says why.
    ``unavailable``: the engine was overloaded (429, 503) for this item; write it again later.
    """

    id: str
    word: WriteWord
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Exact filters beside the query text; values of one field mean OR, fields mean AND.

    ``not_*`` are the negative twins. ``start`` and ``end`` bound ``published_at``, both included.
    Under ``duplicates=fold`` a source matches an article whose duplicate ran there too; a source that is
    not wanted leaves out its own articles alone, and so does a source below a NOT in the query. So it is
    with ``domain``: the host of an article's URL or source, or a domain above it (``example.com`` has
    ``news.example.com``), and with ``country``: the code of the source's, which is what ``source_countries``
    says, the codes of the settings by source, else what the source ends in; it is read with the ``country:``
    of a query too. ``entity`` and ``author`` are whole names, whatever their case and accents.
    ``min_words`` and ``max_words`` bound ``word_count``, both included; ``indexed_since`` is included too.
    """

    source: tuple[str, ...] = ()
    not_source: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    not_language: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    not_topic: tuple[str, ...] = ()
    story: tuple[str, ...] = ()
    not_story: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    not_domain: tuple[str, ...] = ()
    entity: tuple[str, ...] = ()
    not_entity: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    not_author: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    not_country: tuple[str, ...] = ()
    source_countries: Mapping[str, str] = field(default_factory=dict)
    start: datetime | None = None
    end: datetime | None = None
    min_words: int | None = None
    max_words: int | None = None
    indexed_since: datetime | None = None
    has_image: bool | None = None


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search; ``now`` fixes visibility. ``size`` is 0..100, ``offset`` + ``size`` at most 10,000.

    ``duplicates`` says first which matches may be hits: all (``keep``), all but the duplicates of a lead
    (``fold``), or these alone (``only``). Rewrites and excerpts are hits under ``fold``, and not under
    ``only``: they have words of their own, see ``document.is_folded``. With ``stories=fold`` each story is
    then one hit, the best of those by the sort order. ``facet_size`` is 1..10,000 values of each
    facet.
    """

    now: datetime
    query: Node | None = None  # None matches everything
    filters: Filters = field(default_factory=Filters)
    duplicates: Duplicates = "fold"
    stories: Stories = "keep"
    sort: Sort = "relevance"
    size: int = 20
    offset: int = 0
    facets: tuple[FacetName, ...] = ()
    facet_size: int = 20


@dataclass(frozen=True, slots=True)
class FacetCount:
    """A value of a facet, as a filter reads it, and how many hits there are with it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class FoldedStory:
    """The story that a hit stands for, and how many visible articles of it matched: hit and copies too.

    With ``duplicates=only`` those are duplicates. An article of no story counts as a story by its own id.
    """

    id: str
    articles: int


@dataclass(frozen=True, slots=True)
class Hit:
    """One found article: its relevance (None when sorted by date), and its story where these are folded."""

    article: Article
    score: float | None
    story: FoldedStory | None = None


@dataclass(frozen=True, slots=True)
class SearchPage:
    """The answer of one search: exact totals, hits in order, the engine's own time in milliseconds.

    ``articles`` counts every visible match, ``groups`` those among them that are not folded; with
    ``duplicates=keep`` or ``only`` both count the articles asked for. With ``stories=fold`` ``groups`` counts
    the stories of what may be a hit: exactly up to 40,000; where there are more it may be some percent off,
    and ``groups_approximate`` is true. ``partial`` is true when the engine ran out of time: hits are then
    the best of what it had gone through, and every number is a lower bound.

    ``facets`` has the values with most hits, by count and then by value. Each facet is counted as if its own
    filter and the negative twin were not set, and all others were; an article counts for each of its values,
    and under ``duplicates=fold`` a lead for those of the copies under it too, as the filters match. Stories
    are counted apart, folded or not. Facets of which a value may be missing, or a count too low, are named
    in ``facets_approximate``.
    """

    articles: int
    groups: int
    hits: tuple[Hit, ...]
    engine_ms: float
    partial: bool = False
    groups_approximate: bool = False
    facets: Mapping[str, tuple[FacetCount, ...]] = field(default_factory=dict)
    facets_approximate: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a walk through a whole result stands: what its next step goes on from.

    ``pin`` names the state of the index that is kept for this walk, and is empty while none is. ``score``
    and ``key`` (a ``sort_key``) are those of the last hit, None before the first. ``seen`` are the ids of
    hits that were shown before a state was kept: none of them comes again. ``articles`` and ``groups`` are
    the totals of the kept state.
    """

    pin: str = ""
    score: float | None = None
    key: int | None = None
    seen: tuple[str, ...] = ()
    articles: int = 0
    groups: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One page of a walk, and the mark of the next; without one this was the end."""

    page: SearchPage
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class TimelineRequest:
    """One timeline: filters and duplicates as in a search, which hits are counted by ``published_at``.

    ``interval`` is hour, day, week (from Monday) or month, all in UTC, or a fixed number of minutes, hours or
    days from 1970 on (``30m``, ``6h``, ``2d``). ``split`` also counts the ten values with most hits.
    """

    now: datetime
    query: Node | None = None
    filters: Filters = field(default_factory=Filters)
    duplicates: Duplicates = "fold"
    interval: str = "day"
    split: Literal["source", "topic"] | None = None


@dataclass(frozen=True, slots=True)
class TimelineBucket:
    """The hits from ``start`` to ``end``, its last millisecond.

    ``split`` counts the values, each hit for every one it has; ``other`` the hits with none of them.
    """

    start: datetime
    end: datetime
    count: int
    split: Mapping[str, int] | None = None
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The buckets from the first hit to the last, empty ones between them too; at most 1,000.

    ``total`` is the ``groups`` of the search, ``undated`` the hits among them that have no ``published_at``.
    """

    interval: str
    buckets: tuple[TimelineBucket, ...]
    total: int
    undated: int
    engine_ms: float
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A value to filter by, how it is called, and how many articles have it."""

    value: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class SuggestedTitle:
    """An article whose title a reader may be about to type."""

    id: str
    title: str
    source: Source
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Of each kind the names that begin as asked and that most visible articles have, largest first.

    Counts are those of a facet over everything, but a topic's are without those of the topics below it.
    ``titles`` are the newest that have every word of the text, in any form, the last as a beginning; copies
    are folded. A last word that is how the code of a language begins (``e``, ``en``) is looked for among the
    newest hundred.
    """

    sources: tuple[Suggestion, ...]
    topics: tuple[Suggestion, ...]
    entities: tuple[Suggestion, ...]
    titles: tuple[SuggestedTitle, ...]
    engine_ms: float
    partial: bool = False


class ArticleIndex(Protocol):
    """Articles by id, searchable within about a second of a write. Safe to share between threads.

    - One document per article id. A write carries ``article.change``; a document with an equal or higher
      change is never overwritten (``stale``), whatever the order in which writes arrive.
    - A withdrawn article is written as a tombstone: it keeps its id and change and is never found again.
    - Visibility is decided here, by one filter, for every reader: ``pub_status`` is usable,
      ``embargo_until`` is past, ``expires_at`` is not, and it is no tombstone, all at ``request.now``.
    - Order: relevance, then newest first; newest and oldest go by ``sort_key``, which is unique. Folding
      stories leaves the order as it is and takes out all but the first of each story.
    - A new index can be built beside the one in use: from ``begin_build`` on, every ``write`` by any process
      goes to both, and its outcome is the worse of the two; ``switch`` swaps them in one step.
    - Raises ``Unavailable`` when the engine is away, overloaded or locked, ``IndexMissing`` when the index
      or alias does not exist. Nothing but ``create`` and ``begin_build`` makes one.
    """

    def create(self) -> None:
        """Make the index and its alias if they are missing; harmless when they exist."""

    def write(self, articles: Sequence[Article]) -> list[WriteOutcome]:
        """Write a batch; one outcome each, in order. Of one id given twice the highest change wins."""

    def search(self, request: SearchRequest) -> SearchPage:
        """Answer one search."""

    def timeline(self, request: TimelineRequest) -> Timeline:
        """Count hits by time.

        Raises ``InvalidRequest`` for an interval that is none, or so fine that there were too many buckets.
        """

    def suggest(self, text: str, size: int, now: datetime) -> Suggestions:
        """Up to ``size`` sources, topics and entities each whose names begin with a text, and titles.

        Case and accents do not count. Raises ``InvalidRequest`` for an empty text, or a size not in 1..20.
        """

    def similar(self, request: SimilarRequest) -> Similar:
        """Find articles like a text; raises ``InvalidRequest`` for a size not in 1..50."""

    def trends(self, request: TrendsRequest) -> Trends:
        """Find what stands in unusually many articles.

        Raises ``InvalidRequest`` for a size or times out of bounds.
        """

    def get(self, ids: Sequence[str], now: datetime) -> list[Article]:
        """The visible articles among ``ids``, in the order asked; missing ones are left out."""

    def frequencies(self, language: str, words: Sequence[str]) -> Frequencies:
        """In how many bodies of a language each word occurs in any form, and how many documents it has.

        An estimate, for weighing words: dead documents count until the engine has merged them away, and a
        cluster answers for one shard. A word without a letter or digit is left out.
        """

    def count(self, *, build: bool = False) -> int:
        """How many documents there are, tombstones included; with ``build`` in the one being built."""

    def changes(self, ids: Sequence[str], *, build: bool = False) -> dict[str, int]:
        """The ``change`` of those documents that there are, whether visible or not."""

    def digests(self, ids: Sequence[str], *, build: bool = False) -> dict[str, str]:
        """A digest of each document's article as stored, but for ``indexed_at``: see ``document.digest``."""

    def begin_build(self) -> str:
        """Make an empty index beside the one in use, or go on with one begun before; returns its name."""

    def building(self) -> str | None:
        """The name of the index being built, if there is one."""

    def switch(self, now: int) -> str:
        """Put the built index in the place of the one in use, in one step; returns the old one's name.

        The old one is kept, marked as retired at ``now`` (ms). Raises ``IndexMissing`` when none is built.
        """

    def abandon_build(self) -> None:
        """Drop the index being built, if there is one."""

    def drop_retired(self, before: int) -> list[str]:
        """Drop what was retired before a moment (ms); returns the names."""

    def remove_tombstones(self, before: int, limit: int) -> int:
        """Drop up to ``limit`` tombstones written before a moment (ms); returns how many."""

    def refresh(self) -> None:
        """Make everything written so far searchable at once; for tests and single writes by people."""

    def check(self) -> None:
        """Return when searches can be answered; raises ``Unavailable`` or ``IndexMissing``."""

    def close(self) -> None:
        """Give up connections, locks and files."""

    def walk(self, request: SearchRequest, mark: Mark | None, now: datetime) -> Step:
        """Take the next step through a whole result: up to ``request.size`` (1..500) hits, to the very end.

        - ``None``, or a mark without a pin as ``walking.mark_behind`` makes it, begins a walk: the index is
          kept for it as it is then. Every match of that state comes once, in the order of ``search``,
          whatever is written meanwhile; totals are of that state too. Each step needs the same request.
        - Which articles come is decided by the kept state, what is shown of them by the index as it is now:
          a corrected article comes with its new text. What readers may no longer see at ``now`` is left out,
          with nothing in its place: a page may be short, or empty; only a missing mark is the end.
        - A state is kept for ``walking.KEEP_SECONDS`` after the last step, and given up at the end.
        - Raises ``WalkGone`` when the state is no longer kept, ``Unavailable`` also when too many are, or
          when the engine ran out of time: no step is ever partial, and a mark may be tried again.
          ``InvalidRequest`` for folded stories, an offset, or a size out of bounds.
        """

    def end_walk(self, mark: Mark) -> None:
        """Give up at once what is kept for a walk; harmless when nothing is, and never raises."""
