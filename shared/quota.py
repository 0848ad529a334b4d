"""How much of a number in a minute is left, as answers tell it: headers of both families, and the 429."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.http import problem
from shared.settings import Settings

WINDOW_SECONDS: Final = 60
QUOTA_EXCEEDED: Final = "https://iana.org/assignments/http-problem-types#quota-exceeded"
REDIS_SECONDS: Final = 0.2  # for an answer; a Redis that hangs is asked again only now and then
HEADERS: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit",
                  "RateLimit-Policy")  # fmt: skip


def storage_options(settings: Settings) -> dict[str, Any]:
    """How counts are kept in Redis; nothing where there is none."""
    if not settings.redis_url:
        return {}
    waits = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS}
    return {**waits, "retry": Retry(NoBackoff(), 0), "key_prefix": "copydesk:limits"}


def quota_headers(policy: str, limit: int, remaining: int, seconds: int) -> Mapping[str, str]:
    """Both families of headers, the usual one and IETF's draft; ``seconds`` until the window ends."""
    values = (
        str(limit), str(remaining), str(int(time.time()) + seconds),
        f'"{policy}";r={remaining};t={seconds}', f'"{policy}";q={limit};w={WINDOW_SECONDS}',
    )  # fmt: skip
    return dict(zip(HEADERS, values, strict=True))


def quota_exceeded(policy: str, words: str) -> Response:
    """The 429, without its headers."""
    extra: dict[str, Any] = {"type": QUOTA_EXCEEDED, "violated-policies": [policy]}
    return problem(429, "Too many requests", words, **extra)
