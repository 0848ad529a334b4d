"""The fingerprints port: who was first with a text, decided atomically while copies arrive together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.nearness.window import WINDOW_MS

WINDOW_SECONDS = WINDOW_MS / 1000


@dataclass(frozen=True, slots=True)
class TextClaim:
    """An article that asks to be the lead of its text; ``text_hash`` is 32 hex digits."""

    article_id: str
    text_hash: str


class Fingerprints(Protocol):
    """A window of texts and their leads; it can be lost, and rebuilt from the ledger.

    - ``claim`` answers, for each claim in order, the id of the text's lead. The first article to claim a
      text becomes its lead; asking again with the same article gives the same answer, so that a repeated
      task is never its own duplicate. Two claims at the same instant get one lead.
    - A text is forgotten after the window (72 h by default), counted from the lead's claim, or from
      ``load`` where it was put back.
    - ``is_ready`` is False after the store was lost (its epoch is gone): whoever finds that rebuilds it with
      ``load`` and then ``mark_ready``; dedupe waits meanwhile.
    - ``claim`` raises ``Unavailable`` while the store is away, or lost and not yet put back.
    """

    def claim(self, claims: Sequence[TextClaim]) -> list[str]:
        """The lead of each text, in order; the claiming article itself when it is the lead."""

    def forget(self, article_id: str, text_hash: str) -> None:
        """Let go of a text, if this article is its lead."""

    def look_up(self, text_hashes: Sequence[str]) -> list[str | None]:
        """The lead of each text, in order, without claiming it; None: nobody leads it."""

    def load(self, claims: Sequence[TextClaim]) -> None:
        """Put back known leads while rebuilding; a text that has a lead keeps it."""

    def is_ready(self) -> bool:
        """Whether the store holds the window."""

    def mark_ready(self) -> None:
        """Say that the window has been put back."""
