"""A newsroom for tests of holds: what readers see, and how time goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.workers.stages.near import Near
from services.workers.steps import run_clean, run_dedupe
from shared.article import Article, RawArticle
from shared.clock import from_ms, to_ms
from shared.ledger.keeping import Due
from shared.ledger.port import Claim, Outcome
from tests.contract.keeping_cases import Newsroom

HOUR = 3_600_000
FERRY = (
    "The last ferry of the evening left without its captain, who had missed the bus to the harbour. His mate "
    "took the boat across in calm water, and thirty passengers noticed nothing until the company told them "
    "about it in a letter that came with free tickets."
)


@dataclass
class Desk(Newsroom):
    """A newsroom with the real clean stage, where readers see what the index would show them."""

    near: Near | None = None

    def work(self, held: Claim) -> list[Outcome]:
        """What a worker makes of a claim."""
        if held.stage == "clean":
            return run_clean(held.works, 100_000, {})
        if held.stage == "dedupe":
            return run_dedupe(held.works, self.fingerprints, from_ms(self.now), near=self.near)
        return super().work(held)

    def front(self) -> dict[int, set[int]]:
        """What a search shows that folds copies: the leads, each with the copies that it tells of."""
        return {
            number(one.id): {number(copy.id) for copy in one.copies}
            for one in self.documents.values()
            if one.is_lead and self.sees(one)
        }

    def sees(self, one: Article) -> bool:
        """Whether a reader may see a document now."""
        return (
            not one.withdrawn
            and one.pub_status == "usable"
            and (one.embargo_until is None or to_ms(one.embargo_until) <= self.now)
            and (one.expires_at is None or to_ms(one.expires_at) > self.now)
        )

    def pass_time(self, milliseconds: int) -> Due:
        """Let time go by, and the sweeper do what falls due."""
        self.now += milliseconds
        done = self.ledger.due(self.now, 100)
        self.settle()
        return done

    def told(self, raw: RawArticle) -> list[str]:
        """The events of an article, in their order."""
        return [event.kind for event in self.ledger.events(0, 1_000) if event.article_id == raw.id]

    def in_an_hour(self) -> datetime:
        """A moment that has not come."""
        return from_ms(self.now + HOUR)


def number(article_id: str) -> int:
    """The number of an item, as ``piece`` takes it."""
    return int(article_id, 16)
