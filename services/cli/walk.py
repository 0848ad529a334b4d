"""Long walks through the ledger: page by page, with a bar on a terminal and plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console

from services.cli.show import progress_bar
from shared.errors import CopydeskError
from shared.ledger.keeping import Page

PAGE = 500  # rows in one transaction: some 50 ms, which live work hardly notices
TELL_SECONDS = 10.0  # between two plain lines

Advance = Callable[[int], None]


class _Lines:
    """Progress for logs and pipes: a line now and then."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what = what
        self._of = "" if total is None else f" of {total}"
        self._done = 0
        self._next = time.monotonic() + TELL_SECONDS

    def __call__(self, count: int) -> None:
        """Count more as done."""
        self._done += count
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_SECONDS
            click.echo(f"{self._what}: {self._done}{self._of}", err=True)


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Advance]:
    """A function that counts more as done and shows it; ``total`` is None where it is not known."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(what, total)
        return
    with progress_bar(console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


def walk(turn: Callable[[int], Page], advance: Advance) -> int:
    """Take page after page until the end; returns how many were changed in all."""
    changed = 0
    after: int | None = 0
    while after is not None:
        page = turn(after)
        changed += page.changed
        advance(page.changed)
        after = page.next
    return changed


def ask(question: str, *, yes: bool) -> None:
    """Go on only when the answer is yes; ``yes`` is the answer given beforehand."""
    if yes:
        return
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort as error:
        raise CopydeskError("nobody answers here, and nothing was changed; give --yes") from error
    if not agreed:
        raise CopydeskError("nothing was changed")


def count_of(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"
