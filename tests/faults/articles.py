"""Known articles for the fault tests: what a key and a version stand for, the same in every process."""

from __future__ import annotations

import random
from typing import Any

BODIES = (
    "The harbour board",
    "The town council",
    "The regional court",
    "The school committee",
    "The rail union",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
SAID = 130  # words
RETELLS = 4


def _spelled(chance: random.Random) -> str:
    return "".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(4))


# So many that articles have few in common, and so few that they come again, as words do in news.
WORDS = [_spelled(random.Random(f"word {at}")) for at in range(5_000)]


def make_item(key: str, version: int = 1, title: str | None = None) -> dict[str, Any]:
    """A push of the item ``key``: a number, or ``number/copier`` for the same text by another source.

    Each number and version says something else, so that only copies are like each other, and an article has
    as few candidates to be compared with as in news. Copiers from ``RETELLS`` on have it in other words here
    and there.
    """
    number, _, copier = key.partition("/")
    chance = random.Random(f"{number} {version}")
    board, day, cost = chance.choice(BODIES), chance.choice(DAYS), chance.randint(10, 99)
    place, thing = chance.choice(WORDS).title(), chance.choice(WORDS)
    said = [chance.choice(WORDS) for _ in range(SAID)]
    if copier and int(copier) >= RETELLS:
        own = random.Random(f"{key} {version}")
        for at in own.sample(range(SAID), 4):
            said[at] = own.choice(WORDS)
        said += [f"as copier{copier} was told"]
    return {
        "source": f"copier{copier}.example" if copier else f"paper{int(number) % 7}.example",
        "uri": f"item-{number}",
        "version": version,
        "language": "en",
        "title": title or f"{board} of {place} decides about the {thing}, report {number} edition {version}",
        "body": f"{board} of {place} met on {day} to talk about the {thing}, as report {number} in its "
        f"edition {version} says. It will cost {cost} million euros. Minutes: {' '.join(said)}.",
    }
