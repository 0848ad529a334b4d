"""What `copydesk stage dedupe` remembers while it runs: the parts of ledger and Redis, in memory.

Articles come one by one, in order of arrival. Each is kept as its sketches, about 2 kB, for the whole run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.workers.stages.dedupe import Arrival, Compared, dedupe_articles
from services.workers.stages.near import Near
from services.workers.stages.stories import StoryArrival, find_stories
from shared.article import Article, Current, Verdict
from shared.clock import from_ms
from shared.fingerprints.bands_memory import MemoryBands
from shared.fingerprints.memory import MemoryFingerprints
from shared.stories.features import make_story_sketch, pack_story
from shared.stories.keys import STORY_DAYS, STORY_LEAST, STORY_PLACED


@dataclass(frozen=True, slots=True)
class _Text:
    article_id: str
    sketch: bytes
    moment: int
    story_sketch: bytes


class Deduping:
    """Compares articles with those before; an id that comes again is the same item."""

    def __init__(self) -> None:
        self._fingerprints = MemoryFingerprints(window=float("inf"))
        self._near = Near(MemoryBands(), self._known)
        self._story_bands = MemoryBands(
            least=STORY_LEAST, window_days=STORY_DAYS, placed=STORY_PLACED, remembers=False
        )
        self._items: dict[str, Current] = {}
        self._texts: dict[str, _Text] = {}
        self._newest: datetime = from_ms(0)
        self._count = 0

    def verdict(self, article: Article) -> Verdict:
        """What an article is, as it is known from now on; one without a date comes when the last one did."""
        self._count += 1
        self._newest = max(self._newest, article.published_at or self._newest)
        article = replace(article, ingested_at=article.published_at or self._newest)
        before = self._items.get(article.id)
        arrival = Arrival(article, self._count, before)
        [found] = dedupe_articles([arrival], self._fingerprints, self._near)
        if found.verdict is None:
            return before.verdict if before is not None else Verdict("new", story_id=article.id)
        verdict = self._settled(article, found, self._at_lead(found.verdict), before)
        revision = before.revision + 1 if before is not None else 1
        has_copies = before is not None and before.has_copies
        self._items[article.id] = Current(revision, self._count, found.content_hash, verdict, has_copies)
        return verdict

    def _at_lead(self, verdict: Verdict) -> Verdict:
        """The copy of a copy is what that one is, to the same lead."""
        lead = self._items.get(verdict.duplicate_of or "")
        if lead is None or lead.verdict.duplicate_of is None:
            return verdict
        return lead.verdict

    def _settled(
        self, article: Article, found: Compared, verdict: Verdict, before: Current | None
    ) -> Verdict:
        """The verdict with its story: that of the lead, the one it had, or of the nearest in the story."""
        story = make_story_sketch(article.title, article.body, article.language)
        moment = found.moment or 0
        self._texts[article.id] = _Text(article.id, found.sketch or b"", moment, pack_story(story))
        if verdict.duplicate_of is not None:
            lead = self._items[verdict.duplicate_of]
            self._items[verdict.duplicate_of] = replace(lead, has_copies=True)
            return replace(verdict, story_id=lead.verdict.story_id)
        arrival = StoryArrival(article.id, story, moment)
        [links] = find_stories([arrival], self._story_bands, self._known)
        if before is None and links:
            return replace(verdict, story_id=self._items[links[0].article_id].verdict.story_id)
        return verdict

    def _known(self, ids: Sequence[str]) -> dict[str, tuple[_Text, ...]]:
        return {one: (self._texts[one],) for one in ids if one in self._texts}
