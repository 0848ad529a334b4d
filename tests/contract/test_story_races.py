"""Stories while several workers compare at the same time: the same ones as one worker alone would make."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest
import redis
import sqlalchemy as sa

from services.workers.stages.near import Near
from services.workers.steps import Stories, run_dedupe
from shared.article import RawArticle
from shared.clock import from_ms
from shared.errors import Unavailable
from shared.fingerprints.bands_redis import RedisBands
from shared.fingerprints.redis import RedisFingerprints
from shared.ledger.engine import Database
from shared.ledger.open import open_ledger
from shared.ledger.schema import articles
from shared.settings import Settings
from shared.stories.keys import STORY_BANDS, STORY_DAYS, STORY_LEAST, STORY_PLACED
from tests.contract.ledger_cases import NOW, clean, make_raw

EVENTS, ARTICLES, PROCESSES = 100, 10, 4
SECONDS = 250.0  # far more than any of this takes
BATCH = 20  # small, so that the processes take turns often
T = TypeVar("T")
SYLLABLES = ("ka", "lo", "mi", "ra", "te", "su", "no", "vel", "dor", "pi", "gan", "zu")
SAID = "{} told {} that the {} near {} would {} before the {} of {}, and {} agreed with a {} at {}."


def made_up(rng: random.Random) -> str:
    return "".join(rng.choice(SYLLABLES) for _ in range(4))


def tell(event: int, number: int) -> RawArticle:
    """One article about an event: some of its names and words, in sentences of its own."""
    names = [made_up(random.Random(f"name {event} {at}")).title() for at in range(6)]
    words = [made_up(random.Random(f"word {event} {at}")) for at in range(6)]
    rng = random.Random(f"article {event} {number}")
    told = [
        SAID.format(
            "They", rng.choice(names), rng.choice(words), rng.choice(names), made_up(rng), rng.choice(words),
            rng.choice(names), "everyone", rng.choice(words), rng.choice(names),
        )
        for _ in range(4)
    ]  # fmt: skip
    article_id = f"{random.Random(f'id {event} {number}').getrandbits(128):032x}"
    title = f"On {names[0]} and {names[1]}: a {words[0]}"
    at = from_ms(NOW + (event * ARTICLES + number) * 1000)
    return make_raw(
        event * ARTICLES + number, id=article_id, title=title, body="\n".join(told), published_at=at,
        language="en",
    )  # fmt: skip


def patiently(call: Callable[..., T], *given: object) -> T:
    """Call again while the ledger is another's for too long, on a busy machine."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            return call(*given)
        except Unavailable:
            if time.monotonic() > end:
                raise


def work(settings: Settings, redis_url: str, worker: str) -> None:
    """Compare until nothing waits, as a worker does."""
    ledger = open_ledger(settings)
    with redis.Redis.from_url(redis_url) as client:
        near = Near(RedisBands(client, "near"), ledger.known_texts)
        bands = RedisBands(
            client, STORY_BANDS, least=STORY_LEAST, window_days=STORY_DAYS, placed=STORY_PLACED,
            remembers=False,
        )  # fmt: skip
        told = (RedisFingerprints(client), from_ms(NOW), near, Stories(bands, ledger.known_stories))
        while (held := patiently(ledger.claim, "dedupe", "live", BATCH, worker, NOW)) is not None:
            found = patiently(run_dedupe, held.works, *told)
            patiently(ledger.commit, held, found, "tag", worker, NOW)
    ledger.close()


def assigned(settings: Settings) -> dict[str, str]:
    database = Database(settings.ledger_url)
    with database.read() as connection:
        rows = connection.execute(sa.select(articles.c.id, articles.c.story_id)).all()
    database.close()
    return {row.id: row.story_id for row in rows}


def mixed(raws: Sequence[RawArticle]) -> list[RawArticle]:
    found = list(raws)
    random.Random(6).shuffle(found)
    return found


@pytest.mark.servers
@pytest.mark.timeout(2 * SECONDS)
def test_four_workers_at_once_make_the_stories_that_one_alone_would(
    settings: Settings, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        RedisFingerprints(client).mark_ready()
    told = {tell(event, number).id: event for event in range(EVENTS) for number in range(ARTICLES)}
    ledger = open_ledger(settings)
    ledger.accept(mixed([tell(event, number) for event in range(EVENTS) for number in range(ARTICLES)]), NOW)
    for _ in range(EVENTS * ARTICLES // 100):
        clean(ledger)
    ledger.close()
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=work, args=(settings, redis_url, f"worker-{number}"))
        for number in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(SECONDS)
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    stories = assigned(settings)
    assert len(stories) == EVENTS * ARTICLES
    # An event in one story, a story of one event: what one worker alone makes of them.
    pairs = Counter((told[one], story) for one, story in stories.items())
    assert len(pairs) == len({event for event, _ in pairs}) == len({story for _, story in pairs}) == EVENTS
