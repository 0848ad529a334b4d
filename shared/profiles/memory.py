"""Source profiles in memory: for one process, as a test or a run of a single stage is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from shared.profiles.port import (
    EMPTY,
    HALVED_AT,
    KEPT_SECONDS,
    MOST_DESCRIPTIONS,
    MOST_LINES,
    OFTEN,
    ROOMY_LINES,
    Sighting,
    SourceProfile,
)


@dataclass(slots=True)
class _Counts:
    """What is counted of one source; ``ids`` since the last halving, ``older`` those of before it."""

    until: float = 0.0
    articles: int = 0
    lines: dict[bytes, int] = field(default_factory=dict)
    descriptions: dict[str, int] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    older: set[str] = field(default_factory=set)


class MemorySourceProfiles:
    """``SourceProfiles`` that live as long as the object; ``clock`` answers in seconds."""

    def __init__(self, kept: float = KEPT_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept = kept
        self._clock = clock
        self._sources: dict[str, _Counts] = {}
        self._lock = threading.Lock()

    def read(self, source_ids: Collection[str]) -> dict[str, SourceProfile]:
        """The profile of each source that is asked for; ``EMPTY`` for one that is not known."""
        with self._lock:
            return {source_id: self._profile(source_id) for source_id in source_ids}

    def count(self, sightings: Sequence[Sighting]) -> None:
        """Count articles; those counted before change nothing."""
        with self._lock:
            for sighting in sightings:
                self._count(sighting)

    def _profile(self, source_id: str) -> SourceProfile:
        counts = self._sources.get(source_id)
        if counts is None or counts.until <= self._clock():
            return EMPTY
        often = {line: met for line, met in counts.lines.items() if met >= OFTEN}
        told = sorted(counts.descriptions, key=lambda text: (-counts.descriptions[text], text))
        return SourceProfile(counts.articles, often, tuple(told))

    def _count(self, sighting: Sighting) -> None:
        counts = self._sources.setdefault(sighting.source_id, _Counts())
        if counts.until <= self._clock():
            counts = self._sources[sighting.source_id] = _Counts()
        if sighting.article_id in counts.ids or sighting.article_id in counts.older:
            return
        counts.until = self._clock() + self._kept
        counts.ids.add(sighting.article_id)
        counts.articles += 1
        for line in sighting.lines:
            counts.lines[line] = counts.lines.get(line, 0) + 1
        for text in sighting.descriptions:
            counts.descriptions[text] = counts.descriptions.get(text, 0) + 1
        if counts.articles >= HALVED_AT:
            _halve(counts)
        _trim_lines(counts)
        _trim_descriptions(counts, sighting.descriptions)


def _halve(counts: _Counts) -> None:
    counts.articles //= 2
    counts.lines = {line: met // 2 for line, met in counts.lines.items() if met > 1}
    counts.descriptions = {text: max(1, met // 2) for text, met in counts.descriptions.items()}
    counts.ids, counts.older = set(), counts.ids


def _trim_lines(counts: _Counts) -> None:
    if len(counts.lines) <= MOST_LINES:
        return
    for rare in range(1, OFTEN):
        counts.lines = {line: met for line, met in counts.lines.items() if met > rare}
        if len(counts.lines) <= ROOMY_LINES:
            return
    frequent = sorted(counts.lines.items(), key=lambda item: -item[1])
    counts.lines = dict(frequent[:ROOMY_LINES])


def _trim_descriptions(counts: _Counts, new: Sequence[str]) -> None:
    while len(counts.descriptions) > MOST_DESCRIPTIONS:
        others = [text for text in counts.descriptions if text not in new] or list(counts.descriptions)
        del counts.descriptions[min(others, key=lambda text: (counts.descriptions[text], text))]
