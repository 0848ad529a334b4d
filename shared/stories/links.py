"""What stories are made of: links between articles about the same event, and what tells of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoryLink:
    """An earlier article about the same event: ``score`` is their likeness, ``merges``: beyond doubt."""

    article_id: str
    score: float
    merges: bool = False


@dataclass(frozen=True, slots=True)
class StoryText:
    """One text of an article: its packed sketch, and the time (ms) by which its window is counted."""

    moment: int
    story_sketch: bytes
