"""Why submissions were rejected: totals by reason, which follow every way into and out of that word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import sqlalchemy as sa

from shared.ledger import reasons
from shared.ledger.keeping import PruneRule, QuarantineFilter, ReplaySpec
from shared.ledger.port import Ledger, Outcome
from shared.ledger.reasons import reason_word
from shared.ledger.schema import tallies
from shared.metrics import exposition
from shared.settings import Settings
from tests.contract.keeping_cases import PIER, Newsroom, piece, walk
from tests.contract.ledger_cases import LEASE, NOW, claim, make_raw


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings, refused="stub")
    yield made
    made.ledger.close()


def reject(ledger: Ledger, given: Sequence[str | None], first: int = 1) -> None:
    """Submissions that are rejected, one for each reason."""
    ledger.accept([make_raw(first + place) for place in range(len(given))], NOW)
    held = claim(ledger, "clean", limit=1_000)
    done = [Outcome(work.sequence, "rejected", why) for work, why in zip(held.works, given, strict=True)]
    ledger.commit(held, done, "dedupe", "w", NOW)


def refuse(room: Newsroom, reason: str, *numbers: int) -> None:
    room.reason = reason
    room.push(*(piece(number, f"{PIER} {number}", title=f"stub {number}") for number in numbers))


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("front-page", "front-page"), ("http-404", "http-404"), ("too-long", "too-long"), ("other", "other"),
        ("dropped: it was a test", "dropped"), ("dropped: ", "dropped"), ("dropped", "dropped"),
        (None, "other"), ("", "other"), ("No article.", "other"), ("Front-page", "other"), ("-a", "other"),
        ("4xx", "other"), ("a" * 32, "a" * 32), ("a" * 33, "other"), ("feed\n", "other"), ("nén", "other"),
        ('a"} 1\nb{c="', "other"),
    ],
)  # fmt: skip
def test_a_reason_counts_under_a_word(reason: str | None, word: str) -> None:
    assert reason_word(reason) == word


def test_each_reason_has_its_total_and_the_rest_is_other(ledger: Ledger) -> None:
    assert ledger.rejections() == {"other": 0}
    reject(ledger, ["feed", "front-page", "feed", None, "A sentence about it.", "feed"])
    assert ledger.rejections() == {"feed": 3, "front-page": 1, "other": 2}
    assert ledger.tallies() == {"accepted": 6, "rejected": 6}


def test_metrics_tell_every_reason_that_ever_occurred(ledger: Ledger) -> None:
    reject(ledger, ["feed", "front-page", "A sentence."])
    ledger.replay(ReplaySpec("clean", until=NOW + 1), 0, 1, NOW)
    told = [line for line in exposition(ledger).decode().splitlines() if line.startswith("copydesk_rej")]
    assert told == [
        'copydesk_rejected_submissions{reason="feed"} 0.0',
        'copydesk_rejected_submissions{reason="front-page"} 1.0',
        'copydesk_rejected_submissions{reason="other"} 1.0',
    ]


def test_a_late_worker_adds_to_no_reason(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW)
    slow = claim(ledger, "clean")
    claim(ledger, "clean", NOW + LEASE + 1)
    ledger.commit(slow, [Outcome(slow.works[0].sequence, "rejected", "feed")], None, "w", NOW + LEASE + 2)
    assert ledger.rejections() == {"other": 0}


def test_so_many_reasons_have_a_total_and_no_more(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasons, "MOST", 3)
    reject(ledger, ["a", "b"])
    reject(ledger, ["e", "d", "c", "d", "a"], first=11)
    assert ledger.rejections() == {"a": 2, "b": 1, "c": 1, "other": 3}
    room_for_people = QuarantineFilter()
    ledger.accept([make_raw(21)], NOW)
    held = claim(ledger, "clean")
    ledger.commit(held, [Outcome(held.works[0].sequence, "quarantined", "bad")], "dedupe", "w", NOW)
    ledger.drop_quarantined(room_for_people, 0, 10, NOW, "why")
    assert ledger.rejections() == {"a": 2, "b": 1, "c": 1, "dropped": 1, "other": 3}
    # What has no total of its own takes from none.
    assert ledger.replay(ReplaySpec("clean"), 0, 100, NOW).changed == 7
    assert ledger.rejections() == {"a": 0, "b": 0, "c": 0, "dropped": 1, "other": 0}


def test_a_replay_takes_from_the_reason_and_what_is_rejected_again_adds_to_another(room: Newsroom) -> None:
    refuse(room, "feed", 1, 2)
    refuse(room, "too-short", 3)
    room.check()
    assert walk(lambda after: room.ledger.replay(ReplaySpec("clean"), after, 1, room.now)) == 3
    assert room.ledger.rejections() == {"feed": 0, "too-short": 0, "other": 0}
    room.refused, room.reason = "stub 2", "too-short"
    room.settle()
    assert room.ledger.rejections() == {"feed": 0, "too-short": 1, "other": 0}
    assert room.shown() == {1, 3}
    room.check()


def test_what_newer_rules_reject_and_search_shows_is_not_counted(room: Newsroom) -> None:
    room.push(piece(1, title="late"))
    room.refused = "late"
    walk(lambda after: room.ledger.replay(ReplaySpec("clean"), after, 10, room.now))
    room.settle()
    assert room.ledger.rejections() == {"other": 0}
    room.check()


def test_what_people_drop_is_counted_as_dropped(room: Newsroom) -> None:
    room.bad = {"tag": "bad", "clean": "worse"}
    room.push(piece(1, title="worse"), piece(2, title="worse too"))
    room.push(piece(3, title="good"))
    room.bad = {"tag": "good"}
    walk(lambda after: room.ledger.replay(ReplaySpec("tag"), after, 10, room.now))
    room.settle()
    walk(lambda after: room.ledger.drop_quarantined(QuarantineFilter(), after, 1, room.now, "front-page"))
    assert room.ledger.rejections() == {"dropped": 2, "other": 0}  # the third stands as it was
    room.check()
    assert room.ledger.replay(ReplaySpec("clean", until=room.now + 1), 0, 10, room.now).changed == 1
    assert room.ledger.rejections() == {"dropped": 2, "other": 0}


def test_a_withdrawal_takes_the_newest_out_of_its_reason(room: Newsroom) -> None:
    refuse(room, "feed", 1)
    refuse(room, "too-short", 1)
    room.ledger.withdraw(piece(1).id, room.now)
    assert room.ledger.rejections() == {"feed": 1, "too-short": 0, "other": 0}
    room.settle()
    room.check()


def test_a_purge_forgets_the_reasons_of_what_stays_rejected(room: Newsroom) -> None:
    refuse(room, "feed", 1, 2)
    refuse(room, "too-short", 1)
    room.ledger.withdraw(piece(1).id, room.now, purge=True)
    assert room.ledger.rejections() == {"feed": 1, "too-short": 0, "other": 1}
    room.ledger.withdraw(piece(1).id, room.now, purge=True)
    assert room.ledger.rejections() == {"feed": 1, "too-short": 0, "other": 1}
    room.settle()
    room.check()


def test_a_withdrawn_item_that_is_purged_later_forgets_the_rest(room: Newsroom) -> None:
    refuse(room, "feed", 1)
    refuse(room, "too-short", 1)
    room.ledger.withdraw(piece(1).id, room.now)
    room.ledger.withdraw(piece(1).id, room.now, purge=True)
    assert room.ledger.rejections() == {"feed": 0, "too-short": 0, "other": 1}
    room.settle()
    room.check()


def test_what_an_older_worker_rejected_uncounted_is_taken_from_other(room: Newsroom) -> None:
    refuse(room, "feed", 1)
    uncounted = sa.update(tallies).where(tallies.c.name == "rejected:feed")
    room.change_rows(uncounted.values(name="rejected:none", value=0))
    assert room.ledger.rejections() == {"none": 0, "other": 1}
    assert room.ledger.replay(ReplaySpec("clean"), 0, 10, room.now).changed == 1
    assert room.ledger.rejections() == {"none": 0, "other": 0}


def test_totals_stay_when_what_they_counted_is_pruned(room: Newsroom) -> None:
    refuse(room, "feed", 1, 2)
    rule = PruneRule("ended", room.now + 1)
    assert walk(lambda after: room.ledger.prune(rule, after, 10, room.now)) == 2
    assert room.ledger.rejections() == {"feed": 2, "other": 0}
    room.check()
