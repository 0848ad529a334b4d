"""How common words are in what was indexed: what the tag stage is told, so that it need not ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Frequencies:
    """In how many of the ``documents`` of one language each word occurs; words not asked for are absent.

    Words are case-folded, as the tag stage reads them; a word counts with its inflected forms, since the
    index holds stems.
    """

    documents: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
