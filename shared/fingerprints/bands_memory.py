"""Bands in memory: for one process without stored state, as `copydesk stage dedupe` is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from shared.fingerprints.bands import DAY_MS, MOST_CANDIDATES, MOST_SHARING, WINDOW_DAYS, BandClaim

DAY_SECONDS = DAY_MS // 1000
Place = tuple[int, int]  # of a key: its position (0 where positions say nothing), and the key


class MemoryBands:
    """``Bands`` that live as long as the object; ``clock`` answers in seconds since the epoch.

    Ids may be any words here.
    """

    def __init__(
        self,
        *,
        least: int = 1,
        window_days: int = WINDOW_DAYS,
        placed: bool = True,
        remembers: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._least = least
        self._window = window_days
        self._placed = placed
        self._remembers = remembers
        self._clock = clock
        self._days: dict[int, _Day] = {}
        self._lock = threading.Lock()

    def claim(self, claims: Sequence[BandClaim]) -> list[tuple[str, ...]]:
        """The candidates that each has still to be compared with; none: it leads, and is written down."""
        with self._lock:
            self._tidy()
            return [self._claim(claim) for claim in claims]

    def load(self, claims: Sequence[BandClaim]) -> None:
        """Write articles down without a question."""
        with self._lock:
            self._tidy()
            for claim in claims:
                self._write(claim)

    def forget(self, claims: Sequence[BandClaim]) -> None:
        """Remove what was written of articles."""
        with self._lock:
            for claim in claims:
                if claim.day in self._days:
                    self._days[claim.day].forget(claim, list(self._places(claim)))

    def _tidy(self) -> None:
        now = self._clock()
        for day in [day for day, kept in self._days.items() if kept.until <= now]:
            del self._days[day]

    def _claim(self, claim: BandClaim) -> tuple[str, ...]:
        day = self._days.get(claim.day)
        is_written = day is not None and day.written.get(claim.article_id) == claim.keys
        if is_written and self._remembers:
            return ()
        found = self._candidates(claim)
        left = tuple(candidate for candidate in found if candidate not in claim.rejected)
        # Written again it would count as the newest of its bands, and push others out of them.
        if not left and not is_written:
            self._write(claim)
        return left

    def _candidates(self, claim: BandClaim) -> list[str]:
        shared: dict[str, int] = {}
        places = list(self._places(claim))
        for number in range(claim.day - self._window, claim.day + self._window + 1):
            if number in self._days:
                for place in places:
                    for sharing in self._days[number].sharing.get(place, ()):
                        shared[sharing] = shared.get(sharing, 0) + 1
        shared.pop(claim.article_id, None)
        enough = [candidate for candidate, bands in shared.items() if bands >= self._least]
        # The sort is stable: of those that share as much, those of earlier days come first.
        return sorted(enough, key=lambda candidate: -shared[candidate])[:MOST_CANDIDATES]

    def _write(self, claim: BandClaim) -> None:
        if claim.keys:
            day = self._days.setdefault(claim.day, _Day())
            day.write(claim, self._places(claim))
            last = max(claim.day, int(self._clock() // DAY_SECONDS))
            day.until = max(day.until, (last + self._window + 1) * DAY_SECONDS)

    def _places(self, claim: BandClaim) -> Iterator[Place]:
        if self._placed:
            return iter(enumerate(claim.keys))
        return ((0, key) for key in dict.fromkeys(claim.keys))


class _Day:
    """What is remembered of one day's articles."""

    def __init__(self) -> None:
        self.sharing: dict[Place, list[str]] = {}
        self.written: dict[str, tuple[int, ...]] = {}
        self.until = 0.0

    def write(self, claim: BandClaim, places: Iterator[Place]) -> None:
        self.written[claim.article_id] = claim.keys
        for place in places:
            sharing = self.sharing.setdefault(place, [])
            if claim.article_id not in sharing:
                sharing.append(claim.article_id)
                del sharing[:-MOST_SHARING]

    def forget(self, claim: BandClaim, places: list[Place]) -> None:
        self.written.pop(claim.article_id, None)
        for place in places:
            left = [sharing for sharing in self.sharing.get(place, ()) if sharing != claim.article_id]
            if left:
                self.sharing[place] = left
            else:
                self.sharing.pop(place, None)
