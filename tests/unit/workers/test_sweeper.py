"""The sweeper's turns: whom it wakes and how loudly, and when it beats."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.workers.band_claims import near_claim
from services.workers.sweeper import Oldest, longest_wait, rebuild_fingerprints, sweep
from shared.clock import from_ms
from shared.errors import Unavailable
from shared.ledger.keeping import Due, Hurried
from shared.ledger.port import Backlog, Fingerprint
from shared.messages import Lane
from shared.nearness.sketch import make_sketch, pack_sketch
from shared.settings import Settings
from shared.stories.features import make_story_sketch, pack_story

NOW = 1_800_000_000_000
HOUR_MS = 3_600_000
NOTHING = Hurried(0)


@dataclass
class Ledger:
    """A ledger whose one stage waits, and whose fingerprints fill some pages."""

    oldest: int = NOW - 60_000
    pages: int = 0
    lane: Lane = "live"
    tallied: list[tuple[str, int]] = field(default_factory=list)
    in_the_way: Hurried | Unavailable = NOTHING
    asked: list[str] = field(default_factory=list)

    def hurry(self, now: int) -> Hurried:
        self.asked.append("hurry")
        if isinstance(self.in_the_way, Unavailable):
            raise self.in_the_way
        return self.in_the_way

    def backlog(self, now: int) -> list[Backlog]:
        self.asked.append("backlog")
        since = from_ms(self.oldest)
        return [Backlog("tag", self.lane, 7, 0, 0, oldest_since=since, oldest_accepted=since)]

    def fingerprints(self, since: int, after: int, limit: int) -> list[Fingerprint]:
        if after >= self.pages:
            return []
        # The first two pages are from before the window of copies, and in that of stories.
        after = max(after, 2) if since >= NOW - 72 * HOUR_MS else after
        sketch = make_sketch("", " ".join(f"word{at}of{after}" for at in range(40)))
        story = make_story_sketch(
            "Mayor Ada Lovelace opens Tower Bridge", "Ada Lovelace spoke in Bergen.", "en"
        )
        lead = f"{after + 1:032x}" if after != 3 else "f" * 32
        return [
            Fingerprint(
                after + 1, f"{after + 1:032x}", f"{after + 1:032x}", lead, NOW,
                pack_sketch(sketch) if after != 3 else None, pack_story(story),
            )
        ]  # fmt: skip

    def due(self, now: int, limit: int) -> Due:
        self.asked.append("due")
        return Due(0)

    def tally(self, name: str, count: int) -> None:
        self.tallied.append((name, count))


@dataclass
class Fingerprints:
    ready: bool = True
    loaded: list[Any] = field(default_factory=list)

    def is_ready(self) -> bool:
        return self.ready

    def load(self, claims: list[Any]) -> None:
        self.loaded += claims

    def mark_ready(self) -> None:
        self.ready = True


@dataclass
class Loaded:
    loaded: list[Any] = field(default_factory=list)

    def load(self, claims: list[Any]) -> None:
        self.loaded += claims


@dataclass
class Waker:
    woken: list[tuple[str, str]] = field(default_factory=list)

    def wake(self, stage: str, lane: str) -> None:
        self.woken.append((stage, lane))


def levels(ledger: Ledger, oldest: Oldest, now: int) -> list[str]:
    """The levels of "stage woken" in one turn."""
    with capture_logs() as events:
        waker = Waker()
        sweep(ledger, Fingerprints(), waker, 10, now, oldest=oldest)  # type: ignore[arg-type]
    assert len(events) <= len(waker.woken)
    return [event["log_level"] for event in events]


def test_a_busy_stage_is_woken_quietly_and_one_that_stands_still_with_a_warning() -> None:
    ledger, oldest = Ledger(), Oldest()
    assert levels(ledger, oldest, NOW) == ["info"]
    ledger.oldest += 5_000
    assert levels(ledger, oldest, NOW + 5_000) == ["info"]
    assert levels(ledger, oldest, NOW + 10_000) == ["warning"]
    assert levels(ledger, oldest, NOW + 15_000) == []  # it was told of; an outage may last for hours
    ledger.oldest += 5_000
    assert levels(ledger, oldest, NOW + 20_000) == ["info"]
    ledger.oldest = NOW + 24_000
    assert levels(ledger, oldest, NOW + 25_000) == []
    assert oldest == {}


def test_each_page_of_a_long_rebuild_beats_so_that_it_does_not_count_as_hung() -> None:
    beats: list[int] = []
    ledger, fingerprints = Ledger(pages=5), Fingerprints(ready=False)
    said = sweep(
        ledger, fingerprints, Waker(), 3_600, NOW, beat=lambda: beats.append(len(fingerprints.loaded))  # type: ignore[arg-type]
    )  # fmt: skip
    assert said == "put back 3 fingerprints"
    assert beats == [0, 1, 2, 3, 3]
    assert fingerprints.ready


def test_bands_of_leads_are_put_back_and_stories_from_further_ago() -> None:
    bands, story_bands, fingerprints = Loaded(), Loaded(), Fingerprints(ready=False)
    rebuild_fingerprints(Ledger(pages=5), fingerprints, NOW, lambda: None, bands, story_bands)  # type: ignore[arg-type]
    assert [claim.text_hash for claim in fingerprints.loaded] == [f"{number:032x}" for number in (3, 4, 5)]
    assert fingerprints.loaded[1].article_id == "f" * 32
    assert [claim.article_id for claim in bands.loaded] == [f"{number:032x}" for number in (3, 5)]
    assert [claim.article_id for claim in story_bands.loaded] == [f"{n:032x}" for n in (1, 2, 3, 5)]
    assert {claim.day for claim in bands.loaded} == {NOW // (24 * HOUR_MS)}
    assert len(bands.loaded[0].keys) == 64
    assert len(story_bands.loaded[0].keys) > 1


class Comparing(Ledger):
    """One whose every article is being compared: it has no verdict yet, and the ledger no text of it."""

    def fingerprints(self, since: int, after: int, limit: int) -> list[Fingerprint]:
        found = super().fingerprints(since, after, limit)
        return [replace(one, text_hash="", lead=one.article_id) for one in found]


def test_what_is_being_compared_has_bands_put_back_that_are_not_what_it_asks_with() -> None:
    bands, story_bands, fingerprints = Loaded(), Loaded(), Fingerprints(ready=False)
    near, stories = (each.loaded for each in (bands, story_bands))
    told = [bands, story_bands]
    assert rebuild_fingerprints(Comparing(pages=3), fingerprints, NOW, lambda: None, *told) == 0  # type: ignore[arg-type]
    assert fingerprints.loaded == []
    [kept] = [near_claim(one) for one in Ledger(pages=3).fingerprints(NOW, 0, 1)]
    assert kept is not None
    assert [claim.keys for claim in near] == [kept.keys[:-1]]
    assert len(stories) == 3


def test_bands_are_put_back_before_anybody_may_claim() -> None:
    fingerprints = Fingerprints(ready=False)

    class Watched(Loaded):
        def load(self, claims: list[Any]) -> None:
            assert not fingerprints.ready
            super().load(claims)

    bands, story_bands = Watched(), Watched()
    sweep(
        Ledger(pages=5), fingerprints, Waker(), 3_600, NOW, bands=bands, story_bands=story_bands,  # type: ignore[arg-type]
    )  # fmt: skip
    assert (len(bands.loaded), len(story_bands.loaded)) == (2, 4)
    assert fingerprints.ready


@pytest.mark.parametrize("lane", ["live", "replay"])
def test_what_stands_is_woken_in_its_lane_and_counted_turn_by_turn(lane: Lane) -> None:
    ledger, waker, oldest = Ledger(lane=lane), Waker(), Oldest()
    for turn in range(3):
        sweep(ledger, Fingerprints(), waker, 10, NOW + turn * 5_000, oldest=oldest)  # type: ignore[arg-type]
    assert waker.woken == [("tag", lane)] * 3
    assert ledger.tallied == [("woken", 1)] * 3


def test_nothing_is_counted_where_nothing_is_woken() -> None:
    ledger = Ledger(oldest=NOW - 1_000)
    assert sweep(ledger, Fingerprints(), Waker(), 10, NOW) == "nothing stuck"  # type: ignore[arg-type]
    assert ledger.tallied == []


def test_what_keeps_live_news_waiting_is_moved_and_woken_before_the_sweeper_looks_for_what_is_stuck() -> None:
    moved = Hurried(3, (("clean", "live"), ("dedupe", "live")))
    ledger, waker = Ledger(in_the_way=moved), Waker()
    for _ in range(2):  # every turn
        said = sweep(ledger, Fingerprints(), waker, 10, NOW)  # type: ignore[arg-type]
        assert said == "moved 3 to the live lane, woke tag/live"
    assert ledger.asked == ["hurry", "due", "backlog"] * 2
    assert waker.woken == [("clean", "live"), ("dedupe", "live"), ("tag", "live")] * 2
    assert ledger.tallied == [("woken", 1)] * 2  # that a row was moved tells of no lost wake-up


def test_trouble_with_moving_is_told_of_and_stops_no_sweep() -> None:
    ledger, fingerprints = Ledger(in_the_way=Unavailable("locked"), pages=5), Fingerprints(ready=False)
    with capture_logs() as events:
        said = sweep(ledger, fingerprints, Waker(), 10, NOW)  # type: ignore[arg-type]
    assert said == "woke tag/live, put back 3 fingerprints"
    assert (events[0]["log_level"], events[0]["error"]) == ("warning", "locked")


def test_nothing_waits_longer_than_half_a_minute_by_default() -> None:
    assert longest_wait(Settings()) <= 30
