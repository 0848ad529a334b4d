"""The ledger port: the durable truth about every submission, and the article it led to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from shared.article import Article, Current, RawArticle, Verdict
from shared.ledger.keeping import Keeping
from shared.ledger.telling import Telling
from shared.messages import Held, Lane, Stage, Status
from shared.stories.links import StoryLink, StoryText


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that brought a submission: its id, and its place in a trace (W3C traceparent)."""

    request: str | None = None
    traceparent: str | None = None


NOWHERE = Origin()  # nobody's request: what the ledger or a command adds


@dataclass(frozen=True, slots=True)
class Accepted:
    """The receipt of one submission: durable from the moment ``accept`` returned.

    ``withdrawn``: its item was withdrawn for good, so nothing was stored and ``submission`` is empty.
    """

    id: str  # of the article
    submission: str
    withdrawn: bool = False
    killed: bool = False  # a kill: it has ended already, a tombstone waits at stage index


@dataclass(frozen=True, slots=True)
class Work:
    """One claimed submission, with what its stage needs: ``raw`` for clean, else ``article``."""

    sequence: int
    submission: str
    article_id: str
    attempts: int  # counted before the work starts, and only when claimed alone
    replay: Literal["keep", "reset"] | None = None  # at dedupe: whether verdict and story stand (keep)
    raw: RawArticle | None = None
    article: Article | None = None  # the draft; at stage index, the article as the ledger has it now
    current: Current | None = None  # at stage dedupe, when the article is known already
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch leased under one fresh token; ``full`` says that more may be waiting."""

    stage: Stage
    lane: Lane
    token: str
    works: tuple[Work, ...]
    full: bool


OutcomeWord = Status | Literal["failed", "deferred"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage made of one work.

    ``word`` is the next status word, or ``failed`` (an exception: counts against an article claimed
    alone, else it is next claimed alone), or ``deferred`` (an outage: no attempt). ``article`` is the new
    draft. The hashes, ``verdict`` and ``expected_revision`` are dedupe's; ``change`` is the index stage's:
    the change that was written.
    """

    sequence: int
    word: OutcomeWord
    reason: str | None = None
    article: Article | None = None
    verdict: Verdict | None = None
    content_hash: str | None = None
    text_hash: str | None = None
    expected_revision: int | None = None
    change: int | None = None
    traceback: str | None = None
    sketch: bytes | None = None  # dedupe's: packed ``Sketch``, what later texts are compared with
    story_sketch: bytes | None = None
    stories: tuple[StoryLink, ...] = ()  # articles of the stories that it belongs to, the most alike first


@dataclass(frozen=True, slots=True)
class KnownText:
    """One text of a candidate, or of ``article_id`` that leads in its place by now.

    Packed sketches, and the time (ms) by which its window is counted; no hash: it is under way.
    """

    article_id: str
    sketch: bytes
    moment: int
    text_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the window holds of one revision; packed ``sketch`` only of leads, whose bands are put back.

    ``story_sketch`` and ``moment`` are those of the article itself, also when it leads nothing.
    """

    sequence: int
    article_id: str
    text_hash: str
    lead: str
    moment: int
    sketch: bytes | None = None
    story_sketch: bytes | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did: how many ended in each word, and which stages now have work."""

    words: dict[str, int]
    wake: tuple[tuple[Stage, Lane], ...]
    leads: tuple[str, ...] = ()  # articles that lead though dedupe said otherwise: the bands do not know them
    turn: tuple[Lane, ...] = ()  # where a later revision, which waited for this one, is to be compared now


@dataclass(frozen=True, slots=True)
class SubmissionStatus:
    """Where the newest submission of an article stands."""

    id: str
    submission: str
    revision: int
    status: Status
    stage: Stage | None  # None once it has ended
    reason: str | None
    attempts: int
    updated_at: datetime
    withdrawn: bool = False  # its article is a tombstone, whatever became of the submission
    request: str | None = None  # the id of the request that brought it
    held: Held | None = None  # why search does not show the article now; released or ended by the sweep


@dataclass(frozen=True, slots=True)
class JourneyStep:
    """One step of a submission: when, where, by whom, with which result."""

    submission: str
    at: datetime
    stage: str  # "accept" or a Stage
    word: str
    worker: str
    attempt: int
    detail: str | None = None
    request: str | None = None  # the id of the request that brought the submission


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has not ended at one stage and lane, by what it waits for."""

    stage: Stage
    lane: Lane
    waiting: int  # due, and held by nobody
    held: int  # in work
    put_off: int  # after a failure or an outage, for some seconds
    oldest_since: datetime | None  # of those waiting; None: none waits
    oldest_accepted: datetime  # of all


class Flow(Protocol):
    """Submissions and articles, durable before any answer; every method is one transaction.

    Safe to share between threads of one process; never across a fork (``close`` first).
    Times come in as milliseconds since the epoch (``now``), so that tests own the clock.

    - ``claim`` leases up to ``limit`` waiting submissions of one lane, oldest first, past clean at most one
      per article; at dedupe only the oldest of an item, so that revisions are compared in order. A lapsed
      lease means that its holder died: its rows are tried again among themselves, in quarters of their
      claim, then of those, down to one. A lease that ends much further ahead than its own length counts as
      lapsed (the clock jumped).
    - Attempts are counted in ``claim``, before the work, and only for a claim of one. A row that has used
      up its attempts, or cannot be read, is quarantined by the next claim that meets it.
    - ``commit`` changes only rows that still carry the claim's token; what a late worker brings is dropped.
    - Two counters: ``revision`` counts changes of content, ``change`` every commit that alters the indexed
      document. A copy that joins or leaves a lead alters the lead's document: the ledger then adds a
      refresh of the lead at stage ``index``, which is a submission of the ledger's own.
    - Raises ``Unavailable`` when the database cannot be reached, is locked for too long, full or read-only.
    """

    def accept(
        self,
        articles: Sequence[RawArticle],
        now: int,
        lane: Lane = "live",
        *,
        origins: Sequence[Origin] = (),
    ) -> list[Accepted]:
        """Store originals and submissions at stage clean, all or none; returns receipts in order.

        ``origins`` names the request of each article; none are given where no request brought them.

        An item that was withdrawn for good is not stored; its receipt says so. A push with pub_status
        canceled is a kill: it withdraws its item at once, also one that is unknown or withdrawn already.
        """

    def claim(
        self,
        stage: Stage,
        lane: Lane,
        limit: int,
        worker: str,
        now: int,
        token: str | None = None,
        told: list[str] | None = None,
    ) -> Claim | None:
        """Lease a batch, or None when nothing waits; adds to ``told`` why it quarantined what it met."""

    def renew(self, token: str, now: int) -> bool:
        """Lengthen a lease; False when the token holds nothing any more."""

    def commit(
        self, claim: Claim, outcomes: Sequence[Outcome], next_stage: Stage | None, worker: str, now: int
    ) -> Committed:
        """Record every outcome and move what goes on to ``next_stage``."""

    def release(self, token: str, now: int, *, blame: str | None = None, traceback: str | None = None) -> int:
        """Give claimed rows back; without ``blame`` (an outage, a shutdown) no attempt is counted.

        With ``blame`` the rows of a batch are next tried in quarters of it, and a row claimed alone keeps its
        attempt. Returns how many rows were given back.
        """

    def status(self, article_id: str) -> SubmissionStatus | None:
        """The newest submission of an article."""

    def journey(self, article_id: str) -> list[JourneyStep]:
        """Every step of every submission of an article, oldest first."""

    def article(self, article_id: str) -> Article | None:
        """The article as the ledger has it now, with its counters, verdict and copies."""

    def backlog(self, now: int) -> list[Backlog]:
        """What has not ended, per stage and lane."""

    def counts(self) -> dict[str, int]:
        """Submissions by status word, refreshes of the ledger's own left out."""

    def fingerprints(self, since: int, after: int, limit: int) -> list[Fingerprint]:
        """A page of what the window holds of revisions accepted since, by sequence, for rebuilding Redis."""

    def known_texts(self, ids: Sequence[str]) -> dict[str, tuple[KnownText, ...]]:
        """What candidates are compared by: of each its present text, and those being compared just now.

        For one that leads no more, also the text of who leads in its place. Unknown ids are left out.
        """

    def known_stories(self, ids: Sequence[str]) -> dict[str, tuple[StoryText, ...]]:
        """What candidates for a story are compared by: present texts, and those being compared just now."""

    def check(self) -> None:
        """Return when the ledger can be written; raises ``Unavailable``."""

    def close(self) -> None:
        """Close every connection."""


class Ledger(Flow, Keeping, Telling, Protocol):
    """All of it: the flow of articles, the keeping of what came of them, and what readers are told."""
