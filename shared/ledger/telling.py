"""The ledger's third port: what it tells readers of an article's past, of events, and of stories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from shared.article import Article, PubStatus

EventKind = Literal["published", "updated", "withdrawn", "held", "released", "expired"]


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """One revision of an article: when it was made, and whether it is the present one."""

    revision: int
    made_at: datetime
    is_current: bool
    title: str
    word_count: int
    version: int | None  # the source's own number
    published_at: datetime | None
    modified_at: datetime | None
    # What this revision said of who may read it, and when; the present one may say otherwise.
    pub_status: PubStatus = "usable"
    embargo_until: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that befell an article; ``id`` grows with each, in the order in which they were committed."""

    id: int
    at: datetime
    kind: EventKind
    article_id: str
    source: str
    revision: int
    change: int
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoryMember:
    """One article of a story as its timeline shows it."""

    id: str
    revision: int
    source: str
    title: str
    url: str | None
    published_at: datetime | None
    ingested_at: datetime
    verdict: str
    duplicate_of: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """Articles about one event, oldest first; ``lead`` is the one that was first, or is ranked highest."""

    id: str
    lead: str
    sources: tuple[str, ...]
    articles: int  # all of them; ``members`` is bounded
    members: tuple[StoryMember, ...]
    merged: tuple[str, ...]  # ids of stories that were merged into it


class Telling(Protocol):
    """What readers are told; only of what they may see at ``now`` (ms), unless said otherwise."""

    def versions(self, article_id: str) -> list[VersionFacts]:
        """The kept revisions of an article, up to the one that is served, the oldest first.

        Also of what may not be shown; of more than a thousand, the newest. None are there once it is purged.
        """

    def revision(self, article_id: str, revision: int) -> Article | None:
        """One revision of an article, with its text; None when it is unknown, not served yet, or not kept."""

    def past(self, ids: Sequence[str], limit: int) -> list[tuple[str, VersionFacts]]:
        """The present revisions of some articles, and the newest ``limit`` of the kept ones before them.

        Each with its article's id, by the time at which it was made, the oldest first; also of what may not
        be shown.
        """

    def events(self, since: int, limit: int) -> list[Event]:
        """Events with ids beyond ``since``, oldest first."""

    def event_bounds(self) -> tuple[int, int]:
        """The ids of the oldest and the newest event that are kept; (0, 0) when there is none."""

    def living(self, story_ids: Sequence[str]) -> list[str]:
        """The stories that some ids lead to now, in order: themselves, or what they were merged into."""

    def story(self, story_id: str, now: int) -> Story | None:
        """A story by its id, or by that of one that was merged into it; None when nothing of it is shown."""
