"""Runs articles through the stage and the ledger's rules, and scores the stories that come of it."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from services.workers.stages.stories import StoryArrival, find_stories
from shared.clock import to_ms
from shared.codec import from_json
from shared.fingerprints.bands_memory import MemoryBands
from shared.ledger.schema import articles, metadata
from shared.ledger.stories import settle_story
from shared.stories.features import make_story_sketch, pack_story
from shared.stories.keys import STORY_DAYS, STORY_LEAST, STORY_PLACED
from shared.stories.links import StoryText

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Told:
    """One article about a known event."""

    id: str
    event: str
    title: str
    body: str
    moment: int  # ms


@dataclass(frozen=True, slots=True)
class Score:
    """B-cubed over articles: of those in its story, how many are of its event, and the other way round."""

    precision: float
    recall: float
    stories: int

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def read_told(path: Path) -> list[Told]:
    """The articles of one set, in order of time."""
    rows = [from_json(line, dict[str, Any]) for line in path.read_bytes().splitlines()]
    return [
        Told(
            row["id"], row["event"], row["title"], row["body"],
            to_ms(datetime.fromisoformat(row["published_at"])),
        )
        for row in rows
    ]  # fmt: skip


def ordered(told: Sequence[Told], order: str, seed: int = 0) -> list[Told]:
    """The same articles as they arrive: ``time``, ``reversed`` or ``shuffled``."""
    found = sorted(told, key=lambda each: (each.moment, each.id), reverse=order == "reversed")
    if order == "shuffled":
        random.Random(seed).shuffle(found)
    return found


def tell(told: Sequence[Told], most: int = 1) -> tuple[dict[str, str], float]:
    """The story of each article, and CPU seconds of the stage; ``most`` in a batch."""
    engine = sa.create_engine("sqlite://")
    bands = MemoryBands(least=STORY_LEAST, window_days=STORY_DAYS, placed=STORY_PLACED)
    kept: dict[str, list[StoryText]] = {}

    def known(ids: Sequence[str]) -> Mapping[str, Sequence[StoryText]]:
        return {one: kept[one] for one in ids if one in kept}

    spent = 0.0
    with engine.begin() as connection:
        metadata.create_all(connection, tables=[metadata.tables["articles"], metadata.tables["story_merges"]])
        for at in range(0, len(told), most):
            batch = told[at : at + most]
            begun = time.process_time()
            arrivals = [
                StoryArrival(each.id, make_story_sketch(each.title, each.body), each.moment) for each in batch
            ]
            links = find_stories(arrivals, bands, known)
            spent += time.process_time() - begun
            for sequence, (arrival, found) in enumerate(zip(arrivals, links, strict=True), at):
                story, _ = settle_story(connection, arrival.article_id, found, None, None, sequence)
                connection.execute(sa.insert(articles).values(_row(arrival, story, sequence)))
                kept[arrival.article_id] = [StoryText(arrival.moment, pack_story(arrival.sketch))]
        rows = connection.execute(sa.select(articles.c.id, articles.c.story_id))
        return {row.id: row.story_id for row in rows}, spent


def _row(arrival: StoryArrival, story: str, sequence: int) -> dict[str, Any]:
    return {
        "id": arrival.article_id, "source_id": "", "sequence": sequence, "revision": 1, "change": 1,
        "indexed_change": 1, "content_hash": "", "text_hash": "", "verdict": "new", "similarity": 0.0,
        "story_id": story, "sort_key": sequence, "ingested_at": sequence, "withdrawn": False, "article": b"",
        "rank": 0,
    }  # fmt: skip


def b_cubed(told: Sequence[Told], stories: Mapping[str, str]) -> Score:
    """The score of an assignment (Bagga and Baldwin, 1998)."""
    events = Counter(each.event for each in told)
    sizes = Counter(stories[each.id] for each in told)
    both = Counter((each.event, stories[each.id]) for each in told)
    precision = recall = 0.0
    for each in told:
        shared = both[each.event, stories[each.id]]
        precision += shared / sizes[stories[each.id]]
        recall += shared / events[each.event]
    return Score(precision / len(told), recall / len(told), len(sizes))


def mistakes(told: Sequence[Told], stories: Mapping[str, str]) -> list[str]:
    """Stories that hold several events, and events in several stories, as lines."""
    lines = []
    for name, of, other in (
        ("story of", lambda each: stories[each.id], lambda each: each.event),
        ("event", lambda each: each.event, lambda each: stories[each.id]),
    ):
        groups: dict[str, list[Told]] = {}
        for each in told:
            groups.setdefault(of(each), []).append(each)
        for members in groups.values():
            if len({other(each) for each in members}) > 1:
                lines.append(f"{name} {members[0].event}:")
                lines += [f"    {other(each)}: {each.title}" for each in members]
    return lines
