"""What the sweeper does: wakes stages that have waited too long, and puts lost fingerprints back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from shared.clock import to_ms
from shared.fingerprints.port import WINDOW_SECONDS, Fingerprints, TextClaim
from shared.ledger.port import Backlog, Ledger
from shared.log import get_logger
from shared.messages import LANES, Lane, Stage
from shared.queue import Waker

PAGE = 1_000


Oldest = dict[tuple[Stage, Lane], datetime | None]


def sweep(
    ledger: Ledger,
    fingerprints: Fingerprints,
    waker: Waker,
    stuck_seconds: float,
    now: int,
    *,
    oldest: Oldest | None = None,
    beat: Callable[[], None] = lambda: None,
) -> str:
    """One turn; answers with a line that Flower shows.

    ``oldest`` carries what was stuck from turn to turn; ``beat`` is called whenever something is done.
    """
    beat()
    try:
        said = _wake_stuck(ledger, waker, stuck_seconds, now, {} if oldest is None else oldest)
        if not fingerprints.is_ready():
            said.append(f"put back {rebuild_fingerprints(ledger, fingerprints, now, beat)} fingerprints")
            for lane in LANES:
                waker.wake("dedupe", lane)
        return ", ".join(said) or "nothing stuck"
    finally:
        beat()


def _wake_stuck(ledger: Ledger, waker: Waker, stuck_seconds: float, now: int, oldest: Oldest) -> list[str]:
    stuck = [entry for entry in ledger.backlog(now) if _is_stuck(entry, stuck_seconds, now)]
    for entry in stuck:
        waker.wake(entry.stage, entry.lane)
        # A stage whose oldest row has moved since the last turn is only busy.
        stands = oldest.get((entry.stage, entry.lane)) == entry.oldest_since
        tell = get_logger().warning if stands else get_logger().info
        tell("stage woken", stage=entry.stage, lane=entry.lane, waiting=entry.waiting)
    oldest.clear()
    oldest.update({(entry.stage, entry.lane): entry.oldest_since for entry in stuck})
    return [f"woke {entry.stage}/{entry.lane}" for entry in stuck]


def _is_stuck(entry: Backlog, stuck_seconds: float, now: int) -> bool:
    if entry.oldest_since is None:
        return False
    # A clock that was set back makes an age negative; such a row has waited for who knows how long.
    return not 0 <= now - to_ms(entry.oldest_since) <= stuck_seconds * 1000


def rebuild_fingerprints(
    ledger: Ledger, fingerprints: Fingerprints, now: int, beat: Callable[[], None] = lambda: None
) -> int:
    """Put the window's texts and leads back from the ledger; returns how many."""
    since, after, total = now - int(WINDOW_SECONDS * 1000), 0, 0
    while page := ledger.fingerprints(since, after, PAGE):
        fingerprints.load([TextClaim(lead, text_hash) for _, text_hash, lead in page])
        after = page[-1][0]
        total += len(page)
        beat()
    fingerprints.mark_ready()
    get_logger().info("fingerprints rebuilt", texts=total)
    return total
