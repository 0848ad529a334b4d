"""What a command says that waits for the stages, when nobody does their work: for what, and what to do."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from services.cli.running import Wakes
from services.cli.walk import count_of
from shared.ledger.port import Backlog

SOON_SECONDS = 1.0  # without a broker nothing comes to ask for it, and a worker that is there shows at once
STILL_SECONDS = 10.0  # the sweeper wakes a stage within five, and a batch then shows as held
AGAIN_SECONDS = 30.0  # between two lines, for somebody who looks at the terminal only now and then


class Waiting:
    """One wait for work of the stages: wakes them, and says when nobody takes it up, and when it moves."""

    def __init__(self, wakes: Wakes) -> None:
        self._wakes = wakes
        self._left: int | None = None
        self._still_since = time.monotonic()
        self._next = 0.0
        self._told = False

    def look(self, entries: Sequence[Backlog]) -> None:
        """Take the backlog that is waited for as it is now; to be called a few times a second."""
        self._wakes.wake(*((entry.stage, entry.lane) for entry in entries))
        due = [entry for entry in entries if entry.waiting]
        left = sum(entry.waiting + entry.held + entry.put_off for entry in entries)
        # More of it is no progress: live news comes in while nobody works.
        fewer = self._left is not None and left < self._left
        self._left = left
        if not due or fewer or any(entry.held for entry in entries):
            self._moves()
            return
        now = time.monotonic()
        patience = STILL_SECONDS if self._wakes.reach else SOON_SECONDS
        if now - self._still_since >= patience and now >= self._next:
            self._next, self._told = now + AGAIN_SECONDS, True
            click.echo(self._words(due), err=True)

    def _moves(self) -> None:
        self._still_since = time.monotonic()
        if self._told:
            self._told = False
            click.echo("a worker took it up; going on", err=True)

    def _words(self, due: Sequence[Backlog]) -> str:
        stages = list(dict.fromkeys(entry.stage for entry in due))
        many = count_of(sum(entry.waiting for entry in due), "article")
        verb = "waits" if many.startswith("1 ") else "wait"
        why = "" if self._wakes.reach else ", and no broker answers from here"
        return (
            f"{many} {verb} at {', '.join(stages)}: no worker takes them{why}; start `copydesk up`, or the "
            f"{stages[0]} worker, and this goes on by itself"
        )
