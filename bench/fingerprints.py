"""What a million articles in the window cost: Redis memory, the claim of bands, the whole dedupe stage.

The stage is all that a worker does of it for an article: its text hash, near copies, and the story. What it
claims of the ledger and commits there is left out.

Articles are made of sentences of pseudo-words, the first of them far more often: most sentences are their
own, some are of a bank that all share, the first of it far more often, and every third article ends in the
paragraph of its source. Those that fill the window are made as sketches, of the very hashes that their texts
would have (own sentences as random numbers), and lie in a ledger of SQLite; what is measured are texts, one
at a time and in batches as a worker takes them when there is much to do. A fifth of them are near copies.
Each names some of a bank of names, the first far more often than others, so that stories have candidates to
look at.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count as count_from
from pathlib import Path
from shutil import copytree
from subprocess import DEVNULL, Popen
from zlib import crc32

import redis
import sqlalchemy as sa

from services.cli.broker import find_server, free_port, server_command
from services.workers.stages.near import Near
from services.workers.steps import Stories, run_dedupe
from shared.article import Article, Source
from shared.clock import now_ms, to_ms
from shared.fingerprints.bands import DAY_MS, BandClaim
from shared.fingerprints.bands_redis import RedisBands
from shared.fingerprints.redis import RedisFingerprints
from shared.ledger.engine import Database
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import KnownText, Ledger, Work
from shared.ledger.schema import articles, sketches
from shared.nearness.bands import band_keys
from shared.nearness.sketch import Sketch, pack_sketch, shingle_hashes, tokens
from shared.settings import Settings
from shared.stories.features import MOST_FEATURES, StorySketch, pack_story
from shared.stories.keys import (
    STORY_BANDS,
    STORY_DAYS,
    STORY_LEAST,
    STORY_PLACED,
    story_keys,
)
from shared.stories.links import StoryText

WORDS, BANK, SITES = 50_000, 3_000, 50
NAMES = 6  # of the same number, in the first sentence of an article
SENTENCE_WORDS, SENTENCES, SHARED, NOTICE_WORDS = 16, 17, 2, 45
DAYS = 4  # those that a window of three days touches
PAGE = 2_000
BATCH = 10
ARTICLE_BYTES = 900  # of an article of 280 words as the ledger packs it
COPIES = 0.2
NOW = "now"  # file of a kept window: when it ends, in ms

NO_SKETCH = Sketch(0, frozenset())
NO_STORY = StorySketch({}, {})

Row = dict[str, object]


class Texts:
    """Articles of one seed: as texts, or only as what is kept of them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._words = [self._new_word() for _ in range(WORDS)]  # the first far more often, as in any text
        self._bank = [self._sentence(SENTENCE_WORDS) for _ in range(BANK)]
        self._notices = [self._sentence(NOTICE_WORDS) for _ in range(SITES)]
        self._names = [self._word().title() for _ in range(BANK)]
        self._hashes = {text: tuple(shingle_hashes(tokens(text))) for text in self._bank + self._notices}

    def turn(self, seed: int) -> None:
        """Go on with other articles of the same words, the same whether a window was filled or kept."""
        self._random = random.Random(seed)

    def sketch(self) -> Sketch:
        """The sketch of another article; shingles across sentences are its own, as in a text."""
        shared = [shingle for text in self._shared() for shingle in self._hashes[text]]
        own = SENTENCES * SENTENCE_WORDS - len(shared)
        order = (*shared, *(self._random.getrandbits(32) for _ in range(own)))
        return Sketch(SENTENCES * SENTENCE_WORDS, frozenset(order), order=order)

    def story(self) -> StorySketch:
        """The story sketch of another article: names that others have, and words of its own."""
        weights = range(MOST_FEATURES, 0, -1)
        features = [crc32(name.lower().encode()) & 0xFFFFFE for name in self._named()]
        own = [self._random.getrandbits(23) << 1 for _ in range(MOST_FEATURES - len(features))]
        return StorySketch(dict(zip(features, weights, strict=False)), dict(zip(own, weights, strict=False)))

    def article(self, at: datetime) -> Article:
        """Another article, with its text."""
        shared = self._shared()
        names = " ".join(f"{self._word()} {name}" for name in self._named())
        own = [self._sentence(SENTENCE_WORDS) for _ in range(SENTENCES - len(shared) - 1)]
        own.insert(0, f"{self._word()} {names}.")
        return self._article("\n".join(own + shared), at)

    def copy(self, of: Article, at: datetime) -> Article:
        """A near copy: every twentieth word is another."""
        words = of.body.split(" ")
        for place in range(self._random.randrange(20), len(words), 20):
            words[place] = self._word()
        return self._article(" ".join(words), at)

    def new_id(self) -> str:
        """An article id."""
        return f"{self._random.getrandbits(128):032x}"

    def is_copy(self) -> bool:
        """Whether the next one is to be a copy."""
        return self._random.random() < COPIES

    def any_of(self, made: Sequence[Article]) -> Article:
        """One of some articles."""
        return self._random.choice(made)

    def _article(self, body: str, at: datetime) -> Article:
        return Article(
            id=self.new_id(), source=Source("paper.example"), title=self._sentence(8), body=body,
            language="en", published_at=at, ingested_at=at,
        )  # fmt: skip

    def _named(self) -> list[str]:
        return [self._names[int(BANK * self._random.random() ** 3)] for _ in range(NAMES)]

    def _shared(self) -> list[str]:
        found = [self._bank[int(BANK * self._random.random() ** 3)] for _ in range(SHARED)]
        if self._random.random() < 1 / 3:
            found.append(self._random.choice(self._notices))
        return found

    def _sentence(self, words: int) -> str:
        return " ".join(self._word() for _ in range(words)) + "."

    def _word(self) -> str:
        return self._words[int(WORDS * self._random.random() ** 2)]

    def _new_word(self) -> str:
        letters = self._random.choices("bdfgklmnprstvz", k=3)
        return "".join(letter + self._random.choice("aeiou") for letter in letters)


@dataclass(frozen=True, slots=True)
class Window:
    """The servers of one measurement, and the time at which it ends."""

    client: redis.Redis
    bands: RedisBands
    story_bands: RedisBands
    ledger: Ledger
    database: Database
    now: int
    numbers: Iterator[int] = field(default_factory=lambda: count_from(10**9))

    def next_number(self) -> int:
        """A sequence that no article has."""
        return next(self.numbers)


def main(arguments: Sequence[str]) -> None:
    """Measure, and print what was found."""
    parser = ArgumentParser(prog="bench.fingerprints", description=__doc__)
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--probes", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder of a window that is kept, and filled if it is new")
    given = parser.parse_args(arguments)
    texts = Texts(given.seed)
    with kept_or_filled(given.data, texts, given.articles) as window:
        texts.turn(given.seed + 1)
        report("claim of bands", *measure_claims(window, texts, given.probes))
        for batch in (1, BATCH):
            stage, words, looked_up = measure_stage(window, texts, given.probes, batch)
            report(f"dedupe stage with stories, {batch} a batch, each (goal: p95 10 ms)", *stage)
            print(f"  verdicts {words}")
            for what, count in looked_up.items():
                print(f"  {count / given.probes:.1f} candidates looked up an article for {what}")
    print(f"load of the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


@contextmanager
def kept_or_filled(data: Path | None, texts: Texts, count: int) -> Iterator[Window]:
    """A full window: of a folder that keeps one a copy, so that each run finds the same; else a new one."""
    with tempfile.TemporaryDirectory(prefix="copydesk-bench-") as folder:
        if data is not None and (data / NOW).exists():
            copytree(data, folder, dirs_exist_ok=True)
        elif data is not None:
            data.mkdir(parents=True, exist_ok=True)
            with opened(data) as window:
                filled(window, texts, count)
                settle(window.client)
                (data / NOW).write_text(str(window.now))
            copytree(data, folder, dirs_exist_ok=True)
        with opened(Path(folder)) as window:
            if data is None:
                filled(window, texts, count)
            yield window


def filled(window: Window, texts: Texts, count: int) -> None:
    """Fill a window, and print what that took."""
    begun = time.monotonic()
    near, story = fill(window, texts, count)
    print(f"{count} articles in the window, made in {time.monotonic() - begun:.0f} s")
    print(f"Redis for 64 bands: {near / count:.0f} bytes an article (goal: 1,000)")
    print(f"Redis for stories: {story / count:.0f} bytes an article")


def settle(client: redis.Redis) -> None:
    """Let the server write what it has at once, so that it is read back soon."""
    client.bgrewriteaof()
    while any(client.info("persistence")[f"aof_rewrite_{what}"] for what in ("in_progress", "scheduled")):
        time.sleep(0.5)


@contextmanager
def opened(folder: Path) -> Iterator[Window]:
    """A server as `copydesk up` starts it, and a ledger; both end with the block.

    What was filled before ends at the time that a file tells.
    """
    port = free_port()
    process = Popen(server_command(find_server(), port, folder), stdout=DEVNULL)
    settings = Settings(data_dir=folder)
    migrate_ledger(settings)
    ledger, database = open_ledger(settings), Database(settings.ledger_url)
    try:
        with redis.Redis(port=port) as client:
            while not answers(client):
                time.sleep(0.05)
            RedisFingerprints(client).mark_ready()
            story_bands = RedisBands(
                client, STORY_BANDS, least=STORY_LEAST, window_days=STORY_DAYS, placed=STORY_PLACED,
                remembers=False,
            )  # fmt: skip
            told = folder / NOW
            now = int(told.read_text()) if told.exists() else now_ms()
            yield Window(client, RedisBands(client), story_bands, ledger, database, now)
    finally:
        ledger.close()
        database.close()
        process.terminate()
        process.wait()


def answers(client: redis.Redis) -> bool:
    """Whether the server has started, and read what it had."""
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
        return False


def used_memory(client: redis.Redis) -> int:
    """Bytes that the server's data takes."""
    return int(client.info("memory")["used_memory"])


def fill(window: Window, texts: Texts, count: int) -> tuple[int, int]:
    """Put articles into ledger and bands, in the order of their days; returns what each takes of Redis."""
    pages: list[Future[tuple[int, int]]] = []
    with ThreadPoolExecutor(1) as beside:  # Redis works while the next page is made
        for first in range(0, count, PAGE):
            numbers = range(first, min(first + PAGE, count))
            claims, story_claims = fill_page(window, texts, numbers, count)
            pages.append(beside.submit(load_both, window, claims, story_claims))
            pages[max(0, len(pages) - 2)].result()  # no more than one page ahead
            if sys.stderr.isatty():
                print(f"\r{numbers.stop} of {count}", end="", file=sys.stderr)
    taken = [page.result() for page in pages]
    return sum(near for near, _ in taken), sum(story for _, story in taken)


def fill_page(
    window: Window, texts: Texts, numbers: range, count: int
) -> tuple[list[BandClaim], list[BandClaim]]:
    """Write some of the articles into the ledger; returns what the bands are to hold of them."""
    rows: list[tuple[Row, Row]] = []
    claims: list[BandClaim] = []
    story_claims: list[BandClaim] = []
    for number in numbers:
        moment = window.now - int((count - number) / count * DAYS * DAY_MS)
        sketch, story, one = texts.sketch(), texts.story(), texts.new_id()
        rows.append(row_of(number, one, sketch, story, moment))
        claims.append(BandClaim(one, moment // DAY_MS, band_keys(sketch)))
        story_claims.append(BandClaim(one, moment // DAY_MS, story_keys(story)))
    write(window, [article for article, _ in rows], [sketch for _, sketch in rows])
    return claims, story_claims


def load_both(
    window: Window, claims: Sequence[BandClaim], story_claims: Sequence[BandClaim]
) -> tuple[int, int]:
    """Write near copies and stories down; returns how many bytes of Redis each took."""
    return load(window, window.bands, claims), load(window, window.story_bands, story_claims)


def load(window: Window, bands: RedisBands, claims: Sequence[BandClaim]) -> int:
    """Write claims down; returns how many bytes of Redis that took."""
    before = used_memory(window.client)
    bands.load(claims)
    return used_memory(window.client) - before


def row_of(number: int, one: str, sketch: Sketch, story: StorySketch, moment: int) -> tuple[Row, Row]:
    """The ledger's rows of an article, of the size that they have."""
    article = {
        "id": one, "source_id": "paper.example", "sequence": number + 1, "revision": 1, "change": 1,
        "indexed_change": 1, "content_hash": one, "text_hash": one, "verdict": "new", "similarity": 0.0,
        "story_id": one, "sort_key": moment, "ingested_at": moment, "withdrawn": False, "moment": moment,
        "article": random.Random(number).randbytes(ARTICLE_BYTES),
    }  # fmt: skip
    return article, {"article_id": one, "near": pack_sketch(sketch), "story": pack_story(story)}


def measure_claims(window: Window, texts: Texts, count: int) -> tuple[list[float], float]:
    """Times of single claims of new articles, in ms; and the server's CPU time for one."""
    claims = [
        BandClaim(texts.new_id(), window.now // DAY_MS, band_keys(texts.sketch())) for _ in range(count)
    ]
    begun, times = server_cpu(window.client), []
    for claim in claims:
        start = time.perf_counter()
        window.bands.claim([claim])
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times), (server_cpu(window.client) - begun) / count


def measure_stage(
    window: Window, texts: Texts, count: int, batch: int
) -> tuple[tuple[list[float], float], dict[str, int], dict[str, int]]:
    """Times of the dedupe stage (ms an article), verdicts, and what was looked up for what."""
    at = datetime.fromtimestamp(window.now / 1000, UTC) - timedelta(minutes=5)
    made: list[Article] = [texts.article(at)]
    while len(made) < count:
        made.append(texts.copy(texts.any_of(made), at) if texts.is_copy() else texts.article(at))
    looked_up = {"near copies": 0, "stories": 0}
    words: dict[str, int] = {}

    def known(ids: Sequence[str]) -> dict[str, tuple[KnownText, ...]]:
        looked_up["near copies"] += len(ids)
        return window.ledger.known_texts(ids)

    def known_stories(ids: Sequence[str]) -> dict[str, tuple[StoryText, ...]]:
        looked_up["stories"] += len(ids)
        return window.ledger.known_stories(ids)

    fingerprints, near = RedisFingerprints(window.client), Near(window.bands, known)
    stories = Stories(window.story_bands, known_stories)
    begun, times = server_cpu(window.client), []
    for first in range(0, count, batch):
        part = made[first : first + batch]
        works = [Work(first + at, one.id, one.id, 1, article=one) for at, one in enumerate(part)]
        start = time.perf_counter()
        outcomes = run_dedupe(works, fingerprints, near=near, stories=stories)
        times.append((time.perf_counter() - start) * 1000 / len(part))
        for outcome in outcomes:
            word = outcome.verdict.word if outcome.verdict else "none"
            words[word] = words.get(word, 0) + 1
        rows = [
            row_of(window.next_number(), one.id, NO_SKETCH, NO_STORY, to_ms(one.ingested_at)) for one in part
        ]
        kept: list[Row] = [
            {"article_id": one.id, "near": outcome.sketch, "story": outcome.story_sketch}
            for one, outcome in zip(part, outcomes, strict=True)
        ]
        write(window, [row for row, _ in rows], kept)
    return (sorted(times), (server_cpu(window.client) - begun) / count), words, looked_up


def write(window: Window, rows: Sequence[Row], kept: Sequence[Row]) -> None:
    """Write articles and their sketches into the ledger."""
    with window.database.write() as connection:
        connection.execute(sa.insert(articles), rows)
        connection.execute(sa.insert(sketches), kept)


def server_cpu(client: redis.Redis) -> float:
    """Milliseconds of CPU time that the server has used."""
    told = client.info("cpu")
    return 1000 * (float(told["used_cpu_user"]) + float(told["used_cpu_sys"]))


def report(what: str, times: Sequence[float], cpu: float) -> None:
    """Print the distribution of some times."""
    p50, p95, p99 = (times[int(len(times) * share)] for share in (0.5, 0.95, 0.99))
    print(f"{what}: p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms; Redis CPU {cpu:.2f} ms each")


if __name__ == "__main__":
    main(sys.argv[1:])
