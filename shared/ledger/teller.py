"""The telling half of the SQL ledger: each method is one transaction around a function of its own module."""

from __future__ import annotations

from collections.abc import Sequence

from shared.article import Article
from shared.ledger import events, revisions
from shared.ledger.engine import Database
from shared.ledger.stories import living_story
from shared.ledger.telling import Event, Story, VersionFacts
from shared.ledger.timeline import read_story


class SqlTelling:
    """A ``Telling`` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self, article_id: str) -> list[VersionFacts]:
        """The kept revisions of an article, up to the one that is served, the oldest first."""
        with self._database.read() as connection:
            return revisions.read_versions(connection, article_id)

    def revision(self, article_id: str, revision: int) -> Article | None:
        """One revision of an article, with its text."""
        with self._database.read() as connection:
            return revisions.read_revision(connection, article_id, revision)

    def past(self, ids: Sequence[str], limit: int) -> list[tuple[str, VersionFacts]]:
        """The present revisions of some articles, and the newest ``limit`` of the kept ones before them."""
        with self._database.read() as connection:
            return revisions.read_past(connection, ids, limit)

    def events(self, since: int, limit: int) -> list[Event]:
        """Events with ids beyond ``since``, oldest first."""
        with self._database.read() as connection:
            return events.read_events(connection, since, limit)

    def event_bounds(self) -> tuple[int, int]:
        """The ids of the oldest and the newest event that are kept."""
        with self._database.read() as connection:
            return events.read_bounds(connection)

    def living(self, story_ids: Sequence[str]) -> list[str]:
        """The stories that some ids lead to now, in order."""
        with self._database.read() as connection:
            return [living_story(connection, one) for one in story_ids]

    def story(self, story_id: str, now: int) -> Story | None:
        """A story by its id, or by that of one that was merged into it."""
        with self._database.read() as connection:
            return read_story(connection, story_id, now)
