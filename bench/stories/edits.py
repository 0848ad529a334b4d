"""Edited copies of real stories as events: for measuring only, read from outside the project."""

from __future__ import annotations

import gzip
import importlib.util
import random
from pathlib import Path
from typing import Any

from bench.stories.measure import Told
from shared.codec import from_json

HOURS = 36  # between an original and its last copy
START = 1_780_000_000_000  # ms
HOUR_MS = 3_600_000


def read_edits(folder: Path, bases: int, seed: int = 1) -> list[Told]:
    """Originals over 24 hours, each an event of its own, and 18 edited copies of some; in order of time."""
    spec = importlib.util.spec_from_file_location("make_edits", folder / "make_edits.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder / "make_edits.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    with gzip.open(folder / "originals.jsonl.gz") as lines:
        originals = [from_json(line, dict[str, Any]) for line in lines]
    rng = random.Random(seed)
    rng.shuffle(originals)
    told = []
    for at, story in enumerate(originals):
        moment = START + 24 * HOUR_MS * at // len(originals)
        told.append(Told(story["id"], story["id"], story["title"], story["body"], moment))
        for name in maker.EDITS if at < bases else ():
            copy = maker.edit(name, story, originals, random.Random(f"{seed} {story['id']} {name}"))
            later = moment + rng.randrange(HOURS * HOUR_MS)
            told.append(Told(f"{story['id']}-{name}", story["id"], copy["title"], copy["cleaned"], later))
    return sorted(told, key=lambda each: each.moment)
