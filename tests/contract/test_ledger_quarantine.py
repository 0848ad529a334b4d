"""The quarantine for people: what lies there, back to the start, or out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from shared.ledger.keeping import Quarantined, QuarantineFilter
from shared.ledger.port import Claim
from shared.ledger.schema import originals, submissions
from shared.messages import STAGES, Stage
from shared.settings import Settings
from tests.contract.keeping_cases import BRIDGE, PIER, Newsroom, piece, walk

ALL = QuarantineFilter()


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings)
    yield made
    made.ledger.close()


def listed(room: Newsroom, which: QuarantineFilter = ALL) -> list[Quarantined]:
    return room.ledger.quarantined(which, 0, 100)


def replay(room: Newsroom, which: QuarantineFilter = ALL, limit: int = 2) -> int:
    return walk(lambda after: room.ledger.replay_quarantined(which, after, limit, room.now))


def drop(room: Newsroom, which: QuarantineFilter = ALL) -> int:
    return walk(lambda after: room.ledger.drop_quarantined(which, after, 2, room.now, "spam"))


def test_a_quarantined_submission_is_listed_with_what_happened(room: Newsroom) -> None:
    room.bad = {"tag": "poison"}
    room.push(piece(1, title="fine"), piece(2, BRIDGE, title="poison"))
    [found] = listed(room)
    assert (found.article_id, found.source, found.stage) == (piece(2).id, "paper.example", "tag")
    assert (found.reason, found.traceback, found.original) == ("ValueError: bad at tag", "Traceback", None)
    assert found.accepted_at <= found.quarantined_at
    shown = room.ledger.quarantined_one(found.submission)
    assert shown is not None
    assert shown.original is not None
    assert shown.original.title == "poison"
    room.check()


def test_what_is_not_quarantined_is_not_shown(room: Newsroom) -> None:
    room.push(piece(1))
    found = room.ledger.status(piece(1).id)
    assert found is not None
    assert room.ledger.quarantined_one(found.submission) is None
    assert room.ledger.quarantined_one("nobody") is None


def test_an_original_that_is_gone_or_broken_is_said_so(room: Newsroom) -> None:
    room.bad = {"tag": "poison"}
    room.push(piece(1, title="poison"), piece(2, BRIDGE, title="poison"))
    one, two = listed(room)
    room.change_rows(sa.update(originals).where(originals.c.sequence == one.sequence).values(content=b"no"))
    broken = room.ledger.quarantined_one(one.submission)
    assert broken is not None
    assert broken.original is None
    assert "cannot be read" in broken.reason
    room.change_rows(
        sa.update(originals).where(originals.c.sequence == two.sequence).values(sequence=999_999)
    )
    pruned = room.ledger.quarantined_one(two.submission)
    assert pruned is not None
    assert (pruned.original, pruned.reason) == (None, "ValueError: bad at tag")
    assert replay(room, QuarantineFilter(submissions=(two.submission,))) == 0
    assert room.status(piece(2)) == "quarantined"


def test_filters_narrow_the_quarantine(room: Newsroom) -> None:
    room.bad = {"tag": "bad", "clean": "worse"}
    room.push(piece(1, PIER + " 100% sure_thing", title="bad"))
    between = room.now + 1
    room.push(piece(2, BRIDGE, title="worse"))
    one, two = (found.submission for found in listed(room))
    room.change_rows(sa.update(submissions).where(submissions.c.id == one).values(reason="At 100% of_it"))

    def found(**conditions: object) -> list[str]:
        which = QuarantineFilter(**conditions)  # type: ignore[arg-type]
        names = [each.submission for each in listed(room, which)]
        assert room.ledger.count_quarantined(which) == len(names)
        return names

    assert found() == [one, two]
    assert found(submissions=(two,)) == [two]
    assert found(reason="VALUEerror") == [two]
    assert found(reason="100% OF_") == [one]
    assert found(reason="1%0") == found(reason="of__t") == []
    assert found(stage="clean") == [two]
    assert found(source="paper.example") == [one, two]
    assert found(source="other.example") == []
    assert found(since=between) == [two]
    assert found(until=between) == [one]
    assert found(stage="clean", until=between) == []


def test_pages_follow_each_other_by_sequence(room: Newsroom) -> None:
    room.bad = {"clean": "bad"}
    room.push(*(piece(number, title="bad") for number in range(5)))
    first = room.ledger.quarantined(ALL, 0, 3)
    second = room.ledger.quarantined(ALL, first[-1].sequence, 3)
    assert [found.article_id for found in first + second] == [piece(number).id for number in range(5)]


@pytest.mark.parametrize("stage", ["clean", "tag", "index"])
def test_a_replayed_submission_comes_out_right(room: Newsroom, stage: Stage) -> None:
    room.bad = {stage: "hard"}
    room.push(piece(1, title="hard"))
    assert room.status(piece(1)) == "quarantined"
    room.bad = {}
    assert replay(room) == 1
    told = room.ledger.status(piece(1).id)
    assert told is not None
    assert (told.status, told.stage, told.attempts, told.reason) == ("accepted", "clean", 0, None)
    room.check()
    room.settle()
    assert room.status(piece(1)) == "indexed"
    assert room.documents[piece(1).id].revision == 1
    assert ("replay", "replayed") in [(step.stage, step.word) for step in room.ledger.journey(piece(1).id)]
    room.check()


def test_a_replayed_submission_is_still_a_suspect(room: Newsroom) -> None:
    room.bad = {"clean": "hard"}
    room.push(piece(1, title="hard"), piece(2, title="hard"))
    replay(room)
    room.accept(piece(3))
    held = room.ledger.claim("clean", "replay", 10, "w", room.now)
    assert held is not None
    assert [work.article_id for work in held.works] == [piece(1).id]


def test_one_that_fails_again_is_quarantined_again(room: Newsroom) -> None:
    room.bad = {"tag": "hard"}
    room.push(piece(1, title="hard"))
    for _ in range(3):
        assert replay(room) == 1
        room.settle()
        assert room.status(piece(1)) == "quarantined"
        assert room.shown() == set()
        room.check()


def test_a_failed_revision_takes_its_place_when_it_is_replayed(room: Newsroom) -> None:
    room.push(piece(1, title="first"))
    room.bad = {"tag": "second"}
    room.push(piece(1, title="second"))
    assert room.documents[piece(1).id].title == "first"
    room.check()
    room.bad = {}
    replay(room)
    room.settle()
    assert (room.documents[piece(1).id].title, room.article(piece(1)).revision) == ("second", 2)
    room.check()


def test_a_newer_revision_stays_when_an_older_one_is_replayed(room: Newsroom) -> None:
    room.push(piece(1, title="first"))
    room.bad = {"tag": "second"}
    room.push(piece(1, title="second"))
    room.push(piece(1, title="third"))
    room.bad = {}
    replay(room)
    room.settle()
    assert room.documents[piece(1).id].title == "third"
    assert room.ledger.counts() == {"indexed": 2, "superseded": 1}
    room.check()


def test_a_revision_that_comes_while_an_older_one_is_replayed_stays(room: Newsroom) -> None:
    room.bad = {"tag": "first"}
    room.push(piece(1, title="first"))
    room.bad = {}
    replay(room)
    room.settle("dedupe")
    room.push(piece(1, title="second"))
    assert room.documents[piece(1).id].title == "second"
    assert room.status(piece(1)) == "indexed"
    room.check()


def test_live_news_does_not_wait_for_the_lane_in_which_an_older_revision_is_replayed(room: Newsroom) -> None:
    room.bad = {"clean": "first"}
    room.push(piece(1, title="first"))
    room.bad = {}
    replay(room)
    room.accept(piece(1, title="second"))
    run_live(room)
    assert room.shown() == set()  # it waits: revisions are compared in order
    assert room.ledger.hurry(room.now).wake == (("clean", "live"),)
    run_live(room)
    assert (room.documents[piece(1).id].title, room.article(piece(1)).revision) == ("second", 2)
    assert room.ledger.counts() == {"superseded": 1, "indexed": 1}
    room.check()


def run_live(room: Newsroom) -> None:
    """Run stages until nothing waits in the live lane; nobody works on the other."""
    while held := [claim for stage in STAGES if (claim := claim_live(room, stage)) is not None]:
        for claim in held:
            room.commit(claim, room.work(claim))


def claim_live(room: Newsroom, stage: Stage) -> Claim | None:
    room.now += 1
    return room.ledger.claim(stage, "live", 100, "w", room.now)


def test_an_equal_resend_that_came_meanwhile_leaves_the_replay_unchanged(room: Newsroom) -> None:
    room.bad = {"tag": "same"}
    room.push(piece(1, title="same"))
    room.bad = {}
    room.push(piece(1, title="same"))
    assert room.status(piece(1)) == "indexed"
    replay(room)
    room.settle()
    assert room.ledger.counts() == {"indexed": 1, "unchanged": 1}
    room.check()


def test_a_failed_lead_joins_its_heir_when_it_is_replayed(room: Newsroom) -> None:
    room.bad = {"tag": "lead"}
    room.push(piece(1, title="lead"), piece(2, title="copy"))
    assert room.documents[piece(2).id].is_lead
    room.bad = {}
    replay(room)
    room.settle()
    assert room.documents[piece(1).id].duplicate_of == piece(2).id
    assert [copy.id for copy in room.documents[piece(2).id].copies] == [piece(1).id]
    room.check()


def test_a_refresh_in_quarantine_goes_back_to_index(room: Newsroom) -> None:
    room.push(piece(1, title="lead"))
    room.bad = {"index": "lead"}
    room.push(piece(2, title="copy"))
    [found] = listed(room)
    assert found.stage == "index"
    room.bad = {}
    assert replay(room) == 1
    room.settle()
    assert [copy.id for copy in room.documents[piece(1).id].copies] == [piece(2).id]
    room.check()


def test_a_dropped_submission_ends_as_rejected_with_the_reason(room: Newsroom) -> None:
    room.bad = {"tag": "hard"}
    room.push(*(piece(number, title="hard") for number in range(1, 6)))
    assert drop(room) == 5
    told = room.ledger.status(piece(1).id)
    assert told is not None
    assert (told.status, told.reason) == ("rejected", "dropped: spam")
    assert room.ledger.journey(piece(1).id)[-1].detail == "dropped: spam"
    assert listed(room) == []
    room.check()


def test_a_resend_of_what_was_dropped_is_tried_anew(room: Newsroom) -> None:
    room.bad = {"tag": "hard"}
    room.push(piece(1, title="hard"))
    drop(room)
    room.bad = {}
    room.push(piece(1, title="hard"))
    assert room.status(piece(1)) == "indexed"
    assert room.shown() == {1}
    room.check()
