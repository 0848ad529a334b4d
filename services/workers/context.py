"""What the stages are told of the past: how sources look, and how common words are.

Neither may hold up news: while the store or the index is away, what is known so far has to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from shared.errors import Unavailable
from shared.frequencies import Frequencies
from shared.index.port import ArticleIndex
from shared.log import get_logger
from shared.profiles.port import Sighting, SourceProfile, SourceProfiles

PROFILE_SECONDS = 30.0  # a line that has become furniture is cut that much later, at worst
FREQUENCY_SECONDS = 600.0  # how common a word is changes slowly
REST_SECONDS = 10.0  # after an outage, until it is tried again
MOST_SOURCES = 2_000
MOST_WORDS = 100_000  # of each language; about 10 MB
MOST_ASKED = 2_000  # words in one question; what is beyond is asked for with the next batch

Answer = TypeVar("Answer")


class Rest:
    """One thing that may be away: asked again after a while, and told of once."""

    def __init__(self, what: str, clock: Callable[[], float]) -> None:
        self._what = what
        self._clock = clock
        self._until = 0.0
        self._told = False

    def ask(self, question: Callable[[], Answer]) -> Answer | None:
        """Answer, or None while it is away."""
        if self._clock() < self._until:
            return None
        try:
            answer = question()
        except Unavailable as error:
            self._until = self._clock() + REST_SECONDS
            if not self._told:
                self._told = True
                get_logger().warning(f"{self._what} not to be had; going on without", reason=str(error))
            return None
        self._told = False
        return answer


class Context:
    """Profiles and frequencies of one worker process, remembered for a while."""

    def __init__(
        self, profiles: SourceProfiles, index: ArticleIndex, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = profiles
        self._index = index
        self._clock = clock
        self._profiles: dict[str, tuple[float, SourceProfile]] = {}
        self._words: dict[str, _Words] = {}
        self._reading = Rest("source profiles", clock)
        self._counting = Rest("counts of source profiles", clock)
        self._asking = Rest("document frequencies", clock)

    def profiles(self, sources: Iterable[str]) -> Mapping[str, SourceProfile]:
        """The profile of each source that has one, at most half a minute old."""
        now = self._clock()
        wanted = dict.fromkeys(sources)
        stale = [source for source in wanted if self._profiles.get(source, (0.0,))[0] <= now]
        if stale:
            read = self._reading.ask(lambda: self._store.read(stale))
            if read is not None:
                self._keep(stale, read, now + PROFILE_SECONDS)
        return {source: self._profiles[source][1] for source in wanted if source in self._profiles}

    def _keep(self, sources: Sequence[str], read: Mapping[str, SourceProfile], until: float) -> None:
        if len(self._profiles) + len(sources) > MOST_SOURCES:
            self._profiles.clear()
        for source in sources:
            self._profiles[source] = (until, read.get(source, SourceProfile()))

    def count(self, sightings: Sequence[Sighting]) -> None:
        """Add articles to the profiles of their sources; one that is lost meanwhile is no great loss."""
        if sightings:
            self._counting.ask(lambda: self._store.count(sightings))

    def frequencies(self, language: str, words: Iterable[str]) -> Frequencies | None:
        """How common words are in the index; None while nothing is known of the language."""
        known = self._words.get(language)
        if known is None or known.until <= self._clock() or len(known.counts) > MOST_WORDS:
            known = None
        missing = [word for word in dict.fromkeys(words) if known is None or word not in known.counts]
        if known is not None and not missing:
            return Frequencies(known.documents, known.counts)
        asked = missing[:MOST_ASKED]
        found = self._asking.ask(lambda: self._index.frequencies(language, asked))
        if found is None:
            old = self._words.get(language)
            return Frequencies(old.documents, old.counts) if old is not None else None
        if known is None:
            known = self._words[language] = _Words(self._clock() + FREQUENCY_SECONDS)
        known.documents = found.documents
        known.counts.update(dict.fromkeys(asked, 0) | dict(found.counts))
        return Frequencies(known.documents, known.counts)


class _Words:
    """What is known of one language until a moment."""

    def __init__(self, until: float) -> None:
        self.until = until
        self.documents = 0
        self.counts: dict[str, int] = {}
