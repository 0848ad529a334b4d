"""The dedupe stage and the search for stories by themselves: everything they ask for lies in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.workers.stages.dedupe import Arrival, Compared, dedupe_articles
from services.workers.stages.near import Near
from services.workers.stages.stories import StoryArrival, find_stories
from shared.article import Article
from shared.fingerprints.bands_memory import MemoryBands
from shared.fingerprints.memory import MemoryFingerprints
from shared.nearness.window import moment_of
from shared.stories.features import make_story_sketch, pack_story
from shared.stories.keys import STORY_DAYS, STORY_LEAST, STORY_PLACED


@dataclass(frozen=True, slots=True)
class _Known:
    article_id: str
    sketch: bytes
    moment: int
    story_sketch: bytes | None


class Comparing:
    """Texts and stories of one run; an article comes once."""

    def __init__(self) -> None:
        self._fingerprints = MemoryFingerprints()
        self._near = Near(MemoryBands(), self._known)
        self._stories = MemoryBands(least=STORY_LEAST, window_days=STORY_DAYS, placed=STORY_PLACED)
        self._texts: dict[str, tuple[_Known, ...]] = {}

    def run(self, articles: Sequence[Article], *, stories: bool = True) -> list[Compared]:
        """Compare a batch, keep its texts, and look for the stories of those that lead."""
        arrivals = [Arrival(article, place) for place, article in enumerate(articles)]
        found = dedupe_articles(arrivals, self._fingerprints, self._near)
        sketches = [make_story_sketch(each.title, each.body, each.language) for each in articles if stories]
        for at, (article, one) in enumerate(zip(articles, found, strict=True)):
            story = pack_story(sketches[at]) if stories else None
            text = _Known(article.id, one.sketch or b"", moment_of(article), story)
            self._texts[article.id] = (text,)
        if stories:
            leads = [
                StoryArrival(article.id, sketches[at], moment_of(article))
                for at, article in enumerate(articles)
                if (verdict := found[at].verdict) is not None and verdict.duplicate_of is None
            ]
            find_stories(leads, self._stories, self._known)
        return found

    def _known(self, ids: Sequence[str]) -> dict[str, tuple[_Known, ...]]:
        return {one: self._texts[one] for one in ids if one in self._texts}
