"""Retention: what is old enough goes, in small batches, and nothing that is still needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from shared.article import RawArticle, Source
from shared.ledger import rows
from shared.ledger.keeping import PruneRule, PruneWhat, QuarantineFilter
from shared.ledger.schema import articles, journey, originals, submissions
from shared.settings import Settings
from tests.contract.keeping_cases import BRIDGE, DAY, PIER, Newsroom, piece, walk
from tests.contract.ledger_cases import title_of


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings)
    yield made
    made.ledger.close()


def prune(room: Newsroom, what: PruneWhat, before: int | None = None, **rule: object) -> int:
    which = PruneRule(what, room.now + 1 if before is None else before, **rule)  # type: ignore[arg-type]
    return walk(lambda after: room.ledger.prune(which, after, 2, room.now))


def count(room: Newsroom, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    return int(
        room.rows(sa.select(sa.func.count().label("found")).select_from(table).where(*conditions))[0]["found"]
    )


def of_source(raw: RawArticle, source: str) -> RawArticle:
    return replace(raw, source=Source(source))


# Pages


def test_a_page_looks_at_few_rows_and_the_next_goes_on(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "LOOKED_AT", 3)
    kept = [of_source(piece(number, f"{PIER} {number}"), "kept.example") for number in range(1, 8)]
    gone = [of_source(piece(number, f"{PIER} {number}"), "gone.example") for number in range(8, 11)]
    room.push(*kept, *gone)
    rule = PruneRule("originals", room.now + 1, source="gone.example")
    first = room.ledger.prune(rule, 0, 10, room.now)
    assert (first.changed, first.next) == (0, 3)
    assert walk(lambda after: room.ledger.prune(rule, after, 10, room.now)) == 3
    articles_rule = replace(rule, what="articles")
    assert room.ledger.prune(articles_rule, 0, 10, room.now).next is not None
    assert walk(lambda after: room.ledger.prune(articles_rule, after, 10, room.now)) == 3
    room.settle()
    assert room.shown() == set(range(1, 8))
    room.check()


# Originals


def test_originals_of_ended_submissions_go_and_the_article_stays(room: Newsroom) -> None:
    room.push(*(piece(number, f"{PIER} {number}") for number in range(1, 6)))
    room.accept(piece(6))
    assert prune(room, "originals") == 5
    assert count(room, originals) == 1
    room.settle()
    assert room.shown() == {1, 2, 3, 4, 5, 6}
    assert room.article(piece(1)).body == f"{PIER} 1"
    assert prune(room, "originals") == 1
    room.check()


def test_a_quarantined_original_is_kept_for_its_replay(room: Newsroom) -> None:
    room.bad = {"tag": "bad"}
    room.push(piece(1, title="bad"))
    assert prune(room, "originals") == 0
    room.bad = {}
    walk(lambda after: room.ledger.replay_quarantined(QuarantineFilter(), after, 10, room.now))
    room.settle()
    assert room.shown() == {1}
    room.check()


def test_age_and_source_say_what_goes(room: Newsroom) -> None:
    room.push(of_source(piece(1), "old.example"), of_source(piece(2, BRIDGE), "other.example"))
    moment = room.now + 1
    room.now = moment
    room.push(of_source(piece(3, f"{PIER} 3"), "old.example"))
    assert prune(room, "originals", moment, source="none.example") == 0
    assert prune(room, "originals", moment, except_sources=("old.example", "other.example")) == 0
    assert prune(room, "originals", moment, source="old.example") == 1
    assert prune(room, "originals", moment, except_sources=("old.example",)) == 1
    assert count(room, originals) == 1
    assert prune(room, "articles", moment, source="other.example") == 1
    room.settle()
    assert room.shown() == {1, 3}
    room.check()


# Submissions that are no article's present revision


def test_ended_submissions_go_with_their_journey(room: Newsroom) -> None:
    room.bad = {"tag": "bad"}
    room.push(piece(1, title="first"), piece(2, BRIDGE, title="not to be found"))
    room.push(piece(1, title="second"), piece(3, f"{PIER} 3", title="bad"))
    room.push(piece(1, title="second"))
    before = room.ledger.tallies()
    # The first revision and the rejected one; the unchanged one says that a feed still carries the article.
    assert prune(room, "ended") == 2
    assert room.ledger.tallies() == before | {"pruned": 2}
    assert room.ledger.counts() == {"indexed": 1, "unchanged": 1, "quarantined": 1}
    assert room.ledger.status(piece(2).id) is None
    assert room.ledger.journey(piece(2).id) == []
    assert {step.word for step in room.ledger.journey(piece(1).id)} == {
        "accepted", "cleaned", "deduped", "tagged", "indexed", "unchanged",
    }  # fmt: skip
    assert count(room, originals) == 3
    room.settle()
    assert room.documents[piece(1).id].title == "second"
    room.check()


def test_what_was_quarantined_beside_an_article_goes_as_ended(room: Newsroom) -> None:
    room.push(piece(1, title="first"))
    room.bad = {"tag": "bad"}
    room.push(piece(1, title="bad"))
    assert prune(room, "ended") == 1
    assert room.ledger.count_quarantined(QuarantineFilter()) == 0
    room.push(piece(1, title="second"))
    assert room.shown() == {1}
    room.check()


def test_a_revision_that_may_have_to_stand_in_is_kept(room: Newsroom) -> None:
    room.push(piece(1, title="first"))
    room.accept(piece(1, title="bad"))
    room.settle("dedupe")
    assert prune(room, "ended") == 0
    room.bad = {"tag": "bad"}
    room.settle()
    assert room.documents[piece(1).id].title == "first"
    assert prune(room, "ended") == 1
    room.check()


def test_finished_refreshes_go_and_are_in_no_total(room: Newsroom) -> None:
    room.push(piece(1))
    room.push(piece(2), piece(3))
    assert count(room, submissions, submissions.c.kind == "refresh") == 1
    room.accept(piece(4))
    room.settle("dedupe")  # the lead waits to be written again
    before = room.ledger.tallies()
    assert prune(room, "refreshes") == 1
    assert count(room, submissions, submissions.c.kind == "refresh") == 1
    assert room.ledger.tallies() == before
    assert count(room, journey, journey.c.word == "accepted") == 4
    room.settle()
    assert [int(copy.id, 16) for copy in room.documents[piece(1).id].copies] == [2, 3, 4]
    room.check()


# Articles


def test_a_pruned_article_leaves_the_index_and_two_days_later_the_ledger(room: Newsroom) -> None:
    room.push(piece(1, title="first"), piece(2, BRIDGE))
    room.push(piece(1, title="second"))
    moment = room.now
    room.push(of_source(piece(3, f"{PIER} 3"), "new.example"))
    assert prune(room, "articles", moment) == 2
    assert room.ledger.bury(room.now + 4 * DAY, 10) == 0, "its tombstone is not in the index yet"
    room.settle()
    assert room.shown() == {3}
    assert room.documents[piece(1).id].withdrawn
    room.check()
    assert room.ledger.bury(room.now + 2 * DAY - 1_000, 10) == 0
    room.now += 2 * DAY + 1
    assert [room.ledger.bury(room.now, 1) for _ in range(3)] == [1, 1, 0]
    for table in (articles, submissions, originals):
        assert count(room, table) == 1
    assert count(room, journey, journey.c.article_id != piece(3).id) == 0
    assert room.ledger.status(piece(1).id) is None
    assert room.ledger.tallies() == {"accepted": 4, "indexed": 4, "pruned": 3}
    room.check()


def test_a_lead_hands_over_before_it_is_pruned(room: Newsroom) -> None:
    room.push(piece(1))
    moment = room.now + 1
    room.now = moment
    room.push(piece(2), piece(3))
    assert prune(room, "articles", moment) == 1
    room.settle()
    assert room.documents[piece(2).id].is_lead
    assert room.documents[piece(3).id].duplicate_of == piece(2).id
    room.check()
    room.now += 2 * DAY + 1
    assert room.ledger.bury(room.now, 10) == 1
    room.push(piece(4))
    assert room.documents[piece(4).id].duplicate_of == piece(2).id
    room.check()


def test_a_lead_and_its_copies_may_go_together(room: Newsroom) -> None:
    room.push(piece(1), piece(2), piece(3))
    assert prune(room, "articles") == 3
    room.settle()
    assert room.shown() == set()
    room.check()


def test_what_is_under_way_or_still_carried_is_not_pruned(room: Newsroom) -> None:
    room.push(piece(1), piece(2, BRIDGE), piece(3, f"{PIER} 3"))
    moment = room.now + 1
    room.now = moment
    room.push(piece(1))  # unchanged: its feed still carries it
    room.accept(piece(2, BRIDGE, title="newer"))
    assert prune(room, "articles", moment) == 1
    room.settle()
    assert room.shown() == {1, 2}
    room.check()


def test_an_article_is_still_carried_when_what_said_so_has_ended_long_ago(room: Newsroom) -> None:
    room.push(piece(1), piece(2, BRIDGE))
    for _ in range(3):
        room.now += DAY
        carried = room.now + 1
        room.push(piece(1))
    room.now += 3 * DAY
    assert prune(room, "ended", room.now - DAY) == 2  # of the three that changed nothing the newest stays
    assert prune(room, "articles", carried) == 1
    room.settle()
    assert room.shown() == {1}
    assert prune(room, "articles", carried + 1) == 1
    room.settle()
    assert room.shown() == set()
    assert prune(room, "ended") == 1, "nothing has to be said of an article that is gone"
    room.check()


@pytest.mark.parametrize("upto", ["nothing", "written"])
@pytest.mark.parametrize("title", [title_of(1), "another"])
def test_a_pruned_item_that_is_pushed_again_comes_back(room: Newsroom, upto: str, title: str) -> None:
    room.push(piece(1), piece(2, BRIDGE))
    prune(room, "articles", source="paper.example")
    if upto == "written":
        room.settle()
        assert room.shown() == set()
    room.push(piece(1, title=title))
    assert room.shown() == {1}
    found = room.article(piece(1))
    assert (found.revision, found.withdrawn) == (2, False)
    assert room.rows(sa.select(articles).where(articles.c.id == piece(1).id))[0]["gone"] is None
    room.now += 3 * DAY
    assert room.ledger.bury(room.now, 10) == 1
    room.check()


def test_a_pruned_item_whose_return_fails_stays_away(room: Newsroom) -> None:
    room.push(piece(1))
    prune(room, "articles")
    room.bad = {"tag": "bad"}
    room.push(piece(1, title="bad"))
    assert room.status(piece(1)) == "quarantined"
    assert room.shown() == set()
    room.check()
    room.bad = {}
    walk(lambda after: room.ledger.replay_quarantined(QuarantineFilter(), after, 10, room.now))
    room.settle()
    assert room.shown() == {1}
    room.check()


@pytest.mark.parametrize("end", ["quarantined", "rejected", "superseded"])
def test_a_pruned_item_is_not_buried_with_what_came_later(room: Newsroom, end: str) -> None:
    room.push(piece(1, version=3))
    prune(room, "articles")
    room.settle()
    room.now += 2 * DAY - 60_000
    room.bad = {"clean": "quarantined"}
    room.push(piece(1, BRIDGE, title={"rejected": room.refused}.get(end, end), version=2))
    assert room.status(piece(1)) == end
    room.now += DAY
    assert room.ledger.bury(room.now, 10) == 0
    assert room.status(piece(1)) == end
    assert count(room, originals) == 2
    room.check()
    assert prune(room, "ended") == 1
    assert room.ledger.bury(room.now, 10) == 1
    assert [count(room, table) for table in (articles, submissions, originals, journey)] == [0, 0, 0, 0]


def test_a_pruned_item_is_not_buried_with_what_failed_once_more(room: Newsroom) -> None:
    room.bad = {"tag": "bad"}
    room.push(piece(1))
    room.push(piece(1, title="bad"))
    prune(room, "articles")
    room.settle()
    room.now += 3 * DAY
    assert walk(lambda after: room.ledger.replay_quarantined(QuarantineFilter(), after, 10, room.now)) == 1
    room.settle()
    assert room.ledger.bury(room.now, 10) == 0
    assert room.ledger.count_quarantined(QuarantineFilter()) == 1


def test_items_that_stay_do_not_hold_up_the_burial_of_others(room: Newsroom) -> None:
    room.push(piece(1), piece(2, BRIDGE))
    prune(room, "articles")
    room.settle()
    room.now += DAY
    room.push(piece(1, title=room.refused))
    room.now += 2 * DAY
    assert [room.ledger.bury(room.now, 1) for _ in range(2)] == [1, 0]
    assert count(room, articles, articles.c.id == piece(1).id) == 1


def test_an_older_version_does_not_bring_a_pruned_item_back(room: Newsroom) -> None:
    room.push(piece(1, version=3))
    prune(room, "articles")
    room.settle()
    room.push(piece(1, title="older", version=2))
    assert room.status(piece(1)) == "superseded"
    assert room.shown() == set()
    room.check()


def test_a_pruned_item_can_be_withdrawn(room: Newsroom) -> None:
    room.push(piece(1))
    prune(room, "articles")
    room.settle()
    room.ledger.withdraw(piece(1).id, room.now)
    room.settle()
    assert room.ledger.accept([piece(1)], room.now)[0].withdrawn
    room.now += 3 * DAY
    assert room.ledger.bury(room.now, 10) == 0
    room.check()
