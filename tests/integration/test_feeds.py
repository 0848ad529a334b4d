"""Feeds and ninjs of a newsroom at work: what is pushed comes into them, what is taken back leaves them."""

from __future__ import annotations

from collections.abc import Iterator

import feedparser
import pytest

from tests.integration.town import Town, open_town, story
from tests.integration.workers.conftest import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(600)]
KINDS = ("rss", "atom", "json")
NINJS = {"Accept": "application/ninjs+json"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with open_town(tmp_path_factory.mktemp("feeds"), "") as made:
        yield made


def entries(town: Town, kind: str, word: str) -> dict[str, str]:
    """The ids in a feed of the search for a word, each with its link."""
    answer = town.search.get(f"/v1/search.{kind}?q={word}")
    assert answer.status_code == 200, answer.text
    if kind == "json":
        return {item["id"]: item["url"] for item in answer.get_json()["items"]}
    found = feedparser.parse(answer.data, response_headers={"content-type": answer.content_type})
    assert not found.bozo, found.bozo_exception
    return {entry.id: entry.link for entry in found.entries}


def test_a_pushed_article_comes_into_its_feeds_keeps_its_id_and_leaves_as_it_is_withdrawn(town: Town) -> None:
    word, item = story()
    push = item("ledger") | {"url": "https://ledger.example/pier"}
    article_id = town.publish(push)
    wait_until(lambda: town.is_seen(word, article_id), "it to be found")
    urn = f"urn:copydesk:article:{article_id}"
    feeds = {kind: town.search.get(f"/v1/search.{kind}?q={word}") for kind in KINDS}
    assert [entries(town, kind, word) for kind in KINDS] == [{urn: "https://ledger.example/pier"}] * 3

    assert town.publish(push | {"title": f"The {word} board votes again"}) == article_id
    wait_until(lambda: "votes again" in town.search.get(f"/v1/search.rss?q={word}").text, "the new title")
    assert [list(entries(town, kind, word)) for kind in KINDS] == [[urn]] * 3
    for kind, old in feeds.items():
        held = {"If-None-Match": old.headers["ETag"]}
        assert town.search.get(f"/v1/search.{kind}?q={word}", headers=held).status_code == 200

    town.http.delete(f"/v1/articles/{article_id}").raise_for_status()
    town.expect_gone(word, article_id)
    assert [entries(town, kind, word) for kind in KINDS] == [{}, {}, {}]


def test_the_copy_that_leads_after_a_withdrawal_takes_its_place_in_the_feed(town: Town) -> None:
    word, item = story()
    lead = town.publish(item("ledger"))
    wait_until(lambda: town.is_seen(word, lead), "the lead to be found")
    copy = town.publish(item("courier"))
    wait_until(lambda: town.front(word) == {lead: {copy}}, "the copy to be folded")
    assert list(entries(town, "atom", word)) == [f"urn:copydesk:article:{lead}"]
    feed = town.search.get(f"/v1/search.json?q={word}").get_json()
    assert feed["items"][0]["_copydesk"]["duplicates"] == 1
    town.http.delete(f"/v1/articles/{lead}").raise_for_status()
    town.expect_gone(word, lead)
    wait_until(lambda: list(town.front(word)) == [copy], "the copy to lead")
    for kind in KINDS:
        assert list(entries(town, kind, word)) == [f"urn:copydesk:article:{copy}"]


def test_a_pushed_article_goes_out_as_ninjs_until_it_is_withdrawn(town: Town) -> None:
    word, item = story()
    push = item("herald") | {"uri": f"urn:newsml:herald.example:{word}", "authors": ["Desk reporter"]}
    article_id = town.publish(push)
    wait_until(lambda: town.is_seen(word, article_id), "it to be found")
    one = town.search.get(f"/v1/articles/{article_id}", headers=NINJS)
    listed = town.search.get(f"/v1/search?q={word}", headers=NINJS)
    assert (one.content_type, listed.headers["X-Total-Count"]) == ("application/ninjs+json", "1")
    found = one.get_json(force=True)
    assert listed.get_json(force=True) == [found]
    said = {name: found[name] for name in ("uri", "version", "by", "pubStatus")}
    assert said == {
        "uri": push["uri"], "version": "1", "by": "Desk reporter", "pubStatus": "usable",
    }  # fmt: skip
    assert found["headlines"][0]["value"] == push["title"]
    assert found["bodies"][0]["value"] == push["body"]

    town.http.delete(f"/v1/articles/{article_id}").raise_for_status()
    town.expect_gone(word, article_id)
    assert town.search.get(f"/v1/articles/{article_id}", headers=NINJS).status_code == 410
    assert town.search.get(f"/v1/search?q={word}", headers=NINJS).get_json(force=True) == []
