"""Fingerprints in Redis, shared by every worker; one key a text, which ends with the window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from shared.errors import Unavailable
from shared.fingerprints.port import WINDOW_SECONDS, TextClaim

TEXT = "copydesk:text:{}"
EPOCH = "copydesk:fingerprints:epoch"  # which run of the server has the window: gone or another after a loss

# One atomic step a batch. While the window is being put back nobody may claim (ARGV[1]): an empty store would
# make every copy a lead, and the rebuild overwrites no lead.
CLAIM = """
if ARGV[1] == '1' and redis.call('EXISTS', KEYS[1]) == 0 then return false end
local leads = {}
for number = 2, #KEYS do
  local lead = redis.call('SET', KEYS[number], ARGV[number + 1], 'NX', 'GET', 'PX', ARGV[2])
  leads[number - 1] = lead or ARGV[number + 1]
end
return leads
"""
# Compare and delete in one step: the text may have a new lead by the time the answer to a GET arrives.
FORGET = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class RedisFingerprints:
    """``Fingerprints`` on one Redis or Valkey server, version 7 or newer."""

    def __init__(self, client: redis.Redis, window: float = WINDOW_SECONDS) -> None:
        self._client = client
        self._window_ms = int(window * 1000)
        self._claim = client.register_script(CLAIM)

    def claim(self, claims: Sequence[TextClaim]) -> list[str]:
        """The lead of each text, in order; ``Unavailable`` while the window is being put back."""
        return self._leads(claims, only_when_ready=True)

    def _leads(self, claims: Sequence[TextClaim], *, only_when_ready: bool) -> list[str]:
        if not claims:
            return []
        keys = [EPOCH, *(TEXT.format(claim.text_hash) for claim in claims)]
        values: list[str | int] = [
            int(only_when_ready),
            self._window_ms,
            *(claim.article_id for claim in claims),
        ]
        with as_unavailable():
            found = self._claim(keys=keys, args=values)
        if found is None:
            raise Unavailable("fingerprints: lost, and not yet put back")
        return [lead.decode() for lead in found]

    def forget(self, article_id: str, text_hash: str) -> None:
        """Let go of a text, if this article is its lead."""
        with as_unavailable():
            self._client.eval(FORGET, 1, TEXT.format(text_hash), article_id)

    def look_up(self, text_hashes: Sequence[str]) -> list[str | None]:
        """The lead of each text, in order, without claiming it; also while the window is being put back."""
        if not text_hashes:
            return []
        with as_unavailable():
            found: list[Any] = self._client.mget([TEXT.format(text_hash) for text_hash in text_hashes])
        return [lead.decode() if lead is not None else None for lead in found]

    def load(self, claims: Sequence[TextClaim]) -> None:
        """Put back known leads; a text that has a lead keeps it."""
        self._leads(claims, only_when_ready=False)

    def is_ready(self) -> bool:
        """Whether this very run of the server has the window.

        A server that was started again may have lost the last seconds, or woken with an old copy.
        """
        with as_unavailable():
            return self._client.get(EPOCH) == self._run()

    def mark_ready(self) -> None:
        """Note the server's run as the one that has the window."""
        with as_unavailable():
            self._client.set(EPOCH, self._run())

    def _run(self) -> bytes:
        return str(self._client.info("server")["run_id"]).encode()


@contextmanager
def as_unavailable() -> Iterator[None]:
    """Turn what the client raises into ``Unavailable``."""
    try:
        yield
    except redis.RedisError as error:
        raise Unavailable(f"fingerprints: {error}") from error
