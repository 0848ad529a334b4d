"""Kills, withdrawals, embargoes and expiries with real processes, on both engines, as readers see them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.clock import from_ms, now_ms
from tests.integration.town import GONE_WITHIN, Town, open_town, story
from tests.integration.workers.conftest import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(600)]
ENGINES = ["embedded", "elasticsearch"]


@pytest.fixture(params=ENGINES, scope="module")
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    url = request.getfixturevalue("elasticsearch_url") if request.param == "elasticsearch" else ""
    with open_town(tmp_path_factory.mktemp("kills"), url, bar_copies=True) as made:
        yield made


def soon(seconds: float) -> str:
    return (from_ms(now_ms()) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize("way", ["kill", "delete", "purge", "withhold"])
def test_what_is_taken_back_is_gone_from_every_search_at_once(town: Town, way: str) -> None:
    word, item = story()
    lead, copy = town.publish(item("first")), town.publish(item("second"))
    wait_until(lambda: town.front(word) == {lead: {copy}}, "the copy to be folded")
    if way == "kill":
        town.push({"source": "first.example", "uri": word, "pub_status": "canceled"})
    elif way == "withhold":
        town.publish(item("first") | {"pub_status": "withheld"})
    else:
        told = town.http.delete(f"/v1/articles/{lead}", params={"purge": str(way == "purge").lower()})
        assert told.raise_for_status().json()["status"] == "withdrawn"
    town.expect_gone(word, lead)
    wait_until(lambda: town.front(word) == {copy: set()}, "the copy to lead")
    if way == "withhold":
        town.publish(item("first"))
        wait_until(lambda: town.front(word) == {copy: {lead}}, "the first to come back as a copy")
    else:
        assert town.http.post("/v1/articles", json=item("first")).status_code == 409
        third = town.push(item("third"))
        wait_until(lambda: town.status(third) == "withdrawn", "the third to be turned away")
        assert town.front(word, duplicates="keep") == {copy: set()}


def test_a_kill_that_comes_first_keeps_its_article_out(town: Town) -> None:
    word, item = story()
    town.push({"source": "first.example", "uri": word, "pub_status": "canceled"})
    assert town.http.post("/v1/articles", json=item("first")).status_code == 409
    second = town.publish(item("second"))
    wait_until(lambda: town.front(word) == {second: set()}, "the second, of which nobody said anything")


def test_an_embargo_ends_to_the_second_and_the_copies_fold(town: Town) -> None:
    word, item = story()
    at = time.time() + 8
    held = town.publish(item("first") | {"embargo_until": soon(8)})
    copy = town.publish(item("second"))
    wait_until(lambda: town.front(word) == {copy: set()}, "the copy to be shown")
    assert time.time() < at, "the machine was too slow for this test"
    assert not town.is_seen(word, held)
    wait_until(lambda: held in town.front(word, duplicates="keep"), "the end of the embargo")
    assert at <= time.time() < at + GONE_WITHIN
    wait_until(lambda: town.front(word) == {copy: {held}}, "the two to fold")
    assert time.time() < at + town.newsroom.settings.sweep_seconds + 5


def test_an_article_expires_to_the_second_and_its_copies_stay(town: Town) -> None:
    word, item = story()
    at = time.time() + 20
    lead = town.publish(item("first") | {"expires_at": soon(20)})
    copy = town.publish(item("second"))
    wait_until(lambda: town.front(word) == {lead: {copy}}, "the copy to be folded")
    wait_until(lambda: not town.is_seen(word, lead), "its time")
    assert at - 0.1 <= time.time() < at + GONE_WITHIN + town.newsroom.settings.sweep_seconds
    wait_until(lambda: town.front(word) == {copy: set()}, "the copy to lead")
