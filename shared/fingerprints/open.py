"""Opens the fingerprints that the settings name."""

from __future__ import annotations

from shared.fingerprints.port import Fingerprints
from shared.fingerprints.redis import RedisFingerprints
from shared.queue import make_redis
from shared.settings import Settings


def open_fingerprints(settings: Settings) -> Fingerprints:
    """The fingerprints of this process; nothing connects yet."""
    return RedisFingerprints(make_redis(settings))
