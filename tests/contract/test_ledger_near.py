"""What the ledger makes of near copies: leads that go, come and are outranked, and what stays a fact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from services.workers.steps import run_dedupe
from shared.article import RawArticle, Source
from shared.clock import from_ms
from shared.fingerprints.memory import MemoryFingerprints
from shared.ledger.keeping import ReplaySpec
from shared.ledger.schema import articles, sketches
from shared.settings import Settings
from tests.contract.keeping_cases import DAY, Newsroom, piece, walk
from tests.contract.ledger_cases import NOW, edited, story

STUB = (
    "This is a developing story. Check back for updates as more information becomes available to our "
    "reporters on the scene tonight."
)
HEADLINES = (
    "Fire at the paper mill in Dunmere",
    "Mayor of Ashford resigns",
    "Ferry runs aground off Tolland",
)


def article(number: int, body: str, **fields: object) -> RawArticle:
    return piece(number, body, **{"title": "Out and about", "source": Source(f"s{number}.example"), **fields})


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings, compares_near=True)
    yield made
    made.ledger.close()


def lead_of(room: Newsroom, number: int) -> int | None:
    found = room.documents[f"{number:032x}"].duplicate_of
    return None if found is None else int(found, 16)


def leads(room: Newsroom, *numbers: int) -> list[int | None]:
    """The leads of some items as search has them, and the ledger."""
    for number in numbers:
        stored = room.ledger.article(f"{number:032x}")
        assert stored is not None
        assert stored.duplicate_of == room.documents[stored.id].duplicate_of, number
    return [lead_of(room, number) for number in numbers]


def test_copies_wait_for_a_lead_whose_worker_died_after_it_had_asked(room: Newsroom) -> None:
    """Also those that come by another copy: the lead is nowhere yet but in its draft."""
    room.accept(article(1, edited(1, 0)))
    room.step("clean")
    dying = room.hold("dedupe")
    assert dying is not None
    room.work(dying)  # the bands know it, and then its worker died
    for number in (2, 3):
        room.accept(article(number, edited(1, 3)))
        room.settle("dedupe")
    room.accept(article(4, edited(1, 2)))
    room.settle("dedupe")
    found = [room.ledger.article(f"{number:032x}") for number in (2, 3, 4)]
    assert [one and one.duplicate_of for one in found] == [f"{1:032x}"] * 3
    room.ledger.release(dying.token, room.now, blame="it died")
    room.now += 60_000
    room.settle()
    assert leads(room, 1, 2, 3, 4) == [None, 1, 1, 1]


def test_copies_of_a_copy_go_with_it_to_a_lead_that_is_still_on_its_way(room: Newsroom) -> None:
    """The first dies between its text's hash and its bands; when it comes again, another has led by bands."""
    room.accept(article(1, edited(1, 0)))
    room.step("clean")
    dying = room.hold("dedupe")
    assert dying is not None
    run_dedupe(dying.works, room.fingerprints, from_ms(room.now))
    room.accept(article(2, edited(1, 0)))
    room.settle("dedupe")
    same = room.ledger.article(f"{2:032x}")
    assert same is not None
    assert same.duplicate_of == f"{1:032x}"
    room.ledger.release(dying.token, room.now, blame="it died")
    room.now += 60_000
    again = room.hold("dedupe")
    room.accept(article(3, edited(1, 3)))
    room.step("clean")
    other = room.hold("dedupe")
    assert again is not None
    assert other is not None
    leading = room.work(other)
    room.commit(again, room.work(again))
    room.commit(other, leading)
    room.settle()
    assert leads(room, 1, 2, 3) == [3, 3, None]
    room.check()


def test_a_verdict_says_by_which_rule_how_alike_and_what_they_share(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)), article(2, edited(1, 3)), article(3, edited(1, 0)))
    near, same = room.documents[f"{2:032x}"], room.documents[f"{3:032x}"]
    assert (near.verdict, near.duplicate_of, near.rule) == ("duplicate", f"{1:032x}", "containment")
    assert 0.6 <= near.similarity < 0.9
    assert near.passage is not None
    assert near.passage in near.body
    assert (same.verdict, same.similarity, same.rule) == ("duplicate", 1.0, "same-text")
    assert [copy.id for copy in room.documents[f"{1:032x}"].copies] == [near.id, same.id]
    room.check()


def test_a_stub_leads_under_each_headline_and_folds_under_the_same(room: Newsroom) -> None:
    stubs = [article(number, STUB, title=title) for number, title in enumerate(HEADLINES * 2, 1)]
    for one in stubs:
        room.push(one)
    assert leads(room, 1, 2, 3, 4, 5, 6) == [None, None, None, 1, 2, 3]
    assert {room.documents[one.id].rule for one in stubs[3:]} == {"same-text"}
    room.ledger.withdraw(f"{1:032x}", room.now)
    room.settle()
    assert leads(room, 2, 3, 4, 5, 6) == [None, None, None, 2, 3]
    room.check()


def test_what_an_older_release_hashed_otherwise_is_unchanged_and_finds_its_copies(room: Newsroom) -> None:
    first, same = (article(number, STUB, title=HEADLINES[0]) for number in (1, 2))
    room.push(first)
    room.change_rows(sa.update(articles).values(text_hash="0" * 32))
    room.fingerprints = MemoryFingerprints()
    room.push(first)
    assert (room.status(first), room.article(first).revision) == ("unchanged", 1)
    room.push(same)
    assert leads(room, 1, 2) == [None, 1]
    assert room.documents[same.id].rule == "short-text"
    walk(lambda after: room.ledger.replay(ReplaySpec("dedupe", reset=True), after, 5, room.now))
    room.settle()
    assert leads(room, 1, 2) == [None, 1]
    assert room.documents[same.id].rule == "same-text"
    room.check()


def test_a_withdrawn_lead_hands_near_copies_to_the_first_that_they_are_like(room: Newsroom) -> None:
    # 2 and 3 have replaced other sentences: both are copies of 1, and too little like each other.
    far = "\n".join([*story(1)[:9], *story(77)[:5]])
    near = "\n".join([*story(1)[:4], *story(78)[:5], *story(1)[9:]])
    other = article(2, far, title="Elsewhere in town")
    room.push(article(1, edited(1, 0)), other, article(3, near), article(4, near))
    assert leads(room, 1, 2, 3, 4) == [None, 1, 1, 1]
    room.ledger.withdraw(f"{1:032x}", room.now)
    room.settle()
    assert leads(room, 2, 3, 4) == [None, None, 3]
    assert room.documents[f"{4:032x}"].rule == "same-text"
    room.check()


def test_a_copy_that_comes_after_its_lead_is_gone_finds_the_heir(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)), article(2, edited(1, 1)))
    room.ledger.withdraw(f"{1:032x}", room.now)
    room.settle()
    room.push(article(3, edited(1, 2, mark=1)))
    assert leads(room, 2, 3) == [None, 2]
    room.check()


def test_who_comes_when_the_lead_is_gone_without_copies_leads_those_that_follow(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)))
    room.ledger.withdraw(f"{1:032x}", room.now)
    room.settle()
    room.push(article(2, edited(1, 1)))
    room.push(article(3, edited(1, 2, mark=1)))
    assert leads(room, 2, 3) == [None, 2]
    room.check()


def test_sketches_are_made_where_an_older_release_left_none(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)))
    room.change_rows(sa.delete(sketches))  # type: ignore[arg-type]
    room.change_rows(sa.update(articles).values(moment=None))
    room.push(article(2, edited(1, 2)))
    assert leads(room, 1, 2) == [None, 1]
    room.check()


def test_a_lead_that_outgrows_its_copies_leaves_them_a_lead(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)), article(2, edited(1, 1)), article(3, edited(1, 1)))
    room.push(article(1, edited(2, 0)))
    assert leads(room, 1, 2, 3) == [None, None, 2]
    assert room.documents[f"{1:032x}"].revision == 2
    room.check()


def test_a_copy_that_its_lead_outgrew_follows_who_leads_its_text_already(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)), article(2, edited(1, 1)))
    room.push(article(5, edited(3, 0)), article(6, edited(3, 0)))
    room.push(article(5, edited(1, 1)))  # it has a copy, so that it leads whatever it says
    assert leads(room, 1, 2, 5, 6) == [None, 1, None, None]
    room.push(article(1, edited(2, 0)))
    assert leads(room, 1, 2, 5) == [None, 5, None]
    assert [copy.id for copy in room.documents[f"{5:032x}"].copies] == [f"{2:032x}"]
    room.check()


def test_of_two_leads_of_one_text_the_one_that_is_ranked_higher_stays(settings: Settings) -> None:
    room = ranked(settings)
    room.push(article(1, edited(1, 0)), article(3, edited(1, 1)))
    room.push(article(5, edited(4, 0)), article(6, edited(4, 0)))
    assert leads(room, 1, 3) == [3, None]
    room.push(article(9, edited(1, 0)))
    room.push(article(5, edited(1, 1)))
    assert leads(room, 1, 3, 5, 9) == [9, 9, None, None]
    room.push(article(9, edited(2, 0)))
    assert leads(room, 1, 3, 5, 9) == [3, None, 3, None]
    room.check()
    room.ledger.close()


def test_a_lead_that_is_corrected_keeps_its_copies_and_their_likeness_is_true(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)), article(2, edited(1, 0)))
    room.push(article(1, edited(1, 2)))
    assert leads(room, 1, 2) == [None, 1]
    copy = room.documents[f"{2:032x}"]
    assert copy.rule == "containment"
    assert copy.similarity < 0.95
    room.check()


def test_a_failed_revision_gives_the_copies_back_their_likeness(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)), article(2, edited(1, 1)))
    before = room.documents[f"{2:032x}"].similarity
    room.bad = {"tag": "worse"}
    room.push(article(1, edited(1, 3), title="worse"))
    assert room.status(article(1, "")) == "quarantined"
    room.bad = {}
    assert leads(room, 1, 2) == [None, 1]
    assert room.documents[f"{2:032x}"].similarity == pytest.approx(before)
    room.push(article(3, edited(1, 1, mark=3)))
    assert leads(room, 3) == [1]
    room.check()


RANKED = {"s9.example": -5, "s3.example": -3}


def ranked(settings: Settings) -> Newsroom:
    return Newsroom(replace(settings, source_ranks="s9.example,s3.example"), compares_near=True)


def test_a_source_that_is_ranked_higher_takes_the_lead_with_the_copies(settings: Settings) -> None:
    room = ranked(settings)
    room.push(article(1, edited(1, 0)), article(2, edited(1, 1)))
    room.push(article(9, edited(1, 2, mark=5)))
    assert leads(room, 1, 2, 9) == [9, 9, None]
    assert {copy.source for copy in room.documents[f"{9:032x}"].copies} == {"s1.example", "s2.example"}
    room.push(article(3, edited(1, 1, mark=6)))  # ranked, and lower
    assert leads(room, 3) == [9]
    room.check()
    room.ledger.withdraw(f"{9:032x}", room.now)
    room.settle()
    assert leads(room, 1, 2, 3) == [3, 3, None]
    room.check()
    room.ledger.close()


@pytest.mark.parametrize("edits", [0, 1], ids=["the very text", "near"])
@pytest.mark.parametrize("goes_first", [0, 1], ids=["after", "before"])
def test_a_lead_that_comes_again_beside_the_one_that_outranks_it_follows(
    settings: Settings, edits: int, goes_first: int
) -> None:
    room = ranked(settings)
    room.push(article(1, edited(1, 0)))
    higher, again = article(3, edited(1, edits)), article(1, edited(1, 0), title="Another headline for it")
    room.push(*((again, higher) if goes_first else (higher, again)))  # in one batch
    assert leads(room, 1, 3) == [3, None]
    assert room.article(again).revision == 2
    room.check()
    room.ledger.close()


def test_near_copies_after_the_takeover_find_the_new_lead(settings: Settings) -> None:
    room = ranked(settings)
    room.push(article(1, edited(1, 0)))
    room.push(article(9, edited(1, 4, mark=5)))
    # It has the words of 9 that 1 has not, and shares too little with 1.
    room.push(article(2, "\n".join([story(1)[0], *edited(1, 4, mark=5).split("\n")[5:]])))
    assert leads(room, 1, 9, 2) == [9, None, 9]
    room.check()
    room.ledger.close()


def test_verdicts_are_facts_that_a_replay_leaves_alone(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)), article(2, edited(1, 3)), article(3, edited(3, 0)))
    before = {key: (found.verdict, found.duplicate_of, found.story_id, found.rule, found.passage)
              for key, found in room.documents.items()}  # fmt: skip
    room.fingerprints = MemoryFingerprints()
    for stage in ("clean", "dedupe", "tag", "index"):
        walk(lambda after, stage=stage: room.ledger.replay(ReplaySpec(stage), after, 5, room.now))  # type: ignore[misc]
        room.settle()
    assert before == {key: (found.verdict, found.duplicate_of, found.story_id, found.rule, found.passage)
                      for key, found in room.documents.items()}  # fmt: skip
    room.check()


def test_decided_anew_the_first_that_was_accepted_leads(room: Newsroom) -> None:
    room.compares_near = False
    room.push(article(1, edited(1, 0)), article(2, edited(1, 2)), article(3, edited(1, 0)))
    assert leads(room, 1, 2, 3) == [None, None, 1]
    room.compares_near = True
    walk(lambda after: room.ledger.replay(ReplaySpec("dedupe", reset=True), after, 5, room.now))
    room.settle()
    assert leads(room, 1, 2, 3) == [None, 1, 1]
    room.check()


def test_decided_anew_in_any_order_the_first_leads_still(room: Newsroom) -> None:
    room.compares_near = False
    room.push(article(1, edited(1, 0)), article(2, edited(1, 2)))
    room.compares_near = True
    second = f"{2:032x}"
    for number in (2, 1):
        source = f"s{number}.example"
        spec = ReplaySpec("dedupe", reset=True, source=source)
        walk(lambda after, spec=spec: room.ledger.replay(spec, after, 5, room.now))  # type: ignore[misc]
        room.settle()
    assert room.documents[second].duplicate_of == f"{1:032x}"
    room.check()


def test_texts_of_last_month_are_no_copies(room: Newsroom) -> None:
    long_ago = from_ms(NOW) - timedelta(days=30)
    room.push(article(1, edited(1, 0), published_at=long_ago))
    room.push(article(2, edited(1, 2)))
    assert leads(room, 1, 2) == [None, None]
    room.check()


def test_an_identical_resend_is_never_its_own_copy(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)))
    room.push(article(1, edited(1, 0)))
    assert room.status(article(1, "")) == "unchanged"
    room.push(article(1, edited(1, 1)))
    assert leads(room, 1) == [None]
    assert room.documents[f"{1:032x}"].revision == 2
    room.check()


def test_a_held_lead_hands_over_and_a_released_one_follows(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)), article(2, edited(1, 1)))
    room.push(article(1, edited(1, 0), pub_status="withheld"))
    assert leads(room, 1, 2) == [None, None]
    room.push(article(3, edited(1, 1, mark=4)))
    assert leads(room, 3) == [2]
    room.push(article(1, edited(1, 0)))
    assert leads(room, 1, 2, 3) == [2, None, 2]
    room.check()


def test_who_led_its_text_while_it_was_held_goes_on_leading(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)), article(2, edited(1, 1)))
    room.push(article(1, edited(1, 0), pub_status="withheld"))
    room.push(article(2, edited(2, 0)))  # the heir tells of something else by now
    room.push(article(3, edited(1, 0)))
    room.push(article(1, edited(1, 0), pub_status="usable"))
    assert leads(room, 1, 2, 3) == [3, None, None]
    room.check()


def test_a_window_later_the_text_may_lead_again(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)))
    room.now += 4 * DAY
    room.push(article(2, edited(1, 1)))
    assert leads(room, 1, 2) == [None, None]
    room.check()


def test_a_ranked_lead_joins_the_story_of_the_lead_that_it_takes_over(settings: Settings) -> None:
    room = ranked(settings)
    room.push(article(1, edited(1, 0)), article(2, edited(1, 1)))
    story_id = room.documents[f"{1:032x}"].story_id
    room.push(article(9, edited(1, 2, mark=5)))
    assert {room.documents[f"{number:032x}"].story_id for number in (1, 2, 9)} == {story_id}
    steps = [step.detail for step in room.ledger.journey(f"{9:032x}") if step.stage == "dedupe"]
    assert steps == [f"leads in the place of {1:032x}, by rank or as the first"]
    room.check()
    room.ledger.close()


def test_who_comes_after_its_lead_was_withdrawn_is_still_of_its_story(room: Newsroom) -> None:
    room.push(article(1, edited(1, 0)))
    story_id = room.documents[f"{1:032x}"].story_id
    room.ledger.withdraw(f"{1:032x}", room.now)
    room.settle()
    room.push(article(2, edited(1, 1)))
    assert room.documents[f"{2:032x}"].is_lead
    assert room.documents[f"{2:032x}"].story_id == story_id


def test_decided_anew_what_was_outranked_is_a_copy_still(settings: Settings) -> None:
    room = ranked(settings)
    room.push(article(1, edited(1, 0)))
    room.push(article(9, edited(1, 2, mark=5)))
    for _ in range(2):
        walk(lambda after: room.ledger.replay(ReplaySpec("dedupe", reset=True), after, 5, room.now))
        room.settle()
        assert leads(room, 1, 9) == [9, None]
    room.push(article(1, edited(1, 0).replace("\n", " too.\n", 1)))  # a correction of one word
    assert leads(room, 1, 9) == [9, None]
    room.check()
    room.ledger.close()


def test_the_very_same_text_of_last_month_is_no_copy_either(room: Newsroom) -> None:
    long_ago = from_ms(NOW) - timedelta(days=30)
    room.push(article(1, edited(1, 0), published_at=long_ago))
    room.push(article(2, edited(1, 0)))
    room.push(article(3, edited(1, 0)), article(4, edited(1, 1)))
    assert leads(room, 1, 2, 3, 4) == [None, None, 2, 2]
    room.check()


def test_a_copy_of_a_text_that_never_came_is_judged_by_the_one_that_did(room: Newsroom) -> None:
    room.accept(article(1, edited(1, 0)))
    room.settle("clean")
    dead = room.hold("dedupe")
    assert dead is not None
    room.work(dead)  # claims its text, and dies
    room.accept(article(2, edited(1, 1)))
    room.settle("clean")
    second = room.hold("dedupe")
    assert second is not None
    outcomes = room.work(second)
    assert outcomes[0].verdict is not None
    assert outcomes[0].verdict.duplicate_of == f"{1:032x}"
    room.commit(second, outcomes)
    [work] = dead.works
    assert work.article is not None
    other = replace(work, article=replace(work.article, body=edited(2, 0)))  # cleaned again, by other rules
    room.commit(dead, room.work(replace(dead, works=(other,))))
    room.settle()
    assert leads(room, 1, 2) == [None, None]
    room.check()


@pytest.mark.parametrize("order", ["version", "modified_at"])
def test_what_says_nothing_of_its_order_hides_no_newer_one(room: Newsroom, order: str) -> None:
    def said(number: int) -> dict[str, object]:
        return {order: number if order == "version" else from_ms(NOW) + timedelta(days=number)}

    room.push(article(1, edited(1, 0), **said(9)))
    room.push(article(1, edited(1, 1)))
    room.push(article(1, edited(1, 2), **said(3)))
    assert room.status(article(1, "")) == "superseded"
    assert room.documents[f"{1:032x}"].body == edited(1, 1)
    room.push(article(1, edited(1, 3), **said(10)))
    assert room.documents[f"{1:032x}"].body == edited(1, 3)
    room.check()
