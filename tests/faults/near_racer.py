"""One of many processes that bring the same stories in other words here and there, through the real search.

What the ledger would know (drafts that are compared elsewhere at the same moment among it) lies in a Redis
hash. A line is added to the file of results for each article, a batch at a time, as a commit would; started
again, the racer does over what has no line.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import redis

from services.workers.stages.near import Near, NearText, find_leads
from shared.article import Article, Source
from shared.fingerprints.bands_redis import RedisBands

TEXTS = "racers:texts"
BATCH = 10
WORDS = 90
MOMENT = struct.Struct(">q")
PUBLISHED = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Known:
    article_id: str
    sketch: bytes
    moment: int


def spelled(numbers: random.Random) -> str:
    return "".join(numbers.choice("bdfgklmnprstvz") + numbers.choice("aeiou") for _ in range(3))


def article(story: int, racer: int) -> Article:
    """A story as one outlet has it: a word of its own, and below it what stands below all its stories."""
    shared = random.Random(f"story {story}")
    words = [spelled(shared) for _ in range(WORDS)]
    own = random.Random(f"story {story} racer {racer}")
    words[own.randrange(WORDS)] = spelled(own)
    house = random.Random(f"racer {racer}")
    body = " ".join(words) + ".\n" + " ".join(spelled(house) for _ in range(25)) + "."
    return Article(
        id=f"{own.getrandbits(128):032x}", source=Source(f"paper{racer}.example"), title=" ".join(words[:5]),
        body=body, published_at=PUBLISHED, ingested_at=PUBLISHED,
    )  # fmt: skip


class Racer:
    def __init__(self, client: redis.Redis, number: int, results: Path) -> None:
        self._client = client
        self._number = number
        self._results = results
        self._near = Near(RedisBands(client), self._look_up)
        self._asked: set[tuple[str, ...]] = set()
        self._candidates = 0

    def run(self, stories: int) -> None:
        done = self._results.read_text("utf-8").count("\n") if self._results.exists() else 0
        for first in range(done, stories, BATCH):
            self._take(range(first, min(first + BATCH, stories)))

    def _take(self, stories: Sequence[int]) -> None:
        texts = [NearText(article(story, self._number)) for story in stories]
        self._client.hset(
            TEXTS, mapping={text.article.id: MOMENT.pack(text.moment) + text.packed for text in texts}
        )
        self._candidates = 0
        found = find_leads(texts, self._near)
        lines = [
            f"{story} {text.article.id} {verdict.duplicate_of if verdict else '-'} {self._candidates}\n"
            for story, text, verdict in zip(stories, texts, found, strict=True)
        ]
        with self._results.open("a", encoding="utf-8") as file:
            file.write("".join(lines))  # one write: a line is there as a whole, or not

    def _look_up(self, ids: Sequence[str]) -> Mapping[str, Sequence[Known]]:
        self._candidates += len(ids)
        texts = self._client.hmget(TEXTS, list(ids))
        found = zip(ids, texts, strict=True)
        return {
            one: [Known(one, text[MOMENT.size :], MOMENT.unpack_from(text)[0])] for one, text in found if text
        }


if __name__ == "__main__":
    url, number, path, count = sys.argv[1:]
    with redis.Redis.from_url(url) as client:
        Racer(client, int(number), Path(path)).run(int(count))
