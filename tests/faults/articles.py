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
# What members said, in any order: texts of one mould differ by it as news does, and only copies fold.
WORDS = (
    "about", "after", "again", "against", "almost", "along", "also", "always", "among", "another", "around",
    "because", "before", "behind", "being", "below", "between", "both", "bring", "build", "came", "carry",
    "change", "children", "church", "city", "close", "come", "could", "country", "course", "cross", "each",
    "early", "earth", "every", "example", "family", "father", "field", "find", "first", "follow", "food",
    "found", "four", "garden", "give", "good", "great", "group", "grow", "half", "hand", "hard", "head",
    "hear", "help", "here", "high", "home", "horse", "house", "idea", "keep", "kind", "land", "large",
    "last", "late", "learn", "left", "letter", "life", "light", "line", "list", "little", "live", "long",
    "made", "make", "many", "might", "mile", "money", "more", "most", "mother", "mountain", "move", "music",
    "name", "near", "need", "never", "next", "night", "north", "number", "often", "open", "order", "other",
    "over", "page", "paper", "part", "people", "place",
)  # fmt: skip
RETELLS = 4
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def make_item(key: str, version: int = 1, title: str | None = None) -> dict[str, Any]:
    """A push of the item ``key``: a number, or ``number/copier`` for the same text by another source.

    Each number and version has a text of its own, so that only copies share one. Copiers from ``RETELLS`` on
    have it in other words here and there.
    """
    number, _, copier = key.partition("/")
    chance = random.Random(f"{number} {version}")
    place, thing, board, day = (chance.choice(words) for words in (PLACES, THINGS, BODIES, DAYS))
    cost, later = chance.randint(10, 99), chance.choice(DAYS)
    said = [chance.choice(WORDS) for _ in range(130)]
    if copier and int(copier) >= RETELLS:
        own = random.Random(f"{key} {version}")
        for at in own.sample(range(130), 4):
            said[at] = own.choice(WORDS)
        said += [f"as copier{copier} was told"]
    return {
        "source": f"copier{copier}.example" if copier else f"paper{int(number) % 7}.example",
        "uri": f"item-{number}",
        "version": version,
        "title": title or f"{board} of {place} decides about {thing}, report {number} edition {version}",
        "body": f"{board} of {place} met on {day} to talk about {thing}, as report {number} in its edition "
        f"{version} says. Members agreed that repairs costing {cost} million euros will "
        f"begin in the spring of next year. They asked engineer {number} for a plan by the autumn, and will "
        f"hear the neighbours of {place} on another {later} before they vote. "
        f"Minutes: {' '.join(said)}.",
    }
