"""Held articles and near copies of them, and what readers see whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
import sqlalchemy as sa

from services.workers.stages.near import Near
from shared.article import RawArticle, Source
from shared.clock import from_ms
from shared.fingerprints.bands_memory import MemoryBands
from shared.ledger.schema import articles
from shared.settings import Settings
from tests.contract.holds_cases import FERRY, HOUR, Desk, number
from tests.contract.keeping_cases import piece

RELEASE = (
    "The harbour board of the old town agreed on Monday to repair the pier that the winter storms had "
    "broken, and asked its engineer for a plan by the autumn. Members argued for three hours about the cost "
    "of the stone, which has to be brought by barge from the quarry at Greyholm, and about the ferries that "
    "will not be able to land while the work goes on. Fishermen who had come to listen said that they would "
    "need another place to sell their catch, and the chairwoman promised to look for one before the first "
    "barge arrives. The repairs are to begin in spring and should be finished within a year, unless the "
    "weather is as bad as it was the last time, when the divers had to wait for weeks until the sea was calm."
)


def release(number: int, **fields: object) -> RawArticle:
    """The release as its sender has it."""
    return piece(number, RELEASE, title="Pier to be repaired in spring", **fields)


def retold(number: int, paper: str, **fields: object) -> RawArticle:
    """The same as a paper prints it: with some words changed, and a line of its own."""
    text = RELEASE.replace("three hours", "three long hours").replace("wait for weeks", "wait")
    text = f"{text} Readers of {paper} may send in their memories of the pier."
    return piece(number, text, title="Pier to be repaired in spring", **fields)


@pytest.fixture
def room(settings: Settings) -> Iterator[Desk]:
    made = Desk(replace(settings, source_ranks="wire.example"))
    made.near = Near(MemoryBands(clock=lambda: made.now / 1_000), made.ledger.known_texts)
    yield made
    made.ledger.close()


def test_a_near_copy_of_what_is_under_embargo_leads_until_the_first_joins_it(room: Desk) -> None:
    room.push(release(1, embargo_until=room.in_an_hour()))
    room.push(retold(2, "the Gazette"))
    room.push(retold(3, "the Herald"))
    assert room.front() == {2: {3}}
    room.pass_time(HOUR)
    assert room.front() == {2: {1, 3}}
    first = room.article(piece(1))
    assert (first.verdict, first.rule) == ("duplicate", "containment")
    assert first.passage is not None
    assert first.passage in RELEASE
    room.check()


def test_near_copies_whose_embargo_ends_together_get_one_lead(room: Desk) -> None:
    at = room.in_an_hour()
    room.push(release(1, embargo_until=at))
    room.push(retold(2, "the Gazette", embargo_until=at))
    room.push(retold(3, "the Herald", embargo_until=at))
    assert room.front() == {}
    room.pass_time(HOUR)
    assert room.front() == {1: {2, 3}}
    room.check()


def test_a_near_copy_that_waits_behind_a_held_lead_leads_when_it_is_released_first(room: Desk) -> None:
    room.push(release(1, embargo_until=from_ms(room.now + 2 * HOUR)))
    room.push(retold(2, "the Gazette", embargo_until=room.in_an_hour()))
    room.push(retold(3, "the Herald", embargo_until=from_ms(room.now + 2 * HOUR)))
    room.pass_time(HOUR)
    assert room.front() == {2: set()}
    room.pass_time(HOUR)
    assert room.front() == {2: {1, 3}}
    room.check()


def test_a_withheld_lead_comes_back_as_a_near_copy_of_its_heir(room: Desk) -> None:
    room.push(release(1))
    room.push(retold(2, "the Gazette"))
    room.push(retold(3, "the Herald"))
    assert room.front() == {1: {2, 3}}
    room.push(release(1, pub_status="withheld"))
    assert room.front() == {2: {3}}
    room.push(release(1))
    assert room.front() == {2: {1, 3}}
    room.check()


def test_what_was_rewritten_under_its_embargo_is_compared_by_its_new_words(room: Desk) -> None:
    at = room.in_an_hour()
    room.push(release(1, embargo_until=at))
    room.push(retold(2, "the Gazette"))
    room.push(piece(1, FERRY, embargo_until=at))
    room.pass_time(HOUR)
    assert room.front() == {1: set(), 2: set()}
    room.check()


def test_a_brief_does_not_lead_the_story_that_it_is_from_however_high_its_source_ranks(
    room: Desk,
) -> None:
    words = [f"{chr(97 + one % 26)}{chr(97 + one // 26)}word" for one in range(400)]
    story, brief = " ".join(words), " ".join(words[:60])
    room.push(piece(2, story, title="Pier"))
    wire = Source("wire.example")
    room.push(piece(1, brief, title="Pier", source=wire, embargo_until=room.in_an_hour()))
    assert room.front() == {2: set()}
    room.pass_time(HOUR)
    assert (room.article(piece(1)).verdict, room.front()) == ("excerpt", {2: {1}})
    room.check()


# Whatever happens


def befall(room: Desk, chance: Random) -> None:
    """Let something happen to one of five items, some of whose texts are alike."""
    one = chance.randrange(1, 6)
    fields: dict[str, object] = {"source": Source("wire.example")} if one == 1 else {}
    fields |= chance.choice(
        ({}, {}, {"pub_status": "withheld"}, {"embargo_until": room.in_an_hour()},
         {"expires_at": room.in_an_hour()})
    )  # fmt: skip
    what = chance.randrange(10)
    if what < 6:
        raw = chance.choice(
            (release(one, **fields), retold(one, f"paper {one}", **fields), piece(one, **fields))
        )
        room.accept(replace(raw, version=chance.choice((None, None, room.now))))
    elif what < 8:
        room.pass_time(HOUR // 2)
    elif what == 8:
        room.settle(chance.choice(("clean", "dedupe", "tag")))
    elif chance.randrange(3) == 0:
        room.ledger.accept([piece(one, None, title=None, pub_status="canceled")], room.now)
    if chance.randrange(2):
        room.settle()


@pytest.mark.parametrize("seed", range(8))
def test_readers_see_each_article_that_is_shown_once_and_no_other(room: Desk, seed: int) -> None:
    chance = Random(seed)
    for _ in range(30):
        befall(room, chance)
    room.pass_time(1)
    room.settle()
    room.check()
    front = room.front()
    listed = [*front, *(copy for copies in front.values() for copy in copies)]
    assert sorted(listed) == sorted(number(one.id) for one in room.documents.values() if room.sees(one))
    for row in room.rows(sa.select(articles.c.id, articles.c.held).where(articles.c.gone.is_(None))):
        assert (row["held"] is None) == room.sees(room.documents[row["id"]]), number(row["id"])
