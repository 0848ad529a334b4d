"""Articles that are stored and not shown: withheld, under an embargo, or expired; and when that changes.

Readers are kept from them by the index, to the millisecond. This sees to what follows for others: who cannot
be seen leads nobody, and is not told of as a copy.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from shared.article import Article, PubStatus, Verdict
from shared.clock import to_ms
from shared.codec import unpack
from shared.errors import Unavailable
from shared.ledger.engine import take_turn
from shared.ledger.events import log_events
from shared.ledger.keeping import Due
from shared.ledger.leads import (
    FIRST,
    beside,
    free_copies,
    keep_place,
    leaders_of,
    on_its_way,
    outranks,
    queue_refresh,
    set_verdicts,
    take_over,
    touch,
)
from shared.ledger.likeness import Text, read_texts
from shared.ledger.rows import Row, read_rows
from shared.ledger.schema import articles
from shared.log import get_logger
from shared.messages import Held
from shared.nearness.window import WINDOW_MS


def held_state(
    pub_status: PubStatus, embargo_until: datetime | None, expires_at: datetime | None, now: int
) -> tuple[Held | None, int | None]:
    """Why an article is not shown at ``now`` (ms), None if it is; and when (ms) that changes by itself.

    The last moment of an embargo is the one before ``embargo_until``, the last of an article the one before
    ``expires_at``. Only its source releases what it withholds.
    """
    embargo = None if embargo_until is None else to_ms(embargo_until)
    expiry = None if expires_at is None else to_ms(expires_at)
    if expiry is not None and expiry <= now:
        return "expired", None
    if pub_status != "usable":
        return "withheld", expiry
    if embargo is not None and embargo > now:
        return "embargo", embargo if expiry is None else min(embargo, expiry)
    return None, expiry


def settle_hold(
    connection: sa.Connection, article_id: str, found: Row | None, held: str | None, now: int
) -> set[str]:
    """Do what follows of an article that a new revision has hidden, or shown; its row is written already.

    ``found`` is the row as it was before, None for a new item. Returns the ids of others whose documents
    change, which are counted already. The caller has the turn.
    """
    before = None if found is None or found["gone"] is not None else found["held"]
    if held == before:
        return set()
    if held is None:
        log_events(connection, "released", [article_id], now, {"was": before})
        return _tell_lead(connection, article_id)
    log_events(connection, "expired" if held == "expired" else "held", [article_id], now, {"why": held})
    if before is not None or found is None:  # nobody has seen it so far
        return set()
    return _hide(connection, article_id)


def is_due(connection: sa.Connection, now: int) -> bool:
    """Whether any article's time has come."""
    query = sa.select(articles.c.id).where(articles.c.due_at <= now)
    return connection.execute(query.limit(1)).first() is not None


def due(connection: sa.Connection, now: int, limit: int) -> Due:
    """Release what was held until now, and expire what was shown until now: up to ``limit`` articles.

    What they change in others, and their events, are in the same transaction.
    """
    take_turn(connection)
    query = sa.select(articles.c.id).where(articles.c.due_at <= now)
    # Of copies that are released together, the one that may lead comes first.
    ids = list(connection.scalars(query.order_by(articles.c.due_at, *FIRST).limit(limit)))
    changed: set[str] = set()
    for article_id in ids:
        changed |= _turn(connection, article_id, now)
    queue_refresh(connection, changed, "live", now)
    return Due(len(ids), (("index", "live"),) if changed else ())


def _turn(connection: sa.Connection, article_id: str, now: int) -> set[str]:
    """Bring one article up to date; returns the ids whose documents change."""
    # Read again: one before it on the same page may have made it a copy, or a lead.
    row = read_rows(connection, sa.select(articles).where(articles.c.id == article_id))[0]
    article = _read(row) if row["gone"] is None else None
    if article is None:
        _write(connection, article_id, due_at=None)
        return set()
    held, due_at = held_state(article.pub_status, article.embargo_until, article.expires_at, now)
    _write(connection, article_id, held=held, due_at=due_at)
    if held == row["held"]:
        return set()
    if held is None:
        return _release(connection, row, article, now)
    log_events(connection, "expired", [article_id], now, {} if row["held"] is None else {"was": row["held"]})
    return _hide(connection, article_id) if row["held"] is None else set()


def _read(row: Row) -> Article | None:
    """The article of a row; None when it cannot be read, which must not hold the others for ever."""
    try:
        return unpack(row["article"], Article)
    except Unavailable:
        raise  # a newer build wrote it, and its sweeper can read it
    except Exception as error:  # noqa: BLE001 - whatever a broken value does to its reader
        get_logger().warning("a broken article stays as it is shown", article=row["id"], error=str(error))
        return None


def _hide(connection: sa.Connection, article_id: str) -> set[str]:
    """Let an article that was seen hand its copies over, and its lead tell of it no more."""
    return free_copies(connection, article_id) | _tell_lead(connection, article_id)


def _tell_lead(connection: sa.Connection, article_id: str) -> set[str]:
    """Count a change of the lead of a copy that is seen from now on, or no more: it tells of those only."""
    lead = connection.scalar(sa.select(articles.c.duplicate_of).where(articles.c.id == article_id))
    if lead is None:
        return set()
    touch(connection, [lead])
    return {lead}


def _release(connection: sa.Connection, row: Row, article: Article, now: int) -> set[str]:
    """Show an article whose embargo is over: it joins a lead there is by now, or leads."""
    if not row["indexed_change"] and not on_its_way(connection, row["id"]):
        return set()  # it failed on its way; when it is run again it is compared again
    text = read_texts(connection, [row["id"]])[row["id"]]
    verdict = _place(connection, row, text, article.body)
    changed = {row["id"]} | _settle(connection, row, verdict)
    log_events(connection, "released", [row["id"]], now, {"was": row["held"]})
    return changed


def _settle(connection: sa.Connection, row: Row, verdict: Verdict) -> set[str]:
    """Write the verdict on an article that is released; returns the ids of others whose documents change."""
    _write(
        connection, row["id"], verdict="new", duplicate_of=None, similarity=0.0, rule=None, passage=None,
        heir=None, change=articles.c.change + 1,
    )  # fmt: skip
    lead = verdict.duplicate_of
    if lead is None:
        return set()
    # To be earlier is not enough: it is first seen now, and its lead was read for as long as it was held.
    if outranks(connection, row["id"], lead):
        moved = take_over(connection, row["id"], lead)
        if moved:  # else it is a brief, which no longer story follows
            return moved
    set_verdicts(connection, {row["id"]: verdict})
    return _tell_lead(connection, row["id"])


def _place(connection: sa.Connection, row: Row, text: Text, body: str) -> Verdict:
    """What an article is to the leads that there are: to the one it had, to its heir, to one of its text."""
    verdict = keep_place(connection, row, text, Verdict("new", story_id=row["story_id"]), body)
    if verdict.duplicate_of is not None:
        return verdict
    same = leaders_of(connection, [text.text_hash], row["ingested_at"] - WINDOW_MS)
    others = [one for one in same.get(text.text_hash, ()) if one != row["id"]]
    return (beside(connection, text, others[0], body) if others else None) or verdict


def _write(connection: sa.Connection, article_id: str, **values: Any) -> None:  # noqa: ANN401 - columns
    connection.execute(sa.update(articles).where(articles.c.id == article_id).values(values))
