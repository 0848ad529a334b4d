"""What a command finds of a system that may be running: its ledger, its broker, and a way to wake stages."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from services.cli.ground import has_ledger, is_locked
from shared.errors import Unavailable
from shared.ledger.open import open_ledger
from shared.ledger.port import Ledger
from shared.ledger.users import hold_ledger
from shared.messages import Lane, Stage
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.queue import Waker

RETRY_SECONDS = 5.0  # a try may take two of them where nothing even refuses


def broker_note(settings: Settings) -> Path:
    """Where a run notes the address of the server that it started for itself."""
    return settings.data_dir / "run" / "broker-url"


def note_broker(settings: Settings) -> None:
    """Note the address of the server of our own: its port may be a free one, which nobody else knows."""
    path = broker_note(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(settings.redis_url + "\n")


def as_it_runs(settings: Settings) -> Settings:
    """The settings with the addresses filled in that a running `copydesk up` chose by itself."""
    if settings.redis_url or not is_locked(settings):
        return settings
    try:
        url = broker_note(settings).read_text().strip()
    except OSError:
        return settings
    return replace(settings, broker_url=settings.broker_url or url, redis_url=url) if url else settings


@contextmanager
def opened_ledger(settings: Settings) -> Iterator[Ledger]:
    """The ledger for one command; raises ``Unavailable`` when it was never made."""
    if not has_ledger(settings):
        raise Unavailable(f"there is no ledger in {settings.data_dir} yet; `copydesk up` makes it")
    command = click.get_current_context(silent=True)
    hold = hold_ledger(settings, (command and command.info_name) or "command")
    ledger = open_ledger(settings)
    try:
        yield ledger
    finally:
        ledger.close()
        hold.close()


class Wakes:
    """Wakes stages where a broker can be reached; where none can, says once that the sweeper will.

    A command that waits may be there before its system is, so a broker is looked for again now and then.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waker: Waker | None = None
        self._next_try = 0.0
        self._unsent: set[tuple[Stage, Lane]] = set()

    @property
    def reach(self) -> bool:
        """Whether a broker answered, at the last wake-up that looked for one."""
        return self._waker is not None

    def __enter__(self) -> Self:
        """Use as a context manager; nothing connects before the first wake-up."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is waiting, and say what could not be sent."""
        if self._unsent:
            self._next_try = 0.0  # a broker may have come since the last try
            self.wake(*self._unsent)
        if self._waker is not None:
            self._waker.close()
        elif self._unsent:
            click.echo("no broker answers from here; the sweeper wakes the stages within seconds of running")

    def wake(self, *places: tuple[Stage, Lane]) -> None:
        """Ask for a wake-up of stages; returns soon and never raises."""
        if not places:
            return
        self._unsent.update(places)
        if self._waker is None and time.monotonic() >= self._next_try:
            self._waker = _reach(as_it_runs(self._settings))
            self._next_try = time.monotonic() + RETRY_SECONDS
        if self._waker is not None:
            for stage, lane in sorted(self._unsent):
                self._waker.wake(stage, lane)
            self._unsent.clear()


def _reach(settings: Settings) -> Waker | None:
    if not settings.broker_url or not settings.redis_url:
        return None
    from shared.queue import Waker  # its client takes long to load, and most commands wake nobody

    waker = Waker(settings)
    with suppress(Unavailable):
        waker.check()
        return waker
    waker.close()
    return None


def places(stages: Iterable[Stage], lane: Lane = "replay") -> tuple[tuple[Stage, Lane], ...]:
    """Stages of one lane."""
    return tuple((stage, lane) for stage in stages)
