"""What a commit does: each outcome settles its row, and facts about articles change with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from shared.article import Article
from shared.codec import pack
from shared.ledger.claims import Limits, blame, give_back, step
from shared.ledger.deciding import Decided, Decisions, explain
from shared.ledger.engine import take_turn
from shared.ledger.events import log_events
from shared.ledger.holds import settle_hold
from shared.ledger.kills import BARRED, barred, barred_words
from shared.ledger.leads import hand_over, named_leads, queue_refresh, touch
from shared.ledger.likeness import Text, keep_sketches
from shared.ledger.order import raise_order
from shared.ledger.port import Claim, Committed, Outcome
from shared.ledger.reasons import reason_word, totals_of
from shared.ledger.retagging import SAME, have_same_tags, read_served
from shared.ledger.revising import as_first_seen, revise
from shared.ledger.revisions import keep_revisions
from shared.ledger.rows import Row, lock_facts, read_rows
from shared.ledger.schema import articles, journey, submissions
from shared.ledger.standing import NONE, fall_back, set_aside
from shared.ledger.statements import (
    SET_INDEXED,
    SET_NEXT,
    SET_REVISION,
    SET_TAGS,
    SET_VERSION,
    SETTLE,
    SETTLED,
)
from shared.ledger.stories import living_story, named_founders, of_these_days, settle_story
from shared.ledger.tallies import add
from shared.ledger.telling import EventKind
from shared.ledger.withdrawals import erase_late, remember_texts
from shared.messages import TERMINAL, Lane, Stage


class Settlement:
    """One commit under way: collects what each outcome changes, then writes it in a few statements."""

    def __init__(
        self,
        connection: sa.Connection,
        claim: Claim,
        next_stage: Stage | None,
        worker: str,
        now: int,
        limits: Limits,
    ) -> None:
        self._connection = connection
        self._claim = claim
        self._next = next_stage
        self._worker = worker
        self._now = now
        self._limits = limits
        self._updates: list[dict[str, Any]] = []
        self._steps: list[dict[str, Any]] = []
        self._decisions = Decisions(connection, now, self._write_new)
        self._barred: Mapping[str, str] = {}  # texts of withdrawn articles, and whose they were
        self._orphaned: list[Row] = []  # rows that ended without having been indexed
        self._late: list[Row] = []  # rows whose item was withdrawn for good
        self._words: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()  # pushes by terminal word
        self._reasons: Counter[str] = Counter()  # of those rejected, by the reason's word
        self._items, self._decided = set[str](), set[str]()  # the latter are not put back
        # In which lanes rows went on, and in which some wait at this stage again: a row that was moved to the
        # other lane while it was held (``hurry``) goes on there.
        self._onward, self._again = set[Lane](), set[Lane]()
        self._lane = claim.lane  # of refreshes
        self._known: dict[str, Row] = {}
        self._served: dict[str, Article] = {}  # what the index has of those that are tagged again
        # Written in one statement each: a statement a row would cost more than the stage itself.
        self._named: set[str] = set()  # of this batch, those that others follow already
        self._founders: set[str] = set()  # of this batch, those that others named before they came
        self._new: list[Row] = []
        self._sketches: dict[str, Row] = {}
        self._tags: list[Row] = []
        self._versions: list[Row] = []
        self._indexed: list[Row] = []
        self._events: dict[EventKind, list[str]] = {}

    def run(self, outcomes: Sequence[Outcome]) -> Committed:
        """Settle every outcome whose row still carries the claim's token; the rest came too late."""
        held = self._held()
        mine = [(held[outcome.sequence], outcome) for outcome in outcomes if outcome.sequence in held]
        if any(row["lane"] == "live" for row, _ in mine):
            self._lane = "live"  # who was in the way of live news may lead, or follow, as well
        replayed = any(row["replay"] for row, _ in mine)
        if replayed or self._claim.stage != "clean" or any(outcome.word in TERMINAL for _, outcome in mine):
            take_turn(self._connection)
        if replayed or self._claim.stage != "clean":
            self._known = lock_facts(self._connection, {row["article_id"] for row, _ in mine})
        if self._claim.stage == "dedupe":
            self._decisions.look_for_leaders(outcome for _, outcome in mine)
            self._barred = barred(self._connection, {outcome.text_hash or "" for _, outcome in mine})
            self._named = named_leads(self._connection, {row["article_id"] for row, _ in mine})
            self._founders = named_founders(self._connection, {row["article_id"] for row, _ in mine})
        if self._claim.stage == "tag":
            again = {row["article_id"] for row, _ in mine if row["replay"] is not None}
            self._served = read_served(self._connection, again)
        for row, outcome in mine:
            self._settle(row, outcome)
        self._write()
        erase_late(self._connection, self._late, self._known)
        wake = self._follow_up()
        add(self._connection, {**self._ended, **totals_of(self._connection, self._reasons)})
        turn = tuple(sorted(self._lanes_of(self._decided))) if self._claim.stage == "dedupe" else ()
        return Committed(dict(self._words), wake, tuple(self._decisions.unexpected), turn)

    def _held(self) -> dict[int, Row]:
        mine = sa.select(submissions).where(submissions.c.token == self._claim.token)
        rows = read_rows(self._connection, mine.order_by(submissions.c.sequence).with_for_update())
        return {row["sequence"]: row for row in rows}

    def _settle(self, row: Row, outcome: Outcome) -> None:
        found = self._known.get(row["article_id"])
        if found is not None and found["gone"] in BARRED and row["kind"] == "push":
            self._late.append(row)
            self._advance(row, Outcome(row["sequence"], "withdrawn"))
        elif outcome.word == "failed":
            changes = blame(row, outcome.reason or "", outcome.traceback, self._now)
            self._put_back(row, "failed", changes | {"claimed": 1})  # its own doing: next it is by itself
        elif outcome.word == "deferred":
            self._put_back(row, "deferred", give_back(row, self._now))
        elif outcome.word == "deduped":
            self._settle_deduped(row, outcome)
        elif outcome.word in ("tagged", "indexed"):
            self._settle_known(row, outcome)
        elif outcome.word == "cleaned":
            self._advance(row, outcome, draft=pack(outcome.article))
        elif outcome.word == "rejected" and _stands(row, found):
            # Newer rules refuse what search shows. That stands, so the row says so.
            why = f"rejected when it was run again: {outcome.reason}"
            self._advance(row, replace(outcome, word="indexed", reason=why))
        elif outcome.word in ("unchanged", "superseded") and self._has_failed(found):
            # What it was compared with was quarantined since, and nobody has seen it: compare again.
            self._put_back(row, "deferred", give_back(row, self._now) | {"not_before": self._now})
        else:
            self._advance(row, outcome)
            if outcome.word == "unchanged" and found is not None and outcome.article is not None:
                raise_order(self._connection, found, outcome.article)

    def _has_failed(self, found: Row | None) -> bool:
        if found is None or found["indexed_change"] or self._claim.stage != "dedupe":
            return False
        status = sa.select(submissions.c.status).where(submissions.c.sequence == found["sequence"])
        return self._connection.scalar(status) == "quarantined"

    def _settle_deduped(self, row: Row, outcome: Outcome) -> None:
        found = self._present(row["article_id"])
        if (found["revision"] if found else 0) != outcome.expected_revision:
            # Another submission of the item was committed since dedupe looked: compare again.
            self._put_back(row, "deferred", give_back(row, self._now) | {"not_before": self._now})
            return
        whose = self._whose(row, outcome, found)
        if whose is not None:
            self._orphaned.append(row)  # a near copy may have taken it for its lead, while it was on its way
            self._advance(row, Outcome(row["sequence"], "withdrawn", barred_words(whose)))
            return
        if self._decisions.must_wait(row, outcome):
            self._put_back(row, "deferred", give_back(row, self._now) | {"not_before": self._now})
            return
        self._advance(row, outcome, detail=self._store(row, outcome, found))

    def _present(self, article_id: str) -> Row | None:
        """The row of an article as it is now: one before it in the batch may lead in its place since."""
        if article_id in self._decisions.moved:
            self._write_new()
            self._known |= lock_facts(self._connection, {article_id})
        return self._known.get(article_id)

    def _whose(self, row: Row, outcome: Outcome, found: Row | None) -> str | None:
        """The withdrawn article whose very text is pushed again, as another item's."""
        whose = self._barred.get(outcome.text_hash or "") if self._limits.bar_copies else None
        stood = found is not None and found["gone"] is None and found["text_hash"] == outcome.text_hash
        if row["kind"] != "push" or row["replay"] is not None or stood or whose == row["article_id"]:
            return None
        return whose

    def _store(self, row: Row, outcome: Outcome, found: Row | None) -> str | None:
        """Write the article's next revision with its verdict, and what follows from that; says what it is."""
        if outcome.article is None:
            raise ValueError("a deduped outcome carries an article and a verdict")
        article = outcome.article if found is None else as_first_seen(outcome.article, found)
        values = revise(row, outcome, article, found, self._limits.ranks, self._now)
        text = Text(row["article_id"], outcome.text_hash or "", values["moment"], outcome.sketch or b"")
        decided = self._decisions.decide(row, outcome, found, values, text)
        verdict = decided.verdict
        values |= {
            "verdict": verdict.word, "duplicate_of": verdict.duplicate_of, "similarity": verdict.similarity,
            "rule": verdict.rule, "passage": verdict.passage,
            "story_id": self._story(row, outcome, decided, found),
        }  # fmt: skip
        self._write_revision(row, values, found)
        if outcome.sketch is not None:
            self._sketches[row["article_id"]] = {
                "article_id": row["article_id"], "near": outcome.sketch, "story": outcome.story_sketch,
            }  # fmt: skip
        if verdict.duplicate_of is not None:
            self._named.add(verdict.duplicate_of)
        is_named = found is None and row["article_id"] in self._named
        if is_named or (decided.needs_row if found is None else not decided.stays(found, values)):
            self._write_new()
            self._decisions.follow_up(row["article_id"], decided, found, is_named=is_named)
            self._decisions.note_moved(
                settle_hold(self._connection, row["article_id"], found, values["held"], self._now)
            )
        return explain(decided)

    def _write_revision(self, row: Row, values: Row, found: Row | None) -> None:
        if found is None:
            self._new.append(values)
            return
        kept = set_aside(self._connection, found, row)
        if found["text_hash"] != values["text_hash"]:
            remember_texts(self._connection, {row["article_id"]: found["text_hash"]})
        if row["sequence"] != found["sequence"]:
            keep_revisions(self._connection, [row["article_id"]])
        written = values | {"row_id": values["id"]}
        if kept:
            written["standing_facts"] = kept["standing_facts"]
        self._connection.execute(SET_NEXT if kept else SET_REVISION, written)

    def _story(self, row: Row, outcome: Outcome, decided: Decided, found: Row | None) -> str:
        """The story of an article; one that is in a story stays there, unless it is decided anew."""
        if decided.stands and found is not None:
            return living_story(self._connection, found["story_id"])
        lead = decided.verdict.duplicate_of
        if lead is None and outcome.verdict is not None:
            # Of its story it is all the same, though it leads: it outranks that one, or that one is gone.
            said = of_these_days(self._connection, decided.text, outcome.verdict.duplicate_of)
            lead = next(iter(decided.later), said)
        links = outcome.stories if lead is None else ()
        if links or lead is not None:
            self._write_new()  # whom they name may be in this very batch
        elif found is None and row["article_id"] not in self._founders:
            return str(row["article_id"])  # of most articles: nothing is to be asked
        before = None if row["replay"] == "reset" else found
        founds = row["article_id"] in self._founders
        story, moved = settle_story(
            self._connection, row["article_id"], links, lead, before, self._now, founds=founds
        )
        self._decisions.moved |= moved
        # Those that it names may be stored after it, and must look for the story that bears their name.
        self._founders |= {story, *(link.article_id for link in links)}
        return story

    def _settle_known(self, row: Row, outcome: Outcome) -> None:
        """Settle tagged and indexed, unless a newer revision has taken the article's place."""
        found = self._known[row["article_id"]]
        if row["kind"] == "push" and found["sequence"] != row["sequence"]:
            if outcome.word == "indexed":  # the older revision stands in the index until the newer one comes
                self._indexed.append({"row_id": row["article_id"], "written": outcome.change or 0})
            self._advance(row, replace(outcome, word="superseded", reason="a newer revision was accepted"))
            return
        if outcome.word == "tagged" and self._settle_same(row, outcome):
            return
        if outcome.word == "tagged":
            if row["replay"] is not None and (kept := set_aside(self._connection, found, row)):
                mine = sa.update(articles).where(articles.c.id == row["article_id"])
                self._connection.execute(mine.values(kept))
            self._tags.append({
                "row_id": row["article_id"], "packed": pack(_alone(outcome.article)),
                "made_with": _version(outcome),
            })  # fmt: skip
        else:
            self._indexed.append({"row_id": row["article_id"], "written": outcome.change or 0})
            self._note_event(row, found)
            if row["kind"] == "push" and found["standing_facts"] is not None:
                mine = sa.update(articles).where(articles.c.id == row["article_id"])
                self._connection.execute(mine.values(NONE))
        self._advance(row, outcome)

    def _note_event(self, row: Row, found: Row) -> None:
        """What those who follow are told of an indexed submission: nothing of what is only run again."""
        again = row["replay"] is not None and found["indexed_change"]
        if row["kind"] != "push" or again or found["held"]:  # what is held is told of when it is released
            return
        kind: EventKind = "updated" if found["indexed_change"] else "published"
        self._events.setdefault(kind, []).append(row["article_id"])

    def _settle_same(self, row: Row, outcome: Outcome) -> bool:
        """End what was tagged again with the same result; returns whether it was.

        Its document stays as it is, with the name of the version that its tags were made with at first: only
        the ledger notes that the present one gives the same.
        """
        served = self._served.get(row["article_id"])
        if served is None or outcome.article is None or not have_same_tags(served, outcome.article):
            return False
        self._versions.append({"row_id": row["article_id"], "made_with": _version(outcome)})
        self._advance(row, replace(outcome, word="indexed"), detail=SAME)
        return True

    def _advance(
        self, row: Row, outcome: Outcome, draft: bytes | None = None, detail: str | None = None
    ) -> None:
        """Move a row on to the next stage, or end it."""
        ended = outcome.word in TERMINAL
        if ended and row["kind"] == "push":
            self._ended[outcome.word] += 1
            if outcome.word == "rejected":
                self._reasons[reason_word(outcome.reason)] += 1
        if outcome.word in ("rejected", "quarantined", "superseded"):
            self._orphaned.append(row)
        self._decided.add(row["article_id"])
        if not ended:
            self._onward.add(row["lane"])
        self._update(row, {
            "stage": None if ended else self._next, "status": outcome.word, "reason": outcome.reason,
            "traceback": outcome.traceback, "attempts": 0, "alone": False, "token": None, "lease_until": None,
            "failed_stage": row["stage"] if outcome.word == "quarantined" else None,
            "not_before": 0, "waiting_since": self._now, "updated_at": self._now, "draft": draft,
            "replay": None if ended else row["replay"],
        })  # fmt: skip
        self._log(row, outcome.word, detail or outcome.reason)

    def _put_back(self, row: Row, word: str, changes: dict[str, Any]) -> None:
        self._again.add(row["lane"])
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
        if self._sketches:
            keep_sketches(self._connection, self._sketches.values())
            self._sketches = {}

    def _write(self) -> None:
        self._write_new()
        if self._tags:
            self._connection.execute(SET_TAGS, self._tags)
        if self._versions:
            self._connection.execute(SET_VERSION, self._versions)
        if self._indexed:
            self._connection.execute(SET_INDEXED, [row | {"at_ms": self._now} for row in self._indexed])
        for kind, ids in self._events.items():
            log_events(self._connection, kind, ids, self._now)
        if self._updates:
            self._connection.execute(SETTLE, self._updates)
        if self._steps:
            self._connection.execute(sa.insert(journey), self._steps)

    def _lanes_of(self, items: set[str]) -> set[Lane]:
        """The lanes in which later submissions of items just settled wait to be compared in their turn."""
        theirs = submissions.c.article_id.in_(sorted(items)), submissions.c.stage == "dedupe"
        return set(self._connection.scalars(sa.select(submissions.c.lane).where(*theirs).distinct()))

    def _follow_up(self) -> tuple[tuple[Stage, Lane], ...]:
        """Queue what leads and copies need, and name the stages that now have work."""
        wake: set[tuple[Stage, Lane]] = {(self._claim.stage, lane) for lane in self._again}
        if self._claim.stage in ("clean", "dedupe"):
            wake |= {("dedupe", lane) for lane in self._lanes_of(self._items)}
        if self._next is not None:
            wake |= {(self._next, lane) for lane in self._onward}
        if self._decisions.touched:
            touch(self._connection, self._decisions.touched)
        changed = self._decisions.touched | self._decisions.moved
        for row in self._orphaned:
            changed |= fall_back(self._connection, row) | hand_over(self._connection, row["article_id"])
        if queue_refresh(self._connection, changed, self._lane, self._now):
            wake.add(("index", self._lane))
        return tuple(sorted(wake))


def _stands(row: Row, found: Row | None) -> bool:
    """Whether a row that is run again is the one that its article was made of, and is shown."""
    return row["replay"] is not None and found is not None and found["sequence"] == row["sequence"]


def _alone(article: Article | None) -> Article | None:
    """An article without its copies, which are looked up each time: one that was erased must not linger."""
    return None if article is None else replace(article, copies=())


def _version(outcome: Outcome) -> str:
    return (outcome.article.vocabulary if outcome.article is not None else None) or ""
