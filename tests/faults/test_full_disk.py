"""F14: the ledger's disk is full, or its files may not grow: 503 and never a false 202; then it recovers."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.articles import make_item
from tests.faults.checker import check
from tests.faults.disk import fill, small_disk
from tests.faults.newsroom import Newsroom
from tests.faults.processes import until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 12) as folder:
        yield folder


def test_f14_a_full_disk_is_503_and_never_202_and_recovers(disk: Path, own_newsroom: Any, sound: Any) -> None:
    url = f"sqlite:///{disk / 'ledger.sqlite'}"
    newsroom: Newsroom = own_newsroom(ledger_url=url, min_free_bytes=1)
    newsroom.start("ingest", "worker-0", "index-worker", "sweeper")
    newsroom.push(make_item("1"))
    newsroom.await_all()
    filler = fill(disk, 150_000)
    taken, refused = push_until_refused(newsroom)
    assert refused.headers.get("Retry-After"), refused.text
    assert newsroom.http.get(newsroom.url("ingest", "/readyz")).status_code == 503
    filler.unlink()
    until(lambda: push(newsroom, 5_000).status_code == 202, "room again", 90)
    newsroom.await_all()
    for article_id in taken:
        assert newsroom.word(article_id) == "indexed"
    assert newsroom.ledger.counts()["indexed"] >= len(taken) + 2
    sound(newsroom)


def test_f14_too_little_room_is_503_before_the_disk_is_full_while_search_goes_on(
    disk: Path, own_newsroom: Any, sound: Any
) -> None:
    url = f"sqlite:///{disk / 'ledger.sqlite'}"
    newsroom: Newsroom = own_newsroom(ledger_url=url, min_free_bytes=4 * 1024**2)
    newsroom.start("ingest", "search", "worker-0", "index-worker", "sweeper")
    (first,) = newsroom.push(make_item("1"))
    newsroom.await_word(first, "indexed")
    filler = fill(disk, 3 * 1024**2)
    answer = until(lambda: refusal(newsroom), "the cap", 30)
    assert int(answer.headers["Retry-After"]) > 0
    assert "COPYDESK_MIN_FREE_BYTES" in answer.text, answer.text
    found = newsroom.http.get(newsroom.url("search", "/v1/search"), params={"q": "report"})
    # What was pushed to see the cap may have come in before it was measured.
    assert first in {hit["id"] for hit in found.json()["hits"]}, found.text
    filler.unlink()
    until(lambda: push(newsroom, 3).status_code == 202, "room again", 30)
    newsroom.await_all()
    sound(newsroom)


def test_f14_files_that_may_not_grow_are_503_and_never_202(own_newsroom: Any, sound: Any) -> None:
    newsroom: Newsroom = own_newsroom()
    newsroom.start("worker-0", "index-worker", "sweeper")
    limit = 700_000
    newsroom["ingest"].start(limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    push_until_refused(newsroom)
    newsroom["ingest"].kill()
    newsroom["ingest"].start()
    assert push(newsroom, 5_000).status_code == 202
    newsroom.await_all()
    report = check(newsroom.settings)
    assert report.sound, report


def push(newsroom: Newsroom, number: int) -> httpx.Response:
    items = make_item(str(number))
    return newsroom.http.post(newsroom.url("ingest", "/v1/articles"), json=items, timeout=30)


def refusal(newsroom: Newsroom) -> httpx.Response | None:
    answer = push(newsroom, 2)
    assert answer.status_code in (202, 503), answer.text
    return answer if answer.status_code == 503 else None


def push_until_refused(newsroom: Newsroom) -> tuple[list[str], httpx.Response]:
    """Push large articles one by one; returns the ids of those accepted, and the first refusal."""
    taken = []
    for number in range(100, 1_000):
        item = make_item(str(number))
        item["body"] += "".join(
            f"\nParagraph {at} of the long report {number} on the harbour." for at in range(400)
        )
        answer = newsroom.http.post(newsroom.url("ingest", "/v1/articles"), json=item, timeout=30)
        if answer.status_code != 202:
            assert answer.status_code == 503, answer.text
            return taken, answer
        taken.append(answer.json()["id"])
    raise AssertionError("the disk never filled up")
