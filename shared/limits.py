"""How many requests a minute one key may make, or one address where there are no keys; counted in Redis.

While Redis is away each process counts for itself, and nobody is turned away for that: what keeps ingest from
being flooded then is the room in the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from flask import Flask, Response, request
from flask_limiter import Limiter, RateLimitExceeded

from shared.keys.web import caller, need_of
from shared.proxies import client_address
from shared.quota import WINDOW_SECONDS, quota_exceeded, quota_headers, storage_options
from shared.settings import Settings

POLICY: Final = "per-minute"


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
        storage_options=storage_options(settings),
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
    return f"key:{key.id}" if key else f"address:{client_address()}"


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
        answer.headers.update(quota_headers(POLICY, per_minute, remaining, seconds))
        if found.breached:
            answer.headers["Retry-After"] = str(seconds)
        return answer

    return tell


def _exceeded(error: RateLimitExceeded) -> Response:
    words = f"no more than {error.limit.limit.amount} requests a minute; come back after Retry-After"
    return quota_exceeded(POLICY, words)
