"""What the search API costs beside the engine: ``python -m bench.search --index tantivy --articles 100000``.

Builds an index of generated articles (``search_articles.py``) through the index port, or uses the one that
an earlier run has left in ``--data``; starts the search service as ``copydesk up`` does, one granian process;
and asks the same queries over HTTP, on one connection kept alive, and of the engine, query by query in turn.
Which of the two is asked first changes from round to round, and the first round counts for neither.

The engine's own time is what its user waits for: the matches, the exact totals, and the hits in hand.

- tantivy: ``engine_ms`` of the index port, called in this process on the same files: the searches, the
  totals, and the reading of the stored articles.
- Elasticsearch tells ``took``, in whole milliseconds: without writing its answer, sending it, and reading
  it, which for a page of 500 articles is most of the work. So the bar is held against the client: the time of
  the elasticsearch library's ``search`` with the very bodies that the service sends, one after the other,
  with the same lean connection and JSON as the service has. ``took`` and the bar by it are shown too.

Goal: p95 over HTTP at most 1.3 times the p95 of the engine plus 3 ms, in each of eight classes; the
classes below them are information. And at least 500 simple searches a second by one process on tantivy.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.client import Connection
from bench.numbers import Spread, spread
from bench.report import machine
from bench.search_articles import Articles
from bench.search_engines import Direct, Took
from bench.search_index import Built, Engine, build, bytes_of, engine_running
from bench.search_queries import BARRED, BEGIN, CURSOR, Query, make_queries, make_walks
from bench.search_service import measure_rate, memory_of, searching
from bench.system import BenchFailed
from shared.codec import to_plain
from shared.http import settle
from shared.settings import Settings

SEED: Final = 20_261_127
QUICK_ARTICLES, QUICK_ROUNDS, QUICK_SECONDS = 2_000, 3, 1.0
STEPS: Final = 5  # pages of each walk; the first keeps the state, and is shown apart
RATIO, PLUS_MS = 1.3, 3.0
GOAL_RATE: Final = 500.0
_MB: Final = 1024 * 1024


@dataclass(slots=True)
class Times:
    """The milliseconds of one class of queries; ``client`` is empty on tantivy."""

    http: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    client: list[float] = field(default_factory=list)

    def add(self, http: float, took: Took) -> None:
        """One question answered both ways."""
        self.http.append(http)
        self.own.append(took.own)
        if took.client is not None:
            self.client.append(took.client)


@dataclass(frozen=True, slots=True)
class Row:
    """One class as reported; ``limit`` is what the bar allows the 95th percentile over HTTP (ms)."""

    kind: str
    http: Spread
    own: Spread
    client: Spread | None
    barred: bool

    @property
    def limit(self) -> float:
        """By the time that the bar is held against: the client's where there is one."""
        return limit_of((self.client or self.own).p95)

    @property
    def met(self) -> bool:
        """Whether the class is within its limit."""
        return self.http.p95 <= self.limit


@dataclass(frozen=True, slots=True)
class Results:
    """Everything one run measured."""

    engine: str
    built: Built
    load: float
    rows: tuple[Row, ...]
    rates: dict[int, float]  # searches a second by number of connections
    own_mb: float  # resident memory of the service
    files_mb: float  # pages of files that it has mapped, the index among them
    bytes_each: float


def limit_of(engine_p95: float) -> float:
    """What the goal allows the API at the 95th percentile, for what the engine takes (ms)."""
    return RATIO * engine_p95 + PLUS_MS


@click.command()
@click.option("--index", "engine", type=click.Choice(("tantivy", "elasticsearch")), default="tantivy")
@click.option("--articles", default=100_000, show_default=True, help="How many the index holds.")
@click.option("--data", type=click.Path(path_type=Path), help="Keep the index below this folder.")
@click.option("--rounds", default=15, show_default=True, help="How often each query is asked.")
@click.option("--seconds", default=5.0, show_default=True, help="How long the rate is measured for.")
@click.option("--quick", is_flag=True, help=f"{QUICK_ARTICLES:,} articles, {QUICK_ROUNDS} rounds.")
@click.option("--only", default="", help="Classes to ask, divided by commas; none asks all.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures to this file.")
def main(
    *, engine: str, articles: int, data: Path | None, rounds: int, seconds: float, quick: bool, only: str,
    json_file: Path | None,
) -> None:  # fmt: skip
    """Measure the search API beside its engine, class by class, and how many searches a second it answers."""
    for number in (signal.SIGINT, signal.SIGTERM):  # however it is ended, it stops what it started first
        signal.signal(number, signal.default_int_handler)
    if quick:
        articles, rounds, seconds = QUICK_ARTICLES, QUICK_ROUNDS, QUICK_SECONDS
    console = Console()
    kinds = frozenset(filter(None, only.split(",")))
    try:
        with _folder(data, f"{engine}-{articles}") as folder:
            bench = Bench(cast("Engine", engine), folder, console)
            results = bench.run(articles, rounds, seconds, kinds)
    except BenchFailed as error:
        raise click.ClickException(str(error)) from error
    show(results, console)
    if json_file is not None:
        plain = {"machine": machine(), **to_plain(results)}
        json_file.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", "utf-8")


@contextmanager
def _folder(data: Path | None, name: str) -> Iterator[Path]:
    """Where the index lies: kept where a folder is named, else gone afterwards."""
    if data is not None:
        yield data.absolute() / name
        return
    with tempfile.TemporaryDirectory(prefix="copydesk-bench-", ignore_cleanup_errors=True) as made:
        yield Path(made)


class Bench:
    """One run on one index in a folder."""

    def __init__(self, engine: Engine, folder: Path, console: Console) -> None:
        self._engine, self._folder, self._console = engine, folder, console

    def run(self, articles: int, rounds: int, seconds: float, kinds: frozenset[str]) -> Results:
        """Build what is missing, start the service, and measure."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with (
            Progress(*columns, console=self._console) as progress,
            engine_running(self._engine, self._folder) as settings,
        ):
            task = progress.add_task("articles in the index", total=articles)
            built = build(settings, self._engine, SEED, articles, lambda count: progress.advance(task, count))
            made = Articles(SEED, built.until)
            with searching(settings) as pid:
                load = os.getloadavg()[0]
                rows = self._compare(settings, made, rounds, kinds, progress)
                rates = self._rates(settings, made, seconds, progress) if not kinds else {}
                own, files = (size / _MB for size in memory_of(pid))
        each = bytes_of(_index_folder(settings, self._folder)) / articles
        return Results(self._engine, built, load, rows, rates, own, files, each)

    def _compare(
        self, settings: Settings, made: Articles, rounds: int, kinds: frozenset[str], progress: Progress
    ) -> tuple[Row, ...]:
        queries = [query for query in make_queries(made) if not kinds or query.kind in kinds]
        walks = make_walks() if not kinds or CURSOR in kinds else []
        times: dict[str, Times] = {}
        task = progress.add_task("rounds of queries", total=rounds + 1)
        direct = Direct(settings)
        settle()  # as the service does: the engine's time is not to have pauses that the service's has not
        try:
            with Connection(settings.search_port) as connection:
                for turn in range(rounds + 1):
                    counted = times if turn else {}  # the first round warms both sides up
                    for place, query in enumerate(queries):
                        _ask(connection, direct, query, counted, engine_first=(turn + place) % 2 == 0)
                    # A walk is five pages, so that every third round gives as many times as a query has.
                    for target in walks if turn % 3 <= 1 else []:
                        _walk(connection, direct, target, counted)
                    progress.advance(task)
        finally:
            direct.close()
        return tuple(_rows(times))

    def _rates(
        self, settings: Settings, made: Articles, seconds: float, progress: Progress
    ) -> dict[int, float]:
        targets = [f"/v1/search?{query.text}&size=10" for query in make_queries(made) if query.kind == "term"]
        task = progress.add_task("searches a second", total=3)
        rates: dict[int, float] = {}
        for connections in (1, 4, 16):
            rates[connections] = measure_rate(settings.search_port, targets, connections, seconds)
            progress.advance(task)
        return rates


def _index_folder(settings: Settings, folder: Path) -> Path:
    return folder / "node" / "data" if settings.index_url else settings.index_dir


def _ask(
    connection: Connection, direct: Direct, query: Query, times: dict[str, Times], *, engine_first: bool
) -> None:
    """One query both ways; both must find the same number."""
    took = direct.ask(query.path, query.text) if engine_first else None
    body, http = connection.get_timed(f"/v1/{query.path}?{query.text}", time.perf_counter)
    took = took or direct.ask(query.path, query.text)
    answer: dict[str, Any] = msgspec.json.decode(body)
    found = answer["total"]["articles"] if query.path == "search" else answer.get("total", 0)
    if found != took.articles:
        raise BenchFailed(f"{query.text}: {found} over HTTP, {took.articles} by the engine")
    times.setdefault(query.kind, Times()).add(http, took)


def _walk(connection: Connection, direct: Direct, target: str, times: dict[str, Times]) -> None:
    """The first pages of a walk, both ways."""
    walk, following = direct.begin(target), f"{target}&cursor=*"
    for step in range(STEPS):
        took = direct.step(walk) if step % 2 else None
        body, http = connection.get_timed(f"/v1/search?{following}", time.perf_counter)
        took = took or direct.step(walk)
        times.setdefault(CURSOR if step else BEGIN, Times()).add(http, took)
        cursor = msgspec.json.decode(body)["next"]
        if (cursor is None) != (walk.mark is None):
            raise BenchFailed(f"{target}: only one of both walks has come to its end")
        if cursor is None:
            return
        following = f"cursor={cursor}"
    direct.end(walk)


def _rows(times: dict[str, Times]) -> Iterator[Row]:
    order = [*BARRED, *(kind for kind in times if kind not in BARRED)]
    for kind in (kind for kind in order if kind in times):
        one = times[kind]
        client = spread(one.client) if one.client else None
        yield Row(kind, spread(one.http), spread(one.own), client, kind in BARRED)


def show(results: Results, console: Console) -> None:
    """Print the table and what else was measured."""
    built, of_client = results.built, any(row.client for row in results.rows)
    console.print(f"\n{results.engine}, {built.articles:,} articles, {machine()}, load {results.load:.1f}")
    own = ("took p50", "p95") if of_client else ("engine p50", "p95")
    columns = ["class", "asked", "API p50", "p95", *own]
    columns += ["client p50", "p95", "limit by took"] if of_client else []
    table = Table(*columns, "limit", "", title="Milliseconds")
    for row in results.rows:
        table.add_row(*_cells(row, of_client=of_client))
    console.print(table)
    for connections, rate in results.rates.items():
        goal = f" (goal ≥ {GOAL_RATE:.0f})" if not of_client else ""
        console.print(f"simple searches, {connections} connections: {rate:,.0f}/s{goal}")
    console.print(
        f"the service's memory: {results.own_mb:,.0f} MB, and {results.files_mb:,.0f} MB of mapped files"
    )
    console.print(f"the index: {results.bytes_each:,.0f} bytes an article, built in {built.seconds:,.0f} s")


def _cells(row: Row, *, of_client: bool) -> list[str]:
    cells = [row.kind, str(row.http.count), *_pair(row.http), *_pair(row.own)]
    if of_client:
        by_took = f"{limit_of(row.own.p95):.1f}" if row.client else ""
        cells += [*(_pair(row.client) if row.client else ("", "")), by_took]
    verdict = ("met" if row.met else "missed") if row.barred else ""
    return [*cells, f"{row.limit:.1f}", verdict]


def _pair(times: Spread) -> tuple[str, str]:
    return f"{times.p50:.1f}", f"{times.p95:.1f}"


if __name__ == "__main__":
    main()
