"""A newsroom at work as pushers and readers see it: two doors, real processes, either engine."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from flask.testing import FlaskClient

from services.search.app import create_app
from shared.index.open import open_index
from shared.ledger.open import migrate_ledger, open_ledger
from shared.queue import Waker
from shared.settings import Settings
from tests.integration.service import run_ingest
from tests.integration.workers.conftest import Newsroom, wait_until
from tests.servers import free_port, start_redis

GONE_WITHIN = 2.0  # seconds after the change that hides it was indexed
NUMBERS = count(1)  # a word of its own for each story, by which it is searched


@dataclass
class Town:
    """A newsroom at work with its two doors: pushes by HTTP, and a search service."""

    newsroom: Newsroom
    search: FlaskClient
    http: httpx.Client

    def push(self, item: dict[str, Any]) -> str:
        """Push an item; returns its id."""
        answer = self.http.post("/v1/articles", json=item).raise_for_status().json()
        return str(answer["id"])

    def publish(self, item: dict[str, Any]) -> str:
        """Push an item, and wait until it is indexed; returns its id."""
        article_id = self.push(item)
        wait_until(lambda: self.status(article_id) == "indexed", f"{item} to be indexed")
        return article_id

    def status(self, article_id: str) -> str:
        """The status word of an article's newest submission."""
        found = self.newsroom.ledger.status(article_id)
        return "unknown" if found is None else found.status

    def front(self, word: str, **parameters: str) -> dict[str, set[str]]:
        """What a search shows: ids, each with those of the copies that it tells of."""
        answer = self.search.get("/v1/search", query_string={"q": word, "size": "100", **parameters})
        assert answer.status_code == 200, answer.text
        hits = answer.get_json()["hits"]
        return {hit["id"]: {copy["id"] for copy in hit["copies"]} for hit in hits}

    def is_seen(self, word: str, article_id: str) -> bool:
        """Whether any way of looking shows an article, or tells of it."""
        folded = self.front(word)
        return (
            article_id in folded.keys() | set().union(*folded.values())
            or article_id in self.front(word, duplicates="keep")
            or article_id in self.search.get("/", query_string={"q": word}).text
            or self.search.get(f"/v1/articles/{article_id}").status_code == 200
        )

    def is_written(self, article_id: str) -> bool:
        """Whether the index has been told of everything that the ledger knows of an article."""
        served = {one.id: one for one in self.newsroom.ledger.served(0, 1_000)}
        return article_id in served and served[article_id].change == served[article_id].indexed_change

    def expect_gone(self, word: str, article_id: str) -> None:
        """Wait until a change that hides an article is indexed, then for its end in every search."""
        wait_until(lambda: self.is_written(article_id), "the change to be indexed")
        since = time.monotonic()
        wait_until(lambda: not self.is_seen(word, article_id), f"{article_id} to go")
        assert time.monotonic() - since < GONE_WITHIN, "it was found for longer"


@contextmanager
def open_town(folder: Path, url: str, **more: Any) -> Iterator[Town]:
    """A town on an Elasticsearch's URL, or on the embedded index; it ends with the block."""
    server = start_redis(folder, free_port())
    settings = Settings(
        data_dir=folder / "data", broker_url=server.url,
        index_url=url, index_alias=f"news-{uuid.uuid4().hex}", ingest_port=free_port(),
        lease_seconds=3, task_time_limit=6, sweep_seconds=1, stuck_seconds=2, **more,
    )  # fmt: skip
    migrate_ledger(settings)
    with closing(open_index(settings, writing=True)) as index:
        index.create()
    made = Newsroom(settings, open_ledger(settings), Waker(settings), server)
    made.start_all()
    index, ledger = open_index(settings), open_ledger(settings)
    door = f"http://127.0.0.1:{settings.ingest_port}"
    with run_ingest(settings, folder / "granian.log"), httpx.Client(base_url=door, timeout=30) as http:
        yield Town(made, create_app(settings, index, ledger).test_client(), http)
    index.close()
    ledger.close()
    made.close()
    server.stop()
    if url:
        for name in httpx.get(f"{url}/{settings.index_alias}*").json():
            httpx.delete(f"{url}/{name}").raise_for_status()


def story() -> tuple[str, Callable[[str], dict[str, Any]]]:
    """A word that nobody else has, and the items of a story with it, by the name of their paper."""
    word = f"marmalade{next(NUMBERS)}"
    body = (
        f"The {word} board met on Monday to discuss the quay. Members agreed that repairs to the old pier "
        f"will begin in spring, and asked the {word} engineer for a plan by the autumn of next year."
    )

    def item(paper: str) -> dict[str, Any]:
        return {"source": f"{paper}.example", "uri": word, "title": f"The {word} board agrees", "body": body}

    return word, item
