"""The sweeper's part in holds: shows what was held until now, and ends what was shown until now."""

from __future__ import annotations

from collections.abc import Callable

from shared.errors import Unavailable
from shared.ledger.port import Ledger
from shared.log import get_logger
from shared.queue import Waker

PAGE = 200  # articles in one transaction; many embargoes end on the hour, and pushes must get in between


def turn_due(ledger: Ledger, waker: Waker, now: int, beat: Callable[[], None] = lambda: None) -> list[str]:
    """Turn every article whose time has come; returns lines for Flower. Trouble with that stops no sweep.

    ``now`` is milliseconds. Each page wakes the index at once: later ones may be many.
    """
    turned = 0
    try:
        while (done := ledger.due(now, PAGE)).articles:
            turned += done.articles
            for stage, lane in done.wake:
                waker.wake(stage, lane)
            beat()
            if done.articles < PAGE:
                break
    except Unavailable as error:
        get_logger().warning("embargoes and expiries not looked at", error=str(error))
    return [f"turned {turned} whose time had come"] if turned else []
