"""How many requests a minute one key may make, or one address where there are no keys; counted in Redis.

While Redis is away each process counts for itself, and nobody is turned away for that: what keeps ingest from
being flooded then is the room in the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Flask, Response, request
from flask_limiter import Limiter, RateLimitExceeded
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.http import problem
from shared.keys.web import caller, need_of
from shared.settings import Settings

WINDOW_SECONDS: Final = 60
POLICY: Final = "per-minute"
QUOTA_EXCEEDED: Final = "https://iana.org/assignments/http-problem-types#quota-exceeded"
REDIS_SECONDS: Final = 0.2  # for an answer; a Redis that hangs is asked again only now and then
HEADERS: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit",
                  "RateLimit-Policy")  # fmt: skip


def limit_rate(app: Flask, settings: Settings, per_minute: int) -> None:
    """Let each caller make so many requests in a minute, beginning with its first; 0 limits nothing.

    To be called after ``ask_for_keys``, by whose keys it counts. What is open to all is not counted.
    """
    if per_minute == 0:
        return
    limiter = Limiter(
        _who,
        application_limits=[f"{per_minute}/minute"],
        storage_uri=settings.redis_url or "memory://",
        storage_options=_options(settings),
        strategy="fixed-window",
        in_memory_fallback_enabled=True,
        key_prefix=app.name,
    )
    limiter.request_filter(lambda: request.method == "OPTIONS" or need_of(app, request.endpoint) == "open")
    limiter.init_app(app)
    app.register_error_handler(RateLimitExceeded, _exceeded)
    app.after_request(_tells(limiter, per_minute))


def _who() -> str:
    key = caller()
    return f"key:{key.id}" if key else f"address:{request.remote_addr or 'none'}"


def _options(settings: Settings) -> dict[str, Any]:
    if not settings.redis_url:
        return {}
    waits = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS}
    return {**waits, "retry": Retry(NoBackoff(), 0), "key_prefix": "copydesk:limits"}


def _tells(limiter: Limiter, per_minute: int) -> Callable[[Response], Response]:
    """What puts both families of headers on an answer: the one that is usual, and IETF's draft."""

    def tell(answer: Response) -> Response:
        found = limiter.current_limit
        if found is None:
            return answer
        try:
            reset_at, remaining = found.window
        except Exception:  # noqa: BLE001 - whatever Redis' library raises: headers are no reason for a 500
            return answer
        seconds = max(1, min(WINDOW_SECONDS, int(reset_at - time.time()) + 1))
        answer.headers.update(_headers(per_minute, remaining, seconds))
        if found.breached:
            answer.headers["Retry-After"] = str(seconds)
        return answer

    return tell


def _headers(limit: int, remaining: int, seconds: int) -> Mapping[str, str]:
    values = (
        str(limit), str(remaining), str(int(time.time()) + seconds),
        f'"{POLICY}";r={remaining};t={seconds}', f'"{POLICY}";q={limit};w={WINDOW_SECONDS}',
    )  # fmt: skip
    return dict(zip(HEADERS, values, strict=True))


def _exceeded(error: RateLimitExceeded) -> Response:
    words = f"no more than {error.limit.limit.amount} requests a minute; come back after Retry-After"
    extra = {"type": QUOTA_EXCEEDED, "violated-policies": [POLICY]}
    return problem(429, "Too many requests", words, **extra)  # type: ignore[arg-type]
