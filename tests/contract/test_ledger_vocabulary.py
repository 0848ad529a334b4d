"""Which version of the rules an article's tags were made with, and tagging again what others made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from shared.codec import from_json, to_json
from shared.ledger.keeping import PruneRule, QuarantineFilter, ReplaySpec
from shared.ledger.schema import articles, submissions
from shared.messages import Stage
from shared.settings import Settings
from tests.contract.keeping_cases import BRIDGE, PIER, Newsroom, piece, walk


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings)
    yield made
    made.ledger.close()


def version(room: Newsroom, number: int = 1) -> str | None:
    """What the ledger notes of an item."""
    [row] = room.rows(sa.select(articles.c.vocabulary).where(articles.c.id == piece(number).id))
    found = row["vocabulary"]
    assert found is None or isinstance(found, str)
    return found


def retag(room: Newsroom, stale: str | None = None) -> int:
    """Put back to tag what another version tagged; None: everything."""
    spec = ReplaySpec("tag", stale=stale)
    counted = room.ledger.count_replay(spec)
    changed = walk(lambda after: room.ledger.replay(spec, after, 2, room.now))
    assert changed == counted
    return changed


def last_step(room: Newsroom, number: int = 1) -> tuple[str, str, str | None]:
    step = room.ledger.journey(piece(number).id)[-1]
    return step.stage, step.word, step.detail


# What is noted


def test_an_article_has_the_version_from_stage_tag_on(room: Newsroom) -> None:
    room.accept(piece(1))
    room.settle("dedupe")
    assert version(room) is None
    room.settle("tag")
    assert version(room) == "v1"
    room.settle()
    assert room.documents[piece(1).id].vocabulary == "v1"
    assert room.ledger.vocabularies() == {"v1": 1}


def test_a_newer_revision_has_none_until_it_is_tagged_as_well(room: Newsroom) -> None:
    room.push(piece(1, title="first"))
    room.vocabulary = "v2"
    room.accept(piece(1, title="second"))
    room.settle("dedupe")
    assert version(room) is None
    assert room.ledger.vocabularies() == {}
    room.settle()
    assert version(room) == "v2"
    room.check()


@pytest.mark.parametrize("stage", ["clean", "dedupe"])
def test_a_replay_that_passes_tag_takes_the_version_there(room: Newsroom, stage: Stage) -> None:
    room.push(piece(1))
    room.vocabulary = "v3"
    walk(lambda after: room.ledger.replay(ReplaySpec(stage), after, 10, room.now))
    room.settle("dedupe")
    assert version(room) is None
    room.settle()
    assert version(room) == "v3"
    room.check()


def test_what_is_withdrawn_dropped_or_not_tagged_yet_is_not_counted(room: Newsroom) -> None:
    room.push(piece(1), piece(2, BRIDGE), piece(3, f"{PIER} 3"))
    room.vocabulary = "v2"
    room.push(piece(4, f"{PIER} 4"))
    room.bad = {"tag": "hard", "index": "heavy"}
    room.push(piece(6, f"{PIER} 6", title="hard"), piece(7, f"{PIER} 7", title="heavy"))
    room.ledger.drop_quarantined(QuarantineFilter(), 0, 10, room.now, "no good")
    room.accept(piece(5, f"{PIER} 5"))
    room.settle("dedupe")
    assert room.ledger.vocabularies() == {"v1": 3, "v2": 1}
    room.settle("tag")
    assert room.ledger.vocabularies() == {"v1": 3, "v2": 2}
    room.ledger.withdraw(piece(2).id, room.now)
    assert room.ledger.vocabularies() == {"v1": 2, "v2": 2}
    room.ledger.withdraw(piece(3).id, room.now, purge=True)
    assert room.ledger.vocabularies() == {"v1": 1, "v2": 2}
    assert version(room, 3) is None
    rule = PruneRule("articles", room.now + 1, except_sources=("nobody",))
    assert walk(lambda after: room.ledger.prune(rule, after, 10, room.now)) == 4
    assert room.ledger.vocabularies() == {"v2": 1}  # which is under way


# Which are tagged again


def test_only_what_another_version_tagged_or_none_is_taken(room: Newsroom) -> None:
    room.push(piece(1), piece(2, BRIDGE))
    room.vocabulary = "v2"
    room.push(piece(3, f"{PIER} 3"))
    of_before = sa.update(articles).where(articles.c.id == piece(2).id)
    room.change_rows(of_before.values(vocabulary=""))  # an older release tagged it
    by_another = sa.update(articles).where(articles.c.id == piece(1).id)
    room.change_rows(by_another.values(vocabulary=None))  # a worker of that release, which notes nothing
    assert room.ledger.count_replay(ReplaySpec("tag")) == 3
    assert retag(room, "v2") == 2
    waiting = room.rows(sa.select(submissions.c.article_id).where(submissions.c.stage == "tag"))
    assert {row["article_id"] for row in waiting} == {piece(1).id, piece(2).id}
    room.settle()
    assert room.ledger.vocabularies() == {"v2": 3}
    assert retag(room, "v2") == 0
    assert retag(room) == 3


def test_what_is_under_way_or_withdrawn_is_not_taken(room: Newsroom) -> None:
    room.push(piece(1), piece(2, BRIDGE))
    room.accept(piece(1, title="newer"))
    room.ledger.withdraw(piece(2).id, room.now)
    assert retag(room, "v9") == 0


def test_a_page_looks_again_at_what_it_waited_for(room: Newsroom) -> None:
    """Put back and tagged by somebody else meanwhile, it is not stale any more."""
    room.push(piece(1))
    room.vocabulary = "v2"
    assert retag(room, "v2") == 1
    assert retag(room, "v2") == 0  # it is under way
    room.settle()
    assert retag(room, "v2") == 0


# What comes out


def test_what_comes_out_the_same_is_not_written_again(room: Newsroom) -> None:
    room.push(piece(1), piece(2))
    before = {one: room.article(piece(one)) for one in (1, 2)}
    room.vocabulary, room.documents = "v2", {}
    assert retag(room, "v2") == 2
    room.settle("tag")
    assert room.ledger.backlog(room.now) == []
    assert room.documents == {}
    assert [version(room, one) for one in (1, 2)] == ["v2", "v2"]
    assert {one: room.article(piece(one)) for one in (1, 2)} == before
    assert last_step(room) == ("tag", "indexed", "its tags are the same")
    assert (room.status(piece(1)), room.ledger.tallies()["indexed"]) == ("indexed", 2)


def test_what_comes_out_other_is_written(room: Newsroom) -> None:
    room.push(piece(1))
    room.vocabulary = "v3"
    retag(room, "v3")
    room.settle()
    document = room.documents[piece(1).id]
    assert (document.change, document.keywords, document.vocabulary) == (3, ("seen", "again"), "v3")
    assert version(room) == "v3"
    assert last_step(room) == ("index", "indexed", None)
    room.check()


@pytest.mark.parametrize("part", ["keywords", "topics", "entities", "amounts", "title", "removed"])
def test_whatever_differs_is_written(room: Newsroom, part: str) -> None:
    room.push(piece(1))
    other = {"title": "Other"}.get(part, ())
    retag(room)
    held = room.hold("tag")
    assert held is not None
    [done] = room.work(held)
    assert done.article is not None
    changed = replace(done, article=replace(done.article, vocabulary="v2", **{part: other}))
    same = getattr(room.documents[piece(1).id], part) == other
    assert room.commit(held, [changed]) == ({"indexed": 1} if same else {"tagged": 1})
    assert same == (part not in ("keywords", "title"))


def test_news_is_written_though_it_says_the_same(room: Newsroom) -> None:
    """Its own push brings it there, not a replay."""
    room.push(piece(1, title="first"))
    room.accept(piece(1, title="second"))
    room.settle("dedupe")
    assert room.hold("index") is None
    room.settle("tag")
    assert room.hold("index") is not None


# Changes meanwhile


def test_a_copy_that_joins_while_its_lead_is_tagged_again_is_shown(room: Newsroom) -> None:
    room.push(piece(1))
    retag(room)
    room.accept(piece(2))
    room.settle("dedupe")  # the lead has a copy more now, and its row waits at tag
    room.settle()
    assert [copy.id for copy in room.documents[piece(1).id].copies] == [piece(2).id]
    room.check()


def test_a_copy_that_joined_before_is_shown_by_the_tagging_or_the_refresh(room: Newsroom) -> None:
    room.push(piece(1))
    room.accept(piece(2))
    room.settle("dedupe")
    room.settle("tag")
    retag(room)
    room.settle()
    assert [copy.id for copy in room.documents[piece(1).id].copies] == [piece(2).id]
    room.check()


def test_a_change_that_the_index_refused_is_written_with_the_next_tagging(room: Newsroom) -> None:
    room.push(piece(1, title="hard"))
    room.bad = {"index": "hard"}
    room.push(piece(2))
    room.bad = {}
    assert room.documents[piece(1).id].copies == ()
    retag(room)
    room.settle()
    assert [copy.id for copy in room.documents[piece(1).id].copies] == [piece(2).id]
    room.check()


@pytest.mark.parametrize("when", ["before", "waiting", "held"])
def test_what_the_index_lost_is_written_though_it_is_being_tagged_again(room: Newsroom, when: str) -> None:
    """`copydesk reindex` asks for articles that have not changed."""
    room.push(piece(1), piece(2, BRIDGE))
    room.documents = {}

    def refresh() -> None:
        walk(lambda after: room.ledger.refresh(after, 10, room.now))

    if when == "before":
        refresh()
    retag(room)
    if when == "waiting":
        refresh()
    held = room.hold("tag")
    assert held is not None
    if when == "held":
        refresh()
    while room.step("index"):
        pass
    assert room.commit(held, room.work(held)) == {"indexed": 2}
    room.settle()
    assert room.shown() == {1, 2}
    room.check()


@pytest.mark.parametrize("begin", ["clean", "dedupe"])
def test_a_text_that_is_not_tagged_yet_is_never_written_meanwhile(room: Newsroom, begin: Stage) -> None:
    room.push(piece(1))
    room.rules = lambda article: replace(article, body=f"{article.body} Amended.")
    walk(lambda after: room.ledger.replay(ReplaySpec(begin), after, 10, room.now))
    room.settle("dedupe")
    walk(lambda after: room.ledger.refresh(after, 10, room.now))
    room.documents = {}
    while room.step("index"):
        pass
    assert room.documents == {}
    room.settle()
    assert room.documents[piece(1).id].keywords == ("seen",)
    room.check()


def test_an_article_that_was_never_tagged_does_not_come_by_a_refresh(room: Newsroom) -> None:
    """It takes over from a lead that was withdrawn, while it is tried again out of quarantine."""
    room.bad = {"tag": "hard"}
    room.push(piece(1))
    room.push(piece(2, title="hard"))
    walk(lambda after: room.ledger.replay_quarantined(QuarantineFilter(), after, 10, room.now))
    room.ledger.withdraw(piece(1).id, room.now)
    while room.step("index"):
        pass
    assert room.documents.keys() == {piece(1).id}
    room.settle()
    assert room.status(piece(2)) == "quarantined"
    assert room.shown() == set()
    room.bad = {}
    walk(lambda after: room.ledger.replay_quarantined(QuarantineFilter(), after, 10, room.now))
    room.settle()
    assert room.documents[piece(2).id].keywords == ("seen",)
    room.check()


@pytest.mark.parametrize("purge", [False, True])
def test_what_is_withdrawn_meanwhile_stays_away(room: Newsroom, purge: bool) -> None:
    room.push(piece(1))
    room.vocabulary = "v2"
    retag(room)
    held = room.hold("tag")
    assert held is not None
    room.ledger.withdraw(piece(1).id, room.now, purge=purge)
    assert room.commit(held, room.work(held)) == {}
    assert version(room) is None
    room.settle()
    assert room.shown() == set()
    room.check()


def test_a_newer_revision_that_comes_meanwhile_wins(room: Newsroom) -> None:
    room.push(piece(1, title="first"))
    retag(room)
    held = room.hold("tag")
    assert held is not None
    room.accept(piece(1, title="second"))
    room.settle("dedupe")
    assert room.commit(held, room.work(held)) == {"superseded": 1}
    room.settle()
    assert room.documents[piece(1).id].title == "second"
    room.check()


# Falling back, and older programs


def test_the_version_falls_back_with_the_tags(room: Newsroom) -> None:
    room.push(piece(1, title="hard"))
    room.vocabulary = "v3"
    retag(room, "v3")
    room.settle("tag")
    assert version(room) == "v3"
    room.bad = {"index": "hard"}
    room.step("index")
    assert room.status(piece(1)) == "quarantined"
    assert version(room) == "v1"
    assert room.ledger.vocabularies() == {"v1": 1}
    room.bad = {}
    room.settle()
    room.check()


def test_what_an_older_release_set_aside_falls_back_to_no_version(room: Newsroom) -> None:
    room.push(piece(1, title="first"))
    room.accept(piece(1, title="hard"))
    room.settle("tag")
    [row] = room.rows(sa.select(articles.c.standing_facts))
    facts = from_json(row["standing_facts"], dict[str, object])
    assert facts.pop("vocabulary") == "v1"
    room.change_rows(sa.update(articles).values(standing_facts=to_json(facts)))
    room.bad, room.forgets = {"index": "hard"}, True
    room.settle()
    assert room.documents[piece(1).id].title == "first"
    assert version(room) == ""
    assert room.ledger.count_replay(ReplaySpec("tag", stale="v1")) == 1
    room.check()


def test_what_a_worker_with_older_rules_tags_meanwhile_stays_stale(room: Newsroom) -> None:
    """It was not started again yet: neither what it tags anew nor what it tags again counts as done."""
    room.push(piece(1), piece(2, BRIDGE))
    assert retag(room, "v3") == 2
    room.accept(piece(3, f"{PIER} 3"))
    room.settle("dedupe")
    old = [room.hold("tag"), room.hold("tag")]  # live, and replay
    outcomes = [room.work(held) for held in old if held is not None]
    room.vocabulary = "v3"
    room.push(piece(4, f"{PIER} 4"))
    for held, done in zip(old, outcomes, strict=True):
        assert held is not None
        room.commit(held, done)
    room.settle()
    assert room.ledger.vocabularies() == {"v1": 3, "v3": 1}
    assert retag(room, "v3") == 3
    room.settle()
    assert room.ledger.vocabularies() == {"v3": 4}
    assert {document.keywords for document in room.documents.values()} == {("seen", "again")}
    room.check()
