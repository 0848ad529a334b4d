"""Pages of other sites: which of them may read answers in a browser, as COPYDESK_CORS_ORIGINS says.

Cookies are never let through: a page that asks from elsewhere brings a key of its own, or has none.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, request

from shared.quota import HEADERS as LIMITS
from shared.settings import Settings

MAX_AGE_SECONDS: Final = 600  # how long a browser need not ask again whether it may ask
_NEWSAPI: Final = "/v2/"
# npm's client sends the last one, which is a header of answers.
_NEWSAPI_HEADERS: Final = "x-api-key, x-no-cache, authorization, content-type, access-control-allow-origin"
_OUR_HEADERS: Final = "authorization, x-api-key, content-type, idempotency-key, x-request-id"
_EXPOSED: Final = ("Retry-After", "X-Request-Id", "Server-Timing", "X-Cached-Result", *LIMITS)


def allow_origins(app: Flask, settings: Settings) -> None:
    """Let browsers show answers to pages of the origins in the settings; to nobody where there are none."""
    origins = settings.origins()
    if not origins:
        return

    def allow(answer: Response) -> Response:
        answer.vary.add("Origin")  # else a cache would give one site's answer to another
        if (allowed := _allowed(origins)) is None:
            return answer
        answer.headers["Access-Control-Allow-Origin"] = allowed
        answer.headers["Access-Control-Expose-Headers"] = ", ".join(_EXPOSED)
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            _answer_first_question(answer)
        return answer

    app.after_request(allow)


def may_change(settings: Settings) -> bool:
    """Whether the page that this request comes from may push and withdraw.

    Any page at all may only where keys are needed: else it could use the browser of somebody who is inside.
    """
    origins = settings.origins()
    origin = request.headers.get("Origin", "").lower()
    return origin in origins or ("*" in origins and settings.keys_on)


def _allowed(origins: tuple[str, ...]) -> str | None:
    if "*" in origins:
        return "*"
    origin = request.headers.get("Origin", "")
    return origin if origin.lower() in origins else None


def _answer_first_question(answer: Response) -> None:
    headers = _NEWSAPI_HEADERS if request.path.startswith(_NEWSAPI) else _OUR_HEADERS
    answer.headers["Access-Control-Allow-Headers"] = headers
    answer.headers["Access-Control-Allow-Methods"] = answer.headers.get("Allow", "")
    answer.headers["Access-Control-Max-Age"] = str(MAX_AGE_SECONDS)
