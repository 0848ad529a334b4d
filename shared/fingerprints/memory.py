"""Fingerprints in memory: for one process without stored state, as `copydesk stage dedupe` is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from shared.fingerprints.port import WINDOW_SECONDS, TextClaim


class MemoryFingerprints:
    """``Fingerprints`` that live as long as the object; ``clock`` answers in seconds."""

    def __init__(self, window: float = WINDOW_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = window
        self._clock = clock
        self._leads: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def claim(self, claims: Sequence[TextClaim]) -> list[str]:
        """The lead of each text, in order; the claiming article itself when it is the lead."""
        with self._lock:
            return [self._claim(claim) for claim in claims]

    def _claim(self, claim: TextClaim) -> str:
        now = self._clock()
        lead, until = self._leads.get(claim.text_hash, ("", 0.0))
        if lead and until > now:
            return lead
        self._leads[claim.text_hash] = (claim.article_id, now + self._window)
        return claim.article_id

    def forget(self, article_id: str, text_hash: str) -> None:
        """Let go of a text, if this article is its lead."""
        with self._lock:
            if self._leads.get(text_hash, ("", 0.0))[0] == article_id:
                del self._leads[text_hash]

    def look_up(self, text_hashes: Sequence[str]) -> list[str | None]:
        """The lead of each text, in order, without claiming it; None: nobody leads it."""
        with self._lock:
            now = self._clock()
            found = [self._leads.get(text_hash, ("", 0.0)) for text_hash in text_hashes]
        return [lead if lead and until > now else None for lead, until in found]

    def load(self, claims: Sequence[TextClaim]) -> None:
        """Put back known leads; a text that has a lead keeps it."""
        self.claim(claims)

    def is_ready(self) -> bool:
        """Always: what lives in this process cannot be lost without it."""
        return True

    def mark_ready(self) -> None:
        """Nothing to say."""
