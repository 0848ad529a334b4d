"""Whether a service's parts are there, looked at once a second at most, however many ask.

A look asks the ledger, Redis and the index, and whoever asks for it needs no key. So one caller looks and the
others get the last answer, which is never older than two seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.errors import CopydeskError
from shared.log import get_logger

FRESH_SECONDS: Final = 1.0
OVERDUE_SECONDS: Final = 1.0  # a check that takes longer has failed for all who wait, until it says otherwise
NOT_YET: Final = "has not been looked at yet"
DOCTOR: Final = "`copydesk doctor` says why, and what to do"
# Why a failed check matters, and what to do; for everybody, so without a word of hosts and files.
ADVICE: Final[Mapping[str, str]] = {
    "ledger": f"nothing is accepted or worked on until it is back; {DOCTOR}",
    "index": f"searches answer 503 and articles wait until it is back; {DOCTOR}",
    "broker": "articles are accepted, and wait until it is back; start it, or correct COPYDESK_BROKER_URL",
    "keys": "every caller gets 401; `copydesk keys create NAME --scope ingest` makes a key for pushes, "
    "--scope search one for the rest",
    "capacity": "pushes get 429 or 503; add workers, make room, or `copydesk prune`",
}

Checks = Mapping[str, Callable[[], None]]
Found = Mapping[str, str | None]  # by check what is wrong, None where nothing is


@dataclass(slots=True)
class _Look:
    began: float
    at: str  # the check that is being asked
    found: dict[str, str | None] = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)


class Readiness:
    """The checks of one service, and what they said last; safe for threads.

    Each check returns, or raises; one that is ``optional`` makes the service degraded, others unavailable.
    """

    def __init__(
        self, checks: Checks, optional: Collection[str] = (), steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._checks = checks
        self._optional = frozenset(optional)
        self._steady = steady
        self._lock = threading.Lock()
        self._found: dict[str, str | None] = {}
        self._began = float("-inf")  # that look: what it asked first may have changed by its end
        self._under_way: _Look | None = None

    def look(self) -> Found:
        """What is wrong with each part: as it is now, or was a moment ago.

        Asks the checks only where nobody else does. A caller who finds one that hangs waits a second at most.
        """
        with self._lock:
            now = self._steady()
            if not self._checks or now - self._began < FRESH_SECONDS:
                return self._found
            look = self._under_way
            if look is None:
                mine = self._under_way = _Look(now, next(iter(self._checks)))
        return self._ask(mine) if look is None else self._overhear(look, now)

    def status(self, found: Found) -> str:
        """``ready``, ``degraded`` or ``unavailable``."""
        failed = {name for name, error in found.items() if error is not None}
        return "unavailable" if failed - self._optional else "degraded" if failed else "ready"

    def _ask(self, look: _Look) -> Found:
        try:
            for name, check in self._checks.items():
                look.at = name
                look.found[name] = _run(name, check)
        finally:
            with self._lock:
                if len(look.found) == len(self._checks):
                    self._found, self._began = look.found, look.began
                self._under_way = None
            look.done.set()
        return look.found

    def _overhear(self, look: _Look, now: float) -> Found:
        with self._lock:
            last, age = self._found, now - self._began
        if now < look.began + OVERDUE_SECONDS and age < FRESH_SECONDS + OVERDUE_SECONDS:
            return last
        if look.done.wait(max(0.0, look.began + OVERDUE_SECONDS - now)):
            return look.found
        unknown = {name: last.get(name, NOT_YET) for name in self._checks}
        told = f"has not answered for {self._steady() - look.began:.1f} s"
        return {**unknown, **look.found, look.at: told}


def in_turn(*checks: Callable[[], None]) -> Callable[[], None]:
    """One check of several, which goes on to the next where the one before is well."""

    def check() -> None:
        for one in checks:
            one()

    return check


def _run(name: str, check: Callable[[], None]) -> str | None:
    try:
        check()
    except CopydeskError as error:
        return clean(str(error)) or type(error).__name__
    except Exception as error:  # noqa: BLE001 - the edge: a check that breaks is a failed check
        get_logger().exception("check broke", check=name)
        return type(error).__name__  # its text may carry a password from a URL
    return None


def clean(text: str) -> str:
    """Text that can be written as UTF-8: a lone surrogate in a sender's words becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
