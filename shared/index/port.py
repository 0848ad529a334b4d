"""The index port: what is searched, and nothing that could not be rebuilt from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from shared.article import Article
from shared.frequencies import Frequencies
from shared.index.query import Node

Duplicates = Literal["fold", "keep", "only"]
Stories = Literal["keep", "fold"]
Sort = Literal["relevance", "newest", "oldest"]
WriteWord = Literal["written", "stale", "refused", "unavailable"]


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
    not wanted leaves out its own articles alone, and so does a source below a NOT in the query.
    """

    source: tuple[str, ...] = ()
    not_source: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    not_language: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    not_topic: tuple[str, ...] = ()
    story: tuple[str, ...] = ()
    not_story: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search; ``now`` fixes visibility. ``size`` is 0..100, ``offset`` + ``size`` at most 10,000.

    ``duplicates`` says first which matches may be hits: all (``keep``), all but the duplicates of a lead
    (``fold``), or these alone (``only``). Rewrites and excerpts are hits under ``fold``, and not under
    ``only``: they have words of their own, see ``document.is_folded``. With ``stories=fold`` each story is
    then one hit, the best of those by the sort order.
    """

    now: datetime
    query: Node | None = None  # None matches everything
    filters: Filters = field(default_factory=Filters)
    duplicates: Duplicates = "fold"
    stories: Stories = "keep"
    sort: Sort = "relevance"
    size: int = 20
    offset: int = 0


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
    and ``groups_approximate`` is true. ``partial`` is true when the engine ran out of time.
    """

    articles: int
    groups: int
    hits: tuple[Hit, ...]
    engine_ms: float
    partial: bool = False
    groups_approximate: bool = False


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
