"""Keys as they are asked for at a service's door: a keeper, behind a count of wrong keys by address.

An address that has sent too many gets 429 for every wrong one until the minute is over, and its keys are no
longer looked up one by one but in a list that is read once in some seconds: so that trying costs the ledger
nothing, and good keys from there, behind the same proxy perhaps, are good all the while. Without a key at all
nothing is tried, and nothing counted.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, g
from werkzeug.exceptions import TooManyRequests

from shared.errors import Unavailable
from shared.keys.failures import Failures
from shared.keys.keeper import Keeper, KeyRefused
from shared.keys.open import open_keys
from shared.keys.port import ApiKey, KeyStore, Scope
from shared.proxies import client_address
from shared.quota import quota_exceeded, quota_headers
from shared.settings import Settings

POLICY: Final = "wrong-keys"
_COUNTED: Final = frozenset(("unknown", "ended"))
_LEFT: Final = "wrong_keys_seconds_left"


class TooManyWrongKeys(TooManyRequests):
    """The 429 of an address from which too many keys came that are none."""

    def __init__(self, per_minute: int) -> None:
        super().__init__(f"no more than {per_minute} wrong keys a minute; come back after Retry-After")


class Gate:
    """Checks the keys of requests; ``failures`` None counts nothing."""

    def __init__(self, keeper: Keeper, failures: Failures | None) -> None:
        self._keeper = keeper
        self._failures = failures

    def check(self, text: str | None, scope: Scope | None) -> ApiKey:
        """The key of a caller who may do what wants ``scope``, as ``Keeper.check``.

        Raises ``TooManyWrongKeys`` in the place of the refusal of a wrong key, where there were too many.
        """
        if self._failures is None:
            return self._keeper.check(text, scope)
        address = client_address()
        left = self._failures.seconds_left(address)
        try:
            return self._keeper.check(text, scope, listed=left > 0)
        except KeyRefused as error:
            if error.why not in _COUNTED:
                raise
            left = left or self._failures.count(address)
            if not left:
                raise
            setattr(g, _LEFT, left)
            raise TooManyWrongKeys(self._failures.per_minute) from error

    def check_made(self) -> None:
        """Return where somebody can come in; raises ``Unavailable`` where there is no key that is live.

        What is said of a ledger that is away is not told here.
        """
        if not self._keeper.has_live():
            raise Unavailable("no key is live; `copydesk keys create NAME --scope search` makes one")

    def add_to(self, app: Flask) -> None:
        """Answer the refusals of this gate, with the headers that limits have."""
        app.register_error_handler(TooManyWrongKeys, _exceeded)
        app.after_request(self._tell)

    def _tell(self, answer: Response) -> Response:
        left: int | None = g.get(_LEFT)
        if left is not None and self._failures is not None and answer.status_code == TooManyRequests.code:
            answer.headers.update(quota_headers(POLICY, self._failures.per_minute, 0, left))
            answer.headers["Retry-After"] = str(left)
        return answer


def open_gate(settings: Settings, keys: KeyStore | None = None) -> Gate:
    """The gate of a service, over the ledger's keys where no others are given; nothing connects yet."""
    failures = Failures(settings) if settings.wrong_keys_per_minute else None
    return Gate(Keeper(keys or open_keys(settings)), failures)


def _exceeded(error: TooManyWrongKeys) -> Response:
    return quota_exceeded(POLICY, str(error.description))
