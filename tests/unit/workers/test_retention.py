"""The upkeep beside the sweeps: which rules the settings make, and how its rounds are cut and repeated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from structlog.testing import capture_logs

from services.workers import retention
from services.workers.band_claims import near_claim, story_claim
from services.workers.retention import DAY_MS, HOUR_MS, Upkeep, prune_rules
from shared.errors import Unavailable
from shared.fingerprints.bands_memory import MemoryBands
from shared.ledger.keeping import Erasure, Page, PruneRule
from shared.nearness.sketch import make_sketch, pack_sketch
from shared.settings import Settings
from shared.stories.features import make_story_sketch, pack_story

NOW = 1_800_000_000_000


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Ledger:
    """One whose every rule finds some pages to prune; each step takes ``step`` seconds of the clock."""

    clock: Clock
    step: float = 0.0
    pages: int = 1
    erased_texts: list[Erasure] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    away: bool = False

    def _call(self, name: str) -> None:
        if self.away:
            raise Unavailable("ledger: away")
        self.calls.append(name)
        self.clock.now += self.step

    def forget_keys(self, before: int, limit: int) -> int:
        assert before == NOW - 24 * HOUR_MS
        self._call("keys")
        return 3

    def prune(self, rule: PruneRule, after: int, limit: int, now: int) -> Page:
        self._call(rule.what)
        return Page(1, after + 1 if after + 1 < self.pages else None)

    def bury(self, now: int, limit: int) -> int:
        self._call("bury")
        return 0

    def prune_events(self, before: int, limit: int) -> int:
        assert before == NOW - 7 * DAY_MS
        self._call("events")
        return 2

    def erasures(self, limit: int) -> list[Erasure]:
        return self.erased_texts[:limit]

    def erased(self, claims: list[Erasure]) -> None:
        self.erased_texts = [claim for claim in self.erased_texts if claim not in claims]


@dataclass
class Fingerprints:
    forgotten: list[str] = field(default_factory=list)

    def forget(self, article_id: str, text_hash: str) -> None:
        self.forgotten.append(article_id)


@dataclass
class Waker:
    tidied: int = 0

    def tidy(self) -> None:
        self.tidied += 1

    def wake(self, stage: str, lane: str) -> None:
        assert stage == "index"


class Desk:
    def __init__(self, **of_ledger: Any) -> None:
        self.clock = Clock()
        self.ledger, self.fingerprints, self.waker = Ledger(self.clock, **of_ledger), Fingerprints(), Waker()
        self.upkeep = Upkeep(self.clock)
        self.beats = 0
        self.settings = Settings()

    def turn(self, **bands: Any) -> str:
        parts: Any = (self.ledger, self.fingerprints, self.waker)
        return self.upkeep.turn(*parts, self.settings, NOW, self._beat, **bands)

    def _beat(self) -> None:
        self.beats += 1


def test_nothing_but_finished_refreshes_goes_by_default() -> None:
    assert prune_rules(Settings(), NOW) == [PruneRule("refreshes", NOW - DAY_MS)]


def test_sources_with_days_of_their_own_are_left_out_of_the_general_rule() -> None:
    settings = Settings(
        keep_articles_days=30,
        keep_originals_days=2,
        keep_ended_days=0.5,
        keep_sources="a.example=3,b.example=90",
    )
    assert prune_rules(settings, NOW) == [
        PruneRule("articles", NOW - 3 * DAY_MS, source="a.example"),
        PruneRule("articles", NOW - 90 * DAY_MS, source="b.example"),
        PruneRule("articles", NOW - 30 * DAY_MS, except_sources=("a.example", "b.example")),
        PruneRule("originals", NOW - 2 * DAY_MS),
        PruneRule("ended", NOW - DAY_MS // 2),
        PruneRule("refreshes", NOW - DAY_MS),
    ]


def test_a_round_comes_every_ten_minutes_and_no_sooner() -> None:
    desk = Desk()
    assert desk.turn() == "upkeep removed 4"
    assert desk.ledger.calls == ["keys", "refreshes", "bury"]
    assert desk.turn() == ""
    desk.clock.now += 599
    assert desk.turn() == ""
    assert desk.waker.tidied == 1
    desk.clock.now += 2
    assert desk.turn() == "upkeep removed 4"
    assert desk.waker.tidied == 2


def test_events_go_when_the_settings_say_so() -> None:
    desk = Desk()
    desk.settings = Settings(keep_events_days=7)
    assert desk.turn() == "upkeep removed 6"
    assert desk.ledger.calls == ["keys", "refreshes", "bury", "events"]


def test_a_long_round_goes_on_at_the_next_sweep_and_beats_between() -> None:
    desk = Desk(step=0.5, pages=20)
    said = [desk.turn()]
    while said[-1].startswith("upkeep goes on"):
        began = desk.clock.now
        said.append(desk.turn())
        assert desk.clock.now - began <= retention.TURN_SECONDS
    assert len(said) == 6  # 22 steps of half a second, four in a turn
    assert said[-1] == "upkeep removed 23"
    assert desk.ledger.calls == ["keys", *["refreshes"] * 20, "bury"]
    assert desk.beats >= 22


def test_texts_that_were_erased_are_forgotten_at_the_very_next_sweep() -> None:
    desk = Desk()
    desk.turn()
    desk.ledger.erased_texts = [Erasure(f"a{number}", "0" * 32) for number in range(450)]
    assert desk.turn() == "forgot 450 texts"
    assert len(desk.fingerprints.forgotten) == 450
    assert desk.ledger.erased_texts == []


def test_bands_of_what_was_erased_are_forgotten_too() -> None:
    text = " ".join(f"word{number}" for number in range(40))
    sketch = pack_sketch(make_sketch("", text))
    story = pack_story(
        make_story_sketch("Mayor Ada Lovelace opens Tower Bridge", "Ada Lovelace spoke.", "en")
    )
    desk, bands, story_bands = Desk(), MemoryBands(), MemoryBands(least=2, placed=False)
    erasure = Erasure("a" * 32, "0" * 32, sketch, story, NOW)
    near, told = near_claim(erasure), story_claim(erasure)
    assert near is not None
    assert told is not None
    bands.load([near])
    story_bands.load([told])
    desk.ledger.erased_texts = [
        erasure,
        Erasure("b" * 32, "1" * 32),
        Erasure("c" * 32, "2" * 32, b"\xff", b""),
    ]
    assert desk.turn(bands=bands, story_bands=story_bands) == "forgot 3 texts, upkeep removed 4"
    assert desk.ledger.erased_texts == []
    assert bands.claim([replace(near, article_id="d" * 32)]) == [()]
    assert story_bands.claim([replace(told, article_id="d" * 32)]) == [()]


def test_an_outage_puts_the_upkeep_off_and_never_fails_the_sweep() -> None:
    desk = Desk(away=True)
    with capture_logs() as events:
        assert desk.turn() == "upkeep put off"
    assert [event["log_level"] for event in events] == ["warning"]
    desk.ledger.away = False
    desk.clock.now += retention.ROUND_SECONDS
    assert desk.turn() == "upkeep removed 4"
