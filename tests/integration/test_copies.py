"""Versions, near copies and stories with real processes, as pushers and readers see them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.messages import TERMINAL
from tests.integration.town import Town, open_town
from tests.integration.workers.conftest import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(600)]
QUAY = (
    "The quay at Marlow will be closed for three weeks from Monday, the harbour master said. Boats are asked "
    "to berth at the old basin, where the council has laid on water and light."
)
CHOIR = (
    "A choir of two hundred voices sang at the reopening of the Corn Exchange on Sunday. Tickets had gone "
    "within an hour, and a second evening has been promised by the trust that runs the hall."
)
BODIES = (QUAY, CHOIR)
REPORT = [
    "The council of Ashford voted on Tuesday evening to buy a second ferry for the crossing to Hale.",
    "Councillors had argued for three hours about the price, which the treasurer called a bargain.",
    "The boat was built for a lake in the north and has carried sheep and post for eleven years.",
    "It will be painted in the town's colours over the winter and go into service by Easter.",
    "Shopkeepers on both banks have long complained of queues on market days.",
    "A petition with more names than the town has voters was handed over in spring.",
    "The harbour master warned that the landing stage has room for one vessel only.",
    "Work on a second stage would begin as soon as the fishing season is over.",
    "Fares are to stay as they are for two years at least, the chairman promised.",
]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with open_town(tmp_path_factory.mktemp("copies"), "") as made:
        yield made


def read(town: Town, path: str, status: int = 200) -> Any:
    answer = town.search.get(path)
    assert answer.status_code == status, answer.text
    return answer.get_json()


def test_two_bodies_for_one_address_from_twenty_clients_are_one_article_that_ends_right(town: Town) -> None:
    item = {"url": "https://marlow.example/quay", "title": "Notices"}

    def push(client: int) -> str:
        return town.push({**item, "body": BODIES[client % 2]})

    with ThreadPoolExecutor(20) as clients:
        [article_id] = set(clients.map(push, range(20)))
    ledger = town.newsroom.ledger
    wait_until(lambda: set(words(town, article_id)) <= TERMINAL, "all twenty to end")
    ended = Counter(words(town, article_id))
    assert sum(ended.values()) == 20
    assert not ended.keys() - {"indexed", "unchanged", "superseded"}
    article = ledger.article(article_id)
    assert article is not None
    newest = max(ledger.journey(article_id), key=lambda step: (step.at, step.word == "accepted"))
    assert newest.submission
    shown = read(town, f"/v1/articles/{article_id}")
    assert shown["body"] == article.body
    assert article.body in BODIES
    versions = read(town, f"/v1/articles/{article_id}/versions")["versions"]
    assert [one["revision"] for one in versions] == list(range(1, article.revision + 1))
    found = town.search.get("/v1/search?q=title:notices&duplicates=keep").get_json()
    assert [hit["id"] for hit in found["hits"]] == [article_id]


def words(town: Town, article_id: str) -> list[str]:
    """The last word of each submission of an article."""
    last = {step.submission: step.word for step in town.newsroom.ledger.journey(article_id)}
    return list(last.values())


def test_a_near_copy_folds_and_says_why_and_its_correction_is_a_version(town: Town) -> None:
    wire = {"source": "wire.example", "uri": "ferry-2", "title": "Ashford council buys a second ferry"}
    paper = {"source": "paper.example", "uri": "a-17", "title": "Second ferry for Ashford"}
    lead = town.publish({**wire, "body": "\n".join(REPORT)})
    copy = town.publish({**paper, "body": "\n".join([*REPORT[:7], "Buses will run later on market days."])})
    wait_until(lambda: town.front("ashford") == {lead: {copy}}, "the copy to be folded")
    told = read(town, f"/v1/articles/{copy}")
    assert (told["verdict"], told["duplicate_of"], told["rule"]) == ("duplicate", lead, "containment")
    assert told["passage"] in told["body"]
    assert 0.6 < told["similarity"] < 1
    town.publish({**wire, "body": "\n".join([*REPORT, "The vote was twelve to nine."])})
    diff = read(town, f"/v1/articles/{lead}/diff")
    assert "twelve to nine" in json.dumps(diff)
    assert read(town, f"/v1/articles/{lead}")["revision"] == 2
    story = read(town, f"/v1/stories/{told['story_id']}")
    assert story["lead"] == lead
    assert set(story["sources"]) == {"wire.example", "paper.example"}
    events = town.http.get("/v1/events?since=0&limit=1000").json()["events"]
    mine = [(event["kind"], event["article_id"]) for event in events if event["article_id"] in (lead, copy)]
    assert mine == [("published", lead), ("published", copy), ("updated", lead)]


def test_only_spacing_case_and_tracking_changed_makes_no_revision(town: Town) -> None:
    item = {
        "url": "https://marlow.example/choir?id=7",
        "title": "Choir at the Corn Exchange",
        "body": BODIES[1],
    }
    article_id = town.publish(item)
    same = {
        "url": "https://www.marlow.example/choir/?utm_source=x&id=7#top",
        "title": "CHOIR at the  Corn Exchange", "body": BODIES[1].replace(" ", "  "),
    }  # fmt: skip
    assert town.push({"source": "marlow.example", **same}) == article_id
    wait_until(lambda: town.status(article_id) == "unchanged", "the resend to end")
    assert read(town, f"/v1/articles/{article_id}")["revision"] == 1


def test_a_text_of_five_megabytes_is_refused_at_the_door_or_rejected_with_a_reason(town: Town) -> None:
    text = "All of it was said before, and more than once. " * 110_000
    assert len(text) > 5_000_000
    refused = town.http.post("/v1/articles", json={"source": "long.example", "uri": "1", "body": text})
    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == ["body"]
    page = {"params": {"source": "long.example"}, "headers": {"Content-Type": "text/plain"}}
    taken = town.http.post("/v1/pages", content=text.encode(), **page)
    assert taken.status_code == 202
    article_id = taken.json()["id"]
    wait_until(lambda: town.status(article_id) in TERMINAL, "it to end")
    found = town.newsroom.ledger.status(article_id)
    assert found is not None
    assert (found.status, found.reason) == ("rejected", "too-long")
