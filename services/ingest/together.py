"""Joins the commits of requests that arrive together: one transaction, and one wait for the disk, for all.

Without it the threads of a process queue at SQLite's write lock, which is waited for by sleeping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

from shared.article import RawArticle
from shared.errors import Unavailable
from shared.ledger.port import Accepted, Origin

Commit = Callable[[Sequence[RawArticle], Sequence[Origin]], list[Accepted]]  # an origin for each article


class _Entry:
    """What one request brings, and what became of it."""

    def __init__(self, articles: Sequence[RawArticle], origin: Origin) -> None:
        self.articles = articles
        self.origins = [origin] * len(articles)
        self.receipts: list[Accepted] | None = None
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.receipts is not None or self.error is not None


class Together:
    """Calls ``commit`` for all who wait, one call at a time; safe to share between threads."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._turn = Lock()  # held through a commit: who waits for it is taken along by the next
        self._list = Lock()
        self._waiting: list[_Entry] = []

    def accept(self, articles: Sequence[RawArticle], origin: Origin) -> list[Accepted]:
        """Commit with whatever else waits; all of ``articles`` or none; raises what ``commit`` raises."""
        entry = _Entry(articles, origin)
        with self._list:
            self._waiting.append(entry)
        with self._turn:
            if not entry.done:
                self._take_along()
        if entry.error is not None:
            raise entry.error
        return entry.receipts or []

    def _take_along(self) -> None:
        with self._list:
            entries, self._waiting = self._waiting, []
        try:
            articles = [article for entry in entries for article in entry.articles]
            receipts = iter(self._commit(articles, [one for entry in entries for one in entry.origins]))
            for entry in entries:
                entry.receipts = [next(receipts) for _ in entry.articles]
        except Unavailable as error:
            for entry in entries:
                entry.error = Unavailable(*error.args)
        except Exception:  # noqa: BLE001 - whoever caused it must not take the others with it
            for entry in entries:
                self._alone(entry)

    def _alone(self, entry: _Entry) -> None:
        try:
            entry.receipts = self._commit(entry.articles, entry.origins)
        except Exception as error:  # noqa: BLE001 - raised again in the thread it belongs to
            entry.error = error
