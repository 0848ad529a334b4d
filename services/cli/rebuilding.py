"""The work of `copydesk reindex`: what a new index lacks is queued, waited for and compared.

Why no write is lost. A writer looks for a build after it has read a batch from the ledger. So only a batch
that was claimed before the build began can go past it, and ``fill`` does not end before the last of those
claims has: what they committed is in the ledger then, is found to be lacking, and is queued like all else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

import click

from services.cli.replay import wait_for_room
from services.cli.running import Wakes
from services.cli.waiting import Waiting
from services.cli.walk import PAGE, Advance, count_of, progress
from shared.clock import now_ms, to_ms
from shared.errors import CopydeskError, IndexMissing, Unavailable
from shared.index.document import digest
from shared.index.port import ArticleIndex
from shared.ledger.keeping import Served
from shared.ledger.port import Backlog, Ledger
from shared.settings import Settings

LOOK_SECONDS = 0.25
TRIES = 5  # how often an article is queued again that nothing is about to write, and yet is not there
SETTLE_SECONDS = 30.0  # for articles that change while they are compared
PATIENCE_SECONDS = 60.0  # for an engine or a ledger that does not answer: hours of work must not end of it
IDS_TOLD = 5

_Port = TypeVar("_Port")


class Differs(CopydeskError):  # noqa: N818 - a finding
    """The new index does not agree with the ledger."""


class Rebuilding:
    """One build: begun or gone on with as this is made, and not in use before ``switch``."""

    def __init__(self, ledger: Ledger, index: ArticleIndex, wakes: Wakes, settings: Settings) -> None:
        self._ledger = _patient(ledger)
        self._index = _patient(index)
        self._switch = index.switch  # once only: whether it was done cannot be told from a second answer
        self._wakes = wakes
        self._index.create()  # a lost one is made again, empty: without it, workers do not write at all
        self.resumed = self._index.building() is not None
        self.name = self._index.begin_build()
        self._began, self._began_ms = time.monotonic(), now_ms()
        # No claim of before outlives this: its worker is ended, or cannot commit any more.
        self._claims_last = settings.task_time_limit + settings.lease_seconds

    def fill(self) -> int:
        """Queue whatever the new index lacks until it lacks nothing; returns how many articles there are.

        Raises ``Differs`` when articles do not arrive although nothing hinders them, or when the index has
        documents that the ledger does not know.
        """
        with progress("reindex", self._total()) as advance:
            self._queue(self._lacking(), advance)
            self._drain(Waiting(self._wakes))
        self._await_old_claims()
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            self._index.refresh()
            documents = self._index.count(build=True)  # before the walk, which then knows all of them
            seen = 0
            lacking: dict[str, int] = {}
            for page in self._pages():
                seen += len(page)
                lacking |= self._lacks(page)
            self._await(lacking)
            if documents <= seen:
                return seen
            if time.monotonic() > end:
                raise Differs(
                    f"the ledger does not know {count_of(documents - seen, 'document')} of {self.name}"
                )
            time.sleep(LOOK_SECONDS)  # live work: written, and not yet committed

    def compare(self, sample: int) -> int:
        """Compare some articles with their documents; returns how many, raises ``Differs``.

        What changed meanwhile is looked at again. What is still under way in the end is no difference: its
        own work writes it.
        """
        ids = self._choose(sample)
        differing = set(ids)
        end = time.monotonic() + SETTLE_SECONDS
        while differing:
            differing = {one for part in _parts(sorted(differing)) for one in self._differing(part)}
            if time.monotonic() > end:
                differing = {one for one in differing if not self._is_under_way(one)}
                break
            if differing:
                time.sleep(LOOK_SECONDS)
        if differing:
            several = count_of(len(differing), "article")
            raise Differs(f"ledger and index differ in {several}: {_some(sorted(differing))}")
        return len(ids)

    def switch(self, now: int) -> str:
        """Put the new index in the place of the old; returns the old one's name."""
        if self._index.building() != self.name:
            raise IndexMissing(
                f"{self.name} is not being built any more; somebody else abandoned or switched it"
            )
        return self._switch(now)

    def _total(self) -> int | None:
        try:
            return self._index.count()
        except IndexMissing:  # of another version: one reason to be here
            return None

    def _pages(self) -> Iterator[list[Served]]:
        after = 0
        while page := self._ledger.served(after, PAGE):
            yield page
            after = page[-1].sequence

    def _lacking(self) -> Iterator[tuple[list[Served], list[str]]]:
        """Each page of the ledger with those of its ids that the new index lacks, tombstones too."""
        for page in self._pages():
            known = self._index.changes([one.id for one in page], build=True)
            yield page, [one.id for one in page if known.get(one.id, -1) < one.change]

    def _lacks(self, page: Sequence[Served]) -> dict[str, int]:
        """The changes that have still to come; of what is withdrawn none has to."""
        known = self._index.changes([one.id for one in page], build=True)
        return {
            one.id: one.change for one in page if not one.withdrawn and known.get(one.id, -1) < one.change
        }

    def _queue(self, lacking: Iterator[tuple[list[Served], list[str]]], advance: Advance) -> None:
        for page, ids in lacking:
            if ids:
                wait_for_room(self._ledger, self._wakes, "index")
                self._refresh(ids)
            advance(len(page))

    def _refresh(self, ids: Sequence[str]) -> None:
        if self._ledger.refresh(0, len(ids), now_ms(), ids).changed:
            self._wakes.wake(("index", "replay"))

    def _at_index(self) -> list[Backlog]:
        return [entry for entry in self._ledger.backlog(now_ms()) if entry.stage == "index"]

    def _drain(self, wait: Waiting) -> None:
        """Return once nothing is left in the index stage's replay lane."""
        while lane := [entry for entry in self._at_index() if entry.lane == "replay"]:
            wait.look(lane)
            time.sleep(LOOK_SECONDS)

    def _await_old_claims(self) -> None:
        """Return once no claim can be committed any more that was made before the build began."""
        wait = Waiting(self._wakes)
        while not self._old_claims_ended(entries := self._at_index()):
            wait.look(entries)
            time.sleep(LOOK_SECONDS)

    def _old_claims_ended(self, entries: Sequence[Backlog]) -> bool:
        if not any(entry.held or entry.waiting for entry in entries):
            return True
        waits = [to_ms(entry.oldest_since) for entry in entries if entry.oldest_since is not None]
        # Also what a dead worker left behind has then been claimed again, by one that looked for the build.
        return (
            time.monotonic() - self._began > self._claims_last
            and min(waits, default=now_ms()) > self._began_ms
        )

    def _await(self, lacking: dict[str, int]) -> None:
        """Return once each of these changes, or a later one, has come; queue what nobody will write."""
        tries, wait = dict.fromkeys(lacking, 0), Waiting(self._wakes)
        while lacking:
            known = self._changes(sorted(lacking))
            lacking = {one: change for one, change in lacking.items() if known.get(one, -1) < change}
            idle = [one for one in lacking if not self._is_under_way(one)]
            for part in _parts(idle):
                wanted = {article.id: article for article in self._ledger.articles(part)}
                for one in part:  # some may be withdrawn or removed by now
                    if one in wanted and not wanted[one].withdrawn:
                        lacking[one] = wanted[one].change
                    else:
                        del lacking[one]
                    tries[one] += 1
                self._refresh(part)
            if lost := [one for one in lacking if tries[one] > TRIES]:
                raise Differs(f"{count_of(len(lost), 'article')} did not arrive: {_some(lost)}")
            if lacking:
                self._drain(wait)
                wait.look(self._ledger.backlog(now_ms()))
                time.sleep(LOOK_SECONDS)

    def _changes(self, ids: Sequence[str]) -> dict[str, int]:
        return {
            one: change
            for part in _parts(ids)
            for one, change in self._index.changes(part, build=True).items()
        }

    def _is_under_way(self, article_id: str) -> bool:
        found = self._ledger.status(article_id)
        return found is not None and found.stage is not None

    def _choose(self, sample: int) -> list[str]:
        """So many ids, each as likely as any other; a reservoir, since nobody knows how many there are."""
        chosen: list[str] = []
        seen = 0
        for page in self._pages() if sample else ():
            for one in page:
                seen += 1
                if one.withdrawn:
                    continue
                if len(chosen) < sample:
                    chosen.append(one.id)
                elif (place := random.randrange(seen)) < sample:  # noqa: S311 - no secret
                    chosen[place] = one.id
        return chosen

    def _differing(self, ids: Sequence[str]) -> list[str]:
        stored = self._index.digests(ids, build=True)
        wanted = self._ledger.articles(ids)
        return [article.id for article in wanted if stored.get(article.id) != digest(article)]


def _patient(port: _Port) -> _Port:
    """A port each of whose calls is made again for a while when it is ``Unavailable``."""
    return cast("_Port", _Patient(port))


class _Patient:
    def __init__(self, port: Any) -> None:  # noqa: ANN401 - the ledger or the index
        self._port = port

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._port, name)
        return lambda *given, **named: _call(lambda: call(*given, **named))


def _call(call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the call answers
    end, told = time.monotonic() + PATIENCE_SECONDS, False
    while True:
        try:
            return call()
        except IndexMissing:  # it does not come back by itself
            raise
        except Unavailable as error:
            if time.monotonic() > end:
                raise
            if not told:
                told = True
                click.echo(f"{error}; trying again for {PATIENCE_SECONDS:.0f} s", err=True)
        time.sleep(LOOK_SECONDS)


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


def _some(ids: Sequence[str]) -> str:
    told = ", ".join(ids[:IDS_TOLD])
    return told if len(ids) <= IDS_TOLD else f"{told} and {len(ids) - IDS_TOLD} more"
