"""Putting back what fingerprints hold, while articles are being compared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.workers.stages.near import Near
from services.workers.steps import Stories
from services.workers.sweeper import rebuild_fingerprints
from shared.article import RawArticle, Source
from shared.fingerprints.bands_memory import MemoryBands
from shared.fingerprints.memory import MemoryFingerprints
from shared.ledger.keeping import ReplaySpec
from shared.ledger.port import Claim
from shared.settings import Settings
from shared.stories.keys import STORY_DAYS, STORY_LEAST, STORY_PLACED
from tests.contract.keeping_cases import DAY, Newsroom, piece, walk
from tests.contract.ledger_cases import edited, story

LEASE = 600_000  # ms, longer than any lease


def article(number: int, body: str) -> RawArticle:
    return piece(number, body, title="Out and about", source=Source(f"s{number}.example"))


TEXT = "\n".join(story(1))
FIRST, NEAR = article(1, TEXT), article(2, edited(1, 3))


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings, compares_near=True)
    yield made
    made.ledger.close()


def lose_redis(room: Newsroom) -> int:
    """Empty fingerprints and bands, and put back what the ledger knows; returns how many texts."""
    room.fingerprints = MemoryFingerprints()
    bands = MemoryBands()
    stories = MemoryBands(least=STORY_LEAST, window_days=STORY_DAYS, placed=STORY_PLACED, remembers=False)
    room.near, room.stories = (
        Near(bands, room.ledger.known_texts),
        Stories(stories, room.ledger.known_stories),
    )
    return rebuild_fingerprints(room.ledger, room.fingerprints, room.now, lambda: None, bands, stories)


def held_at_dedupe(room: Newsroom, *raws: RawArticle) -> Claim:
    room.accept(*raws)
    room.settle("clean")
    held = room.hold("dedupe")
    assert held is not None
    return held


def test_a_near_copy_finds_a_lead_whose_bands_were_lost_before_its_commit(room: Newsroom) -> None:
    slow = held_at_dedupe(room, FIRST)
    outcomes = room.work(slow)
    assert lose_redis(room) == 0
    late = held_at_dedupe(room, NEAR)
    assert [found.verdict.duplicate_of for found in room.work(late) if found.verdict] == [FIRST.id]
    room.commit(slow, outcomes)
    room.now += LEASE
    room.settle()
    assert room.article(NEAR).duplicate_of == FIRST.id
    assert [copy.id for copy in room.documents[FIRST.id].copies] == [NEAR.id]
    room.check()


def test_what_was_put_back_before_it_was_compared_is_compared_all_the_same(room: Newsroom) -> None:
    room.push(FIRST)
    held = held_at_dedupe(room, NEAR)
    assert lose_redis(room) == 1
    room.commit(held, room.work(held))
    room.settle()
    assert room.article(NEAR).duplicate_of == FIRST.id
    room.check()


def test_two_that_were_put_back_before_they_were_compared_have_one_lead(room: Newsroom) -> None:
    held = held_at_dedupe(room, FIRST, NEAR)
    lose_redis(room)
    room.commit(held, room.work(held))
    room.now += LEASE
    room.settle()
    assert sorted(room.article(raw).is_lead for raw in (FIRST, NEAR)) == [False, True]
    room.check()


def test_two_batches_that_were_put_back_before_they_were_compared_have_one_lead(room: Newsroom) -> None:
    one, other = held_at_dedupe(room, FIRST), held_at_dedupe(room, NEAR)
    lose_redis(room)
    for held in (other, one):
        room.commit(held, room.work(held))
    room.now += LEASE
    room.settle()
    assert sorted(room.article(raw).is_lead for raw in (FIRST, NEAR)) == [False, True]
    room.check()


def test_pages_hold_articles_and_what_is_being_compared_in_the_order_of_acceptance(room: Newsroom) -> None:
    raws = [article(number, "\n".join(story(number))) for number in range(1, 8)]
    room.push(*raws[:2])
    room.accept(raws[2])
    room.settle("clean")
    assert room.hold("dedupe") is not None  # and it stays with its worker
    room.push(*raws[3:5])
    assert walk(lambda after: room.ledger.replay(ReplaySpec("dedupe"), after, 100, room.now)) == 4
    assert room.hold("dedupe") is not None  # what is run again is there once, as an article
    room.accept(*raws[5:])
    room.settle("clean")  # these wait, and will ask for themselves
    for limit in (1, 2, 3, 100):
        found, after = [], 0
        while page := room.ledger.fingerprints(room.now - DAY, after, limit):
            assert len(page) <= limit
            found += page
            after = page[-1].sequence
        assert [one.article_id for one in found] == [raw.id for raw in raws[:5]]
        assert [bool(one.text_hash) for one in found] == [True, True, False, True, True]
        assert all(one.lead == one.article_id and one.sketch and one.story_sketch for one in found)
