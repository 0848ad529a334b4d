"""Idempotency-Key: reads the header, and packs an answer with its status so that it can be given again."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from flask import Request, Response

from shared.errors import InvalidRequest
from shared.http import PROBLEM_TYPE
from shared.keys.web import caller
from shared.ledger.keeping import OnceAnswer, OnceKey

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
MAX_CHARS: Final = 255  # of a key, and of what it is kept by
_KEY = re.compile(rf"[\x20-\x7e]{{1,{MAX_CHARS}}}")


def read_key(given: Request, body: bytes) -> OnceKey | None:
    """The key of a request with what it stands for; raises ``InvalidRequest`` naming the header."""
    key = given.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidRequest(HEADER, f"must have 1 to {MAX_CHARS} printable ASCII characters")
    return OnceKey(_of_caller(key), _fingerprint(given, body))


def _of_caller(key: str) -> str:
    """The key as it is kept: each caller's own, so that none meets what another has asked or was answered."""
    holder = caller()
    if holder is None:
        return key
    name = f"{holder.id}/{key}"
    return name if len(name) <= MAX_CHARS else f"{holder.id}/{sha256(key.encode()).hexdigest()}"


def refuse_key(given: Request) -> None:
    """Refuse a key where it has no meaning; raises ``InvalidRequest``."""
    if HEADER in given.headers:
        message = "is not for streams: each line is idempotent by the id of its article already"
        raise InvalidRequest(HEADER, message)


def pack_answer(status: int, body: bytes) -> bytes:
    """An answer as it is kept under a key."""
    return b"%03d\n%b" % (status, body)


def kept_response(kept: OnceAnswer) -> Response:
    """The answer of a key, the first time and every time after."""
    status, _, body = kept.body.partition(b"\n")
    kind = PROBLEM_TYPE if int(status) >= 400 else "application/json"
    answer = Response(body, int(status), content_type=kind)
    if kept.repeated:
        answer.headers[REPLAYED] = "true"
    return answer


def _fingerprint(given: Request, body: bytes) -> str:
    """The hash of method, path, query, content type and body, each with its length before it."""
    path, kind = given.path.encode("utf-8", "replace"), given.headers.get("Content-Type", "")
    digest = sha256()
    for part in (given.method.encode(), path, given.query_string, kind.encode("utf-8", "replace"), body):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()
