"""Fingerprints in Redis, shared by every worker; one key a text, which ends with the window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis

from shared.errors import Unavailable
from shared.fingerprints.port import WINDOW_SECONDS, TextClaim

TEXT = "copydesk:text:{}"
EPOCH = "copydesk:fingerprints:epoch"  # gone when the server lost its memory

# Compare and delete in one step: the text may have a new lead by the time the answer to a GET arrives.
FORGET = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class RedisFingerprints:
    """``Fingerprints`` on one Redis or Valkey server, version 7 or newer."""

    def __init__(self, client: redis.Redis, window: float = WINDOW_SECONDS) -> None:
        self._client = client
        self._window_ms = int(window * 1000)

    def claim(self, claims: Sequence[TextClaim]) -> list[str]:
        """The lead of each text, in order; the claiming article itself when it is the lead."""
        if not claims:
            return []
        with _as_unavailable():
            # Each SET NX GET is one atomic step, so no transaction is needed around the batch.
            pipe = self._client.pipeline(transaction=False)
            for claim in claims:
                pipe.set(
                    TEXT.format(claim.text_hash), claim.article_id, nx=True, get=True, px=self._window_ms
                )
            found = pipe.execute()
        return [
            claim.article_id if lead is None else lead.decode()
            for claim, lead in zip(claims, found, strict=True)
        ]

    def forget(self, article_id: str, text_hash: str) -> None:
        """Let go of a text, if this article is its lead."""
        with _as_unavailable():
            self._client.eval(FORGET, 1, TEXT.format(text_hash), article_id)

    def load(self, claims: Sequence[TextClaim]) -> None:
        """Put back known leads; a text that has a lead keeps it."""
        self.claim(claims)

    def is_ready(self) -> bool:
        """Whether the epoch key stands: the server has not lost its memory since the last rebuild."""
        with _as_unavailable():
            return bool(self._client.exists(EPOCH))

    def mark_ready(self) -> None:
        """Set the epoch key."""
        with _as_unavailable():
            self._client.set(EPOCH, 1)


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise Unavailable(f"fingerprints: {error}") from error
