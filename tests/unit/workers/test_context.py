"""What stages are told of the past: asked for seldom, and never waited for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.workers import context as module
from services.workers.context import Context
from shared.errors import Unavailable
from shared.frequencies import Frequencies
from shared.profiles.memory import MemorySourceProfiles
from shared.profiles.port import Sighting, SourceProfile

LINE = b"12345678"


@dataclass
class Profiles:
    """The memory adapter, which can be away and remembers what it was asked."""

    store: MemorySourceProfiles = field(default_factory=MemorySourceProfiles)
    away: bool = False
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def read(self, source_ids: Collection[str]) -> dict[str, SourceProfile]:
        self.asked.append(tuple(source_ids))
        if self.away:
            raise Unavailable("source profiles: away")
        return self.store.read(source_ids)

    def count(self, sightings: Sequence[Sighting]) -> None:
        if self.away:
            raise Unavailable("source profiles: away")
        self.store.count(sightings)


@dataclass
class Index:
    """Knows how common a few words are."""

    documents: int = 10
    common: dict[str, int] = field(default_factory=lambda: {"ferry": 4})
    away: bool = False
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def frequencies(self, language: str, words: Sequence[str]) -> Frequencies:
        self.asked.append((language, tuple(words)))
        if self.away:
            raise Unavailable("index away")
        return Frequencies(self.documents, {word: self.common.get(word, 0) for word in words})


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def parts() -> tuple[Context, Profiles, Index, Clock]:
    profiles, index, clock = Profiles(), Index(), Clock()
    made: Any = Context(profiles, index, clock)  # type: ignore[arg-type]
    return made, profiles, index, clock


def sighting(number: int, source: str = "harbour.example") -> Sighting:
    return Sighting(source, f"{number:032x}", frozenset({LINE}), ("A paper by the sea.",))


def test_profiles_are_read_once_in_half_a_minute(parts):
    context, profiles, _, clock = parts
    context.count([sighting(number) for number in range(3)])
    for _ in range(5):
        found = context.profiles(["harbour.example", "hill.example"])
    assert profiles.asked == [("harbour.example", "hill.example")]
    assert found["harbour.example"].lines == {LINE: 3}
    assert found["hill.example"] == SourceProfile()
    context.count([sighting(9)])
    assert context.profiles(["harbour.example"])["harbour.example"].articles == 3
    clock.now += module.PROFILE_SECONDS
    assert context.profiles(["harbour.example"])["harbour.example"].articles == 4


def test_while_the_store_is_away_old_profiles_do_and_it_is_told_of_once(parts):
    context, profiles, _, clock = parts
    context.count([sighting(number) for number in range(3)])
    context.profiles(["harbour.example"])
    profiles.away = True
    clock.now += module.PROFILE_SECONDS
    with capture_logs() as events:
        for _ in range(4):
            found = context.profiles(["harbour.example", "hill.example"])
            clock.now += module.REST_SECONDS / 2
    assert found["harbour.example"].articles == 3
    assert "hill.example" not in found
    assert len(profiles.asked) == 3, "asked again only after a rest"
    assert [event["event"] for event in events] == ["source profiles not to be had; going on without"]
    profiles.away = False
    clock.now += module.REST_SECONDS
    assert context.profiles(["hill.example"])["hill.example"] == SourceProfile()


def test_counting_while_the_store_is_away_holds_up_nothing(parts):
    context, profiles, _, clock = parts
    profiles.away = True
    context.count([sighting(1)])
    profiles.away = False
    clock.now += module.REST_SECONDS
    context.count([sighting(2)])
    assert profiles.store.read(["harbour.example"])["harbour.example"].articles == 1


def test_words_are_asked_for_once_in_ten_minutes(parts):
    context, _, index, clock = parts
    assert context.frequencies("en", ["ferry", "pier"]) == Frequencies(10, {"ferry": 4, "pier": 0})
    index.common["pier"] = 7
    found = context.frequencies("en", ["pier", "quay"])
    assert (found.counts["pier"], found.counts["quay"]) == (0, 0)
    assert index.asked == [("en", ("ferry", "pier")), ("en", ("quay",))]
    clock.now += module.FREQUENCY_SECONDS
    assert context.frequencies("en", ["pier"]).counts == {"pier": 7}


def test_languages_are_kept_apart(parts):
    context, _, index, _ = parts
    context.frequencies("en", ["ferry"])
    context.frequencies("de", ["ferry"])
    assert index.asked == [("en", ("ferry",)), ("de", ("ferry",))]


def test_without_an_index_nothing_is_known_or_what_was_known_does(parts):
    context, _, index, clock = parts
    index.away = True
    assert context.frequencies("en", ["ferry"]) is None
    index.away = False
    clock.now += module.REST_SECONDS
    context.frequencies("en", ["ferry"])
    index.away = True
    clock.now += module.FREQUENCY_SECONDS
    assert context.frequencies("en", ["ferry"]) == Frequencies(10, {"ferry": 4})
    assert context.frequencies("en", ["quay"]).counts == {"ferry": 4}


def test_no_more_words_are_kept_or_asked_for_than_the_limits(parts, monkeypatch):
    context, _, index, _ = parts
    monkeypatch.setattr(module, "MOST_ASKED", 3)
    monkeypatch.setattr(module, "MOST_WORDS", 5)
    for start in (0, 3, 6, 9):
        context.frequencies("en", [f"w{number}" for number in range(start, start + 4)])
    assert max(len(words) for _, words in index.asked) == 3
    found = context.frequencies("en", ["w1"])
    assert len(found.counts) <= 5 + 3


def test_no_more_sources_are_kept_than_the_limit(parts, monkeypatch):
    context, profiles, _, _ = parts
    monkeypatch.setattr(module, "MOST_SOURCES", 2)
    context.profiles(["a", "b"])
    assert set(context.profiles(["c"])) == {"c"}
    context.profiles(["a"])
    assert profiles.asked == [("a", "b"), ("c",), ("a",)]
