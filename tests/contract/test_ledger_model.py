"""The ledger under simulated workers that die, come late, fail and overtake each other, from one seed a run.

Promised, once everything has come to rest and whatever happened on the way:

- Every accepted submission has ended in exactly one terminal word, also in its journey; nothing is held.
- A submission ends ``rejected`` or ``quarantined`` for what it says itself, never for its neighbours.
- What the ledger has of an article stands in the index, word for word and with its last change. A revision
  that was quarantined does not: the finished one before it stands, or none does if there was none.
- The version that is noted for an article's tags is the one that made them.
- A document that readers see and that is no lead names one that is, that they see, and that it is like.
- Two leads have different texts, if neither of their items ever changed its text.
- Of the submissions of an item that were not rejected the newest, by version and then by arrival, stands,
  unless it, or one that it is unchanged from, was quarantined.
- ``revision`` counts the submissions that became one, as long as none was quarantined.

Not promised: a revision that is quarantined falls back to the last that was tagged before its successor came,
not to one that was overtaken earlier. A lead that has copies keeps them when its text changes, even to
another lead's text.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa

from services.workers.pipeline import NEXT
from services.workers.stages.dedupe import text_hash
from services.workers.stages.near import Near
from services.workers.steps import Stories, run_dedupe, write_leads
from services.workers.sweeper import rebuild_fingerprints
from shared.article import Article, PubStatus, RawArticle, Source
from shared.clock import from_ms
from shared.fingerprints.bands_memory import MemoryBands
from shared.fingerprints.memory import MemoryFingerprints
from shared.ledger.likeness import Text, liken, text_of
from shared.ledger.port import Claim, Outcome, Work
from shared.ledger.rows import Row, read_rows
from shared.ledger.schema import articles, submissions
from shared.ledger.sql import SqlLedger
from shared.messages import LANES, TERMINAL, Lane, Stage
from shared.settings import Settings
from shared.stories.keys import STORY_DAYS, STORY_LEAST, STORY_PLACED
from tests.contract.ledger_cases import LEASE, NOW, cleaned, edited, tagged

STEPS = 200
ITEMS = 8
VERSIONED = 6  # items from here on carry a version of their source's
TEXT = (
    "text {} of the harbour board that met on Monday and decided to repair the pier in spring, once divers "
    "have counted the piles that are rotten, and to let the small ferries of the summer land at the fish "
    "quay until the work is done"
)
# What a title ends with says what befalls it, every time.
REJECTED, RAISES, KILLS, REFUSED = "R", "P", "D", "Q"
PARTS = ("title", "body", "keywords", "revision", "duplicate_of", "is_lead", "story_id", "sort_key")
# A run on PostgreSQL takes several times as long: half of it is the way there and back.
RUNS = [("sqlite", seed) for seed in range(12)] + [("postgresql", seed) for seed in range(12, 16)]
NEAR_RUNS = [("sqlite", seed) for seed in range(30, 38)] + [("postgresql", seed) for seed in (38, 39)]
MOST_DEATHS = 4  # of one row claimed alone: the fifth would convict it


@dataclass
class Hand:
    """A worker's claim, with what it has made of it so far."""

    claim: Claim
    until: int
    outcomes: list[Outcome] | None = None


@dataclass(frozen=True)
class Sent:
    """One accepted submission, in its order among those of its item."""

    submission: str
    raw: RawArticle
    order: tuple[int, int]


class Simulation:
    """One run: what was sent, who holds what, and the documents that were written to the index."""

    def __init__(self, ledger: SqlLedger, seed: int, *, poison: bool, near: bool = False) -> None:
        self.ledger = ledger
        self.poison = poison
        self.near = near  # texts are like each other without being the same, and some articles are withheld
        self.sent: list[Sent] = []
        self.documents: dict[str, Article] = {}
        self.problems: list[str] = []
        self.history: list[str] = []
        self._random = random.Random(seed)
        self._fingerprints = MemoryFingerprints()
        self._bands, self._story_bands = make_bands()
        self._hands: list[Hand] = []
        self._dead: list[Hand] = []
        self._now = NOW

    def run(self) -> None:
        """Let things happen, then let whoever is left finish everything."""
        for _ in range(STEPS):
            self._now += self._random.choice([0, 1, 5, 100])
            self._happen()
        for hand in self._hands + self._dead:
            if self._random.random() < 0.5:
                self._commit(hand)
        self._hands, self._dead = [], []
        self._come_to_rest()

    def _happen(self) -> None:
        chance = self._random.random()
        if chance < 0.15:
            self._accept()
        elif chance < 0.5 and len(self._hands) < 4:
            self._take(self._random.choice(list(NEXT)), self._random.choice([1, 2, 5]))
        elif self._hands:
            self._go_on(self._random.choice(self._hands))
        if self._random.random() < 0.03:
            self._now += LEASE + 5_000
        if self._dead and self._random.random() < 0.05:
            self._commit(self._dead.pop(self._random.randrange(len(self._dead))))
        if self._random.random() < 0.01:
            self._lose_fingerprints()

    def _accept(self) -> None:
        raws = [self._write() for _ in range(self._random.randint(1, 3))]
        lane = self._random.choice(["live", "live", "live", "replay"])
        for raw, receipt in zip(raws, self.ledger.accept(raws, self._now, lane), strict=True):
            self.sent.append(Sent(receipt.submission, raw, (raw.version or 0, len(self.sent))))
            self.history.append(f"accept {int(raw.id, 16)} {raw.title} {raw.body[:6]} v{raw.version} {lane}")

    def _write(self) -> RawArticle:
        pick = self._random
        item = pick.randint(1, ITEMS)
        mark = pick.choice(["", "", "", "", "", "", "", REJECTED, RAISES, KILLS, REFUSED, REFUSED])
        text = pick.randint(1, 3) if item % 2 else item // 2 % 2
        status: PubStatus = "withheld" if self.near and pick.random() < 0.15 else "usable"
        return RawArticle(
            id=f"{item:032x}", source=Source(f"paper{item}.example"), uri=str(item),
            title=f"title {pick.randint(1, 3)}{mark if self.poison else ''}", pub_status=status,
            body=edited(text % 2, 2 * text, item % 3) if self.near else TEXT.format(text),
            ingested_at=from_ms(self._now),
            version=pick.randint(1, 4) if item >= VERSIONED else None,
        )  # fmt: skip

    def _take(self, stage: Stage, limit: int, lane: Lane | None = None) -> Hand | None:
        """Claim as a worker does, whose clock may be a little behind."""
        now = self._now - self._random.choice([0, 0, 3])
        claim = self.ledger.claim(stage, lane or self._random.choice(LANES), limit, "w", now)
        if claim is None:
            return None
        taken = {work.sequence for work in claim.works}
        for other in self._hands + self._dead:
            if other.until > now and taken & {work.sequence for work in other.claim.works}:
                self.problems.append(f"a row was claimed at {stage} while another's lease on it lasts")
        if stage != "clean" and len({work.article_id for work in claim.works}) < len(claim.works):
            self.problems.append(f"a claim at {stage} holds an article twice")
        hand = Hand(claim, now + LEASE)
        self._hands.append(hand)
        return hand

    def _go_on(self, hand: Hand) -> None:
        """Work, and later commit; or die, be stopped, meet an outage, or take longer than the lease."""
        if hand.outcomes is None and self._random.random() < 0.9:
            self._work(hand)
            return
        chance = self._random.random()
        if chance < 0.15:
            self._die(hand)
        elif chance < 0.20:
            self._give_up(hand, "time limit")
        elif chance < 0.25:
            self._give_up(hand, None)
        elif chance < 0.30:
            hand.outcomes = [Outcome(work.sequence, "deferred") for work in hand.claim.works]
            self._commit(hand)
        elif chance < 0.35:
            if self.ledger.renew(hand.claim.token, self._now):
                hand.until = self._now + LEASE
        else:
            self._commit(hand)

    def _die(self, hand: Hand) -> None:
        if not self._at_its_last(hand):
            self.history.append(f"die {hand.claim.stage}")
            self._hands.remove(hand)
            self._dead.append(hand)  # or so it seems: it may come back, too late

    def _give_up(self, hand: Hand, blame: str | None) -> None:
        if not self._at_its_last(hand):
            self.history.append(f"release {hand.claim.stage} {blame}")
            self._hands.remove(hand)
            self.ledger.release(hand.claim.token, self._now, blame=blame)

    def _at_its_last(self, hand: Hand) -> bool:
        return len(hand.claim.works) == 1 and hand.claim.works[0].attempts > MOST_DEATHS

    def _commit(self, hand: Hand) -> None:
        if hand.outcomes is None:
            self._work(hand)
        if hand in self._hands:
            self._hands.remove(hand)
        if hand.outcomes is not None and hand not in self._dead:
            stage = hand.claim.stage
            done = self.ledger.commit(hand.claim, hand.outcomes, NEXT[stage], "w", self._now)
            self.history.append(f"commit {stage} {done.words}")
            if self._random.random() < 0.8:  # else the worker has died between the two
                write_leads(done.leads, Near(self._bands, self.ledger.known_texts))

    def _work(self, hand: Hand) -> None:
        works, stage = hand.claim.works, hand.claim.stage
        if stage == "clean":
            hand.outcomes = [_clean(work) for work in works]
        elif stage == "dedupe":
            hand.outcomes = self._compare(works)
        elif stage == "tag" and any(_ends(work, KILLS) for work in works):
            if hand in self._hands:
                self._hands.remove(hand)
        elif stage == "tag":
            hand.outcomes = [_tag(work) for work in works]
        else:
            hand.outcomes = [self._index(work) for work in works]

    def _compare(self, works: Sequence[Work]) -> list[Outcome]:
        if not self.near:
            return run_dedupe(works, self._fingerprints)
        known = self.ledger.known_texts
        stories = Stories(self._story_bands, self.ledger.known_stories)
        return run_dedupe(works, self._fingerprints, None, Near(self._bands, known), stories)

    def _index(self, work: Work) -> Outcome:
        article = work.article
        assert article is not None
        if _ends(work, REFUSED):
            return Outcome(work.sequence, "quarantined", "refused")
        held = self.documents.get(article.id)
        if held is None or held.change < article.change:
            self.documents[article.id] = article
        return Outcome(work.sequence, "indexed", change=article.change)

    def _lose_fingerprints(self) -> None:
        self.history.append("fingerprints lost")
        self._fingerprints = MemoryFingerprints()
        self._bands, self._story_bands = make_bands()
        rebuild_fingerprints(
            self.ledger, self._fingerprints, self._now, bands=self._bands, story_bands=self._story_bands
        )

    def _come_to_rest(self) -> None:
        for _ in range(100):
            self._now += 31_000  # past every lease and every pause
            if not sum(self._empty(stage, lane) for stage in NEXT for lane in LANES):
                return
        self.problems.append("it never comes to rest")

    def _empty(self, stage: Stage, lane: Lane) -> bool:
        moved = False
        for _ in range(30):
            hand = self._take(stage, 50, lane)
            if hand is None:
                break
            moved = True
            self._commit(hand)
        return moved


def make_bands() -> tuple[MemoryBands, MemoryBands]:
    """The bands of near copies and of stories, empty."""
    return MemoryBands(), MemoryBands(
        least=STORY_LEAST, window_days=STORY_DAYS, placed=STORY_PLACED, remembers=False
    )


def _ends(work: Work, mark: str) -> bool:
    given = work.raw or work.article
    return given is not None and (given.title or "").endswith(mark)


def _clean(work: Work) -> Outcome:
    return Outcome(work.sequence, "rejected", "no article") if _ends(work, REJECTED) else cleaned(work)


def _tag(work: Work) -> Outcome:
    """Tag by rules whose version shows in the tags; each title was tagged at another time."""
    if _ends(work, RAISES):
        return Outcome(work.sequence, "failed", "ValueError: bad")
    done = tagged(work)
    assert done.article is not None
    version = f"v{done.article.title[6]}"
    return replace(done, article=replace(done.article, keywords=(version,), vocabulary=version))


class Audit:
    """What must hold of a simulation at rest; every check adds what it found to the problems."""

    def __init__(self, run: Simulation) -> None:
        self._run = run
        with run.ledger._database.read() as connection:
            self._rows = read_rows(connection, sa.select(submissions))
            self._articles = {row["id"]: row for row in read_rows(connection, sa.select(articles))}
        self._word = {row["id"]: row["status"] for row in self._rows}
        self._word_of = {row["sequence"]: row["status"] for row in self._rows}

    def check(self) -> list[str]:
        """Run every check."""
        self._check_submissions()
        self._check_words()
        for row in self._articles.values():
            self._check_article(row)
        for document in self._run.documents.values():
            self._check_lead(document)
        self._check_texts()
        self._check_newest()
        return self._run.problems

    def _say(self, problem: str) -> None:
        self._run.problems.append(problem)

    def _check_submissions(self) -> None:
        for row in self._rows:
            if row["status"] not in TERMINAL or row["stage"] or row["token"]:
                self._say(
                    f"submission {row['sequence']} of {_name(row['article_id'])} is still {row['status']}"
                )
        if sum(self._run.ledger.counts().values()) != len(self._run.sent):
            self._say("submissions are missing or too many")
        journeys = {sent.raw.id: self._run.ledger.journey(sent.raw.id) for sent in self._run.sent}
        for sent in self._run.sent:
            words = [step.word for step in journeys[sent.raw.id] if step.submission == sent.submission]
            if [word for word in words if word in TERMINAL] != [self._word.get(sent.submission)]:
                self._say(f"the journey of {_name(sent.raw.id)} says {words}")

    def _check_words(self) -> None:
        for sent in self._run.sent:
            title, word = sent.raw.title or "", self._word[sent.submission]
            if (word == "rejected") != title.endswith(REJECTED):
                self._say(f"{_name(sent.raw.id)} {title} ended {word}")
            if word == "quarantined" and not title.endswith((RAISES, KILLS, REFUSED)):
                self._say(f"{_name(sent.raw.id)} {title} was quarantined for the sake of others")

    def _check_article(self, row: Row) -> None:
        name, document = _name(row["id"]), self._run.documents.get(row["id"])
        self._check_revision(row)
        word = self._word_of[row["sequence"]]
        if document is None or not row["indexed_change"]:
            if word == "indexed" or document is not None or row["indexed_change"]:
                self._say(
                    f"{name} stands at {word}, and the index and the ledger differ on whether it is there"
                )
        elif word == "quarantined":
            self._say(f"{name} stands in the index with a revision that was quarantined")
        elif not row["change"] == row["indexed_change"] == document.change:
            self._say(f"{name} is at change {row['change']}, the index at {document.change}")
        else:
            stands = self._read(row["id"])
            other = [part for part in PARTS if getattr(stands, part) != getattr(document, part)]
            if {copy.id for copy in stands.copies} != {copy.id for copy in document.copies}:
                other.append("copies")
            if stands.keywords != (row["vocabulary"],):
                self._say(f"{name} has {stands.keywords} of the version {row['vocabulary']}")
            if other:
                self._say(f"{name} has other {other} in the index than in the ledger")

    def _check_revision(self, row: Row) -> None:
        words = Counter(step.word for step in self._run.ledger.journey(row["id"]))
        fewest = 1 if words["quarantined"] else words["deduped"]
        if not fewest <= row["revision"] <= words["deduped"]:
            self._say(f"{_name(row['id'])} has revision {row['revision']} after {dict(words)}")

    def _read(self, article_id: str) -> Article:
        found = self._run.ledger.article(article_id)
        assert found is not None
        return found

    def _check_lead(self, document: Article) -> None:
        if document.duplicate_of is None or document.pub_status != "usable":
            return
        lead = self._run.documents.get(document.duplicate_of)
        if lead is None or not lead.is_lead:
            self._say(
                f"{_name(document.id)} is hidden under {_name(document.duplicate_of)}, which is no lead"
            )
        elif lead.pub_status != "usable":
            self._say(f"{_name(document.id)} is hidden under {_name(lead.id)}, which nobody may see")
        elif self._run.near and liken(_text(document), _text(lead)) is None:
            self._say(f"{_name(document.id)} is hidden under {_name(lead.id)}, which it is not like")

    def _check_texts(self) -> None:
        leads = Counter(text_hash(found) for found in self._run.documents.values() if _is_steady(found))
        if leads and max(leads.values()) > 1:
            self._say("one text has two leads")

    def _check_newest(self) -> None:
        newest: dict[str, Sent] = {}
        for sent in self._run.sent:
            best = newest.get(sent.raw.id)
            if self._word[sent.submission] != "rejected" and (best is None or best.order < sent.order):
                newest[sent.raw.id] = sent
        for sent in newest.values():
            stands = self._read(sent.raw.id)
            same = (stands.title, stands.body) == (sent.raw.title, sent.raw.body)
            if not same and not self._was_quarantined(sent):
                self._say(f"{_name(sent.raw.id)} stands as {stands.title}, the newest is {sent.raw.title}")

    def _was_quarantined(self, sent: Sent) -> bool:
        """Whether a submission, or one that it was unchanged from, ended in quarantine."""
        return any(
            self._word[other.submission] == "quarantined"
            and (other.raw.id, other.raw.title, other.raw.body)
            == (sent.raw.id, sent.raw.title, sent.raw.body)
            for other in self._run.sent
        )


def _text(document: Article) -> Text:
    return text_of(document.id, text_hash(document), document)


def _is_steady(document: Article) -> bool:
    return document.is_lead and document.pub_status == "usable" and int(document.id, 16) % 2 == 0


def _name(article_id: str) -> str:
    return f"item {int(article_id, 16)}"


@pytest.fixture
def ledger(settings: Settings) -> Iterator[SqlLedger]:
    opened = SqlLedger(settings.ledger_url)
    # Nothing here survives a power cut anyway; it is the waiting for the disk that would take long.
    hurry = {"sqlite": "PRAGMA synchronous=OFF", "postgresql": "SET synchronous_commit = off"}
    statement = hurry[opened._database.engine.dialect.name]

    def set_up(connection: Any, _record: object) -> None:
        connection.execute(statement).close()
        connection.commit()

    sa.event.listen(opened._database.engine, "connect", set_up)
    yield opened
    opened.close()


@pytest.mark.parametrize("poison", [False, True], ids=["sound", "poison"])
@pytest.mark.parametrize(("settings", "seed"), RUNS, indirect=["settings"])
def test_whatever_workers_suffer_every_article_comes_out_right(
    ledger: SqlLedger, seed: int, poison: bool
) -> None:
    assert_right(Simulation(ledger, seed, poison=poison), seed)


@pytest.mark.parametrize("poison", [False, True], ids=["sound", "poison"])
@pytest.mark.parametrize(("settings", "seed"), NEAR_RUNS, indirect=["settings"])
def test_near_copies_and_held_articles_come_out_right_as_well(
    ledger: SqlLedger, seed: int, poison: bool
) -> None:
    assert_right(Simulation(ledger, seed, poison=poison, near=True), seed)


def assert_right(run: Simulation, seed: int) -> None:
    run.run()
    problems = Audit(run).check()
    told = "\n".join(["", *run.history, f"seed {seed}, poison {run.poison}:", *problems])
    assert not problems, told
    assert len(run.documents) > 2, "the run was too short to say anything"
