"""The bands port: which articles may resemble one, and who leads while copies arrive together.

A band is a number made of a text; two texts that have many bands in common resemble each other. What is found
here are candidates only: the caller compares the texts themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

DAY_MS = 24 * 3_600_000
WINDOW_DAYS = 3  # to either side: 72 hours, rounded up to whole days; the caller knows the hour
MOST_SHARING = 8  # articles of a day that are remembered of one band: the newest
MOST_CANDIDATES = 24  # looked at for one claim, those that were rejected counted in


@dataclass(frozen=True, slots=True)
class BandClaim:
    """An article that asks to lead what resembles it.

    ``article_id`` is 32 hex digits, ``day`` the days since the epoch of the time by which its window is
    counted, ``keys`` one 32-bit number per band, in the order of the bands; ``rejected`` are candidates that
    were compared already, and found unlike.
    """

    article_id: str
    day: int
    keys: tuple[int, ...]
    rejected: frozenset[str] = frozenset()


class Bands(Protocol):
    """Articles by their bands and days, for a window; it can be lost, and rebuilt from the ledger.

    - ``claim`` answers each claim in order, each in one atomic step: the candidates among articles of the
      days within the window that share enough bands with it, those with the most in common first, then
      those of earlier days, bounded in number however many there are. As long as one of them is not among
      ``rejected``, those that are not are returned and nothing is written. When all are, the article is
      written down, and the answer is empty: it leads from then on. An article is never its own candidate.
      Of two claims at the same instant one sees the other.
    - Bands that remember: an article that was written down with the same keys and day is answered that it
      leads without another look, so that the retry of a task that was killed finds itself. Bands that do
      not always look, and tell a repeated article of what they told it before, and of what came since; it
      is written down once all the same.
    - Of a band that very many articles of a day share, only the newest are remembered: it says little, and
      copies come soon after what they copy.
    - A claim without keys has no candidates, and nothing is written.
    - What was written is forgotten after the window, counted from the day or from the writing, whichever is
      later.
    - ``claim`` raises ``Unavailable`` while the store is away, or lost and not yet put back; readiness is
      that of ``Fingerprints``, which lie in the same store.

    Adapters are told how many bands two articles must share (``least``), the days of the window to either
    side (``window_days``), whether a key counts only at its own place among the keys (``placed``), as bands
    do, or is one of a set, and whether they remember who leads (``remembers``).
    """

    def claim(self, claims: Sequence[BandClaim]) -> list[tuple[str, ...]]:
        """The candidates that each has still to be compared with; none: it leads, and is written down."""

    def load(self, claims: Sequence[BandClaim]) -> None:
        """Write articles down without a question: leads that are put back, or have become one."""

    def forget(self, claims: Sequence[BandClaim]) -> None:
        """Remove what was written of articles, also when only part of it is there."""
