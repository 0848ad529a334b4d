"""Which story an article belongs to, for good; ``timeline`` tells what a story shows.

Links are found by several processes at once, some to articles that the ledger does not have yet; here they
are settled one after the other, since the caller has the turn (``take_turn``). A story is named after the
article that founded it. That one may come to the ledger after those that found it: then it finds its story
there already. A story that turns out to be a part of another is merged into it: the older id stays, the other
one leads to it from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from shared.article import Article
from shared.codec import unpack
from shared.ledger.likeness import Text, read_text
from shared.ledger.rows import Row
from shared.ledger.schema import articles, sketches, story_merges, submissions
from shared.nearness.window import moment_of
from shared.stories.features import make_story_sketch, pack_story
from shared.stories.likeness import WINDOW_MS
from shared.stories.links import StoryLink, StoryText

MOST_MOVED = 2_000  # articles that a merge rewrites; a larger story stays apart, so that no commit takes long

# Read for every article that has candidates, and so put together once.
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_KEPT = (
    sa.select(articles.c.id, articles.c.moment, sketches.c.story)
    .join(sketches, sketches.c.article_id == articles.c.id)
    .where(
        articles.c.id.in_(_IDS),
        articles.c.withdrawn.is_(False),
        articles.c.moment.is_not(None),
        sketches.c.story.is_not(None),
    )
)
_COMING = sa.select(submissions.c.article_id, submissions.c.draft).where(
    submissions.c.article_id.in_(_IDS), submissions.c.stage == "dedupe", submissions.c.draft.is_not(None)
)


def settle_story(
    connection: sa.Connection,
    article_id: str,
    links: Sequence[StoryLink],
    verdict_lead: str | None,
    found: Row | None,
    now: int,
    *,
    founds: bool = True,
) -> tuple[str, set[str]]:
    """The story of an article that is about to be stored, and ids of other articles that changed theirs.

    ``links`` come the most alike first. A copy (``verdict_lead``) is where its lead is; ``found``, the row of
    an article that is known already, stays where it is, unless it is alone there and belongs elsewhere beyond
    doubt; ``founds``: a story may be named after it already. Those that changed have their change counted,
    and are to be indexed again. What the same commit stores must be in the table when links or lead name it.
    """
    named = [verdict_lead] if verdict_lead is not None else [link.article_id for link in links]
    stories = _stories_of(connection, named, article_id)
    own = stories.get(article_id, article_id)
    if found is not None:  # as it was read: this very commit may have merged its story since
        own = living_story(connection, found["story_id"])
    sure = list(dict.fromkeys(stories[link.article_id] for link in links if link.merges))
    merge = _Merge(connection, now)
    if verdict_lead is not None:
        story = stories[verdict_lead]
    elif found is not None:
        # A flash of two lines founds a story of its own; its next revision tells what it is about.
        story = sure[0] if sure and _is_alone(connection, article_id, own) else own
    elif links:
        story = stories[links[0].article_id]
        for other in sure[1:] if story in sure else ():
            story = merge.join(story, other)
    else:
        story = own
    if found is not None and story != own and _is_alone(connection, article_id, own):
        merge.note(own, story)
    if founds and found is None and own == article_id != story and not _is_alone(connection, article_id, own):
        # Others came first and named it as their founder. Had it been here, they would be where it goes.
        merge.join(story, own, keep=story)
    return story, merge.moved - {article_id}


def of_these_days(connection: sa.Connection, text: Text, lead: str | None) -> str | None:
    """A lead that dedupe named; None where the same words told of another event: last month's template."""
    other = read_text(connection, lead) if lead is not None else None
    return None if other is not None and abs(text.moment - other.moment) > WINDOW_MS else lead


def named_founders(connection: sa.Connection, ids: Iterable[str]) -> set[str]:
    """Those of some articles that a story is named after, in the ledger or as one that was merged away."""
    wanted = sorted(set(ids))
    held = sa.select(articles.c.story_id).where(articles.c.story_id.in_(wanted)).distinct()
    merged = sa.select(story_merges.c.story_id).where(story_merges.c.story_id.in_(wanted))
    return {*connection.scalars(held), *connection.scalars(merged)}


def living_story(connection: sa.Connection, story_id: str) -> str:
    """The story that an id leads to: itself, or what it was merged into."""
    into = sa.select(story_merges.c.into_id).where(story_merges.c.story_id == story_id)
    return connection.scalar(into) or story_id


def _stories_of(connection: sa.Connection, ids: Sequence[str], founder: str) -> dict[str, str]:
    """The living story of each article, and the one that a founder's name leads to.

    One that the ledger does not have yet will have a story of its own.
    """
    named = {one: one for one in (founder, *ids)}
    if ids:
        query = sa.select(articles.c.id, articles.c.story_id).where(articles.c.id.in_(sorted(set(ids))))
        named |= {row.id: row.story_id for row in connection.execute(query)}
    merged = sa.select(story_merges).where(story_merges.c.story_id.in_(sorted(set(named.values()))))
    into = {row.story_id: row.into_id for row in connection.execute(merged)}
    return {one: into.get(story, story) for one, story in named.items()}


def _is_alone(connection: sa.Connection, article_id: str, story_id: str) -> bool:
    query = sa.select(articles.c.id).where(articles.c.story_id == story_id, articles.c.id != article_id)
    return connection.execute(query.limit(1)).first() is None


class _Merge:
    """Merges of one article's settling; ``moved`` are the articles whose documents change with them."""

    def __init__(self, connection: sa.Connection, now: int) -> None:
        self._connection = connection
        self._now = now
        self.moved: set[str] = set()

    def join(self, one: str, other: str, keep: str | None = None) -> str:
        """Merge two stories; returns the one that stays: the older one, or ``keep``."""
        if one == other:
            return one
        stays = keep or min((one, other), key=self._age)
        goes = other if stays == one else one
        members = articles.c.story_id == goes
        rows = self._connection.execute(
            sa.select(articles.c.id, articles.c.withdrawn).where(members).limit(MOST_MOVED + 1)
        ).all()
        if len(rows) > MOST_MOVED:
            return one
        if rows:
            shown = sa.case((articles.c.withdrawn.is_(True), 0), else_=1)  # a tombstone says nothing of it
            values = {"story_id": stays, "change": articles.c.change + shown}
            self._connection.execute(sa.update(articles).where(members).values(values))
        self.moved |= {row.id for row in rows if not row.withdrawn}
        self.note(goes, stays)
        return stays

    def note(self, goes: str, stays: str) -> None:
        """Let an id, and those that led to it, lead to the story that stays."""
        into = story_merges.c.into_id
        self._connection.execute(sa.update(story_merges).where(into == goes).values(into_id=stays))
        # What comes back to life, as an id of a story that was merged away, would lead in a ring.
        self._connection.execute(sa.delete(story_merges).where(story_merges.c.story_id.in_([goes, stays])))
        self._connection.execute(sa.insert(story_merges).values(story_id=goes, into_id=stays, at=self._now))

    def _age(self, story_id: str) -> tuple[bool, int, str]:
        """When the first article of a story came in; one without articles is the youngest."""
        first = sa.select(sa.func.min(articles.c.ingested_at)).where(articles.c.story_id == story_id)
        at = self._connection.scalar(first)
        return at is None, at or 0, story_id


def read_story_texts(connection: sa.Connection, ids: Sequence[str]) -> dict[str, tuple[StoryText, ...]]:
    """What candidates are compared by: of each its present text, and those that are under way just now.

    Ids that are unknown, or of articles that are gone, are left out; one that is held is in its story.
    """
    asked = {"ids": list(ids)}
    found: dict[str, tuple[StoryText, ...]] = {
        row.id: (StoryText(row.moment, row.story),) for row in connection.execute(_KEPT, asked)
    }
    for row in connection.execute(_COMING, asked):
        article = unpack(row.draft, Article)
        sketch = make_story_sketch(article.title, article.body, article.language)
        text = StoryText(moment_of(article), pack_story(sketch))
        found[row.article_id] = (*found.get(row.article_id, ()), text)
    return found
