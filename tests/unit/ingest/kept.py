"""Takes what was pushed some of its way on a real ledger, as workers would."""

from __future__ import annotations

from hashlib import blake2b

from shared.article import Article, Verdict
from shared.clock import now_ms
from shared.ledger.port import Claim, Ledger, Outcome, Work
from shared.messages import Lane, Stage

WORKER = "worker-1"
NEXT: dict[Stage, Stage | None] = {"clean": "dedupe", "dedupe": "tag", "tag": "index", "index": None}


def claim(ledger: Ledger, stage: Stage = "clean", lane: Lane = "live") -> Claim:
    """Everything that waits at a stage."""
    found = ledger.claim(stage, lane, 1_000, WORKER, now_ms())
    assert found is not None
    return found


def quarantine(
    ledger: Ledger, stage: Stage = "clean", reason: str = "ValueError: a bug", lane: Lane = "live"
) -> None:
    """Let everything that waits at a stage fail for good; suspects come one by one."""
    held: Claim | None = claim(ledger, stage, lane)
    while held is not None:
        trace = "Traceback: line 1"
        outcomes = [Outcome(work.sequence, "quarantined", reason, traceback=trace) for work in held.works]
        ledger.commit(held, outcomes, NEXT[stage], WORKER, now_ms())
        held = ledger.claim(stage, lane, 1_000, WORKER, now_ms())


def advance(ledger: Ledger, last: Stage = "index", lane: Lane = "live") -> None:
    """Take everything from clean through ``last``."""
    for stage, following in NEXT.items():
        held = claim(ledger, stage, lane)
        ledger.commit(held, [_done(stage, work) for work in held.works], following, WORKER, now_ms())
        if stage == last:
            return


def reject(ledger: Ledger) -> None:
    """End everything that waits at clean as no article."""
    held = claim(ledger)
    outcomes = [Outcome(work.sequence, "rejected", "not an article") for work in held.works]
    ledger.commit(held, outcomes, "dedupe", WORKER, now_ms())


def _done(stage: Stage, work: Work) -> Outcome:
    if stage == "clean":
        assert work.raw is not None
        assert work.raw.ingested_at is not None
        made = Article(work.article_id, work.raw.source, "Title", work.raw.body or "", work.raw.ingested_at)
        return Outcome(work.sequence, "cleaned", article=made)
    assert work.article is not None
    if stage == "dedupe":
        digest = blake2b((work.article_id + work.article.body).encode(), digest_size=16).hexdigest()
        return Outcome(
            work.sequence, "deduped", article=work.article, verdict=Verdict("new"), content_hash=digest,
            text_hash=digest, expected_revision=work.current.revision if work.current else 0,
        )  # fmt: skip
    if stage == "tag":
        return Outcome(work.sequence, "tagged", article=work.article)
    return Outcome(work.sequence, "indexed", change=work.article.change)
