"""Known articles for the fault tests: what a key and a version stand for, the same in every process."""

from __future__ import annotations

import random
from typing import Any

PLACES = (
    "Port Calder",
    "Ashford",
    "Lower Wick",
    "Saint Orrin",
    "Millbrook",
    "Harrow Point",
    "Dunmere",
    "Tolland",
)
THINGS = (
    "the quay",
    "the old mill",
    "a second bridge",
    "the night ferry",
    "the market hall",
    "the water tower",
)
BODIES = (
    "The harbour board",
    "The town council",
    "The regional court",
    "The school committee",
    "The rail union",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def make_item(key: str, version: int = 1, title: str | None = None) -> dict[str, Any]:
    """A push of the item ``key``: a number, or ``number/copier`` for the same text by another source.

    Each number and version has a text of its own, so that only copies share one.
    """
    number, _, copier = key.partition("/")
    chance = random.Random(f"{number} {version}")
    place, thing, board, day = (chance.choice(words) for words in (PLACES, THINGS, BODIES, DAYS))
    return {
        "source": f"copier{copier}.example" if copier else f"paper{int(number) % 7}.example",
        "uri": f"item-{number}",
        "version": version,
        "title": title or f"{board} of {place} decides about {thing}, report {number} edition {version}",
        "body": f"{board} of {place} met on {day} to talk about {thing}, as report {number} in its edition "
        f"{version} says. Members agreed that repairs costing {chance.randint(10, 99)} million euros will "
        f"begin in the spring of next year. They asked engineer {number} for a plan by the autumn, and will "
        f"hear the neighbours of {place} on another {chance.choice(DAYS)} before they vote.",
    }
