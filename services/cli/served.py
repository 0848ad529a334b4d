"""Which articles a comparison looks at: all of them, or a sample spread over the whole ledger."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

from services.cli.walk import PAGE
from shared.ledger.keeping import Served
from shared.ledger.port import Ledger

BLOCK = 50  # articles of a sample that are read together
HIGHEST = 1 << 62  # no sequence is that high

T = TypeVar("T")


def chunks(values: Sequence[T], size: int = PAGE) -> Iterator[Sequence[T]]:
    """Values in parts that one statement can take."""
    return (values[start : start + size] for start in range(0, len(values), size))


def read_served(ledger: Ledger, sample: int | None) -> Iterator[list[Served]]:
    """Pages of articles by sequence; with ``sample`` about so many, in blocks at random places."""
    highest = None if sample is None else last_sequence(ledger)
    if sample is None or highest is None or highest <= sample:
        yield from _read_all(ledger)
        return
    after, blocks = 0, max(1, sample // BLOCK)
    stride = highest / blocks
    for number in range(blocks):
        # Somewhere in each stretch, so that old and new articles are looked at, and others the next time.
        start = int(number * stride + random.random() * max(0.0, stride - BLOCK))  # noqa: S311 - no secret
        page = ledger.served(max(after, start), min(BLOCK, sample))
        if not page:
            return
        after = page[-1].sequence
        yield page


def _read_all(ledger: Ledger) -> Iterator[list[Served]]:
    after = 0
    while page := ledger.served(after, PAGE):
        yield page
        after = page[-1].sequence


def last_sequence(ledger: Ledger) -> int:
    """The highest sequence of an article; 0 when there is none."""
    low, high = 0, HIGHEST  # some article lies beyond low, none beyond high
    if not ledger.served(low, 1):
        return 0
    while low + 1 < high:
        middle = (low + high) // 2
        if ledger.served(middle, 1):
            low = middle
        else:
            high = middle
    return high
