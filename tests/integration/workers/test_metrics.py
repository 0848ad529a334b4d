"""A worker's parent tells what its children count; neither a child's end nor the parent's spoils that."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.messages import STAGES
from tests.integration.workers.conftest import Newsroom, make_raw, wait_until
from tests.servers import free_port

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def told_at(port: int) -> dict[str, float]:
    """What a worker tells, by name and labels; nothing while it does not answer."""
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5).raise_for_status().text
    except httpx.HTTPError:
        return {}
    return {
        " ".join(
            [sample.name.removeprefix("copydesk_"), *map(str, sorted(sample.labels.values()))]
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def telling(newsroom: Newsroom) -> Newsroom:
    """The newsroom with a port for the numbers of its workers."""
    newsroom.settings = replace(newsroom.settings, metrics_port=free_port())
    return newsroom


def start(newsroom: Newsroom) -> int:
    """A worker for all stages with two children, and beside it a sweeper; returns the worker's number."""
    number = newsroom.start_worker(*STAGES, more=("-c", "2"))
    wait_until(lambda: bool(told_at(newsroom.settings.metrics_port)), "the worker's numbers")
    schedule = str(newsroom.settings.data_dir / f"beat-{len(newsroom.workers)}")
    newsroom.start_worker("sweep", more=("-c", "1", "-B", "-s", schedule))
    return number


def work_through(newsroom: Newsroom, numbers: range) -> None:
    newsroom.accept(*(make_raw(number) for number in numbers))
    newsroom.wait_for_all()


def indexed(newsroom: Newsroom) -> float:
    return told_at(newsroom.settings.metrics_port).get("stage_articles_total index indexed", -1)


def test_what_children_did_is_told_by_their_parent(telling: Newsroom) -> None:
    start(telling)
    work_through(telling, range(40))
    wait_until(lambda: indexed(telling) == 40, "40 articles to be told of")
    told = told_at(telling.settings.metrics_port)
    assert [told[f"stage_articles_total {stage} {word}"] for stage, word in (
        ("clean", "cleaned"), ("dedupe", "deduped"), ("tag", "tagged"),
    )] == [40, 40, 40]  # fmt: skip
    for stage in STAGES:
        assert told[f"stage_batch_articles_sum {stage}"] == 40
        assert told[f"stage_seconds_count {stage}"] == told[f"stage_batch_articles_count {stage}"] > 0
        assert 0 < told[f"stage_seconds_sum {stage}"] < 60
        assert told[f"stage_outages_total {stage}"] == 0
    assert told["searchable_seconds_count"] == 40
    assert 0 < told["searchable_seconds_sum"] / 40 < 60
    assert told["child_deaths_total killed"] == 0


def test_a_child_that_is_killed_takes_no_number_with_it(telling: Newsroom) -> None:
    number = start(telling)
    for round_ in range(4):
        work_through(telling, range(10 * round_, 10 * round_ + 10))
        wait_until(lambda done=10 * round_ + 10: indexed(telling) == done, "all to be told of")
        children = set(telling.children(number))
        for child in children:
            os.kill(child, signal.SIGKILL)
        wait_until(replaced(telling, number, children), "new children")
        assert indexed(telling) == 10 * round_ + 10


def replaced(newsroom: Newsroom, number: int, old: set[int]) -> Callable[[], bool]:
    return lambda: len(set(newsroom.children(number)) - old) >= 2


def test_a_worker_that_is_killed_leaves_its_port_to_the_next(telling: Newsroom) -> None:
    number = start(telling)
    work_through(telling, range(5))
    worker, old = telling.workers[number], set(telling.children(number))
    for child in old:
        os.kill(child, signal.SIGKILL)
    wait_until(replaced(telling, number, old), "children that were forked beside the open port")
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    wait_until(lambda: not told_at(telling.settings.metrics_port), "the end of the first")
    start(telling)
    assert indexed(telling) == 0  # the next one begins anew, as Prometheus expects
    work_through(telling, range(5, 8))
    wait_until(lambda: indexed(telling) == 3, "its own three")


def test_workers_of_one_machine_tell_side_by_side_and_say_who_they_are(telling: Newsroom) -> None:
    telling.start_worker("clean", "dedupe", "tag", more=("-c", "2"))
    telling.start_worker("index", more=("-c", "1"))
    telling.start_small("sweep")
    first = telling.settings.metrics_port
    infos: set[str] = set()

    def look() -> bool:
        for port in range(first, first + 10):
            infos.update(name for name in told_at(port) if name.startswith("worker_info"))
        return len(infos) == 3

    wait_until(look, "three workers")
    assert {info.split()[1] for info in infos} == {
        "copydesk.clean,copydesk.dedupe,copydesk.tag", "copydesk.index", "copydesk.sweep",
    }  # fmt: skip


def test_a_port_that_cannot_be_had_stops_no_work(newsroom: Newsroom) -> None:
    newsroom.settings = replace(newsroom.settings, metrics_port=9_100, bind="192.0.2.1", keys="off")
    newsroom.start_small()
    work_through(newsroom, range(3))
    assert newsroom.ledger.counts() == {"indexed": 3}
    assert "metrics not served" in newsroom.logs()


def test_without_a_port_nothing_listens(newsroom: Newsroom) -> None:
    number = newsroom.start_small()
    work_through(newsroom, range(3))
    assert newsroom.settings.metrics_port == 0
    assert listening(newsroom.workers[number].pid) == set()
    assert "metrics served" not in newsroom.logs()


def listening(pid: int) -> set[str]:
    """The sockets of a process that take connections, as the kernel names them."""
    links = [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink()]
    inodes = {link.removeprefix("socket:[").rstrip("]") for link in links}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == "0A"} & inodes
