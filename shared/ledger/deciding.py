"""What becomes of a verdict in a commit: dedupe's word beside what the ledger knows by now, and its effects.

Dedupe looked before the commit, perhaps long before. Here a lead may have gone, come, or be outranked, and
everybody who follows from that is written in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from shared.article import Article, Verdict
from shared.ledger.anew import decide_anew, place_of, take_over_all
from shared.ledger.leads import (
    beside,
    beside_root,
    follow_on,
    free_copies,
    is_still,
    keep_place,
    leaders_of,
    resolve_verdict,
    review_copies,
)
from shared.ledger.likeness import Text, liken, read_drafts
from shared.ledger.port import Outcome
from shared.ledger.rows import SEQUENCE_BITS, Row, verdict_of
from shared.nearness.compare import SAME_TEXT
from shared.nearness.window import WINDOW_MS, moment_of


@dataclass(slots=True)
class Decided:
    """One article's verdict, and what it brings about once the article is stored."""

    verdict: Verdict
    text: Text
    held: bool
    later: list[str] = field(default_factory=list)  # leads that it takes the place of
    stands: bool = False  # it is run again, and nothing about it is decided
    content_hash: str | None = None

    @property
    def needs_row(self) -> bool:
        """Whether the article must be in its table before anything else is decided."""
        return bool(self.later) or self.held or self.verdict.duplicate_of is not None

    def stays(self, found: Row, values: Row) -> bool:
        """Whether nothing follows for others of what is run again with its verdict: it was seen, and is."""
        return self.stands and found["held"] is None and values["held"] is None


class Decisions:
    """The verdicts of one commit, and whose documents change with them."""

    def __init__(self, connection: sa.Connection, now: int, write_new: Callable[[], None]) -> None:
        self._connection = connection
        self._now = now
        self._write_new = write_new  # what this batch has added so far must be found by queries
        self._texts: set[str] = set()  # hashes of those of this batch
        self._leaders: dict[str, list[str]] = {}  # of these texts, the first first
        self.touched: set[str] = set()  # leads whose set of copies changed
        self.moved: set[str] = set()  # whose verdicts changed with another's
        self.unexpected: list[str] = []  # that lead although dedupe took them for copies

    def look_for_leaders(self, outcomes: Iterable[Outcome]) -> None:
        """Find who leads the texts of a batch, before anything of it is stored."""
        self._texts = {outcome.text_hash for outcome in outcomes if outcome.text_hash and outcome.verdict}
        self._look()

    def _look(self) -> None:
        if self._texts:
            self._leaders = leaders_of(self._connection, self._texts, self._now - WINDOW_MS)

    def note_moved(self, changed: set[str]) -> None:
        """Take down whose verdicts changed with another's; who leads the texts of this batch may have too."""
        self.moved |= changed
        if changed:
            self._write_new()
            self._look()

    def must_wait(self, row: Row, outcome: Outcome) -> bool:
        """Whether an article is like a revision of its lead that is being compared itself just now.

        It is not like the lead's present text, and nobody knows whether that revision will be one: compared
        again after that, it finds what is true then. Nobody waits for what was accepted later, so that two
        do not wait for each other.
        """
        said, article = outcome.verdict, outcome.article
        if said is None or said.duplicate_of is None or article is None:
            return False
        text = Text(row["article_id"], outcome.text_hash or "", moment_of(article), outcome.sketch or b"")
        if is_still(self._connection, text, said):
            return False
        drafts = read_drafts(self._connection, [said.duplicate_of], before=row["sequence"])
        return any(
            liken(text, Text(one.article_id, "", one.moment, one.sketch))
            for one in drafts.get(said.duplicate_of, ())
        )

    def decide(
        self, row: Row, outcome: Outcome, found: Row | None, facts: dict[str, Any], text: Text
    ) -> Decided:
        """The verdict that is stored: what dedupe says is looked at again beside what is known by now.

        ``facts`` are the columns that do not depend on it: rank, held.
        """
        said, article = outcome.verdict, outcome.article
        if said is None or article is None:
            raise ValueError("a deduped outcome carries an article and a verdict")
        held = facts["held"] is not None
        if found is not None and row["replay"] == "keep" and found["sequence"] == row["sequence"]:
            return Decided(verdict_of(found), text, held, stands=True)
        if row["replay"] is not None:
            decided = self._anew(row, said, article, found, facts, text)
        else:
            decided = self._live(row, said, article, found, facts, text)
        decided.content_hash = outcome.content_hash
        if said.duplicate_of is not None and decided.verdict.duplicate_of is None:
            self.unexpected.append(row["article_id"])
        self._note_leader(row["article_id"], decided, found)
        before = found["duplicate_of"] if found else None
        if _told(found) != _told_of(decided.verdict, article):
            self.touched |= {lead for lead in (before, decided.verdict.duplicate_of) if lead}
        return decided

    def _live(
        self, row: Row, said: Verdict, article: Article, found: Row | None, facts: dict[str, Any], text: Text
    ) -> Decided:
        verdict = self._beside_leaders(row, said, found, text)
        if verdict.duplicate_of is not None:
            self._write_new()  # its lead may be in this very batch
        held = facts["held"] is not None
        verdict = resolve_verdict(self._connection, text, verdict, article.body, held=held)
        if found is not None:
            verdict = keep_place(self._connection, found, text, verdict, article.body)
        decided = Decided(verdict, text, held)
        if verdict.duplicate_of is not None and self._outranks(facts, verdict, decided):
            decided.later, decided.verdict = [verdict.duplicate_of], Verdict("new")
        return decided

    def _outranks(self, facts: dict[str, Any], verdict: Verdict, decided: Decided) -> bool:
        """Whether an article leads instead of the lead that it was found to be a copy of."""
        if decided.held or verdict.word == "excerpt" or verdict.duplicate_of is None or not facts["rank"]:
            return False
        other = place_of(self._connection, verdict.duplicate_of)
        return other is not None and facts["rank"] < other[0]

    def _anew(
        self, row: Row, said: Verdict, article: Article, found: Row | None, facts: dict[str, Any], text: Text
    ) -> Decided:
        self._write_new()
        near = resolve_verdict(self._connection, text, said, article.body)
        if near.duplicate_of is None and found is not None and found["duplicate_of"] is not None:
            # Dedupe says of what was written down as a lead once that it leads; it may be outranked since.
            near = beside_root(self._connection, found["duplicate_of"], text, article.body) or near
        if near.duplicate_of == text.id:
            near = Verdict("new")
        arrival = (found["sort_key"] if found else row["sequence"]) % (1 << SEQUENCE_BITS)
        place = (facts["rank"], facts["ingested_at"], arrival)
        verdict, later = decide_anew(self._connection, text, place, near)
        return Decided(verdict, text, facts["held"] is not None, later)

    def _beside_leaders(self, row: Row, verdict: Verdict, found: Row | None, text: Text) -> Verdict:
        """Make what dedupe took for new a duplicate of the text's lead, if there is one by now after all."""
        if verdict.rule == SAME_TEXT or (found is not None and _leads(found, text)):
            return verdict
        others = [one for one in self._leaders.get(text.text_hash, ()) if one != row["article_id"]]
        if others:
            self._write_new()  # it may be in this very batch
        found_leads = (beside(self._connection, text, other) for other in others)
        return next((one for one in found_leads if one is not None), verdict)

    def _note_leader(self, article_id: str, decided: Decided, found: Row | None) -> None:
        """Keep the leaders up to date while the batch is stored."""
        text_hash = decided.text.text_hash
        for text in {text_hash, found["text_hash"] if found else text_hash}:
            self._leaders[text] = [one for one in self._leaders.get(text, ()) if one != article_id]
        if decided.verdict.duplicate_of is None and not decided.held:
            self._leaders[text_hash].append(article_id)

    def follow_up(
        self, article_id: str, decided: Decided, found: Row | None, *, is_named: bool = False
    ) -> None:
        """Write what a stored article brings about for others: copies that it had, leads that it outranks.

        ``is_named``: others took it for their lead before it came, perhaps by another text than it has.
        """
        if decided.stands and not decided.held:
            return
        lead = decided.verdict.duplicate_of
        changed: set[str] = set()
        if lead is not None:
            changed = follow_on(self._connection, article_id, lead)
            if changed:
                self.touched.add(lead)
        elif decided.held:
            changed = free_copies(self._connection, article_id)
        else:
            changed = take_over_all(self._connection, article_id, decided.later)
            # What equal words are to each other, their titles tell.
            rewritten = found is not None and found["content_hash"] != decided.content_hash
            if is_named or rewritten or (found is not None and decided.later):
                changed |= review_copies(self._connection, article_id)
        self.note_moved(changed)


def _leads(found: Row, text: Text) -> bool:
    """Whether an article leads its text already; one that was held may have lost its place in that time."""
    seen = found["held"] is None and found["gone"] is None and found["heir"] is None
    return seen and found["duplicate_of"] is None and found["text_hash"] == text.text_hash


def explain(decided: Decided) -> str | None:
    """A verdict in words, for the journey; None for what is simply new."""
    verdict = decided.verdict
    if verdict.duplicate_of is not None:
        how = f", by {verdict.rule}" if verdict.rule else ""
        return f"{verdict.word} of {verdict.duplicate_of}, similarity {verdict.similarity:.2f}{how}"
    if decided.later:
        return f"leads in the place of {', '.join(decided.later[:3])}, by rank or as the first"
    return None


def _told(found: Row | None) -> tuple[object, ...]:
    """What a lead's document says of an article as its copy."""
    if found is None:
        return (None,)
    return found["duplicate_of"], found["verdict"], found["similarity"], found["rule"], found["url"]


def _told_of(verdict: Verdict, article: Article) -> tuple[object, ...]:
    return verdict.duplicate_of, verdict.word, verdict.similarity, verdict.rule, article.url
