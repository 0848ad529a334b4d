"""`copydesk fingerprints`: puts what Redis knows of the last days' texts back from the ledger.

The sweeper does so by itself when Redis has lost them; this is for whoever does not want to wait, or doubts.
"""

from __future__ import annotations

import time
from contextlib import closing

import click

from services.cli.broker import pings
from services.cli.running import Wakes, as_it_runs, opened_ledger
from services.cli.walk import count_of, progress
from services.workers.sweeper import PAGE, rebuild_fingerprints
from shared.clock import now_ms
from shared.errors import Unavailable
from shared.fingerprints.bands_redis import RedisBands
from shared.fingerprints.redis import RedisFingerprints
from shared.messages import LANES
from shared.queue import make_redis
from shared.settings import read_settings
from shared.stories.keys import STORY_BANDS, STORY_DAYS, STORY_LEAST, STORY_PLACED


@click.group()
def fingerprints() -> None:
    """Put back what Redis knows of texts."""


@fingerprints.command()
def rebuild() -> None:
    """Put back from the ledger what Redis knows of the texts of the last days.

    What is there stays, and everything goes on meanwhile. Stopped half-way, it is started again, and what was
    put back stays. Redis needs no emptying before.
    """
    settings = as_it_runs(read_settings())
    if not settings.redis_url or not pings(settings.redis_url):
        raise Unavailable("no Redis answers from here; set COPYDESK_REDIS_URL, or start `copydesk up`")
    begun = time.monotonic()
    with (
        opened_ledger(settings) as ledger, closing(make_redis(settings)) as client,
        progress("articles put back", None) as advance, Wakes(settings) as wakes,
    ):  # fmt: skip
        story_bands = RedisBands(
            client, STORY_BANDS, least=STORY_LEAST, window_days=STORY_DAYS, placed=STORY_PLACED
        )
        texts = rebuild_fingerprints(
            ledger, RedisFingerprints(client), now_ms(), lambda: advance(PAGE),
            RedisBands(client), story_bands,
        )  # fmt: skip
        wakes.wake(*(("dedupe", lane) for lane in LANES))
    click.echo(f"{count_of(texts, 'text')} put back in {time.monotonic() - begun:.1f} s")
