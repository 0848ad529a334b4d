"""What a worker counts of its batches, and how Prometheus reads it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from prometheus_client.parser import text_string_to_metric_families

from services.workers import tasks
from services.workers.metrics import MOST_SOURCES, WORDS, Measures
from services.workers.runner import StageRunner
from shared.article import Article, Source
from shared.errors import Unavailable
from shared.index.port import FacetCount, SearchPage
from shared.ledger.port import Claim, Outcome, Work
from shared.messages import STAGES
from tests.unit.workers.test_runner import Desk

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def measures() -> Iterator[Measures]:
    made = Measures()
    yield made
    made.close()


def told(measures: Measures) -> dict[str, float]:
    """Every sample as the text has it, by name and labels without those that tell whose it is."""
    text = measures.tell("worker@here", ["copydesk.tag", "copydesk.clean"]).decode()
    return {
        sample.name.removeprefix("copydesk_")
        + "".join(f" {value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def counted(measures: Measures) -> dict[str, float]:
    """What is not 0 any more, but for buckets."""
    found = told(measures).items()
    return {
        name: value
        for name, value in found
        if value and not name.startswith("worker_info") and "_bucket" not in name
    }


def article(number: int = 1, **fields: Any) -> Article:
    made = Article(f"{number:032x}", Source("paper.example"), "A title", "A body", NOW - timedelta(seconds=4))
    return replace(made, published_at=NOW - timedelta(seconds=90), **fields)


def claim_of(stage: Any, *articles: Article, lane: Any = "live") -> Claim:
    works = tuple(Work(at, f"s{at}", one.id, 0, article=one) for at, one in enumerate(articles))
    return Claim(stage, lane, "t", works, full=False)


def index(
    measures: Measures, *articles: Article, lane: Any = "live", word: Any = "indexed", **more: Any
) -> None:
    claim = claim_of("index", *articles, lane=lane)
    outcomes = [Outcome(work.sequence, word, **more) for work in claim.works]
    measures.batch(claim, outcomes, {word: len(articles)}, 0.2, NOW)


def test_every_series_is_there_from_the_start(measures: Measures) -> None:
    found = told(measures)
    assert found.pop("worker_info copydesk.clean,copydesk.tag worker@here") == 1
    assert set(found.values()) == {0}
    for stage in STAGES:
        for word in WORDS:
            assert f"stage_articles_total {stage} {word}" in found
        assert f"stage_outages_total {stage}" in found
        assert f"stage_seconds_bucket 0.5 {stage}" in found
        assert f"stage_batch_articles_bucket +Inf {stage}" in found
    for name in ("child_deaths_total killed", "child_deaths_total time-limit", "index_busy_articles_total",
                 "searchable_seconds_count", "published_to_searchable_seconds_count other"):  # fmt: skip
        assert name in found


def test_a_batch_counts_its_articles_by_outcome_its_size_and_its_time(measures: Measures) -> None:
    claim = claim_of("clean", article(1), article(2), article(3))
    measures.batch(claim, [], {"cleaned": 2, "rejected": 1}, 0.3)
    assert counted(measures) == {
        "stage_articles_total clean cleaned": 2, "stage_articles_total clean rejected": 1,
        "stage_seconds_count clean": 1, "stage_seconds_sum clean": pytest.approx(0.3),
        "stage_batch_articles_count clean": 1, "stage_batch_articles_sum clean": 3,
    }  # fmt: skip


def test_a_batch_that_was_cut_short_has_no_time_and_one_that_came_late_is_told(measures: Measures) -> None:
    measures.batch(claim_of("tag", article()), [], {"deferred": 1}, None)
    measures.batch(claim_of("tag", article(1), article(2)), [], {}, 0.1)
    found = told(measures)
    assert found["stage_seconds_count tag"] == 1
    assert found["stage_articles_total tag deferred"] == 1
    assert found["stage_articles_total tag late"] == 2


def test_a_new_article_counts_from_its_202_and_its_publication(measures: Measures) -> None:
    index(measures, article())
    found = told(measures)
    assert (found["searchable_seconds_count"], found["searchable_seconds_sum"]) == (1, 4)
    assert (found["searchable_seconds_bucket 3.0"], found["searchable_seconds_bucket 5.0"]) == (0, 1)
    assert found["published_to_searchable_seconds_sum paper.example"] == 90


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({"indexed_at": NOW - timedelta(days=1)}, {}),  # corrected, or written again for a copy's sake
        ({"withdrawn": True}, {}),
        ({}, {"lane": "replay"}),
        ({}, {"word": "deferred"}),
        ({}, {"word": "quarantined"}),
    ],
)
def test_what_is_not_new_news_has_no_delay(measures: Measures, fields: Any, more: Any) -> None:
    index(measures, article(**fields), **more)
    found = told(measures)
    assert found["searchable_seconds_count"] == 0
    assert not [name for name in found if "paper.example" in name]


def test_a_date_of_publication_that_is_missing_or_to_come_is_no_delay(measures: Measures) -> None:
    index(measures, replace(article(1), published_at=None))
    index(measures, replace(article(2), published_at=NOW + timedelta(hours=1)))
    assert told(measures)["searchable_seconds_count"] == 2
    assert not [name for name in told(measures) if "paper.example" in name]


def test_a_clock_that_was_set_back_makes_no_negative_delay(measures: Measures) -> None:
    index(measures, replace(article(), ingested_at=NOW + timedelta(hours=1)))
    assert told(measures)["searchable_seconds_sum"] == 0


def test_there_are_as_many_sources_as_there_is_room_for_and_all_others_are_one(measures: Measures) -> None:
    for number in range(MOST_SOURCES + 5):
        index(measures, replace(article(number), source=Source(f"paper{number}.example")))
    name = "published_to_searchable_seconds_count"
    found = {key.split()[1]: value for key, value in told(measures).items() if key.startswith(name)}
    assert found == {f"paper{number}.example": 1 for number in range(MOST_SOURCES)} | {"other": 5}


class Index:
    """The facet of an index with its two largest sources; counts how often it was asked."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.asked, self.trouble = 0, trouble

    def search(self, request: Any) -> SearchPage:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        assert (request.size, request.facets, request.facet_size) == (0, ("source",), MOST_SOURCES)
        largest = (FacetCount("big.example", 900), FacetCount("second.example", 30))
        return SearchPage(0, 0, (), 0.0, facets={"source": largest})


def test_the_largest_sources_of_the_index_have_a_series_whoever_comes_first(measures: Measures) -> None:
    large: Any = Index()
    measures.seat(large)
    measures.seat(large)
    for number in range(MOST_SOURCES):
        index(measures, replace(article(number), source=Source(f"paper{number}.example")))
    index(measures, replace(article(), source=Source("big.example")))
    found = told(measures)
    assert large.asked == 1
    assert found["published_to_searchable_seconds_count big.example"] == 1
    assert found["published_to_searchable_seconds_count second.example"] == 0
    assert found["published_to_searchable_seconds_count other"] == 2


@pytest.mark.parametrize("trouble", [Unavailable("away"), OSError("no such file"), KeyError("hits")])
def test_an_index_that_cannot_be_asked_for_its_sources_stops_nothing(
    measures: Measures, trouble: Exception
) -> None:
    gone: Any = Index(trouble)
    measures.seat(gone)
    index(measures, article())
    assert told(measures)["published_to_searchable_seconds_count paper.example"] == 1
    assert gone.asked == 1


@pytest.mark.parametrize(
    ("reason", "busy"),
    [
        ("es_rejected_execution_exception: rejected execution of coordinating operation", 2),
        ("circuit_breaking_exception: [parent] Data too large", 2),
        ("Elasticsearch answered 429: ApiError(429, 'None')", 2),
        ("Elasticsearch does not answer: Connection refused", 0),
        ("cluster_block_exception: disk usage exceeded flood-stage watermark", 0),
    ],
)
def test_what_the_index_answers_429_is_counted(measures: Measures, reason: str, busy: int) -> None:
    index(measures, article(1), article(2), word="deferred", reason=reason)
    assert told(measures)["index_busy_articles_total"] == busy


def runner_of(desk: Desk, measures: Measures, stage: Any = "tag") -> StageRunner:
    made = StageRunner(stage, desk.runner._parts, measures=measures)
    made._step = desk._step  # type: ignore[method-assign, assignment]
    return made


def test_a_runner_counts_what_it_commits(measures: Measures) -> None:
    desk = Desk()
    runner_of(desk, measures).run("live", "t")
    found = told(measures)
    assert found["stage_articles_total tag tagged"] == 3
    assert found["stage_batch_articles_sum tag"] == 3
    assert found["stage_seconds_count tag"] == 1
    assert found["stage_outages_total tag"] == 0


def test_a_runner_counts_outages_of_the_stage_and_of_the_ledger(measures: Measures) -> None:
    desk = Desk()
    desk.error = Unavailable("the index is away")
    runner_of(desk, measures).run("live", "t")
    assert told(measures)["stage_outages_total tag"] == 1
    assert told(measures)["stage_articles_total tag deferred"] == 3
    desk.ledger.away = True
    runner_of(desk, measures).run("live", "t")
    assert told(measures)["stage_outages_total tag"] == 2


def test_a_batch_that_the_engine_puts_off_as_a_whole_is_an_outage(measures: Measures) -> None:
    desk = Desk()
    desk.word = "deferred"
    runner_of(desk, measures).run("live", "t")
    assert told(measures)["stage_outages_total tag"] == 1


@pytest.mark.parametrize(
    ("error", "ending", "found"),
    [
        (WorkerLostError("killed"), False, {"child_deaths_total killed": 1}),
        (TimeLimitExceeded(30), False, {"child_deaths_total time-limit": 1}),
        (WorkerLostError("killed"), True, {}),  # it died of the worker's end
        (ValueError("an article"), False, {}),
    ],
)
def test_deaths_of_children_are_counted(
    measures: Measures,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    ending: bool,
    found: dict[str, float],
) -> None:
    ledger = SimpleNamespace(release=lambda *_, **__: 0, close=lambda: None)
    monkeypatch.setattr(tasks, "open_ledger", lambda settings: ledger)
    desk: Any = SimpleNamespace(
        ending=ending, measures=measures, parts=lambda: SimpleNamespace(settings=None)
    )
    sender: Any = SimpleNamespace(name="copydesk.tag")
    tasks._on_death(None, desk, sender, "id", error)  # type: ignore[arg-type]
    assert {name: count for name, count in told(measures).items() if "deaths" in name and count} == found


def test_counting_costs_an_article_a_few_microseconds(measures: Measures) -> None:
    claim = claim_of("index", *(article(number) for number in range(100)))
    outcomes = [Outcome(work.sequence, "indexed") for work in claim.works]
    best = 1.0
    for _ in range(20):
        began = time.process_time()
        measures.batch(claim, outcomes, {"indexed": 100}, 0.2, NOW)
        best = min(best, time.process_time() - began)
    assert best / 100 < 50e-6  # 3 to 5 here; an article takes some 5,000 in all
