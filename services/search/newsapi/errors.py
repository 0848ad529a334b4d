"""Errors in NewsAPI's own shape, whatever went wrong below ``/v2``.

Its clients read every answer as this JSON: one raises something else at any other body, the other takes a
problem document for success.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Response
from werkzeug.exceptions import HTTPException

from shared.codec import to_json
from shared.errors import CopydeskError, InvalidRequest
from shared.keys.keeper import KeyRefused, Why
from shared.keys.web import caller
from shared.keys.web import refused as refused_key

PREFIX: Final = "/v2/"
ROOT: Final = "/v2"
# Of errors that have no code of their own, which the routes do not raise by themselves.
_CODES: Final = {
    400: "parameterInvalid",
    401: "apiKeyInvalid",
    404: "notFound",
    405: "methodNotAllowed",
    429: "rateLimited",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of NewsAPI's error codes, with its HTTP status."""

    code: str
    status: int


MISSING: Final = Refusal("parametersMissing", 400)
INVALID: Final = Refusal("parameterInvalid", 400)
INCOMPATIBLE: Final = Refusal("parametersIncompatible", 400)
TOO_MANY_SOURCES: Final = Refusal("sourcesTooMany", 400)
NO_SUCH_SOURCE: Final = Refusal("sourceDoesNotExist", 400)
TOO_DEEP: Final = Refusal("maximumResultsReached", 426)
NO_KEY: Final = Refusal("apiKeyMissing", 401)
BAD_KEY: Final = Refusal("apiKeyInvalid", 401)
ENDED_KEY: Final = Refusal("apiKeyDisabled", 401)  # said only to those who have the whole key
KEY_FOR_ELSE: Final = Refusal("apiKeyInvalid", 403)
_OF_KEYS: Final[Mapping[Why, tuple[Refusal, str]]] = {
    "missing": (
        NO_KEY,
        "Your API key is missing. Append it to the URL as apiKey, or use the x-api-key HTTP header.",
    ),
    "unknown": (BAD_KEY, "Your API key is invalid or incorrect."),
    "ended": (ENDED_KEY, "Your API key has been disabled: it was revoked, or has expired."),
    "scope": (KEY_FOR_ELSE, "Your API key is invalid for searches: it was made for something else."),
}


class Refused(CopydeskError):  # noqa: N818 - read as a sentence
    """A request that is answered with one of NewsAPI's error codes."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.refusal, str(self))


def invalid(error: InvalidRequest, name: str | None = None) -> Refused:
    """The refusal of a parameter whose value cannot be used; ``name`` is what NewsAPI calls it."""
    where = "" if error.position is None else f" (at character {error.position})"
    return Refused(INVALID, f"{name or error.field}: {error.message}{where}")


def refused(error: Refused) -> Response:
    """The answer to a refused request."""
    return error_answer(error.refusal.status, error.refusal.code, str(error))


def key_refused(error: KeyRefused) -> Response:
    """The answer to a caller who is not known, with the challenge that every 401 has."""
    refusal, words = _OF_KEYS[error.why]
    answer = error_answer(refusal.status, refusal.code, words)
    answer.headers["WWW-Authenticate"] = refused_key(error).headers["WWW-Authenticate"]
    return answer


def error_answer(status: int, code: str, message: str) -> Response:
    """An error as NewsAPI shapes it."""
    body = {"status": "error", "code": code, "message": message}
    answer = Response(to_json(body), status, content_type="application/json; charset=utf-8")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def is_below(path: str) -> bool:
    """Whether an address is one of NewsAPI's."""
    return path == ROOT or path.startswith(PREFIX)


def in_newsapi_words(answer: Response) -> Response:
    """Any other error below ``/v2`` in this shape, with its headers (``Retry-After``)."""
    if answer.status_code < 400 or answer.mimetype == "application/json":
        return answer
    told = answer.get_json(force=True, silent=True) or {}
    message = str(told.get("detail") or HTTPException(response=answer).name)
    code = _CODES.get(answer.status_code, "unexpectedError")
    if answer.status_code == 429 and caller() is not None:
        code = "apiKeyExhausted"
    made = error_answer(answer.status_code, code, message)
    for name, value in answer.headers:
        if name not in ("Content-Type", "Content-Length"):
            made.headers.setdefault(name, value)
    return made
