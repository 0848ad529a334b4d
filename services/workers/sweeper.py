"""What the sweeper does: wakes stages that have waited too long, and puts lost fingerprints back.

Before that it lets live news overtake: what that waits for in the replay lane is moved to the live one.

Two sweepers at once do no harm: a wake-up is only a call, and what is put back stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from services.workers.band_claims import near_claim, story_claim
from services.workers.due import turn_due
from services.workers.parts import Parts
from services.workers.retention import Upkeep
from shared.clock import to_ms
from shared.errors import Unavailable
from shared.fingerprints.bands import DAY_MS, Bands
from shared.fingerprints.port import WINDOW_SECONDS, Fingerprints, TextClaim
from shared.ledger.port import Backlog, Ledger
from shared.log import get_logger
from shared.messages import LANES, Lane, Stage
from shared.queue import Waker
from shared.settings import Settings
from shared.stories.keys import STORY_DAYS

PAGE = 1_000

Beat = Callable[[], None]


def longest_wait(settings: Settings) -> float:
    """Seconds after which whatever waits has been woken, in either lane, once faults have stopped: 30.

    A row held by a worker that died is free when its lease lapses; what is free counts as stuck after
    ``stuck_seconds``, and the next sweep wakes it. With waits of its own (a retry, an outage) a row is
    late by those.
    """
    return settings.lease_seconds + settings.stuck_seconds + settings.sweep_seconds


@dataclass
class Stuck:
    """What was found stuck in the last turn: since when the oldest row waits, and whether that was told."""

    since: datetime | None
    told: bool = False


Oldest = dict[tuple[Stage, Lane], Stuck]


@dataclass
class Sweeper:
    """The sweeper of one process: what it remembers from turn to turn."""

    oldest: Oldest = field(default_factory=dict)
    upkeep: Upkeep = field(default_factory=Upkeep)

    def turn(self, parts: Parts, now: int, beat: Beat) -> str:
        """One turn; answers with a line that Flower shows."""
        settings = parts.settings
        said = sweep(
            parts.ledger, parts.fingerprints, parts.waker, settings.stuck_seconds, now,
            oldest=self.oldest, beat=beat, bands=parts.near.bands, story_bands=parts.story_bands,
        )  # fmt: skip
        done = self.upkeep.turn(
            parts.ledger, parts.fingerprints, parts.waker, settings, now, beat,
            bands=parts.near.bands, story_bands=parts.story_bands,
        )  # fmt: skip
        return f"{said}; {done}" if done else said


def sweep(
    ledger: Ledger,
    fingerprints: Fingerprints,
    waker: Waker,
    stuck_seconds: float,
    now: int,
    *,
    oldest: Oldest | None = None,
    beat: Beat = lambda: None,
    bands: Bands | None = None,
    story_bands: Bands | None = None,
) -> str:
    """One look at everything that waits; answers with a line that Flower shows.

    ``oldest`` carries what was stuck from turn to turn; ``beat`` is called whenever something is done.
    ``bands`` and ``story_bands`` are put back with the fingerprints.
    """
    beat()
    try:
        said = _hurry(ledger, waker, now)
        said += turn_due(ledger, waker, now, beat)
        said += _wake_stuck(ledger, waker, stuck_seconds, now, {} if oldest is None else oldest)
        if not fingerprints.is_ready():
            texts = rebuild_fingerprints(ledger, fingerprints, now, beat, bands, story_bands)
            said.append(f"put back {texts} fingerprints")
            for lane in LANES:
                waker.wake("dedupe", lane)
        return ", ".join(said) or "nothing stuck"
    finally:
        beat()


def _hurry(ledger: Ledger, waker: Waker, now: int) -> list[str]:
    """Move what keeps newer live news waiting to the live lane; trouble with that stops no sweep."""
    try:
        done = ledger.hurry(now)
    except Unavailable as error:
        get_logger().warning("nothing moved to the live lane", error=str(error))
        return []
    for stage, lane in done.wake:
        waker.wake(stage, lane)
    return [f"moved {done.submissions} to the live lane"] if done.submissions else []


def _wake_stuck(ledger: Ledger, waker: Waker, stuck_seconds: float, now: int, oldest: Oldest) -> list[str]:
    stuck = [entry for entry in ledger.backlog(now) if _is_stuck(entry, stuck_seconds, now)]
    found: Oldest = {}
    for entry in stuck:
        waker.wake(entry.stage, entry.lane)
        place = (entry.stage, entry.lane)
        found[place] = _tell(entry, oldest.get(place))
    oldest.clear()
    oldest.update(found)
    _count(ledger, len(stuck))
    return [f"woke {entry.stage}/{entry.lane}" for entry in stuck]


def _tell(entry: Backlog, before: Stuck | None) -> Stuck:
    """Log a wake-up: a stage whose oldest row has moved is only busy; one that stands is told of once."""
    stands = before is not None and before.since == entry.oldest_since
    told = before is not None and stands and before.told
    if not told:
        tell = get_logger().warning if stands else get_logger().info
        tell("stage woken", stage=entry.stage, lane=entry.lane, waiting=entry.waiting)
    return Stuck(entry.oldest_since, told=stands)


def _count(ledger: Ledger, woken: int) -> None:
    if not woken:
        return
    try:
        ledger.tally("woken", woken)
    except Unavailable as error:
        get_logger().warning("wake-ups not counted", woken=woken, error=str(error))


def _is_stuck(entry: Backlog, stuck_seconds: float, now: int) -> bool:
    if entry.oldest_since is None:
        return False
    # A clock that was set back makes an age negative; such a row has waited for who knows how long.
    return not 0 <= now - to_ms(entry.oldest_since) <= stuck_seconds * 1000


def rebuild_fingerprints(
    ledger: Ledger,
    fingerprints: Fingerprints,
    now: int,
    beat: Beat = lambda: None,
    bands: Bands | None = None,
    story_bands: Bands | None = None,
) -> int:
    """Put the window's texts and leads back from the ledger, with the bands of leads; returns how many texts.

    Stories are found for longer than copies: of articles before the window, only their stories are put back.
    What is being compared just now has bands, and no text yet.
    """
    since = now - int(WINDOW_SECONDS * 1000)
    newest = ledger.fingerprints(since, 0, 1)
    earliest = min(since, now - STORY_DAYS * DAY_MS) if story_bands else since
    after, total = 0, 0
    while page := ledger.fingerprints(earliest, after, PAGE):
        recent = [one for one in page if newest and one.sequence >= newest[0].sequence]
        texts = [TextClaim(one.lead, one.text_hash) for one in recent if one.text_hash]
        fingerprints.load(texts)
        if bands is not None:
            bands.load(list(filter(None, map(near_claim, recent))))
        if story_bands is not None:
            leads = [one for one in page if one.lead == one.article_id]
            story_bands.load(list(filter(None, map(story_claim, leads))))
        after = page[-1].sequence
        total += len(texts)
        beat()
    fingerprints.mark_ready()
    get_logger().info("fingerprints rebuilt", texts=total)
    return total
