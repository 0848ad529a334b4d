"""What the bands hold of an article, made from what the ledger keeps: to put it back, or to forget it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shared.fingerprints.bands import DAY_MS, BandClaim
from shared.ledger.keeping import Erasure
from shared.ledger.port import Fingerprint
from shared.nearness.bands import band_keys
from shared.nearness.sketch import unpack_sketch
from shared.stories.features import unpack_story
from shared.stories.keys import story_keys


def near_claim(known: Fingerprint | Erasure) -> BandClaim | None:
    """What the bands of near copies hold of an article; None where it has no sketch, or too short a text."""
    claim = _claim(known, known.sketch, lambda packed: band_keys(unpack_sketch(packed)))
    if claim is None or known.text_hash:
        return claim
    # It is being compared itself, and nobody knows whether it leads: without its last band others find it,
    # and it is not what it asks with, so that it does look for those that it may be a copy of.
    return replace(claim, keys=claim.keys[:-1])


def story_claim(known: Fingerprint | Erasure) -> BandClaim | None:
    """What the bands of stories hold of an article; None where it says too little."""
    packed = known.story if isinstance(known, Erasure) else known.story_sketch
    return _claim(known, packed, lambda packed: story_keys(unpack_story(packed)))


def _claim(
    known: Fingerprint | Erasure, packed: bytes | None, make_keys: Callable[[bytes], tuple[int, ...]]
) -> BandClaim | None:
    if packed is None:
        return None
    try:
        keys = make_keys(packed)
    except ValueError:  # of another release
        return None
    return BandClaim(known.article_id, known.moment // DAY_MS, keys) if keys else None
