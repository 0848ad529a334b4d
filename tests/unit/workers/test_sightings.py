"""What a batch at stage dedupe teaches the profiles of its sources."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.workers.stages.clean.profile import sighting
from services.workers.steps import sightings
from shared.article import Article, Source, Verdict
from shared.ledger.port import Outcome, Work

ARTICLE = Article(
    id="1" * 32, source=Source("harbour.example"), title="Ferry",
    ingested_at=datetime(2026, 3, 1, tzinfo=UTC),
    body="The ferry sails again.\nThe material on this site is provided for general information only.",
)  # fmt: skip
WORK = Work(1, "s" * 32, ARTICLE.id, 1, article=ARTICLE)


@pytest.mark.parametrize(
    ("word", "counts"), [("new", True), ("version", True), ("excerpt", True), ("duplicate", False)]
)
def test_all_but_duplicates_count_as_articles_of_their_source(word: str, counts: bool) -> None:
    verdict = Verdict(word, None if word == "new" else "2" * 32)  # type: ignore[arg-type]
    found = sightings([WORK], [Outcome(1, "deduped", verdict=verdict)])
    assert found == ([sighting(ARTICLE)] if counts else [])


def test_what_was_not_decided_anew_counts_for_nothing() -> None:
    assert sightings([WORK], [Outcome(1, "unchanged")]) == []
