"""What a commit does: each outcome settles its row, and facts about articles change with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import sqlalchemy as sa

from shared.article import Article
from shared.clock import from_ms, to_ms
from shared.codec import pack
from shared.ledger.claims import blame, give_back, step
from shared.ledger.leads import hand_over, keep_place, queue_refresh, resolve_verdict, touch
from shared.ledger.port import Claim, Committed, Outcome
from shared.ledger.rows import Row, lock_facts, read_rows, sort_key
from shared.ledger.schema import articles, journey, submissions
from shared.ledger.standing import NONE, fall_back, set_aside
from shared.messages import TERMINAL, Lane, Stage

# Every settled row writes the same columns, so that one prepared statement serves a whole batch.
SETTLED = ("stage", "status", "reason", "traceback", "failed_stage", "attempts", "alone", "token",
           "lease_until", "not_before", "waiting_since", "updated_at", "draft")  # fmt: skip
SETTLE = (
    sa.update(submissions)
    .where(submissions.c.sequence == sa.bindparam("row_sequence"))
    .values({name: sa.bindparam(name) for name in SETTLED})
)
SET_TAGS = (
    sa.update(articles)
    .where(articles.c.id == sa.bindparam("row_id"))
    .values(article=sa.bindparam("packed"), change=articles.c.change + 1)
)
SET_INDEXED = (
    sa.update(articles)
    .where(articles.c.id == sa.bindparam("row_id"), articles.c.indexed_change < sa.bindparam("written"))
    .values(indexed_change=sa.bindparam("written"), indexed_at=sa.bindparam("moment"))
)


class Settlement:
    """One commit under way: collects what each outcome changes, then writes it in a few statements."""

    def __init__(
        self, connection: sa.Connection, claim: Claim, next_stage: Stage | None, worker: str, now: int
    ) -> None:
        self._connection = connection
        self._claim = claim
        self._next = next_stage
        self._worker = worker
        self._now = now
        self._updates: list[dict[str, Any]] = []
        self._steps: list[dict[str, Any]] = []
        self._touched: set[str] = set()  # leads whose set of copies changed
        self._orphaned: list[Row] = []  # rows that ended without having been indexed
        self._words: Counter[str] = Counter()
        self._items: set[str] = set()
        self._again = False  # some rows wait at this stage again
        self._known: dict[str, Row] = {}
        # Written in one statement each: a statement a row would cost more than the stage itself.
        self._new: list[Row] = []
        self._tags: list[Row] = []
        self._indexed: list[Row] = []

    def run(self, outcomes: Sequence[Outcome]) -> Committed:
        """Settle every outcome whose row still carries the claim's token; the rest came too late."""
        held = self._held()
        mine = [(held[outcome.sequence], outcome) for outcome in outcomes if outcome.sequence in held]
        if self._claim.stage != "clean":
            self._known = lock_facts(self._connection, {row["article_id"] for row, _ in mine})
        for row, outcome in mine:
            self._settle(row, outcome)
        self._write()
        return Committed(dict(self._words), self._follow_up())

    def _held(self) -> dict[int, Row]:
        query = sa.select(submissions).where(submissions.c.token == self._claim.token).with_for_update()
        return {row["sequence"]: row for row in read_rows(self._connection, query)}

    def _settle(self, row: Row, outcome: Outcome) -> None:
        if outcome.word == "failed":
            self._put_back(row, "failed", blame(row, outcome.reason or "", outcome.traceback, self._now))
        elif outcome.word == "deferred":
            self._put_back(row, "deferred", give_back(row, self._now))
        elif outcome.word == "deduped":
            self._settle_deduped(row, outcome)
        elif outcome.word in ("tagged", "indexed"):
            self._settle_known(row, outcome)
        elif outcome.word == "cleaned":
            self._advance(row, outcome, draft=pack(outcome.article))
        else:
            self._advance(row, outcome)
        if outcome.word == "unchanged":
            self._raise_order(row["article_id"], outcome.article)

    def _settle_deduped(self, row: Row, outcome: Outcome) -> None:
        found = self._known.get(row["article_id"])
        if (found["revision"] if found else 0) != outcome.expected_revision:
            # Another submission of the item was committed since dedupe looked: compare again.
            self._put_back(row, "deferred", give_back(row, self._now) | {"not_before": self._now})
            return
        self._store(row, outcome, found)
        self._advance(row, outcome)

    def _store(self, row: Row, outcome: Outcome, found: Row | None) -> None:
        """Write the article's next revision with the verdict on it."""
        if outcome.article is None or outcome.verdict is None:
            raise ValueError("a deduped outcome carries an article and a verdict")
        if outcome.verdict.duplicate_of is not None:
            self._write_new()  # its lead may be in this very batch
        verdict = resolve_verdict(self._connection, row["article_id"], outcome.text_hash, outcome.verdict)
        if found is not None:
            verdict = keep_place(self._connection, found, outcome.text_hash, verdict)
        before = found["duplicate_of"] if found else None
        if before != verdict.duplicate_of:
            self._touched |= {lead for lead in (before, verdict.duplicate_of) if lead}
        article = outcome.article if found is None else _as_first_seen(outcome.article, found)
        values = self._revision(row, outcome, article, found) | {
            "verdict": verdict.word, "duplicate_of": verdict.duplicate_of, "similarity": verdict.similarity,
            "story_id": verdict.story_id or row["article_id"],
        }  # fmt: skip
        if found is None:
            self._new.append(values)
        else:
            kept = set_aside(self._connection, found)
            mine = sa.update(articles).where(articles.c.id == values["id"])
            self._connection.execute(mine.values(values | kept))

    def _raise_order(self, article_id: str, article: Article | None) -> None:
        """Remember the newest version that said the same: an older one that comes later is superseded."""
        found = self._known.get(article_id)
        if found is None or article is None:
            return
        modified = None if article.modified_at is None else to_ms(article.modified_at)
        values: dict[str, Any] = {
            "version": _newest(found["version"], article.version),
            "modified_at": _newest(found["modified_at"], modified),
        }
        if any(found[name] != value for name, value in values.items()):
            self._connection.execute(sa.update(articles).where(articles.c.id == article_id).values(values))

    def _revision(self, row: Row, outcome: Outcome, article: Article, found: Row | None) -> dict[str, Any]:
        old = found or {"revision": 0, "change": 0, "indexed_change": 0, "indexed_at": None}
        key = sort_key(article, row["sequence"] if found is None else found["sort_key"])
        return {
            "id": row["article_id"], "source_id": article.source.id, "url": article.url,
            "sequence": row["sequence"], "revision": old["revision"] + 1, "change": old["change"] + 1,
            "indexed_change": old["indexed_change"], "indexed_at": old["indexed_at"],
            "version": article.version, "content_hash": outcome.content_hash, "text_hash": outcome.text_hash,
            "modified_at": None if article.modified_at is None else to_ms(article.modified_at),
            "sort_key": key, "ingested_at": to_ms(article.ingested_at), "withdrawn": False,
            # Dedupe changes no article: a new one is stored as clean has packed it.
            "article": row["draft"] if found is None else pack(article),
        }  # fmt: skip

    def _settle_known(self, row: Row, outcome: Outcome) -> None:
        """Settle tagged and indexed, unless a newer revision has taken the article's place."""
        found = self._known[row["article_id"]]
        if row["kind"] == "push" and found["sequence"] != row["sequence"]:
            if outcome.word == "indexed":  # the older revision stands in the index until the newer one comes
                self._indexed.append({"row_id": row["article_id"], "written": outcome.change or 0})
            self._advance(row, replace(outcome, word="superseded", reason="a newer revision was accepted"))
            return
        if outcome.word == "tagged":
            self._tags.append({"row_id": row["article_id"], "packed": pack(outcome.article)})
        else:
            self._indexed.append({"row_id": row["article_id"], "written": outcome.change or 0})
            if row["kind"] == "push" and found["standing_facts"] is not None:
                mine = sa.update(articles).where(articles.c.id == row["article_id"])
                self._connection.execute(mine.values(NONE))
        self._advance(row, outcome)

    def _advance(self, row: Row, outcome: Outcome, draft: bytes | None = None) -> None:
        """Move a row on to the next stage, or end it."""
        ended = outcome.word in TERMINAL
        if outcome.word in ("rejected", "quarantined", "superseded"):
            self._orphaned.append(row)
        self._update(row, {
            "stage": None if ended else self._next, "status": outcome.word, "reason": outcome.reason,
            "traceback": outcome.traceback, "attempts": 0, "alone": False, "token": None, "lease_until": None,
            "failed_stage": row["stage"] if outcome.word == "quarantined" else None,
            "not_before": 0, "waiting_since": self._now, "updated_at": self._now, "draft": draft,
        })  # fmt: skip
        self._log(row, outcome.word, outcome.reason or _explain(outcome))

    def _put_back(self, row: Row, word: str, changes: dict[str, Any]) -> None:
        self._again = True
        self._update(row, changes)
        if word == "failed":
            self._log(row, word, changes["reason"])
        else:
            self._words[word] += 1

    def _update(self, row: Row, changes: dict[str, Any]) -> None:
        values = {name: changes.get(name, row[name]) for name in SETTLED}
        self._updates.append(values | {"row_sequence": row["sequence"]})
        self._items.add(row["article_id"])

    def _log(self, row: Row, word: str, detail: str | None) -> None:
        self._words[word] += 1
        self._steps.append(step(row, row["stage"], word, self._worker, self._now, detail))

    def _write_new(self) -> None:
        if self._new:
            self._connection.execute(sa.insert(articles), self._new)
            self._new = []

    def _write(self) -> None:
        self._write_new()
        if self._tags:
            self._connection.execute(SET_TAGS, self._tags)
        if self._indexed:
            self._connection.execute(SET_INDEXED, [row | {"moment": self._now} for row in self._indexed])
        if self._updates:
            self._connection.execute(SETTLE, self._updates)
        if self._steps:
            self._connection.execute(sa.insert(journey), self._steps)

    def _item_waits(self) -> bool:
        """Whether a later submission of an item just settled waits to be compared in its turn."""
        query = sa.select(submissions.c.sequence).where(
            submissions.c.article_id.in_(sorted(self._items)), submissions.c.stage == "dedupe"
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def _follow_up(self) -> tuple[tuple[Stage, Lane], ...]:
        """Queue what leads and copies need, and name the stages that now have work."""
        wake: set[Stage] = set()
        lane = self._claim.lane
        if self._next is not None and self._words.keys() & {"cleaned", "deduped", "tagged"}:
            wake.add(self._next)
        if self._again:
            wake.add(self._claim.stage)
        if self._claim.stage in ("clean", "dedupe") and self._item_waits():
            wake.add("dedupe")
        if self._touched:
            touch(self._connection, self._touched)
        changed = set(self._touched)
        for row in self._orphaned:
            changed |= fall_back(self._connection, row) | hand_over(self._connection, row["article_id"])
        if queue_refresh(self._connection, changed, lane, self._now):
            wake.add("index")
        return tuple((stage, lane) for stage in sorted(wake))


def _newest(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _as_first_seen(article: Article, found: dict[str, Any]) -> Article:
    """A revision keeps the time at which its item first came in."""
    return replace(article, ingested_at=from_ms(cast("int", found["ingested_at"])))


def _explain(outcome: Outcome) -> str | None:
    verdict = outcome.verdict
    if verdict is None or verdict.duplicate_of is None:
        return None
    return f"{verdict.word} of {verdict.duplicate_of}, similarity {verdict.similarity:.2f}"
