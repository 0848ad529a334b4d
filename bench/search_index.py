"""The index that ``bench.search`` looks through: written through the index port, kept, and used again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from bench.search_articles import THOUSAND, Articles
from bench.system import BenchFailed, own_settings
from shared.article import Article
from shared.codec import from_json, to_json
from shared.errors import IndexMissing, Unavailable
from shared.index.document import INDEX_VERSION
from shared.index.open import open_index
from shared.index.port import ArticleIndex, SearchRequest
from shared.settings import Settings
from tests.elasticsearch_node.node import CannotAssemble, assemble, find_java, start_node

Engine = Literal["tantivy", "elasticsearch"]

ALIAS: Final = "copydesk-bench-search"
HEAP_MB: Final = 2_048  # of a node; a million of these articles take about 3 GB on disk
BATCHES: Final = {"tantivy": 5 * THOUSAND, "elasticsearch": THOUSAND}  # a commit each on tantivy
LULL_SECONDS: Final = 0.5  # with next to no work, after which no merge is taken to be running
PATIENCE: Final = 60  # times that a batch is tried while the engine is overloaded
_NOTE: Final = "built.json"


@dataclass(frozen=True, slots=True)
class Built:
    """What a kept index holds; ``until`` is the end of the last day, ``seconds`` what building it took."""

    version: str
    seed: int
    articles: int
    until: datetime
    seconds: float = 0.0
    whole: bool = False


@contextmanager
def engine_running(engine: Engine, folder: Path) -> Iterator[Settings]:
    """Settings for an index in ``folder``; for Elasticsearch a node runs there meanwhile."""
    if engine == "tantivy":
        yield _settings(folder, "")
        return
    jdk = find_java(os.environ)
    if jdk is None:
        raise BenchFailed("no JDK for an Elasticsearch node was found; the tests' node needs 21 or newer")
    try:
        home = assemble(jdk)
    except CannotAssemble as error:
        raise BenchFailed(f"no Elasticsearch node can be made here: {error}") from error
    node = start_node(jdk, home, folder / "node", heap_mb=HEAP_MB)
    try:
        yield _settings(folder, node.url)
    finally:
        node.stop()


def _settings(folder: Path, url: str) -> Settings:
    return replace(own_settings(folder, url, ALIAS), cursor_secret="a secret of the bench")


def build(settings: Settings, engine: Engine, seed: int, count: int, advance: Callable[[int], None]) -> Built:
    """Write the articles that are not there yet; tells ``advance`` of each batch, also of those there before.

    Raises ``BenchFailed`` where the folder holds other articles, or the index other numbers of them.
    """
    note = settings.data_dir / _NOTE
    wanted = Built(INDEX_VERSION, seed, count, _last_day())
    kept = from_json(note.read_bytes(), Built) if note.exists() else wanted
    if (kept.version, kept.seed, kept.articles) != (wanted.version, seed, count):
        raise BenchFailed(f"{settings.data_dir} holds {kept.articles:,} articles of another seed or version")
    if note.exists():
        _wait_until_searchable(settings)
    if not kept.whole:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        note.write_bytes(to_json(kept))
        kept = _write_all(settings, engine, kept, advance)
        note.write_bytes(to_json(kept))
    else:
        advance(count)
    return kept


def _wait_until_searchable(settings: Settings) -> None:
    """A node that has just started answers before it has opened its indices."""
    index = open_index(settings)
    try:
        for _ in range(PATIENCE):
            with suppress(Unavailable):
                with suppress(IndexMissing):  # building it was broken off before there was one
                    index.search(SearchRequest(now=datetime.now(UTC), size=0))
                return
            time.sleep(1)
    finally:
        index.close()
    raise BenchFailed("the kept index does not answer")


def _write_all(settings: Settings, engine: Engine, built: Built, advance: Callable[[int], None]) -> Built:
    started = time.perf_counter()
    index = open_index(settings, writing=True)
    index.create()
    index.refresh()
    there = index.count() // THOUSAND * THOUSAND  # they come in order, so what is missing is behind these
    advance(there)
    batches = _batches(Articles(built.seed, built.until), built.articles, there, BATCHES[engine])
    for batch in batches:
        _write(index, batch)
        advance(len(batch))
    index.refresh()
    if index.count() != built.articles:
        raise BenchFailed(f"the index holds {index.count():,} articles instead of {built.articles:,}")
    index.close()
    _wait_for_lull()
    return replace(built, seconds=time.perf_counter() - started, whole=True)


def _batches(articles: Articles, count: int, there: int, size: int) -> Iterator[list[Article]]:
    every = (article for first in range(there, count, THOUSAND) for article in articles.thousand(first))
    waiting = islice(every, count - there)
    while batch := list(islice(waiting, size)):
        yield batch


def _write(index: ArticleIndex, batch: list[Article]) -> None:
    for _ in range(PATIENCE):
        try:
            words = {outcome.word for outcome in index.write(batch)}
        except Unavailable:
            words = {"unavailable"}
        if words <= {"written", "stale"}:
            return
        if "refused" in words:
            raise BenchFailed("the index refused an article")
        time.sleep(1)
    raise BenchFailed("the engine stayed overloaded")


def _wait_for_lull() -> None:
    """Wait until the embedded engine's threads have merged what they had to."""
    busy = True
    while busy:
        before = time.process_time()
        time.sleep(LULL_SECONDS)
        busy = time.process_time() - before > LULL_SECONDS / 20


def _last_day() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def bytes_of(folder: Path) -> int:
    """The size of all files below a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
