"""What the clean stage says of one item."""

from __future__ import annotations

from dataclasses import dataclass

from shared.article import Article


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The article as far as it could be read; ``rejected`` is the reason when it is none."""

    article: Article
    rejected: str | None = None
