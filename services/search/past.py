"""What readers are told of an article's past and of its story: versions, what differs between two, timelines.

Only of articles that may be read now, and only of versions that said so of themselves: a draft that was
withheld does not come to light because its successor is public.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, cast

from werkzeug.exceptions import NotFound

from services.search.answers import Json, is_released
from services.search.diff import Difference, compare_revisions
from services.search.params import check_names, read_pairs
from shared.article import Article
from shared.clock import to_ms
from shared.errors import InvalidRequest
from shared.ledger.telling import Story, StoryMember, Telling, VersionFacts

MOST_PAST: Final = 500  # earlier versions of its articles that a story's timeline tells of
_NUMBER: Final = re.compile(r"0*[1-9][0-9]{0,8}")
_STORY_ID: Final = re.compile(r"[0-9a-f]{32}")
_FORMATS: Final = ("json", "html")


@dataclass(frozen=True, slots=True)
class DiffQuery:
    """Which two versions are compared (None: the present one, and the one before), and how it is told."""

    old: int | None = None
    new: int | None = None
    format: Literal["json", "html"] = "json"

    @classmethod
    def read(cls, query: bytes, known: tuple[str, ...] = ("from", "to", "format")) -> DiffQuery:
        """Read a query string; raises ``InvalidRequest`` naming the parameter at fault."""
        given = read_pairs(query)
        check_names(given, known)
        single = {name: _single(name, values) for name, values in given.items()}
        form = single.get("format", "json")
        if form not in _FORMATS:
            raise InvalidRequest("format", f'must be {" or ".join(_FORMATS)}, not "{form[:50]}"')
        old, new = (_number(name, single[name]) if name in single else None for name in ("from", "to"))
        return cls(old, new, cast("Literal['json', 'html']", form))


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions of an article, and what differs between them."""

    article: Article  # as it is now
    old: VersionFacts
    new: VersionFacts
    difference: Difference

    def to_json(self) -> Json:
        """The answer of ``/v1/articles/{id}/diff``."""
        found = self.difference
        return {
            "id": self.article.id,
            "from": version_json(self.old),
            "to": version_json(self.new),
            "title": found.title,
            "summary": found.summary,
            "body": found.body,
            "fields": found.fields,
            "words": {"inserted": found.inserted, "deleted": found.deleted},
            "complete": found.complete,
        }


@dataclass(frozen=True, slots=True)
class Moment:
    """One version of one article in the timeline of a story."""

    at: datetime
    kind: Literal["published", "updated"]  # published: nothing of it was shown before
    id: str
    revision: int
    source: str
    title: str
    verdict: str | None  # of the article as it is now; None: an earlier version of it
    duplicate_of: str | None


@dataclass(frozen=True, slots=True)
class ToldStory:
    """A story with its timeline, the oldest moment first."""

    story: Story
    timeline: tuple[Moment, ...]

    def to_json(self) -> Json:
        """The answer of ``/v1/stories/{id}``."""
        story = self.story
        return {
            "id": story.id, "lead": story.lead, "sources": story.sources, "articles": story.articles,
            "members": story.members, "timeline": self.timeline, "merged": story.merged,
        }  # fmt: skip


class Past:
    """Versions, differences and stories out of one ledger; ``visible`` gives the article that readers see."""

    def __init__(self, visible: Callable[[str], Article], ledger: Telling) -> None:
        self._visible = visible
        self._ledger = ledger

    def versions(self, article_id: str) -> list[VersionFacts]:
        """The versions of a visible article, the newest last; raises ``NotFound`` and ``Gone`` as it does."""
        self._visible(article_id)
        return self._versions(article_id)

    def version(self, article_id: str, revision: str) -> Article:
        """One version of a visible article; raises ``NotFound`` also when it is unknown, or not kept."""
        self._visible(article_id)
        if not _NUMBER.fullmatch(revision):
            raise NotFound(f"the article {article_id} has no version {revision[:50]!r}: they are 1, 2, 3 ...")
        known = {facts.revision for facts in self._versions(article_id)}
        return self._text(article_id, int(revision), known)

    def compare(self, article_id: str, query: DiffQuery) -> Compared:
        """What differs between two versions of a visible article; raises as ``version`` does."""
        article = self._visible(article_id)
        known = {facts.revision: facts for facts in self._versions(article_id)}
        new = max(known, default=0) if query.new is None else query.new
        old = max((one for one in known if one < new), default=None) if query.old is None else query.old
        if old is None:
            raise NotFound(f"the article {article_id} has no version before {new} that can be read")
        texts = [self._text(article_id, one, set(known)) for one in (old, new)]
        return Compared(article, known[old], known[new], compare_revisions(*texts))

    def story(self, story_id: str) -> ToldStory:
        """A story with its timeline; raises ``NotFound`` when nothing of it may be read."""
        now = datetime.now(UTC)
        found = self._ledger.story(story_id, to_ms(now)) if _STORY_ID.fullmatch(story_id) else None
        if found is None:
            raise NotFound(f"no story has the id {story_id[:50]}, or nothing of it may be read now")
        return ToldStory(found, self._timeline(found, now))

    def _versions(self, article_id: str) -> list[VersionFacts]:
        now = datetime.now(UTC)
        return [facts for facts in self._ledger.versions(article_id) if is_released(facts, now)]

    def _text(self, article_id: str, revision: int, known: set[int]) -> Article:
        found = self._ledger.revision(article_id, revision) if revision in known else None
        if found is None:
            raise NotFound(f"the article {article_id} has no version {revision} that can be read")
        return found

    def _timeline(self, story: Story, now: datetime) -> tuple[Moment, ...]:
        members = {member.id: member for member in story.members}
        changed = {member.id for member in story.members if member.revision > 1}
        past = self._ledger.past(sorted(changed), MOST_PAST) if changed else []
        shown = [(members[one], facts) for one, facts in past if is_released(facts, now)]
        # Where the past was cut off, what is first here need not have been; else it was, for readers.
        firsts = _firsts(shown) if len(past) < MOST_PAST else set()
        moments = [
            _version(member, facts, first=facts.revision == 1 or (member.id, facts.revision) in firsts)
            for member, facts in shown
        ]
        moments += [_only(member) for member in story.members if member.id not in changed]
        return tuple(sorted(moments, key=lambda one: (one.at, one.id, one.revision)))


def version_json(facts: VersionFacts) -> Json:
    """One version as the list tells of it."""
    return {
        "revision": facts.revision, "made_at": facts.made_at, "is_current": facts.is_current,
        "title": facts.title, "word_count": facts.word_count, "version": facts.version,
        "published_at": facts.published_at, "modified_at": facts.modified_at,
    }  # fmt: skip


def _firsts(shown: Sequence[tuple[StoryMember, VersionFacts]]) -> set[tuple[str, int]]:
    """The ids of articles with the first revisions of theirs that are shown."""
    firsts: dict[str, int] = {}
    for member, facts in shown:
        firsts[member.id] = min(facts.revision, firsts.get(member.id, facts.revision))
    return set(firsts.items())


def _version(member: StoryMember, facts: VersionFacts, *, first: bool) -> Moment:
    at = _began(facts.published_at, facts.made_at) if first else facts.made_at
    verdict = (member.verdict, member.duplicate_of) if facts.is_current else (None, None)
    return Moment(
        at, "published" if first else "updated", member.id, facts.revision, member.source, facts.title,
        *verdict,
    )  # fmt: skip


def _only(member: StoryMember) -> Moment:
    at = _began(member.published_at, member.ingested_at)
    return Moment(
        at, "published", member.id, member.revision, member.source, member.title, member.verdict,
        member.duplicate_of,
    )  # fmt: skip


def _began(published_at: datetime | None, came_in: datetime) -> datetime:
    """When a first version was out: as it says, but not after it came in."""
    return came_in if published_at is None else min(published_at, came_in)


def _single(name: str, values: list[str]) -> str:
    if len(values) > 1:
        raise InvalidRequest(name, f"is given {len(values)} times; give it once")
    return values[0]


def _number(name: str, value: str) -> int:
    if not _NUMBER.fullmatch(value):
        raise InvalidRequest(name, f'must be the number of a version, from 1 on, not "{value[:50]}"')
    return int(value)
