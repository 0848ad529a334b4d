"""Opens the source profiles that the settings name."""

from __future__ import annotations

from shared.profiles.port import SourceProfiles
from shared.profiles.redis import RedisSourceProfiles
from shared.queue import make_redis
from shared.settings import Settings


def open_profiles(settings: Settings) -> SourceProfiles:
    """The source profiles of this process; nothing connects yet."""
    return RedisSourceProfiles(make_redis(settings))
