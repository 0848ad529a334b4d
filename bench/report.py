"""The results of one run: as tables for people, as plain values for a file, and against the goals."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.direct import Floor
from bench.flow import Flow
from bench.numbers import Spread
from bench.processes import Process
from bench.searches import SearchTimes
from bench.stages import Rate, rates_table
from shared.codec import to_plain

GOAL_RATIO = 1.25
GOAL_FRESH_MS = 3_000.0
GOAL_SEARCH_RATIO, GOAL_SEARCH_MS = 1.3, 3.0
_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one run measured."""

    command: str
    began: datetime
    load: float  # of the machine as the system had just started, over one minute
    articles: int
    pages: int  # those of them pushed as HTML
    index: str
    idle_cpu_share: float  # of one core, with nothing to do
    floors: tuple[Floor, ...]  # before the system was started, and after it was stopped
    rates: tuple[Rate, ...]  # of each stage and part by itself
    singles: Flow
    bulk: Flow
    fresh_rate: float
    fresh: Spread
    search: SearchTimes
    memory: tuple[Process, ...]

    @property
    def floor(self) -> float:
        """CPU milliseconds per article of the stages called directly, before and after in the mean."""
        return sum(floor.total for floor in self.floors) / len(self.floors)

    @property
    def ratio(self) -> float:
        """CPU of the whole system per article, over the floor."""
        return self.bulk.cpu_ms_each / self.floor

    @property
    def search_limit_ms(self) -> float:
        """What the goal allows search over HTTP at the 95th percentile."""
        return GOAL_SEARCH_RATIO * self.search.engine.p95 + GOAL_SEARCH_MS

    def goals(self) -> dict[str, bool]:
        """Whether each goal of the design was met in this run."""
        return {
            "pipeline": self.ratio <= GOAL_RATIO,
            "searchable": self.fresh.p95 <= GOAL_FRESH_MS,
            "search": self.search.http.p95 <= self.search_limit_ms,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values, with what follows from the measurements worked out."""
        plain: dict[str, Any] = to_plain(self)
        worked_out = {
            "accepts_per_second": {"singles": self.singles.accepts.rate, "bulk": self.bulk.accepts.rate},
            "articles_per_second": self.bulk.rate,
            "cpu_ms_per_article": {"system": self.bulk.cpu_ms_each, "floor": self.floor},
            "cpu_ratio": self.ratio,
            "search_limit_ms": self.search_limit_ms,
            "goals": self.goals(),
        }
        return {"machine": machine(), **worked_out, **plain}


def machine() -> str:
    """The machine in a few words."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def show(results: Results, console: Console) -> None:
    """Print every table."""
    moment = results.began.astimezone(UTC)
    console.print(f"\n[bold]{results.command}[/bold]")
    console.print(f"{moment:%Y-%m-%d %H:%M} UTC, {machine()}, load {results.load:.1f}")
    tables = (
        _summary(results),
        _cpu(results),
        rates_table(results.rates),
        _queries(results),
        _memory(results),
    )
    for table in tables:
        console.print(table)


def _summary(results: Results) -> Table:
    met = {name: "met" if good else "missed" for name, good in results.goals().items()}
    bulk, singles, fresh, search = results.bulk, results.singles.accepts, results.fresh, results.search
    table = Table("measure", "figure", "goal", title=f"{results.articles:,} articles, {results.index}")
    table.add_row("accepts/s, one by one", f"{singles.rate:,.0f}   ({_times(singles.latency)})", "")
    table.add_row("accepts/s, :bulk", f"{bulk.accepts.rate:,.0f}", "")
    table.add_row("articles/s, end to end", f"{bulk.rate:,.0f}   ({bulk.span.seconds:.1f} s)", "")
    table.add_row("CPU ms/article, whole system", f"{bulk.cpu_ms_each:.2f}", "")
    table.add_row("CPU ms/article, four stages and write", f"{results.floor:.2f}", "")
    table.add_row("their ratio", f"{results.ratio:.2f}", f"≤ {GOAL_RATIO}: {met['pipeline']}")
    table.add_row(
        f"202 to searchable at {results.fresh_rate:.0f}/s", _times(fresh), f"p95 ≤ 3 s: {met['searchable']}"
    )
    limit = f"p95 ≤ {results.search_limit_ms:.1f} ms: {met['search']}"
    table.add_row("search over HTTP", _times(search.http), limit)
    table.add_row("search, the engine's own time", _times(search.engine), "")
    return table


def _times(times: Spread | None) -> str:
    return "" if times is None else f"p50 {times.p50:,.1f} ms, p95 {times.p95:,.1f} ms"


def _cpu(results: Results) -> Table:
    """Which part of the system used how much, for both ways of pushing, above the floor."""
    table = Table(
        "CPU ms/article", "in bulk", "one by one", title="Where the CPU goes", caption=_notes(results)
    )
    flows = (results.bulk, results.singles)
    for part, _ in sorted(results.bulk.cpu_ms.items(), key=lambda pair: -pair[1]):
        table.add_row(part, *(f"{flow.cpu_ms.get(part, 0) / flow.accepts.articles:.3f}" for flow in flows))
    table.add_row("all", *(f"{flow.cpu_ms_each:.3f}" for flow in flows), style="bold", end_section=True)
    for stage in ("clean", "dedupe", "tag", "index", "documents", "total"):
        name = {"documents": "  of index: documents", "total": "all"}.get(stage, stage)
        figures = (f"{getattr(floor, stage):.3f}" for floor in results.floors)
        table.add_row(f"{name}, called directly", *figures)
    return table


def _notes(results: Results) -> str:
    return (
        f"Called directly: before and after the run. Idle: {results.idle_cpu_share:.1%} of one core. "
        f"Refreshes of leads in bulk: {results.bulk.refreshes}."
    )


def _queries(results: Results) -> Table:
    table = Table("query", "articles", "HTTP p95", "engine p95", title="Searches (ms)")
    for one in results.search.queries:
        table.add_row(one.query, f"{one.articles:,}", f"{one.http_p95:.1f}", f"{one.engine_p95:.1f}")
    return table


def _memory(results: Results) -> Table:
    table = Table("process", "pid", "RSS MB", title="Memory at the end")
    for process in results.memory:
        table.add_row(process.part, str(process.pid), f"{process.rss_bytes / _MB:,.0f}")
    return table
