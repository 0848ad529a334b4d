"""One run of the bench: every measurement in its order, and the check that nothing was lost or doubled."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import Progress

from bench.articles import COPY_EVERY, Draft, is_copy, make_articles
from bench.direct import Floor, measure_floor
from bench.elastic import drop_alias
from bench.flow import Flow, follow, push_bulk, push_singles, wait_until_done
from bench.fresh import measure_fresh, probe_source
from bench.numbers import Spread
from bench.pages import push_form, push_line
from bench.report import Results
from bench.searches import SearchTimes, measure_searches
from bench.stages import Rate, measure_rates
from bench.system import BenchFailed, System, own_settings, running
from shared.article import RawArticle
from shared.index.open import open_index
from shared.push import read_push

WARM_UP = 200  # so that every process has loaded its rules and models
# Numbers at which the articles of each part begin; each a multiple of a thousand, far from the next.
FIRST_WARM, FIRST_SINGLE, FIRST_BULK, FIRST_FRESH = 0, 1_000_000, 2_000_000, 3_000_000
SINGLES_SHARE = 5  # a fifth as many are pushed one by one
FRESH_SECONDS = 20.0
IDLE_SECONDS = 3.0
ROUNDS = 20  # of the searches
RATED = 300  # articles that each stage's rate is measured with


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was asked for; ``articles`` are those pushed in bulk."""

    articles: int
    seed: int
    html_percent: int
    elasticsearch: str
    command: str

    def is_page(self, number: int) -> bool:
        """Whether the article of this number is pushed as an HTML page."""
        return random.Random(f"form/{number}").random() * 100 < self.html_percent


class Bench:
    """One run in one folder."""

    def __init__(self, options: Options, folder: Path, progress: Progress) -> None:
        self._options = options
        self._progress = progress
        alias = f"copydesk-bench-{os.getpid()}"
        self._settings = own_settings(folder / "data", options.elasticsearch, alias)
        self._folder = folder
        self._pushed = {"new": 0, "duplicate": 0}

    def run(self) -> Results:
        """Measure everything; raises ``BenchFailed`` when what came out is not what went in."""
        try:
            drafts = self._make(FIRST_BULK, self._options.articles)
            floor = self._floor(drafts)
            with running(self._settings) as system:
                results = self._measure(system, drafts)
            return replace(results, floors=(floor, self._floor(drafts)), rates=self._rates())
        finally:
            drop_alias(self._settings)

    def _measure(self, system: System, drafts: Sequence[Draft]) -> Results:
        began, load = datetime.now(UTC), os.getloadavg()[0]
        self._warm_up(system)
        idle = _idle_share(system)
        singles = self._singles(system)
        bulk = self._bulk(system, drafts)
        rate = bulk.rate / 2
        fresh = self._fresh(system, rate)
        search = self._search(drafts[0])
        self._check(system)
        return Results(
            command=self._options.command, began=began, load=load, articles=len(drafts),
            pages=sum(self._options.is_page(draft.number) for draft in drafts),
            index="Elasticsearch" if self._options.elasticsearch else "tantivy",
            idle_cpu_share=idle, floors=(), rates=(), singles=singles, bulk=bulk,
            fresh_rate=rate, fresh=fresh, search=search, memory=tuple(system.tree()),
        )  # fmt: skip

    def _floor(self, drafts: Sequence[Draft]) -> Floor:
        """Measured twice, before and after the system: a shared machine is not always equally fast."""
        warm = [self._raw(draft) for draft in self._make(FIRST_WARM, WARM_UP)]
        raws = [self._raw(draft) for draft in drafts]
        alias = f"{self._settings.index_alias}-direct"
        with TemporaryDirectory(dir=self._folder, prefix="direct-", ignore_cleanup_errors=True) as place:
            settings = own_settings(Path(place), self._options.elasticsearch, alias)
            try:
                with self._bar("stages called directly", len(drafts)) as advance:
                    floor = measure_floor(settings, raws, warm, advance)
            finally:
                drop_alias(settings)
        _same("copies found by the stages", floor.copies, len(drafts) // COPY_EVERY)
        return floor

    def _rates(self) -> tuple[Rate, ...]:
        with self._bar("rates of the stages", None) as advance:
            return tuple(measure_rates(self._options.seed, RATED, advance))

    def _warm_up(self, system: System) -> None:
        lines = self._lines(self._make(FIRST_WARM, WARM_UP))
        with self._bar("warming up", len(lines)) as advance:
            push_singles(self._settings.ingest_port, lines)
            wait_until_done(system, len(lines), advance)

    def _singles(self, system: System) -> Flow:
        lines = self._lines(self._make(FIRST_SINGLE, tens(self._options.articles / SINGLES_SHARE)))
        with self._bar("one by one", len(lines)) as advance:
            return follow(system, lambda: push_singles(self._settings.ingest_port, lines), advance)

    def _bulk(self, system: System, drafts: Sequence[Draft]) -> Flow:
        lines = self._lines(drafts)
        with self._bar("in bulk, end to end", len(lines)) as advance:
            return follow(system, lambda: push_bulk(self._settings.ingest_port, lines), advance)

    def _fresh(self, system: System, rate: float) -> Spread:
        lines = self._lines(self._make(FIRST_FRESH, tens(rate * FRESH_SECONDS)))
        for place, line in enumerate(lines):
            source = probe_source(place)
            if source is not None:
                lines[place] = json.dumps(json.loads(line) | {"source": source}, ensure_ascii=False).encode()
        with self._bar(f"searchable at {rate:.0f}/s", len(lines)) as advance:
            fresh = measure_fresh(self._settings, lines, rate, advance)
        wait_until_done(system, len(lines))
        return fresh

    def _search(self, known: Draft) -> SearchTimes:
        with self._bar("searches", ROUNDS + 1) as advance:
            return measure_searches(self._settings, known, ROUNDS, advance)

    def _check(self, system: System) -> None:
        """Compare what the ledger and the index hold with what was pushed."""
        total = sum(self._pushed.values())
        _same("status of submissions", system.watch.statuses(), {"indexed": total})
        _same("verdicts", system.watch.verdicts(), self._pushed)
        index = open_index(self._settings)
        try:
            index.refresh()
            _same("documents in the index", index.count(), total)
        finally:
            index.close()

    def _make(self, first: int, count: int) -> list[Draft]:
        made = []
        with self._bar("writing articles", count) as advance:
            for draft in make_articles(self._options.seed, first, count):
                made.append(draft)
                advance(1)
        return made

    def _raw(self, draft: Draft) -> RawArticle:
        item = push_form(draft, html=self._options.is_page(draft.number))
        return read_push(item, self._settings, datetime.now(UTC))

    def _lines(self, drafts: Sequence[Draft]) -> list[bytes]:
        """What is to be pushed, made ready beforehand; all of it counts as pushed."""
        for draft in drafts:
            self._pushed["duplicate" if is_copy(draft.number) else "new"] += 1
        return [push_line(draft, html=self._options.is_page(draft.number)) for draft in drafts]

    @contextmanager
    def _bar(self, name: str, total: int | None) -> Iterator[Callable[[int], None]]:
        task = self._progress.add_task(name, total=total)
        yield lambda done: self._progress.advance(task, done)
        if total is None:
            self._progress.update(task, total=1, completed=1)
        else:
            self._progress.update(task, completed=total)


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise BenchFailed(f"{what}: {expected} went in, {found} came out")


def tens(count: float) -> int:
    """A number of articles of which exactly a tenth are copies, at least a hundred."""
    return max(100, round(count / COPY_EVERY) * COPY_EVERY)


def _idle_share(system: System) -> float:
    """CPU that the system uses with nothing to do, as a share of one core."""
    before = sum(system.cpu().values())
    time.sleep(IDLE_SECONDS)
    return (sum(system.cpu().values()) - before) / 1000 / IDLE_SECONDS
