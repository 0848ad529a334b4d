"""What the clean stage costs on pages, beside trafilatura with metadata on the same pages in the same run.

``python -m bench.extraction [PAGES.jsonl[.gz]]``: a line has ``id``, ``url`` and ``html``; without a
file, pages made by ``bench/pages.py``. Both take turns on every page, several times; a page counts with the
median of its CPU times. Ends with 1 when the stage takes more than its goal.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import trafilatura

from bench.articles import make_articles
from bench.numbers import percentile
from bench.pages import page
from services.workers.stages.clean import clean_article
from shared.article import RawArticle, Source

GOAL = 1.4
MADE_PAGES = 200
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds of each page: the median of its rounds, of the stage and of trafilatura alone."""

    stage: tuple[float, ...]
    alone: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """What the stage takes over what trafilatura takes."""
        return sum(self.stage) / sum(self.alone)


def read_pages(path: Path) -> list[RawArticle]:
    """Read the pages of a file; raises ``ValueError`` where a line is no page."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [_raw(json.loads(line)) for line in lines if line.strip()]


def made_pages(count: int) -> list[RawArticle]:
    """Make pages that look like news, the same ones every time."""
    drafts = make_articles(1, 0, count)
    return [
        RawArticle(str(draft.number), Source(draft.source), url=draft.url, html=page(draft))
        for draft in drafts
    ]


def measure(raws: Sequence[RawArticle], rounds: int) -> Costs:
    """Take every page through both, in turns, after one turn that does not count."""
    times: list[tuple[list[float], list[float]]] = [([], []) for _ in raws]
    for number in range(rounds + 1):
        for raw, (stage, alone) in zip(raws, times, strict=True):
            # Which one goes first changes, so that neither always finds the page's text in the cache.
            pair = ((_clean, stage), (_alone, alone))
            for work, seconds in pair if number % 2 else reversed(pair):
                seconds.append(_cpu(work, raw))
    return Costs(
        tuple(statistics.median(stage[1:]) for stage, _ in times),
        tuple(statistics.median(alone[1:]) for _, alone in times),
    )


def _clean(raw: RawArticle) -> object:
    return clean_article(raw)


def _alone(raw: RawArticle) -> object:
    return trafilatura.bare_extraction(raw.html, url=raw.url, with_metadata=True)


def _cpu(work: Callable[[RawArticle], object], raw: RawArticle) -> float:
    began = time.process_time()
    work(raw)
    return time.process_time() - began


def _raw(item: dict[str, str]) -> RawArticle:
    if not isinstance(item, dict) or not isinstance(item.get("html"), str):
        raise ValueError("a line is no page: it needs html")  # noqa: TRY004 - of a file, not of a caller
    return RawArticle(str(item.get("id")), Source("bench"), url=item.get("url"), html=item["html"])


def _report(costs: Costs) -> Iterator[str]:
    met = "ok" if costs.ratio <= GOAL else "SHORT"
    yield f"cpu_ratio {costs.ratio:.3f} <={GOAL} {met}"
    for name, seconds in (("clean", costs.stage), ("trafilatura", costs.alone)):
        yield f"{name}_pages_per_s {len(seconds) / sum(seconds):.1f} - info"
        yield f"{name}_p95_ms {percentile(sorted(seconds), 0.95) * 1000:.1f} - info"
    yield f"pages {len(costs.stage)} - info"


def main(arguments: Sequence[str]) -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.extraction", description=__doc__)
    parser.add_argument("pages", nargs="?", type=Path, help="NDJSON of pages, may be gzipped")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--made", type=int, default=MADE_PAGES, help="pages to make when no file is given")
    given = parser.parse_args(arguments)
    raws = read_pages(given.pages) if given.pages else made_pages(given.made)
    costs = measure(raws, max(1, given.rounds))
    print(f"# {datetime.now(UTC):%Y-%m-%d}, {given.pages or 'made pages'}, {given.rounds} rounds")
    print("\n".join(_report(costs)))
    return 0 if costs.ratio <= GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
