"""The source profiles port: what the articles of one source have in common, counted article by article."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

KEPT_SECONDS = 30 * 86_400.0  # of silence, after which a source is forgotten
MOST_LINES = 5_000  # hashes kept of a source; past it the rare ones leave
ROOMY_LINES = MOST_LINES * 4 // 5  # how many stay when some have to leave, so that this is seldom
OFTEN = 3  # sightings from which a line is told to a reader
MOST_DESCRIPTIONS = 20
# Articles counted when all counts are halved: a site that changes its furniture is known again after some
# dozens of articles, however many it published before.
HALVED_AT = 1_000


@dataclass(frozen=True, slots=True)
class SourceProfile:
    """What is known of a source: articles counted, in how many each line was met, what it says of itself.

    ``lines`` holds 8-byte hashes and leaves out lines met less than three times. Both counts fade together,
    so that only their ratio is of use over a long time.
    """

    articles: int = 0
    lines: Mapping[bytes, int] = field(default_factory=dict)
    descriptions: tuple[str, ...] = ()  # the most frequent first


EMPTY = SourceProfile()


@dataclass(frozen=True, slots=True)
class Sighting:
    """An article as it is counted: 8-byte hashes of its lines, and self-descriptions found beside it."""

    source_id: str
    article_id: str
    lines: frozenset[bytes] = frozenset()
    descriptions: tuple[str, ...] = ()


class SourceProfiles(Protocol):
    """Profiles by source; losing them costs nothing but some furniture in the next articles.

    - ``count`` takes a batch as one step. An article is counted once, however often it is given, as long
      as it is among the last 500 counted of its source: a repeated task or a revision changes nothing.
    - A line's count is that of articles it was met in. At most 5,000 lines of a source are kept: those met
      once leave first, then those met twice, then the rarest. At every 1,000 articles the counts are halved.
    - At most 20 self-descriptions of a source are kept; a new one takes the place of the rarest.
    - A source of which nothing was counted for 30 days is forgotten, and reads as ``EMPTY``.
    - Both raise ``Unavailable`` while the store is away.
    """

    def read(self, source_ids: Collection[str]) -> dict[str, SourceProfile]:
        """The profile of each source that is asked for; ``EMPTY`` for one that is not known."""

    def count(self, sightings: Sequence[Sighting]) -> None:
        """Count articles that passed the comparison with copies; those counted before change nothing."""
