"""What the sweeper does: wakes stages that have waited too long, and puts lost fingerprints back."""

from __future__ import annotations

from shared.clock import to_ms
from shared.fingerprints.port import WINDOW_SECONDS, Fingerprints, TextClaim
from shared.ledger.port import Backlog, Ledger
from shared.log import get_logger
from shared.messages import LANES
from shared.queue import Waker

PAGE = 1_000


def sweep(ledger: Ledger, fingerprints: Fingerprints, waker: Waker, stuck_seconds: float, now: int) -> str:
    """One turn; answers with a line that Flower shows."""
    stuck = [entry for entry in ledger.backlog(now) if _is_stuck(entry, stuck_seconds, now)]
    for entry in stuck:
        waker.wake(entry.stage, entry.lane)
        get_logger().warning("stage woken", stage=entry.stage, lane=entry.lane, waiting=entry.waiting)
    said = [f"woke {entry.stage}/{entry.lane}" for entry in stuck]
    if not fingerprints.is_ready():
        said.append(f"put back {rebuild_fingerprints(ledger, fingerprints, now)} fingerprints")
        for lane in LANES:
            waker.wake("dedupe", lane)
    return ", ".join(said) or "nothing stuck"


def _is_stuck(entry: Backlog, stuck_seconds: float, now: int) -> bool:
    if entry.oldest_since is None:
        return False
    # A clock that was set back makes an age negative; such a row has waited for who knows how long.
    return not 0 <= now - to_ms(entry.oldest_since) <= stuck_seconds * 1000


def rebuild_fingerprints(ledger: Ledger, fingerprints: Fingerprints, now: int) -> int:
    """Put the window's texts and leads back from the ledger; returns how many."""
    since, after, total = now - int(WINDOW_SECONDS * 1000), 0, 0
    while page := ledger.fingerprints(since, after, PAGE):
        fingerprints.load([TextClaim(lead, text_hash) for _, text_hash, lead in page])
        after = page[-1][0]
        total += len(page)
    fingerprints.mark_ready()
    get_logger().info("fingerprints rebuilt", texts=total)
    return total
