"""Who asks, and whether they may: keys looked up in their store, and remembered for some seconds."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from shared.clock import now_ms
from shared.errors import CopydeskError, Unavailable
from shared.keys.port import ApiKey, KeyStore, Scope
from shared.keys.secret import id_of, matches
from shared.log import get_logger

KNOWN_SECONDS: Final = 5.0  # a key that is revoked goes on for no longer than this
OVERHEAR_SECONDS: Final = 0.5
AWAY_SECONDS: Final = 24 * 3600.0  # how long a key is taken at its last word while the ledger is away
USE_NOTED_MS: Final = 3_600_000
MOST_KNOWN: Final = 10_000  # ids made up by a stranger push the oldest out
Why = Literal["missing", "unknown", "ended", "scope"]
_NOBODY: Final = "a key is needed that exists, is not revoked and has not expired"
WORDS: Final[dict[Why, str]] = {
    "missing": "a key is needed: send it as Authorization: Bearer KEY, or as X-Api-Key",
    # The same words: whoever guesses must not learn what once was a key.
    "unknown": _NOBODY,
    "ended": _NOBODY,
    "scope": "this key is good, but not for this",
}


class KeyRefused(CopydeskError):  # noqa: N818 - a refusal, as in HTTP's 401 and 403
    """A request whose caller is not known, or may not do this; ``why`` is for logs and ``/v2``, not told.

    ``scope``: what a known caller's key would need.
    """

    def __init__(self, why: Why, scope: Scope | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.scope = scope

    def __str__(self) -> str:
        return WORDS[self.why] + (f", which takes the scope {self.scope}" if self.scope else "")


@dataclass(frozen=True, slots=True)
class _Known:
    key: ApiKey | None
    at: float  # when it was read, by the steady clock


class Keeper:
    """Checks keys against a store. Safe for threads; made in the process that uses it."""

    def __init__(
        self,
        store: KeyStore,
        now: Callable[[], int] = now_ms,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._now = now
        self._steady = steady
        # Apart, so that no number of made-up ids pushes out a key that is one.
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._strangers: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()
        self._asked: dict[str, threading.Event] = {}  # who is being looked up
        self._away_until = 0.0
        self._noted: dict[str, int] = {}
        self._list: dict[str, _Known] | None = None
        self._listed_at = float("-inf")
        self._listing = threading.Lock()

    def check(self, text: str | None, scope: Scope | None, *, listed: bool = False) -> ApiKey:
        """The key of a caller who may do what wants ``scope`` (None: anything that any key may do).

        With ``listed`` it is looked for in a list of all keys, read once in some seconds: for callers whose
        questions must not reach the ledger each.

        Raises ``KeyRefused``, and ``Unavailable`` for a key that is not known while the ledger is away.
        """
        if not text:
            raise KeyRefused("missing")
        key_id = id_of(text)
        key = self._find_listed(key_id) if listed else self._look_up(key_id)
        if not matches(text, key) or key is None:
            raise KeyRefused("unknown")
        if not key.is_live(self._now()):
            raise KeyRefused("ended")
        self._note_use(key)
        if scope is not None and not key.allows(scope):
            raise KeyRefused("scope", scope)
        return key

    def has_live(self) -> bool:
        """Whether any key is good for anything now; taken to be so while the ledger is away."""
        listed, now = self._all_keys(), self._now()
        if listed is None:
            return True
        return any(known.key is not None and known.key.is_live(now) for known in listed.values())

    def _look_up(self, key_id: str | None) -> ApiKey | None:
        if key_id is None:  # not even made like a key: there is nothing to look for
            return None
        with self._lock:
            known = self._recall(key_id)
            if known is not None and self._steady() - known.at < KNOWN_SECONDS:
                return known.key
            asked = self._asked.get(key_id)
            if asked is None:
                self._asked[key_id] = threading.Event()
        if asked is not None:
            return self._overhear(key_id, asked)
        try:
            return self._ask(key_id, known)
        finally:
            with self._lock:
                self._asked.pop(key_id).set()

    def _overhear(self, key_id: str, asked: threading.Event) -> ApiKey | None:
        """What another request finds out right now; a ledger that hangs holds that one, and not all."""
        asked.wait(OVERHEAR_SECONDS)
        with self._lock:
            known = self._recall(key_id)
        return self._last_word(known)

    def _ask(self, key_id: str, known: _Known | None) -> ApiKey | None:
        now = self._steady()
        if now < self._away_until:
            return self._last_word(known)
        try:
            key = self._store.find(key_id)
        except Unavailable:
            self._away_until = self._steady() + KNOWN_SECONDS
            return self._last_word(known)
        self._remember(key_id, _Known(key, now))
        return key

    def _last_word(self, known: _Known | None) -> ApiKey | None:
        if known is None or self._steady() - known.at > AWAY_SECONDS:
            raise Unavailable("keys cannot be looked up while the ledger is away; try again")
        return known.key

    def _recall(self, key_id: str) -> _Known | None:
        return self._known.get(key_id) or self._strangers.get(key_id)

    def _remember(self, key_id: str, known: _Known) -> None:
        kept, other = self._known, self._strangers
        if known.key is None:
            kept, other = other, kept
        with self._lock:
            other.pop(key_id, None)
            kept[key_id] = known
            kept.move_to_end(key_id)
            if len(kept) > MOST_KNOWN:
                kept.popitem(last=False)

    def _find_listed(self, key_id: str | None) -> ApiKey | None:
        if key_id is None:
            return None
        with self._lock:
            known = self._known.get(key_id)
        if known is not None and self._steady() - known.at < KNOWN_SECONDS:
            return known.key
        found = self._all_keys()
        if found is None:
            return self._last_word(known)
        return self._last_word(found[key_id]) if key_id in found else None

    def _all_keys(self) -> dict[str, _Known] | None:
        """All keys, some seconds old at most, or as old as the ledger is away; None where none were read.

        One request reads them, while the others go by what was read before, or wait a moment for the first.
        """
        stale = self._steady() - self._listed_at >= KNOWN_SECONDS
        patience = OVERHEAR_SECONDS if self._list is None else 0
        if stale and self._listing.acquire(timeout=patience):
            try:
                if self._steady() - self._listed_at >= KNOWN_SECONDS:
                    self._read_list()
            finally:
                self._listing.release()
        return self._list

    def _read_list(self) -> None:
        now = self._steady()
        if now < self._away_until:
            return
        try:
            self._list = {key.id: _Known(key, now) for key in self._store.all()}
            self._listed_at = now
        except Unavailable:
            self._away_until = self._steady() + KNOWN_SECONDS

    def _note_use(self, key: ApiKey) -> None:
        now = self._now()
        with self._lock:
            last = max(key.last_used_at or 0, self._noted.get(key.id, 0))
            if now - last < USE_NOTED_MS:
                return
            self._noted[key.id] = now
        # Beside the request: a ledger that is busy writing must not hold a search.
        threading.Thread(target=self._write_use, args=(key.id, now), daemon=True, name="key use").start()

    def _write_use(self, key_id: str, now: int) -> None:
        try:
            self._store.note_use(key_id, now)
        except Exception as error:  # noqa: BLE001 - the edge of a thread; it is noted again in an hour
            get_logger().warning("use of a key not noted", key=key_id, error=str(error))
