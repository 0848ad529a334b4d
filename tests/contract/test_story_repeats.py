"""Stories of articles that are compared more than once: what was linked is linked again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.article import RawArticle, Source
from shared.ledger.keeping import ReplaySpec
from shared.settings import Settings
from tests.contract.keeping_cases import Newsroom, piece, walk

LEASE = 600_000  # ms, longer than any lease
QUAKE = (
    "Villages flattened by quake in Malatya",
    "AFAD, the disaster agency, said nine bodies had been found and that the search went on near Puturge.",
)
RESCUE = (
    "Rescuers dig through the night after Malatya earthquake",
    "Rescuers pulled a mother and her baby alive from the ruins of a house in Puturge. AFAD sent tents.",
)


def telling(number: int, text: tuple[str, str]) -> RawArticle:
    return piece(number, text[1], title=text[0], source=Source(f"s{number}.example"), language="en")


FIRST, SECOND = telling(1, QUAKE), telling(2, RESCUE)


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings, compares_near=True)
    yield made
    made.ledger.close()


def stories(room: Newsroom) -> list[str]:
    return [room.article(raw).story_id for raw in (FIRST, SECOND)]


def test_an_article_whose_worker_died_after_comparing_is_linked_when_another_does(room: Newsroom) -> None:
    room.push(FIRST)
    room.accept(SECOND)
    room.settle("clean")
    held = room.hold("dedupe")
    assert held is not None
    [lost] = room.work(held)
    assert [link.article_id for link in lost.stories] == [FIRST.id]
    room.now += LEASE
    again = room.hold("dedupe")
    assert again is not None
    [outcome] = room.work(again)
    assert outcome.stories == lost.stories
    room.commit(again, [outcome])
    room.settle()
    assert stories(room) == [FIRST.id, FIRST.id]
    room.check()


def test_a_founder_whose_commit_was_lost_joins_those_that_came_meanwhile(room: Newsroom) -> None:
    room.accept(FIRST)
    room.settle("clean")
    held = room.hold("dedupe")
    assert held is not None
    room.work(held)
    room.push(SECOND)
    room.now += LEASE
    room.settle()
    assert len(set(stories(room))) == 1
    room.check()


@pytest.mark.parametrize("stage", ["clean", "dedupe"])
@pytest.mark.parametrize("page", [1, 100])
def test_a_reset_keeps_stories(room: Newsroom, stage: str, page: int) -> None:
    room.push(FIRST)
    room.push(SECOND)
    assert stories(room) == [FIRST.id, FIRST.id]
    spec = ReplaySpec(stage, reset=True)  # type: ignore[arg-type]
    assert walk(lambda after: room.ledger.replay(spec, after, page, room.now)) == 2
    room.settle("clean")
    held = room.hold("dedupe")
    assert held is not None
    outcomes = room.work(held)
    assert [[link.article_id for link in one.stories] for one in outcomes] == [[SECOND.id], [FIRST.id]]
    room.commit(held, outcomes)
    room.settle()
    assert stories(room) == [FIRST.id, FIRST.id]
    room.check()
