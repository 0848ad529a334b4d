"""The past run again, and articles written to an index again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.workers.steps import run_index
from shared.article import Article
from shared.clock import from_ms, to_ms
from shared.fingerprints.memory import MemoryFingerprints
from shared.index.embedded import EmbeddedIndex
from shared.ledger.keeping import QuarantineFilter, ReplaySpec
from shared.ledger.schema import originals, submissions
from shared.messages import Stage
from shared.settings import Settings
from tests.contract.keeping_cases import BRIDGE, DAY, KEYWORDS, PIER, Newsroom, piece, walk


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings)
    yield made
    made.ledger.close()


def replay(room: Newsroom, stage: Stage = "clean", limit: int = 2, **spec: object) -> int:
    which = ReplaySpec(stage, **spec)  # type: ignore[arg-type]
    counted = room.ledger.count_replay(which)
    changed = walk(lambda after: room.ledger.replay(which, after, limit, room.now))
    assert counted == changed
    return changed


def refresh(room: Newsroom, *ids: str) -> int:
    return walk(lambda after: room.ledger.refresh(after, 2, room.now, ids))


def reworded(article: Article) -> Article:
    """Rules that came later: they keep one word more."""
    return replace(article, body=f"{article.body} Amended.")


def facts(article: Article) -> tuple[object, ...]:
    return (article.verdict, article.duplicate_of, article.similarity, article.story_id, article.revision)


# Which part of the past


def test_only_present_revisions_run_again(room: Newsroom) -> None:
    room.push(piece(1, title="old"))
    room.push(piece(1, title="new"), piece(2, BRIDGE))
    room.push(piece(2, BRIDGE))
    room.bad = {"tag": "bad"}
    room.push(piece(3, f"{PIER} 3", title="bad"))
    assert replay(room, "tag") == 2
    waiting = room.rows(sa.select(submissions).where(submissions.c.stage.is_not(None)))
    assert [(row["article_id"], row["lane"], row["status"]) for row in waiting] == [
        (piece(1).id, "replay", "deduped"), (piece(2).id, "replay", "deduped"),
    ]  # fmt: skip
    room.check()
    room.settle()
    assert room.documents[piece(1).id].title == "new"
    room.check()


def test_what_is_under_way_is_left_alone(room: Newsroom) -> None:
    room.push(piece(1), piece(2, BRIDGE))
    room.accept(piece(1, title="newer"))
    assert replay(room) == 1
    assert replay(room) == 0  # both are under way now
    room.settle()
    assert room.documents[piece(1).id].title == "newer"
    room.check()


def test_what_was_rejected_runs_only_from_clean_and_only_when_it_is_the_newest(room: Newsroom) -> None:
    room.push(piece(1, title="not to be found"), piece(2, BRIDGE, title="not to be found"))
    room.push(piece(2, BRIDGE, title="fine"))
    assert room.ledger.count_replay(ReplaySpec("dedupe")) == 1
    assert room.ledger.count_replay(ReplaySpec("clean")) == 2
    room.refused = "nothing"
    assert replay(room) == 2
    room.settle()
    assert room.shown() == {1, 2}
    assert room.documents[piece(2).id].title == "fine"
    room.check()


def test_what_a_person_dropped_stays_away(room: Newsroom) -> None:
    room.bad = {"tag": "spam"}
    room.push(piece(1, title="spam"))
    room.ledger.drop_quarantined(QuarantineFilter(), 0, 10, room.now, "spam")
    assert replay(room) == 0


def test_source_and_time_of_acceptance_narrow_a_replay(room: Newsroom) -> None:
    other = replace(piece(2, BRIDGE), source=replace(piece(2).source, id="other.example"))
    room.push(piece(1))
    between = room.now
    room.push(other)
    assert room.ledger.count_replay(ReplaySpec("tag", since=between)) == 1
    assert room.ledger.count_replay(ReplaySpec("tag", until=between)) == 1
    assert room.ledger.count_replay(ReplaySpec("tag", source="paper.example")) == 1
    assert replay(room, "tag", source="other.example", since=between) == 1
    room.settle()
    room.check()


def test_without_its_original_an_article_runs_only_from_later_stages(room: Newsroom) -> None:
    room.push(piece(1))
    room.change_rows(sa.update(originals).values(sequence=999))
    assert room.ledger.count_replay(ReplaySpec("clean")) == 0
    assert replay(room, "dedupe") == 1
    room.settle()
    assert room.status(piece(1)) == "indexed"
    room.check()


# Decisions that stand


@pytest.mark.parametrize("stage", ["clean", "dedupe", "tag", "index"])
def test_verdicts_stories_and_revisions_stand(room: Newsroom, stage: Stage) -> None:
    room.push(piece(1), piece(2), piece(3, BRIDGE))
    room.push(piece(1, title="better"))
    before = {key: facts(found) for key, found in room.documents.items()}
    room.fingerprints = MemoryFingerprints()  # a window that has forgotten everything
    assert replay(room, stage) == 3
    room.settle()
    assert {key: facts(found) for key, found in room.documents.items()} == before
    assert room.ledger.counts() == {"indexed": 4}
    room.check()


def test_new_rules_change_the_text_and_leave_the_verdict(room: Newsroom) -> None:
    room.push(piece(1), piece(2))
    room.rules = reworded
    replay(room)
    room.settle()
    lead, copy = room.documents[piece(1).id], room.documents[piece(2).id]
    assert (lead.body, copy.body) == (f"{PIER} Amended.", f"{PIER} Amended.")
    assert (lead.revision, copy.duplicate_of) == (1, lead.id)
    room.check()
    room.push(piece(4))  # cleaned by the new rules as well
    assert room.documents[piece(4).id].duplicate_of == piece(1).id
    room.check()


def test_a_text_of_long_ago_is_not_claimed_again(room: Newsroom) -> None:
    room.push(piece(1))
    room.now += 4 * DAY
    room.fingerprints = MemoryFingerprints()
    replay(room, "dedupe")
    room.settle()
    room.push(piece(2))
    assert room.documents[piece(2).id].is_lead
    room.check()


@pytest.mark.parametrize(("stage", "changes"), [("index", 0), ("tag", 1)])
def test_index_changes_nothing_and_tag_only_the_tags(room: Newsroom, stage: Stage, changes: int) -> None:
    room.push(piece(1), piece(2))
    seen = {"index": "v1", "tag": "v3"}[stage]
    refresh(room)
    room.settle()
    before, room.documents = room.documents, {}
    room.vocabulary = seen
    replay(room, stage)
    room.settle()
    tags = {"keywords": KEYWORDS[seen], "vocabulary": seen}
    assert {key: replace(found, indexed_at=None) for key, found in room.documents.items()} == {
        key: replace(found, indexed_at=None, change=found.change + changes, **tags)
        for key, found in before.items()
    }
    room.check()


# Trouble on the way


@pytest.mark.parametrize("stage", ["clean", "tag", "index"])
@pytest.mark.parametrize("begin", ["clean", "dedupe", "tag", "index"])
def test_what_was_served_stands_when_it_fails_on_the_way(room: Newsroom, stage: Stage, begin: Stage) -> None:
    room.push(piece(1, title="hard"), piece(2, title="copy"))
    room.rules, room.bad = reworded, {stage: "hard"}
    replay(room, begin)
    room.settle()
    room.bad = {}
    refresh(room, piece(1).id)
    room.settle()
    document = room.documents[piece(1).id]
    if room.status(piece(1)) == "quarantined":
        assert document.body == PIER
        assert room.article(piece(1)).body == PIER
    assert document.is_lead
    room.check()


def test_tags_that_the_index_refuses_fall_back_to_those_it_has(room: Newsroom) -> None:
    room.push(piece(1, title="hard"))
    replay(room, "tag")
    held = room.hold("tag")
    assert held is not None
    newer = [
        replace(done, article=replace(done.article, keywords=("newer",)))
        for done in room.work(held)
        if done.article
    ]
    assert room.commit(held, newer) == {"tagged": 1}
    assert room.article(piece(1)).keywords == ("newer",)
    room.bad = {"index": "hard"}
    room.settle("index")
    assert room.status(piece(1)) == "quarantined"
    assert room.article(piece(1)).keywords == room.documents[piece(1).id].keywords == ("seen",)


def test_after_a_failed_replay_items_go_on_as_before(room: Newsroom) -> None:
    room.push(piece(1, title="first", version=2))
    room.bad = {"tag": "first"}
    replay(room)
    room.settle()
    assert room.status(piece(1)) == "quarantined"
    room.bad = {"tag": "worse"}
    room.push(piece(1, title="worse", version=3))
    assert room.documents[piece(1).id].title == "first"
    room.check()


def test_after_a_failed_replay_what_is_older_or_equal_changes_nothing(room: Newsroom) -> None:
    room.push(piece(1, title="first", version=2))
    room.bad = {"tag": "first"}
    replay(room)
    room.settle()
    room.bad = {}
    room.push(piece(1, title="older", version=1))
    assert room.status(piece(1)) == "superseded"
    room.push(piece(1, title="first", version=2))
    assert room.status(piece(1)) == "unchanged"
    room.check()


def test_a_failed_replay_that_is_dropped_is_indexed_as_it_was(room: Newsroom) -> None:
    room.push(piece(1, title="first"))
    room.bad = {"tag": "first"}
    replay(room)
    room.settle()
    room.ledger.drop_quarantined(QuarantineFilter(), 0, 10, room.now, "rules were wrong")
    assert room.status(piece(1)) == "indexed"
    assert room.shown() == {1}
    room.check()


def test_a_failed_replay_runs_again_out_of_quarantine(room: Newsroom) -> None:
    room.push(piece(1, title="first"), piece(2, title="copy"))
    room.bad = {"tag": "first"}
    room.rules = reworded
    replay(room)
    room.settle()
    room.bad = {}
    walk(lambda after: room.ledger.replay_quarantined(QuarantineFilter(), after, 10, room.now))
    room.settle()
    assert room.status(piece(1)) == "indexed"
    assert room.documents[piece(1).id].body == f"{PIER} Amended."
    assert room.documents[piece(1).id].revision == 1
    room.check()


def test_what_newer_rules_reject_stays_indexed_and_says_so(room: Newsroom) -> None:
    room.push(piece(1, title="stub"))
    room.refused = "stub"
    replay(room)
    room.settle()
    told = room.ledger.status(piece(1).id)
    assert told is not None
    assert (told.status, told.reason) == ("indexed", "rejected when it was run again: no article")
    assert room.shown() == {1}
    room.check()


@pytest.mark.parametrize("upto", ["clean", "dedupe", "tag"])
def test_a_newer_revision_that_comes_meanwhile_wins(room: Newsroom, upto: Stage) -> None:
    room.push(piece(1, title="first"))
    replay(room)
    room.settle(upto)
    room.push(piece(1, title="second"))
    assert room.documents[piece(1).id].title == "second"
    assert room.ledger.counts().get("indexed") == 2 - room.ledger.counts().get("superseded", 0)
    room.check()


def test_a_revision_accepted_first_and_compared_first_supersedes_the_replay(room: Newsroom) -> None:
    room.push(piece(1, title="first"))
    replay(room)
    held = room.hold("clean")
    assert held is not None
    outcomes = room.work(held)
    room.commit(held, outcomes)
    slow = room.hold("dedupe")
    assert slow is not None
    done = room.work(slow)
    room.accept(piece(1, title="second"))
    room.settle()
    room.commit(slow, done)
    room.settle()
    assert room.documents[piece(1).id].title == "second"
    room.check()


# Decided anew


def leads(room: Newsroom) -> dict[int, int | None]:
    return {
        int(key, 16): None if found.duplicate_of is None else int(found.duplicate_of, 16)
        for key, found in room.documents.items()
    }


@pytest.mark.parametrize("stage", ["clean", "dedupe"])
@pytest.mark.parametrize("days", [0, 30])
def test_reset_gives_the_same_verdicts_where_nothing_else_changed(
    room: Newsroom, stage: Stage, days: int
) -> None:
    room.push(piece(1), piece(2), piece(3, BRIDGE))
    room.push(piece(4), piece(5, BRIDGE))
    before = leads(room)
    room.now += days * DAY
    room.fingerprints = MemoryFingerprints()
    replay(room, stage, reset=True)
    room.settle()
    assert leads(room) == before
    assert {int(found.story_id or "", 16) for found in room.documents.values()} == {1, 3}
    room.check()


def test_reset_finds_who_was_first_whatever_the_order(room: Newsroom) -> None:
    """Each source had its own tail, which newer rules cut: four leads of what is one text."""
    for number in (1, 2, 3, 4):
        room.push(piece(number, f"{PIER} Tail {number}"))
    assert leads(room) == {1: None, 2: None, 3: None, 4: None}
    room.rules = lambda article: replace(article, body=PIER)
    for number in (3, 1, 4, 2):
        one = ReplaySpec(
            "clean", since=_accepted(room, number), until=_accepted(room, number) + 1, reset=True
        )
        assert room.ledger.replay(one, 0, 10, room.now).changed == 1
        room.settle()
        room.check()
    assert leads(room) == {1: None, 2: 1, 3: 1, 4: 1}
    assert [int(copy.id, 16) for copy in room.documents[piece(1).id].copies] == [2, 3, 4]


def _accepted(room: Newsroom, number: int) -> int:
    [row] = room.rows(sa.select(submissions).where(submissions.c.article_id == piece(number).id,
                                                   submissions.c.kind == "push"))  # fmt: skip
    return int(row["accepted_at"])


def test_reset_parts_what_newer_rules_tell_apart(room: Newsroom) -> None:
    room.push(piece(1), piece(2), piece(3))
    room.rules = lambda article: replace(article, body=BRIDGE if int(article.id, 16) > 1 else article.body)
    replay(room, reset=True)
    room.settle()
    assert leads(room) == {1: None, 2: None, 3: 2}
    room.check()


def test_reset_knows_the_window(room: Newsroom) -> None:
    room.push(piece(1))
    room.now += 4 * DAY
    room.fingerprints = MemoryFingerprints()
    room.push(piece(2), piece(3))
    assert leads(room) == {1: None, 2: None, 3: 2}
    room.now += 30 * DAY
    room.fingerprints = MemoryFingerprints()
    replay(room, "dedupe", limit=1, reset=True)
    room.settle()
    assert leads(room) == {1: None, 2: None, 3: 2}
    room.check()


def test_a_lead_keeps_its_place_though_its_headline_is_newer_than_its_copy(room: Newsroom) -> None:
    room.push(piece(1), piece(2))
    room.push(piece(1, title="Better"))
    replay(room, "dedupe", reset=True)
    room.settle()
    assert leads(room) == {1: None, 2: 1}
    room.check()


# The index again


def test_refresh_writes_every_article_once_more(room: Newsroom) -> None:
    room.push(piece(1), piece(2), piece(3, BRIDGE))
    room.bad = {"tag": "bad"}
    room.push(piece(4, f"{PIER} 4", title="bad"))
    before, room.documents = room.documents, {}
    assert refresh(room) == 3
    assert refresh(room) == 0  # they wait already
    room.settle()
    assert {key: found.change for key, found in room.documents.items()} == {
        key: found.change for key, found in before.items()
    }
    assert refresh(room, piece(2).id, "f" * 32) == 1
    room.settle()
    room.check()


def test_refresh_writes_tombstones_for_a_day(room: Newsroom) -> None:
    room.push(piece(1))
    room.ledger.withdraw(piece(1).id, room.now)
    room.settle()
    room.documents = {}
    assert refresh(room) == 1
    room.settle()
    assert room.documents[piece(1).id].withdrawn
    room.now += DAY
    assert refresh(room) == 0


def test_served_tells_what_the_index_ought_to_hold(room: Newsroom) -> None:
    room.push(piece(1), piece(2), piece(3, BRIDGE))
    room.bad = {"tag": "bad"}
    room.push(piece(4, f"{PIER} 4", title="bad"))
    room.ledger.withdraw(piece(3).id, room.now)
    found = room.ledger.served(0, 2)
    found += room.ledger.served(found[-1].sequence, 2)
    assert [(int(one.id, 16), int(one.lead, 16), one.withdrawn) for one in found] == [
        (1, 1, False), (2, 1, False), (3, 3, True),
    ]  # fmt: skip
    assert [one.change > one.indexed_change for one in found] == [False, False, True]
    assert [one.accepted_at for one in found] == [_accepted(room, number) for number in (1, 2, 3)]


def test_articles_come_in_the_order_asked_as_they_are_served(room: Newsroom) -> None:
    room.push(piece(1, title="served"), piece(2))
    room.accept(piece(1, title="on its way"))
    room.settle("dedupe")
    found = room.ledger.articles([piece(2).id, "f" * 32, piece(1).id])
    assert [article.id for article in found] == [piece(2).id, piece(1).id]
    assert found[1].title == "served"
    assert [copy.id for copy in found[1].copies] == [piece(2).id]


def test_a_replay_from_index_rebuilds_an_empty_index(room: Newsroom, tmp_path: Path) -> None:
    room.push(piece(1), piece(2), piece(3, BRIDGE))
    room.push(piece(1, title="better"), piece(4))
    indexes = [EmbeddedIndex(tmp_path / name, writing=True) for name in ("first", "second")]
    try:
        built = []
        for index in indexes:
            index.create()
            assert replay(room, "index") == 4
            _write_waiting(room, index)
            built.append(index.get([piece(number).id for number in range(1, 5)], from_ms(room.now)))
            room.now += 60_000
    finally:
        for index in indexes:
            index.close()
    first, second = ([replace(article, indexed_at=None) for article in each] for each in built)
    assert len(first) == 4
    assert first == second
    assert built[0] != built[1]  # they were written at different times
    assert to_ms(built[0][0].indexed_at or from_ms(0)) < to_ms(built[1][0].indexed_at or from_ms(0))


def _write_waiting(room: Newsroom, index: EmbeddedIndex) -> None:
    while (held := room.hold("index")) is not None:
        room.commit(held, run_index(held.works, index, from_ms(room.now)))


@pytest.mark.parametrize("stage", ["clean", "dedupe", "tag", "index"])
def test_what_is_served_stands_when_news_overtakes_its_replay_and_fails(room: Newsroom, stage: Stage) -> None:
    room.push(piece(1))
    assert replay(room, stage) == 1
    room.bad = {"tag": "failing"}
    room.accept(piece(1, BRIDGE, title="failing"))
    for step in ("clean", "dedupe", "tag"):
        held = room.ledger.claim(step, "live", 10, "w", room.now)
        assert held is not None, "news must not wait for the past"
        room.commit(held, room.work(held))
    room.settle()
    assert room.article(piece(1)).body == PIER
    room.ledger.drop_quarantined(QuarantineFilter(), 0, 10, room.now, "not mended")
    room.ledger.refresh(0, 10, room.now)
    room.settle()
    assert room.documents[piece(1).id].body == PIER
    room.check()
