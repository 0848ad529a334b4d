"""The keeping half of the SQL ledger: each method is one transaction around a function of its own module."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

from shared.article import Article, RawArticle
from shared.errors import Unavailable
from shared.ledger import (
    events,
    holds,
    hurry,
    once,
    pruning,
    quarantine,
    reasons,
    replays,
    tallies,
    withdrawals,
)
from shared.ledger.claims import Limits
from shared.ledger.engine import BUSY_MS, Database
from shared.ledger.keeping import (
    Due,
    Erasure,
    Hurried,
    Load,
    OnceAnswer,
    OnceKey,
    Page,
    PruneRule,
    Quarantined,
    QuarantineFilter,
    ReplaySpec,
    Served,
    Withdrawal,
)
from shared.ledger.port import NOWHERE, Accepted, Origin
from shared.messages import Lane


class SqlKeeping:
    """A ``Keeping`` on one database."""

    def __init__(self, database: Database, limits: Limits | None = None) -> None:
        self._database = database
        self._limits = limits or Limits()

    def accept_once(
        self,
        key: OnceKey,
        articles: Sequence[RawArticle],
        now: int,
        answer: Callable[[list[Accepted]], bytes],
        lane: Lane = "live",
        *,
        origin: Origin = NOWHERE,
    ) -> OnceAnswer:
        """Accept under a key, in the same transaction; a known key gives its first answer again."""
        with self._database.write() as connection:
            return once.accept_once(
                connection, key, articles, now, answer, lane, bar=self._limits.bar_copies, origin=origin
            )

    def load(self, now: int, pending_cap: int) -> Load:  # noqa: ARG002 - the port's; other ledgers may need it
        """How full the ledger is; counts no further than ``pending_cap`` + 1."""
        with self._database.read() as connection:
            return tallies.measure_load(connection, self._database.engine.url, pending_cap)

    def tallies(self) -> dict[str, int]:
        """Totals since the beginning."""
        with self._database.read() as connection:
            return tallies.read_tallies(connection)

    def tally(self, name: str, count: int) -> None:
        """Add to a total that the flow itself does not keep."""
        with self._database.write() as connection:
            tallies.add(connection, {name: count})

    def rejections(self) -> dict[str, int]:
        """Submissions rejected since the beginning, by reason."""
        with self._database.read() as connection:
            return reasons.read_rejections(connection)

    def vocabularies(self) -> dict[str, int]:
        """Articles by the version of the rules that their tags were made with."""
        with self._database.read() as connection:
            return replays.read_vocabularies(connection)

    def last_indexed(self) -> datetime | None:
        """When the index stage finished a submission last."""
        with self._database.read() as connection:
            return tallies.read_last_indexed(connection)

    def hurry(self, now: int) -> Hurried:
        """Move to the live lane what newer live submissions at dedupe wait for in the replay lane."""
        with self._database.read() as connection:
            sequences = hurry.find_hindrances(connection)
        if not sequences:
            return Hurried(0)
        with self._database.write() as connection:
            return hurry.move(connection, sequences, now)

    def quarantined(self, which: QuarantineFilter, after: int, limit: int) -> list[Quarantined]:
        """A page of the quarantine, oldest acceptance first; without originals."""
        with self._database.read() as connection:
            return quarantine.read_page(connection, which, after, limit)

    def quarantined_one(self, submission: str) -> Quarantined | None:
        """One quarantined submission with its original."""
        with self._database.read() as connection:
            return quarantine.read_one(connection, submission)

    def count_quarantined(self, which: QuarantineFilter) -> int:
        """How many there are."""
        with self._database.read() as connection:
            return quarantine.count(connection, which)

    def replay_quarantined(
        self, which: QuarantineFilter, after: int, limit: int, now: int, lane: Lane = "replay"
    ) -> Page:
        """Send a page of them back to clean (a refresh: to index), with fresh attempts."""
        with self._database.write() as connection:
            return quarantine.replay_page(connection, which, after, limit, now, lane)

    def drop_quarantined(
        self, which: QuarantineFilter, after: int, limit: int, now: int, reason: str
    ) -> Page:
        """End a page of them as ``rejected``, with ``dropped: reason``."""
        with self._database.write() as connection:
            return quarantine.drop_page(connection, which, after, limit, now, reason)

    def count_replay(self, spec: ReplaySpec) -> int:
        """How many submissions a replay would take."""
        with self._database.read() as connection:
            return replays.count(connection, spec)

    def replay(self, spec: ReplaySpec, after: int, limit: int, now: int) -> Page:
        """Put a page of the past back to a stage, in the replay lane."""
        with self._database.write() as connection:
            return replays.replay_page(connection, spec, after, limit, now)

    def refresh(self, after: int, limit: int, now: int, ids: Sequence[str] = ()) -> Page:
        """Queue a page of all articles (or those given) for writing to the index again."""
        with self._database.write() as connection:
            return replays.refresh_page(connection, after, limit, now, ids)

    def withdraw(self, article_id: str, now: int, *, purge: bool = False) -> Withdrawal | None:
        """Take an article out of search for good and block its item; None when it is unknown."""
        with self._database.write() as connection:
            done = withdrawals.withdraw(connection, article_id, now, purge=purge, bar=self._limits.bar_copies)
        if purge:
            self._empty_log()
        return done

    def erasures(self, limit: int) -> list[Erasure]:
        """Fingerprints that have still to be forgotten."""
        with self._database.read() as connection:
            return withdrawals.read_erasures(connection, limit)

    def erased(self, done: Sequence[Erasure]) -> None:
        """They are forgotten; raises ``Unavailable`` while readers keep a log of what was erased."""
        if not self._empty_log():
            raise Unavailable("ledger: what was erased stays in its log until those who read now are done")
        with self._database.write() as connection:
            withdrawals.mark_erased(connection, done)

    def _empty_log(self) -> bool:
        """Write SQLite's log back and cut it to nothing: it keeps what was erased until it is overwritten.

        False when others use it. That is not waited for, since nobody could write meanwhile.
        """
        if self._database.engine.dialect.name != "sqlite":
            return True
        connection = self._database.engine.raw_connection()
        cursor = connection.cursor()
        try:
            cursor.execute("PRAGMA busy_timeout=0")
            busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        except sqlite3.OperationalError:
            connection.invalidate()
            return False
        finally:
            cursor.close()
            connection.close()
        return not busy

    def served(self, after: int, limit: int) -> list[Served]:
        """A page of articles that were indexed or are tombstones, by sequence."""
        with self._database.read() as connection:
            return replays.read_served(connection, after, limit)

    def articles(self, ids: Sequence[str]) -> list[Article]:
        """Articles as the index ought to hold them, with counters, verdict and copies."""
        with self._database.read() as connection:
            return replays.read_articles(connection, ids)

    def prune(self, rule: PruneRule, after: int, limit: int, now: int) -> Page:
        """Remove (articles: begin to remove) a page of what a rule names."""
        with self._database.write() as connection:
            return pruning.prune_page(connection, rule, after, limit, now)

    def bury(self, now: int, limit: int) -> int:
        """Remove rows of pruned articles whose tombstone went two days ago."""
        with self._database.write() as connection:
            return pruning.bury(connection, now, limit)

    def due(self, now: int, limit: int) -> Due:
        """Release what was held until now, and expire what was shown until now; a page."""
        with self._database.read() as connection:  # looked at with every sweep: it must wait for nobody
            if not holds.is_due(connection, now):
                return Due(0)
        with self._database.write() as connection:
            return holds.due(connection, now, limit)

    def prune_events(self, before: int, limit: int) -> int:
        """Remove events older than ``before`` (ms), but for the newest."""
        with self._database.write() as connection:
            return events.prune_events(connection, before, limit)

    def forget_keys(self, before: int, limit: int) -> int:
        """Remove idempotency keys older than ``before``."""
        with self._database.write() as connection:
            return once.forget_keys(connection, before, limit)
