"""The ledger's other port: what people and the sweeper do with what is kept, beside the flow of articles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from shared.article import Article, RawArticle
from shared.messages import Lane, Stage

if TYPE_CHECKING:
    from shared.ledger.port import Accepted, Origin


@dataclass(frozen=True, slots=True)
class Load:
    """How full the ledger is, for the caps at the door."""

    pending: int  # submissions that have not ended, counted up to the cap asked for
    ledger_bytes: int  # of the database, its write-ahead log included
    free_bytes: int | None  # left on its disk; None where that cannot be seen from here


@dataclass(frozen=True, slots=True)
class OnceKey:
    """An Idempotency-Key with the fingerprint of what was asked under it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class OnceAnswer:
    """The answer kept under a key; ``repeated`` when it was given before."""

    body: bytes
    repeated: bool


@dataclass(frozen=True, slots=True)
class QuarantineFilter:
    """Which quarantined submissions are meant; every condition given must hold. Times are milliseconds."""

    submissions: tuple[str, ...] = ()
    reason: str | None = None  # a part of it, in any case
    stage: Stage | None = None
    source: str | None = None
    since: int | None = None  # quarantined at or after
    until: int | None = None  # quarantined before


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One quarantined submission; ``original`` only when it was asked for, and has not been pruned."""

    sequence: int
    submission: str
    article_id: str
    source: str
    stage: Stage
    reason: str
    attempts: int
    traceback: str | None
    accepted_at: datetime
    quarantined_at: datetime
    original: RawArticle | None = None


@dataclass(frozen=True, slots=True)
class ReplaySpec:
    """Which part of the past runs again: the newest revision of each article, and what was rejected.

    ``since`` and ``until`` are about acceptance. With ``reset`` (from clean or dedupe) verdicts and stories
    are decided anew, in order of acceptance; else they stand. What was rejected runs only from clean, and not
    what a person dropped. What newer rules reject stays ``indexed`` as it was, with that as its reason.
    ``stale``: only articles whose tags were made with rules of another version than this (a whole replay
    from tag is then a re-tagging). An article that gets the same tags from stage tag on is not indexed again.
    """

    from_stage: Stage
    since: int | None = None
    until: int | None = None
    source: str | None = None
    reset: bool = False
    stale: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One batch of a long walk: how many were changed in it, and where the next begins (None: the end)."""

    changed: int
    next: int | None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a withdrawal did: to how many submissions, and which stages now have work."""

    submissions: int
    wake: tuple[tuple[Stage, Lane], ...]


@dataclass(frozen=True, slots=True)
class Due:
    """How many articles' time had come, and which stages now have work."""

    articles: int
    wake: tuple[tuple[Stage, Lane], ...] = ()


@dataclass(frozen=True, slots=True)
class Hurried:
    """How many submissions were moved to the live lane, and which stages now have work there."""

    submissions: int
    wake: tuple[tuple[Stage, Lane], ...] = ()


@dataclass(frozen=True, slots=True)
class Erasure:
    """A text that fingerprints have still to forget; ``sketch`` and ``story`` are packed, if any."""

    article_id: str
    text_hash: str
    sketch: bytes | None = None
    story: bytes | None = None
    moment: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """What the index ought to hold of one article, for comparing the two."""

    sequence: int
    id: str
    change: int
    indexed_change: int  # 0: it was never indexed
    withdrawn: bool
    text_hash: str
    lead: str  # its own id when it leads
    accepted_at: int  # ms


PruneWhat = Literal["originals", "ended", "refreshes", "articles"]


@dataclass(frozen=True, slots=True)
class PruneRule:
    """What may go: older than ``before`` (ms, by acceptance); of one source, or of all but some.

    - originals: of submissions that have ended, quarantined ones left out; the cleaned article stays.
    - ended: submissions with their journey that are no article's present revision (unchanged, superseded,
      rejected, quarantined, withdrawn).
    - refreshes: finished re-indexings of the ledger's own.
    - articles: an article leaves the index (as a tombstone, ``gone`` = pruned); a day later its rows go.
    """

    what: PruneWhat
    before: int
    source: str | None = None
    except_sources: tuple[str, ...] = ()


class Keeping(Protocol):
    """What is kept, and what may go. Every method is one short transaction; long walks come in pages.

    Raises ``Unavailable`` as ``Flow`` does.
    """

    def accept_once(
        self,
        key: OnceKey,
        articles: Sequence[RawArticle],
        now: int,
        answer: Callable[[list[Accepted]], bytes],
        lane: Lane = "live",
        *,
        origin: Origin = ...,
    ) -> OnceAnswer:
        """Accept under a key, in the same transaction; a known key gives its first answer again.

        Raises ``KeyReused`` when the key stands for another request. ``answer`` makes what is kept.
        """

    def load(self, now: int, pending_cap: int) -> Load:
        """How full the ledger is; counts no further than ``pending_cap`` + 1."""

    def tallies(self) -> dict[str, int]:
        """Totals since the beginning: ``accepted``, each terminal status, ``woken``, ``pruned``.

        A submission that is replayed leaves the total of its old status. Refreshes are not counted, so
        ``accepted`` = the terminal totals + pushes that have not ended.
        """

    def tally(self, name: str, count: int) -> None:
        """Add to a total that the flow itself does not keep (``woken``)."""

    def rejections(self) -> dict[str, int]:
        """Submissions rejected since the beginning, by reason; together the total of ``rejected``.

        A reason is a word such as ``front-page``, ``dropped`` for what a person dropped, or ``other``: of
        sentences, of words beyond the first fifty, and of what was purged. Every word that ever occurred is
        told, with 0 as well, and so is ``other``. A submission that is replayed leaves its reason's total.
        """

    def vocabularies(self) -> dict[str, int]:
        """Articles by the version of the rules that their tags were made with; withdrawn ones are left out.

        Under the empty name those tagged before there were versions. A revision that is not tagged yet is in
        none, whatever stands in its place meanwhile. It walks through an index that holds nothing else: that
        takes SQLite 0.1 s of CPU time for a million articles (2026-11-26).
        """

    def last_indexed(self) -> datetime | None:
        """When the index stage finished a submission last, a refresh of the ledger's own as well.

        None when it never did; also when the newest 100,000 steps of all journeys tell of no such thing.
        """

    def hurry(self, now: int) -> Hurried:
        """Move to the live lane what newer live submissions at dedupe wait for in the replay lane; a page.

        Those are older pushes of the same items that have still to be compared for the first time, or once
        more since they were quarantined. What a worker holds goes on in the live lane after its commit.
        Writes nothing, and waits for nobody, when there is none.
        """

    def quarantined(self, which: QuarantineFilter, after: int, limit: int) -> list[Quarantined]:
        """A page of the quarantine, oldest acceptance first, beyond sequence ``after``; without originals."""

    def quarantined_one(self, submission: str) -> Quarantined | None:
        """One quarantined submission with its original."""

    def count_quarantined(self, which: QuarantineFilter) -> int:
        """How many there are."""

    def replay_quarantined(
        self, which: QuarantineFilter, after: int, limit: int, now: int, lane: Lane = "replay"
    ) -> Page:
        """Send a page of them back to clean (a refresh: to index), with fresh attempts and still suspects.

        One whose original was pruned cannot be run again, and stays.
        """

    def drop_quarantined(
        self, which: QuarantineFilter, after: int, limit: int, now: int, reason: str
    ) -> Page:
        """End a page of them as ``rejected``, with ``dropped: reason``; originals stay until pruned.

        One that failed as it was replayed ends as ``indexed``: what was served before still is.
        """

    def count_replay(self, spec: ReplaySpec) -> int:
        """How many submissions a replay would take."""

    def replay(self, spec: ReplaySpec, after: int, limit: int, now: int) -> Page:
        """Put a page of the past back to a stage, in the replay lane; what is under way is left alone."""

    def refresh(self, after: int, limit: int, now: int, ids: Sequence[str] = ()) -> Page:
        """Queue a page of all articles (or those given) for writing to the index again, in the replay lane.

        Tombstones too, while they are younger than a day.
        """

    def withdraw(self, article_id: str, now: int, *, purge: bool = False) -> Withdrawal | None:
        """Take an article out of search for good and block its item; None when it is unknown.

        What is under way of it ends as ``withdrawn`` at once; a lead hands over to its copies. ``purge``
        also erases text, revisions, cuts, hashes and details, and notes fingerprints for erasure.
        Repeating it is harmless; a withdrawn article can still be purged.
        """

    def erasures(self, limit: int) -> list[Erasure]:
        """Fingerprints that have still to be forgotten."""

    def erased(self, done: Sequence[Erasure]) -> None:
        """They are forgotten."""

    def served(self, after: int, limit: int) -> list[Served]:
        """A page of articles that were indexed or are tombstones, by sequence."""

    def articles(self, ids: Sequence[str]) -> list[Article]:
        """Articles as the index ought to hold them, with counters, verdict and copies, in the order asked.

        Unknown ids are left out, and what was never indexed.
        """

    def prune(self, rule: PruneRule, after: int, limit: int, now: int) -> Page:
        """Remove (articles: begin to remove) a page of what a rule names."""

    def bury(self, now: int, limit: int) -> int:
        """Remove rows of pruned articles whose tombstone went two days ago; returns how many."""

    def due(self, now: int, limit: int) -> Due:
        """Release what was held until now, and expire what was shown until now; a page."""

    def prune_events(self, before: int, limit: int) -> int:
        """Remove events older than ``before`` (ms), but for the newest; returns how many."""

    def forget_keys(self, before: int, limit: int) -> int:
        """Remove idempotency keys older than ``before``; returns how many."""
