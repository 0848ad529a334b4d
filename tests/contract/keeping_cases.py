"""A newsroom for tests of what is kept: all four stages on a real ledger, in both lanes, with documents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from services.workers.pipeline import NEXT
from services.workers.stages.near import Near
from services.workers.steps import Stories, run_dedupe, write_leads
from shared.article import Article, RawArticle
from shared.clock import from_ms
from shared.fingerprints.bands_memory import MemoryBands
from shared.fingerprints.memory import MemoryFingerprints
from shared.index.document import digest
from shared.ledger.engine import Database
from shared.ledger.keeping import Page
from shared.ledger.open import open_ledger
from shared.ledger.port import Claim, Outcome, Work
from shared.ledger.rows import Row, read_rows
from shared.ledger.schema import articles, submissions
from shared.messages import LANES, TERMINAL, Stage
from shared.settings import Settings
from shared.stories.keys import STORY_DAYS, STORY_LEAST, STORY_PLACED
from tests.contract.ledger_cases import NOW, cleaned, make_raw, tagged

DAY = 24 * 3_600_000
PIER = (
    "The harbour board met on Monday and decided that the old pier will be repaired in spring. Divers had "
    "found that eleven of its piles are rotten below the waterline, and the small ferries that land there in "
    "summer will use the fish quay until the work is done."
)
BRIDGE = (
    "Engineers closed the northern bridge on Friday after a routine inspection found two cracks. Lorries are "
    "sent around by the valley road, which adds half an hour to the way to the market, and the town expects "
    "that cars may cross again before the end of the month."
)


def piece(number: int, body: str = PIER, **fields: object) -> RawArticle:
    """An item of a source of its own."""
    return make_raw(number, body=body, **fields)


# The tags that each version of the rules gives: the second differs from the first in nothing that shows.
KEYWORDS = {"v1": ("seen",), "v2": ("seen",), "v3": ("seen", "again")}


@dataclass
class Newsroom:
    """Plays the workers, and holds what was written to the index by article id."""

    settings: Settings
    fingerprints: MemoryFingerprints = field(default_factory=MemoryFingerprints)
    documents: dict[str, Article] = field(default_factory=dict)
    now: int = NOW
    bad: dict[Stage, str] = field(default_factory=dict)  # a title with this in it is quarantined there
    refused: str = "not to be found"  # a title with this in it is rejected at clean
    reason: str = "no article"  # and why
    rules: Callable[[Article], Article] = lambda article: article  # what clean makes of an article
    forgets: bool = False  # whether some articles may not know the version that they were tagged with
    vocabulary: str = "v1"  # of the rules that the workers tag by; what they give is in KEYWORDS
    compares_near: bool = False  # whether texts that are only like each other are copies, and make stories

    def __post_init__(self) -> None:
        self.ledger = open_ledger(self.settings)
        self.near = Near(MemoryBands(), self.ledger.known_texts)
        bands = MemoryBands(least=STORY_LEAST, window_days=STORY_DAYS, placed=STORY_PLACED, remembers=False)
        self.stories = Stories(bands, self.ledger.known_stories)

    def accept(self, *raws: RawArticle) -> None:
        """Take pushes in, a millisecond after the last ones."""
        self.now += 1
        self.ledger.accept([replace(raw, ingested_at=from_ms(self.now)) for raw in raws], self.now)

    def push(self, *raws: RawArticle) -> None:
        """Take pushes in and through all stages."""
        self.accept(*raws)
        self.settle()

    def settle(self, upto: Stage = "index") -> None:
        """Run stages until nothing waits at any of them up to one."""
        stages = list(NEXT)[: list(NEXT).index(upto) + 1]
        for _ in range(50):
            if not any(self.step(stage) for stage in stages):
                return
        raise AssertionError("it never comes to rest")

    def step(self, stage: Stage) -> bool:
        """Run one claim of a stage, of any lane."""
        held = self.hold(stage)
        if held is not None:
            self.commit(held, self.work(held))
        return held is not None

    def hold(self, stage: Stage) -> Claim | None:
        """Claim as a worker does."""
        self.now += 1
        claims = (self.ledger.claim(stage, lane, 100, "w", self.now) for lane in LANES)
        return next((claim for claim in claims if claim is not None), None)

    def work(self, held: Claim) -> list[Outcome]:
        """What a worker makes of a claim."""
        if held.stage == "dedupe":
            more = (self.near, self.stories) if self.compares_near else (None, None)
            return run_dedupe(held.works, self.fingerprints, from_ms(self.now), *more)
        return [self._one(held.stage, work) for work in held.works]

    def commit(self, held: Claim, outcomes: Sequence[Outcome]) -> dict[str, int]:
        """Commit, and say what was taken."""
        done = self.ledger.commit(held, outcomes, NEXT[held.stage], "w", self.now)
        write_leads(done.leads, self.near)
        return done.words

    def _one(self, stage: Stage, work: Work) -> Outcome:
        given = work.raw or work.article
        assert given is not None
        if stage in self.bad and self.bad[stage] in (given.title or ""):
            return Outcome(work.sequence, "quarantined", f"ValueError: bad at {stage}", traceback="Traceback")
        if stage == "clean":
            return self._clean(work)
        if stage == "tag":
            return self._tag(work)
        assert work.article is not None
        self.write(work.article)
        return Outcome(work.sequence, "indexed", change=work.article.change)

    def _tag(self, work: Work) -> Outcome:
        done = tagged(work)
        assert done.article is not None
        keywords = KEYWORDS[self.vocabulary]
        return replace(done, article=replace(done.article, keywords=keywords, vocabulary=self.vocabulary))

    def _clean(self, work: Work) -> Outcome:
        assert work.raw is not None
        if self.refused in (work.raw.title or ""):
            return Outcome(work.sequence, "rejected", self.reason)
        done = cleaned(work)
        assert done.article is not None
        article = replace(done.article, ingested_at=work.raw.ingested_at or from_ms(NOW))
        return replace(done, article=self.rules(article))

    def write(self, article: Article) -> None:
        """Write to the index, which keeps the highest change."""
        held = self.documents.get(article.id)
        if held is None or held.change < article.change:
            self.documents[article.id] = article

    def status(self, raw: RawArticle) -> str:
        """The status word of the newest submission."""
        found = self.ledger.status(raw.id)
        assert found is not None
        return found.status

    def article(self, raw: RawArticle) -> Article:
        """What the ledger knows of an item."""
        found = self.ledger.article(raw.id)
        assert found is not None
        return found

    def shown(self) -> set[int]:
        """The items that search can find."""
        return {int(found.id, 16) for found in self.documents.values() if not found.withdrawn}

    def rows(self, query: sa.Select[tuple[object, ...]]) -> list[Row]:
        """Look behind the port."""
        database = Database(self.settings.ledger_url)
        with database.read() as connection:
            found = read_rows(connection, query)
        database.close()
        return found

    def change_rows(self, statement: sa.Update) -> None:
        """Alter rows behind the ledger's back, as a broken disk may."""
        database = Database(self.settings.ledger_url)
        with database.write() as connection:
            assert connection.execute(statement).rowcount > 0
        database.close()

    def check(self) -> None:
        """What must hold at rest, whatever was done before."""
        told = self.ledger.tallies()
        rows = self.rows(sa.select(submissions).where(submissions.c.kind == "push"))
        ended = [row["status"] for row in rows if row["stage"] is None]
        if not told.get("pruned"):
            assert {word: told.get(word, 0) for word in TERMINAL} == {
                word: ended.count(word) for word in TERMINAL
            }
        assert told.get("accepted", 0) == sum(told.get(word, 0) for word in TERMINAL) + sum(
            row["stage"] is not None for row in rows
        )
        self._check_reasons(rows, told.get("rejected", 0), pruned=bool(told.get("pruned")))
        for row in self.rows(sa.select(articles)):
            self._check_article(row)
        self.check_tags()

    def check_tags(self) -> None:
        """What the index has is what the ledger has, and what its version of the rules gives."""
        for row in self.rows(sa.select(articles).where(articles.c.gone.is_(None))):
            document = self.documents.get(row["id"])
            if document is None or document.change != row["change"]:
                continue
            there = self.ledger.article(document.id)
            assert there is not None
            texts = [digest(replace(one, copies=())) for one in (there, document)]
            assert texts[0] == texts[1], int(document.id, 16)
            if row["vocabulary"] == "":  # it fell back to what an older release had set aside
                assert self.forgets, int(document.id, 16)
            else:
                assert document.keywords == KEYWORDS[str(row["vocabulary"])], int(document.id, 16)

    def _check_reasons(self, rows: Sequence[Row], rejected: int, *, pruned: bool) -> None:
        """Totals by reason are those of the rows that are there, and of those that went."""
        told = self.ledger.rejections()
        assert sum(told.values()) == rejected
        assert min(told.values()) >= 0
        there = Counter(_reason(row) for row in rows if row["status"] == "rejected")
        if not pruned:
            assert {word: count for word, count in told.items() if count} == there
        assert all(told.get(word, 0) >= count for word, count in there.items())

    def _check_article(self, row: Row) -> None:
        document = self.documents.get(row["id"])
        if document is None:
            assert not row["indexed_change"] or row["gone"] == "pruned"
            return
        assert row["change"] == row["indexed_change"] == document.change, int(row["id"], 16)
        assert row["withdrawn"] == document.withdrawn
        if document.withdrawn:
            return
        assert document.duplicate_of == row["duplicate_of"]
        if document.duplicate_of is not None:
            lead = self.documents[document.duplicate_of]
            assert lead.is_lead, f"{int(document.id, 16)} is hidden under a copy"
            assert not lead.withdrawn, f"{int(document.id, 16)} is hidden under a tombstone"


def _reason(row: Row) -> str:
    """What a rejected row counts under; said once more, in other words."""
    given = row["reason"] or "other"
    if given.startswith("dropped: "):
        return "dropped"
    return given if re.fullmatch("[a-z0-9-]+", given) else "other"


def walk(turn: Callable[[int], Page]) -> int:
    """Take every page of a long walk; returns how many were changed."""
    changed, after = 0, 0
    while True:
        page = turn(after)
        changed += page.changed
        if page.next is None:
            return changed
        assert page.next > after
        after = page.next
