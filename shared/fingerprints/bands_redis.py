"""Bands in Redis, shared by every worker: strings of a day, packed small, that end with the window.

An article is a number of four bytes, the first of its id. Each day has buckets, which are strings of entries
of seven bytes: three of a band's key, and the number of an article that has it, the oldest first. Which
bucket a key lies in is told by its bits mixed with its place. Other buckets have the names: a number's full
id, and a checksum of the keys it was written with. How many buckets a day has is chosen from the days about
it; when they are full, several times as many are begun beside them (a layer), and both are read. A day that
has nothing has no marker, and costs one look.

Whoever has compared itself with all that it was told of asks again, to lead: it brings the mark of the answer
that named them, and only the buckets of days on which something was written since are read a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from zlib import crc32

import redis

from shared.errors import Unavailable
from shared.fingerprints.bands import MOST_CANDIDATES, MOST_SHARING, WINDOW_DAYS, BandClaim
from shared.fingerprints.bands_script import SCRIPT
from shared.fingerprints.redis import EPOCH, as_unavailable

PREFIX = "copydesk:{}:"
MARK = 8  # bytes of an answer before the ids, for each day of the window
MOST_PACKED = 200  # sets of keys, 2 kB each: most articles ask twice
MOST_TOLD = 1_000  # articles whose last answer is known: a batch has far fewer
BITS = 26  # of a key that tell its bucket; the script's power of two at most
AT_ONCE = 8  # claims in one call: Redis does nothing else meanwhile, for about a millisecond each at most

_MIX, _SPREAD = 0x9E3779B1, 0x85EBCA6B  # odd, so that a product by them loses nothing


class RedisBands:
    """``Bands`` on one Redis or Valkey server, version 7 or newer; ``name`` tells several of them apart.

    One node, not a cluster: the script reads keys that it makes up as it goes. Only the epoch of the
    fingerprints is declared.
    """

    def __init__(
        self,
        client: redis.Redis,
        name: str = "near",
        *,
        least: int = 1,
        window_days: int = WINDOW_DAYS,
        placed: bool = True,
        remembers: bool = True,
    ) -> None:
        self._client = client
        self._head = (
            PREFIX.format(name), window_days, least, MOST_SHARING, MOST_CANDIDATES, int(remembers),
        )  # fmt: skip
        self._mark_size = MARK * (2 * window_days + 1)
        self._placed = placed
        self._script = client.register_script(SCRIPT)
        # By article: the mark of the last answer, whom it left nobody of, and what was asked.
        self._told: dict[str, tuple[bytes, frozenset[str], int, tuple[int, ...]]] = {}

    def claim(self, claims: Sequence[BandClaim]) -> list[tuple[str, ...]]:
        """The candidates that each has still to be compared with; ``Unavailable`` while they are put back."""
        answers = self._run("claim", claims)
        return [self._note(claim, found) for claim, found in zip(claims, answers, strict=True)]

    def _note(self, claim: BandClaim, found: bytes) -> tuple[str, ...]:
        """The ids of an answer, whose mark is kept for the next question of that article."""
        self._told.pop(claim.article_id, None)
        mark, ids = found[: self._mark_size], _ids(found[self._mark_size :])
        if ids:
            if len(self._told) >= MOST_TOLD:
                self._told.clear()
            self._told[claim.article_id] = mark, claim.rejected.union(ids), claim.day, claim.keys
        return ids

    def _mark(self, claim: BandClaim) -> bytes:
        """The mark of the last answer, when all that it named were rejected; nothing when there is none."""
        mark, named, *asked = self._told.get(claim.article_id, (b"", frozenset(), None, None))
        return mark if asked == [claim.day, claim.keys] and named <= claim.rejected else b""

    def load(self, claims: Sequence[BandClaim]) -> None:
        """Write articles down without a question; also while the window is being put back."""
        self._run("load", claims)

    def forget(self, claims: Sequence[BandClaim]) -> None:
        """Remove what was written of articles."""
        self._run("forget", claims)

    def _run(self, act: str, claims: Sequence[BandClaim]) -> list[bytes]:
        answers: list[bytes] = []
        with as_unavailable():
            for first in range(0, len(claims), AT_ONCE):
                part = claims[first : first + AT_ONCE]
                values = [act, *self._head, *self._values(part)]
                found = self._script(keys=[EPOCH], args=values)
                if found is None:
                    raise Unavailable("fingerprints: lost, and not yet put back")
                answers += found
        return answers

    def _values(self, claims: Sequence[BandClaim]) -> Iterator[bytes | str | int]:
        for claim in claims:
            keys, places = _packed(claim.keys, self._placed)
            yield bytes.fromhex(claim.article_id) + crc32(keys).to_bytes(4, "big")
            yield claim.day
            yield keys
            yield places
            yield b"".join(bytes.fromhex(rejected) for rejected in claim.rejected)
            yield self._mark(claim)


@lru_cache(maxsize=MOST_PACKED)
def _packed(keys: tuple[int, ...], placed: bool) -> tuple[bytes, str]:
    """Of each key three bytes that find it in its bucket; and as zeros and ones which bucket that is."""
    places = list(enumerate(keys) if placed else ((0, key) for key in dict.fromkeys(keys)))
    packed = b"".join((key & 0xFFFFFF).to_bytes(3, "big") for _, key in places)
    mixed = ((key + place * _SPREAD) * _MIX & 0xFFFFFFFF for place, key in places)
    return packed, "".join(f"{one >> 32 - BITS:0{BITS}b}" for one in mixed)


def _ids(packed: bytes) -> tuple[str, ...]:
    return tuple(packed[first : first + 16].hex() for first in range(0, len(packed), 16))
