"""Leases: who may work on which rows, and what a death or an outage does to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from shared.article import Article, RawArticle
from shared.codec import unpack
from shared.errors import Unavailable
from shared.ledger.engine import take_turn, try_alone
from shared.ledger.leads import hand_over, queue_refresh
from shared.ledger.port import Origin, Work
from shared.ledger.retagging import is_tagged_again
from shared.ledger.rows import Row, load_articles, load_copies, read_article, read_current, read_rows
from shared.ledger.schema import articles, journey, originals, submissions
from shared.ledger.standing import fall_back
from shared.ledger.tallies import add
from shared.messages import Lane, Stage

BACKOFF_MS = 500  # a row that failed alone waits this long, doubled each time, at most BACKOFF_MOST_MS
BACKOFF_MOST_MS = 30_000
OUTAGE_WAIT_MS = 1_000
DIED_ALONE = "its worker died or ran out of time each time it was tried alone"
LEASE_SLACK_MS = 10_000  # `now` is read before the wait for the write lock (5 s), on a clock that may differ


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a lease lasts, how many lonely attempts a row has, who leads, and what is turned away."""

    lease_ms: int = 15_000
    max_attempts: int = 5
    ranks: Mapping[str, int] = field(
        default_factory=dict
    )  # of sources: the lowest lead, 0 where none is said
    bar_copies: bool = False  # exact copies of withdrawn articles are turned away, too


def pick(
    connection: sa.Connection, stage: Stage, lane: Lane, limit: int, limits: Limits, now: int
) -> tuple[list[Row], bool]:
    """Choose rows for one claim: suspects by themselves, else the oldest that are none.

    Past clean a claim has one row per article at most. One claim of suspects is worked on at a time in a
    stage and lane, so that a few that hang do not hold every worker. Also says whether more may be waiting.

    The members of a batch that died are tried again in quarters of it, then in quarters of those, down to
    one: most are found innocent in company, and only what is alone can be convicted. One by one, 500 members
    took minutes where each needs a commit of the index (2 a second on a busy machine, 2026-11-26).
    """
    rows = _waiting(connection, stage, lane, limit, limits, now)
    if rows and is_suspect(rows[0]) and _may_try_suspect(connection, stage, lane, now):
        company = [row for row in rows if is_suspect(row) and row["claimed"] == rows[0]["claimed"]]
        company = company if stage == "clean" else _one_per_article(company)
        return company[: max(1, rows[0]["claimed"] // 4)], True
    if any(is_suspect(row) for row in rows):
        rows = _waiting(connection, stage, lane, limit, limits, now, ordinary=True)
    chosen = rows if stage == "clean" else _one_per_article(rows)
    return chosen, len(rows) == limit or len(chosen) < len(rows)


def _one_per_article(rows: list[Row]) -> list[Row]:
    chosen: dict[str, Row] = {}
    for row in rows:
        chosen.setdefault(row["article_id"], row)
    return list(chosen.values())


def is_suspect(row: Row) -> bool:
    """Whether a claim with this row died: it failed with others, or its lease lapsed."""
    return bool(row["alone"]) or row["token"] is not None


def _may_try_suspect(connection: sa.Connection, stage: Stage, lane: Lane, now: int) -> bool:
    # Another claim under way may be about to take one, and cannot be seen yet.
    return try_alone(connection, f"{stage} {lane}") and not _suspect_held(connection, stage, lane, now)


def _suspect_held(connection: sa.Connection, stage: Stage, lane: Lane, now: int) -> bool:
    held = sa.select(submissions.c.sequence).where(
        submissions.c.stage == stage, submissions.c.lane == lane, submissions.c.alone.is_(True),
        submissions.c.token.is_not(None), submissions.c.lease_until > now,
    )  # fmt: skip
    return connection.execute(held.limit(1)).first() is not None


def _waiting(
    connection: sa.Connection,
    stage: Stage,
    lane: Lane,
    limit: int,
    limits: Limits,
    now: int,
    *,
    ordinary: bool = False,
) -> list[Row]:
    query = sa.select(submissions).where(
        submissions.c.stage == stage, submissions.c.lane == lane, *free(limits, now)
    )
    if ordinary:
        query = query.where(submissions.c.alone.is_(False), submissions.c.token.is_(None))
    if stage == "dedupe":
        query = query.where(~_older_pending())
    query = query.order_by(submissions.c.sequence).limit(limit)
    return read_rows(connection, query.with_for_update(skip_locked=True, of=submissions))


def _older_pending() -> sa.Exists:
    """An older submission of the same item has still to be compared: revisions are compared in order.

    In whichever lane that is; ``hurry`` sees to it that live news does not wait for the pace of the other.
    """
    older = submissions.alias("older")
    return sa.exists().where(
        older.c.article_id == submissions.c.article_id,
        older.c.sequence < submissions.c.sequence,
        still_to_compare(older),
    )


def still_to_compare(rows: sa.FromClause) -> sa.ColumnElement[bool]:
    """Submissions whose revision is not decided yet; what is run again has been compared before."""
    return sa.and_(rows.c.stage.in_(("clean", "dedupe")), rows.c.replay.is_(None))


def free(limits: Limits, now: int) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions of a row that is due and held by nobody, or by a lease that lapsed."""
    until = submissions.c.lease_until
    unheld = sa.or_(
        submissions.c.token.is_(None), until <= now, until > now + limits.lease_ms + LEASE_SLACK_MS
    )
    # The same guard for waiting times: a clock set back must not hold rows for the length of its jump.
    due = sa.or_(submissions.c.not_before <= now, submissions.c.not_before > now + BACKOFF_MOST_MS)
    return unheld, due


def lease(connection: sa.Connection, rows: Sequence[Row], token: str, until: int, now: int) -> list[Row]:
    """Mark rows as held and return them so; a claim of one counts as an attempt before the work starts."""
    alone = len(rows) == 1
    counted = 1 if alone else 0
    connection.execute(
        sa.update(submissions)
        .where(submissions.c.sequence.in_([row["sequence"] for row in rows]))
        .values(
            token=token,
            lease_until=until,
            claimed=len(rows),
            alone=is_suspect(rows[0]),  # suspects and others are never in one claim
            attempts=submissions.c.attempts + counted,
            updated_at=now,
        )
    )
    return [{**row, "attempts": row["attempts"] + counted} for row in rows]


def load_works(
    connection: sa.Connection, stage: Stage, rows: Sequence[Row]
) -> tuple[tuple[Work, ...], list[Row]]:
    """What a stage needs of each row: the original, the draft, or the article with its facts.

    Also returns the rows whose stored value cannot be read, with the reason in them: they must not stop
    the others.
    """
    load = _loader(connection, stage, rows)
    works: list[Work] = []
    unreadable: list[Row] = []
    for row in rows:
        try:
            works.append(load(row))
        except Unavailable:
            raise  # a newer build wrote it, and its workers can read it
        except _Pruned as error:
            unreadable.append({**row, "reason": str(error), "token": None})
        except Exception as error:  # noqa: BLE001 - whatever a broken value does to its reader
            why = f"its stored value cannot be read: {type(error).__name__}: {error}"
            unreadable.append({**row, "reason": why, "token": None})
    return tuple(works), unreadable


class _Pruned(Exception):  # noqa: N818 - read as a sentence in the quarantine
    """Nothing is left to work on."""


def _original(content: dict[int, bytes], row: Row) -> bytes:
    if row["sequence"] not in content:
        raise _Pruned("its original was pruned")
    return content[row["sequence"]]


def _loader(connection: sa.Connection, stage: Stage, rows: Sequence[Row]) -> Callable[[Row], Work]:
    if stage == "clean":
        query = sa.select(originals).where(originals.c.sequence.in_([row["sequence"] for row in rows]))
        content = {row.sequence: row.content for row in connection.execute(query)}
        return lambda row: _work(row, raw=unpack(_original(content, row), RawArticle))
    known = load_articles(connection, {row["article_id"] for row in rows})
    copies = load_copies(connection, known) if known else {}
    if stage == "dedupe":
        failed = _quarantined(connection, [found["sequence"] for found in known.values()])
        return lambda row: _draft(row, known, copies, failed)
    return lambda row: _work(
        row, article=read_article(known[row["article_id"]], copies.get(row["article_id"], ()))
    )


def _quarantined(connection: sa.Connection, sequences: Sequence[int]) -> set[int]:
    ended = sa.select(submissions.c.sequence).where(
        submissions.c.sequence.in_(sequences), submissions.c.status == "quarantined"
    )
    return set(connection.scalars(ended)) if sequences else set()


def _draft(row: Row, known: dict[str, Row], copies: dict[str, Any], failed: set[int]) -> Work:
    found = known.get(row["article_id"])
    current = None
    if found is not None:
        folded = copies.get(row["article_id"], ())
        current = read_current(found, folded, failed=_never_served(found, failed))
    return _work(row, article=unpack(row["draft"], Article), current=current)


def _never_served(found: Row, failed: set[int]) -> bool:
    """Whether a revision ended in quarantine before anybody saw it; one that failed when run again stands."""
    return found["sequence"] in failed and not found["indexed_change"]


def _work(row: Row, **parts: Any) -> Work:  # noqa: ANN401 - the optional fields of Work
    origin = Origin(row["request"], row["traceparent"])
    return Work(
        row["sequence"], row["id"], row["article_id"], row["attempts"], row["replay"], origin=origin, **parts
    )


def quarantine(connection: sa.Connection, rows: Sequence[Row], worker: str, now: int) -> list[str]:
    """End rows that used up their attempts, and say why; the original stays, so that they can be replayed."""
    reasons: list[str] = []
    if rows:
        take_turn(connection)
    for row in rows:
        lapsed = row["token"] is not None  # the last try ended without a word: an older reason is not it
        why = DIED_ALONE if lapsed or not row["reason"] else row["reason"]
        reasons.append(why)
        connection.execute(
            sa.update(submissions)
            .where(submissions.c.sequence == row["sequence"])
            .values(
                status="quarantined", failed_stage=row["stage"], stage=None, reason=why, token=None,
                lease_until=None, updated_at=now, draft=None, replay=None,
                traceback=None if lapsed else row["traceback"],
            )
        )  # fmt: skip
        connection.execute(
            sa.insert(journey).values(step(row, row["stage"], "quarantined", worker, now, why))
        )
        changed = fall_back(connection, row) | hand_over(connection, row["article_id"])
        queue_refresh(connection, changed, row["lane"], now)
    tally_ended(connection, rows, "quarantined")
    return reasons


def tally_ended(connection: sa.Connection, rows: Sequence[Row], word: str) -> None:
    """Count rows that ended in one word; refreshes of the ledger's own are not counted."""
    add(connection, {word: sum(row["kind"] == "push" for row in rows)})


def outdated(connection: sa.Connection, stage: Stage, rows: Sequence[Row]) -> list[Row]:
    """Rows past dedupe that a newer revision makes needless: their work would index that one untagged."""
    if stage not in ("tag", "index") or not rows:
        return []
    ids = {row["article_id"] for row in rows}
    place = sa.select(
        articles.c.id, articles.c.sequence, submissions.c.stage, is_tagged_again().label("again"),
        sa.and_(
            articles.c.indexed_change == 0, articles.c.withdrawn.is_(False), articles.c.vocabulary.is_(None),
            submissions.c.stage.is_distinct_from("index"),
        ).label("untold"),
    )  # fmt: skip
    place = place.join(submissions, submissions.c.sequence == articles.c.sequence).where(
        articles.c.id.in_(ids)
    )
    current = {found["id"]: found for found in read_rows(connection, place)}
    return [row for row in rows if _is_outdated(row, current.get(row["article_id"]))]


def _is_outdated(row: Row, current: Row | None) -> bool:
    if current is None:
        return False
    if row["kind"] == "push":
        return bool(row["sequence"] != current["sequence"])
    # A refresh, and its article is about to be indexed anyway, or was never tagged: it comes by its own push,
    # or must not.
    return bool((current["stage"] == "tag" and not current["again"]) or current["untold"])


def supersede(connection: sa.Connection, rows: Sequence[Row], worker: str, now: int) -> None:
    """End rows whose article has a newer revision by now."""
    take_turn(connection)
    why = "a newer revision was accepted"
    connection.execute(
        sa.update(submissions)
        .where(submissions.c.sequence.in_([row["sequence"] for row in rows]))
        .values(
            status="superseded",
            stage=None,
            attempts=0,
            alone=False,
            reason=why,
            token=None,
            lease_until=None,
            updated_at=now,
            draft=None,
            replay=None,
        )
    )
    connection.execute(
        sa.insert(journey), [step(row, row["stage"], "superseded", worker, now, why) for row in rows]
    )
    for row in rows:
        queue_refresh(connection, hand_over(connection, row["article_id"]), row["lane"], now)
    tally_ended(connection, rows, "superseded")


def step(row: Row, stage: str, word: str, worker: str, now: int, detail: str | None) -> dict[str, Any]:
    """A journey row about a submission row."""
    return {
        "article_id": row["article_id"], "sequence": row["sequence"], "at": now, "stage": stage, "word": word,
        "worker": worker, "attempt": row["attempts"], "detail": detail,
    }  # fmt: skip


def give_back(row: Row, now: int) -> dict[str, Any]:
    """New column values of a row that an outage or a shutdown interrupted: no attempt, no blame."""
    refund = 1 if row["claimed"] == 1 else 0
    return {
        "token": None, "lease_until": None, "attempts": max(0, row["attempts"] - refund),
        "not_before": now + OUTAGE_WAIT_MS, "updated_at": now,
    }  # fmt: skip


def blame(row: Row, reason: str, traceback: str | None, now: int) -> dict[str, Any]:
    """New column values of a row whose work failed: a suspect from now on, and tried later each time."""
    wait = min(BACKOFF_MOST_MS, BACKOFF_MS << max(0, row["attempts"] - 1)) if row["claimed"] == 1 else 0
    return {
        "token": None, "lease_until": None, "alone": True, "not_before": now + wait, "reason": reason,
        "traceback": traceback, "updated_at": now,
    }  # fmt: skip
