"""What became of a batch that was written to two indices at once."""

from __future__ import annotations

from collections.abc import Sequence

from shared.index.port import WriteOutcome, WriteWord

# The better comes first. A document that one of the two had already is written when the other took it.
_ORDER: tuple[WriteWord, ...] = ("stale", "written", "unavailable", "refused")


def worse(each: Sequence[Sequence[WriteOutcome]]) -> list[WriteOutcome]:
    """Of each article the outcome that matters more: refused, then unavailable, then written, then stale."""
    return [max(several, key=lambda one: _ORDER.index(one.word)) for several in zip(*each, strict=True)]
