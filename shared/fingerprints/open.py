"""Opens the fingerprints that the settings name."""

from __future__ import annotations

from shared.fingerprints.bands import WINDOW_DAYS, Bands
from shared.fingerprints.bands_redis import RedisBands
from shared.fingerprints.port import Fingerprints
from shared.fingerprints.redis import RedisFingerprints
from shared.queue import make_redis
from shared.settings import Settings


def open_fingerprints(settings: Settings) -> Fingerprints:
    """The fingerprints of this process; nothing connects yet."""
    return RedisFingerprints(make_redis(settings))


def open_bands(
    settings: Settings,
    name: str = "near",
    *,
    least: int = 1,
    window_days: int = WINDOW_DAYS,
    placed: bool = True,
    remembers: bool = True,
) -> Bands:
    """The bands of that name; nothing connects yet. What the numbers mean is told at ``Bands``."""
    return RedisBands(
        make_redis(settings), name, least=least, window_days=window_days, placed=placed, remembers=remembers
    )
