"""Writes articles to the index, and reads the outcome of every single one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.article import Article
from shared.index.port import ArticleIndex, WriteOutcome


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of one article: written, refused for ever, or to be written again later."""

    word: Literal["indexed", "quarantined", "deferred"]
    reason: str | None = None


def index_articles(articles: Sequence[Article], index: ArticleIndex) -> list[Indexed]:
    """Write a batch in one step; one outcome each, in order."""
    return [_read(outcome) for outcome in index.write(articles)]


def _read(outcome: WriteOutcome) -> Indexed:
    if outcome.word == "refused":
        return Indexed("quarantined", f"the index refused it: {outcome.reason}")
    if outcome.word == "unavailable":
        return Indexed("deferred", outcome.reason)
    return Indexed("indexed")  # written, or the index holds an equal or newer change already
