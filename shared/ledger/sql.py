"""The ledger on SQLAlchemy Core: SQLite for one host, PostgreSQL for several. The SQL itself is beside it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import sqlalchemy as sa

from shared.article import Article, RawArticle
from shared.clock import from_ms
from shared.ledger.accepting import accept_articles
from shared.ledger.claims import (
    Limits,
    blame,
    free,
    give_back,
    lease,
    load_works,
    outdated,
    pick,
    quarantine,
    supersede,
)
from shared.ledger.commits import Settlement
from shared.ledger.engine import Database, take_turn
from shared.ledger.keeper import SqlKeeping
from shared.ledger.likeness import read_known
from shared.ledger.port import (
    Accepted,
    Backlog,
    Claim,
    Committed,
    Fingerprint,
    JourneyStep,
    KnownText,
    Origin,
    Outcome,
    SubmissionStatus,
)
from shared.ledger.rows import Row, load_articles, load_copies, read_article, read_rows
from shared.ledger.schema import articles, journey, submissions
from shared.ledger.stories import read_story_texts
from shared.ledger.teller import SqlTelling
from shared.ledger.window import read_fingerprints
from shared.messages import Lane, Stage
from shared.stories.links import StoryText


class SqlLedger(SqlKeeping, SqlTelling):
    """A ``Ledger`` on one database; open it in the process that uses it."""

    def __init__(self, url: str, limits: Limits | None = None) -> None:
        super().__init__(Database(url), limits)

    def accept(
        self,
        articles: Sequence[RawArticle],
        now: int,
        lane: Lane = "live",
        door: str = "ingest",
        *,
        origins: Sequence[Origin] = (),
    ) -> list[Accepted]:
        """Store originals and submissions at stage clean, all or none; returns receipts in order."""
        if not articles:
            return []
        with self._database.write() as connection:
            return accept_articles(
                connection, articles, now, lane, door, bar=self._limits.bar_copies, origins=origins
            )

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
        """Lease a batch, or None when nothing waits; quarantines what has used up its attempts."""
        token = token or secrets.token_hex(16)
        told = [] if told is None else told
        with self._database.write() as connection:
            while True:
                rows, more = self._pick(connection, stage, lane, limit, worker, now, told)
                if not rows:
                    return None
                rows = lease(connection, rows, token, now + self._limits.lease_ms, now)
                works, unreadable = load_works(connection, stage, rows)
                told += quarantine(connection, unreadable, worker, now)
                if works:
                    return Claim(stage, lane, token, works, more)

    def _pick(
        self,
        connection: sa.Connection,
        stage: Stage,
        lane: Lane,
        limit: int,
        worker: str,
        now: int,
        told: list[str],
    ) -> tuple[list[Row], bool]:
        while True:
            rows, more = pick(connection, stage, lane, limit, self._limits, now)
            if rows and stage != "clean":
                # Else a change that is committed right now would neither be seen here, nor see this claim.
                take_turn(connection)
            spent = [row for row in rows if row["attempts"] >= self._limits.max_attempts]
            late = outdated(connection, stage, rows)
            if not spent and not late:
                return rows, more
            if late:
                supersede(connection, late, worker, now)
            else:
                told += quarantine(connection, spent, worker, now)

    def renew(self, token: str, now: int) -> bool:
        """Lengthen a lease; False when the token holds nothing any more."""
        held = sa.select(submissions.c.sequence).where(submissions.c.token == token)
        mine = held.order_by(submissions.c.sequence).with_for_update()
        longer = sa.update(submissions).where(submissions.c.sequence.in_(mine))
        with self._database.write() as connection:
            done = connection.execute(longer.values(lease_until=now + self._limits.lease_ms))
            return bool(done.rowcount)

    def commit(
        self, claim: Claim, outcomes: Sequence[Outcome], next_stage: Stage | None, worker: str, now: int
    ) -> Committed:
        """Record every outcome and move what goes on to ``next_stage``."""
        with self._database.write() as connection:
            return Settlement(connection, claim, next_stage, worker, now, self._limits).run(outcomes)

    def release(self, token: str, now: int, *, blame: str | None = None, traceback: str | None = None) -> int:
        """Give claimed rows back, with or without blame."""
        with self._database.write() as connection:
            held = sa.select(submissions).where(submissions.c.token == token)
            rows = read_rows(connection, held.order_by(submissions.c.sequence).with_for_update())
            for row in rows:
                _put_back(connection, row, blame, traceback, now)
        return len(rows)

    def status(self, article_id: str) -> SubmissionStatus | None:
        """The newest submission of an article."""
        query = (
            sa.select(submissions, articles.c.revision, articles.c.withdrawn, articles.c.held)
            .outerjoin(articles, articles.c.id == submissions.c.article_id)
            .where(submissions.c.article_id == article_id, submissions.c.kind == "push")
            .order_by(submissions.c.sequence.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            rows = read_rows(connection, query)
        return _read_status(rows[0]) if rows else None

    def journey(self, article_id: str) -> list[JourneyStep]:
        """Every step of every submission of an article, oldest first."""
        query = (
            sa.select(journey, submissions.c.id.label("submission"), submissions.c.request)
            .join(submissions, submissions.c.sequence == journey.c.sequence)
            .where(journey.c.article_id == article_id)
            .order_by(journey.c.id)
        )
        with self._database.read() as connection:
            return [_read_step(row) for row in read_rows(connection, query)]

    def article(self, article_id: str) -> Article | None:
        """The article as the ledger has it now, with its counters, verdict and copies."""
        with self._database.read() as connection:
            row = load_articles(connection, [article_id]).get(article_id)
            copies = load_copies(connection, [article_id])
        return None if row is None else read_article(row, copies.get(article_id, ()))

    def backlog(self, now: int) -> list[Backlog]:
        """What has not ended, per stage and lane."""
        unheld, due = free(self._limits, now)
        waiting = sa.and_(unheld, due)
        place = (submissions.c.stage, submissions.c.lane)
        query = (
            sa.select(
                *place,
                sa.func.count().filter(waiting),
                sa.func.count().filter(sa.not_(unheld)),
                sa.func.count().filter(unheld, sa.not_(due)),
                sa.func.min(submissions.c.waiting_since).filter(waiting),
                sa.func.min(submissions.c.accepted_at),
            )
            .where(submissions.c.stage.is_not(None))
            .group_by(*place)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Backlog(
                stage,
                lane,
                free_now,
                held,
                put_off,
                None if since is None else from_ms(since),
                from_ms(first),
            )
            for stage, lane, free_now, held, put_off, since, first in rows
        ]

    def counts(self) -> dict[str, int]:
        """Submissions by status word, refreshes of the ledger's own left out."""
        query = (
            sa.select(submissions.c.status, sa.func.count())
            .where(submissions.c.kind == "push")
            .group_by(submissions.c.status)
        )
        with self._database.read() as connection:
            return {status: count for status, count in connection.execute(query)}  # noqa: C416 - rows, not pairs

    def fingerprints(self, since: int, after: int, limit: int) -> list[Fingerprint]:
        """A page of what the window holds of revisions accepted since, for rebuilding Redis."""
        with self._database.read() as connection:
            return read_fingerprints(connection, since, after, limit)

    def known_texts(self, ids: Sequence[str]) -> dict[str, tuple[KnownText, ...]]:
        """What candidates are compared by."""
        with self._database.read() as connection:
            return read_known(connection, ids) if ids else {}

    def known_stories(self, ids: Sequence[str]) -> dict[str, tuple[StoryText, ...]]:
        """What candidates for a story are compared by."""
        with self._database.read() as connection:
            return read_story_texts(connection, ids) if ids else {}

    def check(self) -> None:
        """Return when the ledger can be written; raises ``Unavailable``."""
        # Asking for a lock is what a standby refuses, though it would answer a plain query.
        query = sa.select(submissions).limit(1).with_for_update(skip_locked=True)
        with self._database.write() as connection:
            connection.execute(query)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()


def _put_back(
    connection: sa.Connection, row: Row, reason: str | None, traceback: str | None, now: int
) -> None:
    changes = give_back(row, now) if reason is None else blame(row, reason, traceback, now)
    connection.execute(
        sa.update(submissions).where(submissions.c.sequence == row["sequence"]).values(changes)
    )


def _read_status(row: Row) -> SubmissionStatus:
    return SubmissionStatus(
        id=row["article_id"], submission=row["id"], revision=row["revision"] or 0, status=row["status"],
        stage=row["stage"], reason=row["reason"], attempts=row["attempts"],
        updated_at=from_ms(row["updated_at"]), withdrawn=bool(row["withdrawn"]),
        request=row["request"], held=row["held"],
    )  # fmt: skip


def _read_step(row: Row) -> JourneyStep:
    return JourneyStep(
        submission=row["submission"], at=from_ms(row["at"]), stage=row["stage"], word=row["word"],
        worker=row["worker"], attempt=row["attempt"], detail=row["detail"], request=row["request"],
    )  # fmt: skip
