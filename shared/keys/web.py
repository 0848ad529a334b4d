"""Keys at a service's door: where a request carries one, what each route wants, and how it is refused.

Every address wants a key as long as nobody has said otherwise: one that no table names wants ``admin``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Literal

import structlog
from flask import Flask, Response, g, request

from shared.errors import Unavailable
from shared.http import KNOWS_CALLER, problem
from shared.keys.gate import Gate, TooManyWrongKeys
from shared.keys.keeper import KeyRefused
from shared.keys.port import ApiKey, Scope

Need = Scope | Literal["open", "any"]
COOKIE: Final = "copydesk-key"
HEADER: Final = "X-Api-Key"
_CHALLENGE: Final = 'Bearer realm="copydesk"'
_OF_ALL: Final[Mapping[str, Need]] = {
    "healthz": "open",
    "readyz": "open",
    "openapi_json": "open",
    "docs": "open",
}
_NEEDS: Final = "copydesk-needs"


def ask_for_keys(app: Flask, gate: Gate | None, needs: Mapping[str, Need]) -> None:
    """Let nobody in without a key for what an endpoint ``needs``; everybody where there is no gate.

    To be called before anything else that looks at requests.
    """
    app.extensions[_NEEDS] = {**_OF_ALL, **needs}
    app.register_error_handler(KeyRefused, refused)
    if gate is None:
        return

    def check() -> None:
        need = need_of(app, request.endpoint)
        if need == "open" or request.method == "OPTIONS":  # a browser asks first, and without a key
            return
        _let_in(gate.check(given_key(), None if need == "any" else need))

    def knows_caller() -> bool:
        with suppress(KeyRefused, TooManyWrongKeys, Unavailable):
            return bool(gate.check(given_key(), None))
        return False

    app.extensions[KNOWS_CALLER] = knows_caller
    app.before_request(check)
    app.after_request(_keep_private)
    gate.add_to(app)


def need_of(app: Flask, endpoint: str | None) -> Need:
    """What an endpoint wants; an address that is none wants a key, so that strangers cannot feel around."""
    if endpoint is None:
        return "any"
    needs: Mapping[str, Need] = app.extensions[_NEEDS]
    return needs.get(endpoint, "admin")


def given_key() -> str | None:
    """The key in a request, from where it is looked for first; None without one.

    In the query only below ``/v2``, whose clients send it there. In a cookie, or as the password of a feed
    reader, only where nothing can be changed: a browser sends both unasked.
    """
    found = request.headers.get(HEADER) or _authorized() or _queried()
    if not found and request.method in ("GET", "HEAD"):
        found = request.cookies.get(COOKIE)
    return found or None


def _authorized() -> str | None:
    told = request.headers.get("Authorization", "").strip()
    scheme, _, rest = told.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic" and request.method in ("GET", "HEAD"):
        return request.authorization.password if request.authorization else None
    return told if _is_newsapi() and not rest else None


def _queried() -> str | None:
    return (request.args.get("apiKey") or request.args.get("apikey")) if _is_newsapi() else None


def _is_newsapi() -> bool:
    return request.path.startswith("/v2/")


def caller() -> ApiKey | None:
    """The key that this request was let in with; None without keys and where none is needed."""
    found: ApiKey | None = g.get("api_key")
    return found


def _let_in(key: ApiKey) -> None:
    g.api_key = key
    structlog.contextvars.bind_contextvars(key=key.id)


def refused(error: KeyRefused) -> Response:
    """The 401 of an unknown caller, the same for every reason; the 403 of a known one."""
    if error.why == "scope":
        answer = problem(403, "Forbidden", str(error))
        answer.headers["WWW-Authenticate"] = f'{_CHALLENGE}, error="insufficient_scope"'
        return answer
    answer = problem(401, "Unauthorized", str(error))
    answer.headers["WWW-Authenticate"] = _CHALLENGE
    return answer


def _keep_private(answer: Response) -> Response:
    """Keep what a key has opened out of caches that others use."""
    if caller() is not None:
        if not answer.cache_control.no_store:
            answer.cache_control.public = False
            answer.cache_control.private = True
        answer.headers.add("Vary", f"Authorization, {HEADER}, Cookie")
    return answer
