"""The dedupe stage on texts that are nearly the same: who leads, who is a copy, and what is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from services.workers.stages.dedupe import Arrival, Compared, content_hash, dedupe_articles
from services.workers.stages.near import Near, NearText
from shared.article import Article, Current, Source, Verdict
from shared.clock import to_ms
from shared.fingerprints.bands import BandClaim
from shared.fingerprints.bands_memory import MemoryBands
from shared.fingerprints.memory import MemoryFingerprints
from shared.nearness.sketch import make_sketch, pack_sketch, unpack_sketch
from shared.nearness.window import moment_of
from tests.unit.nearness.texts import (
    BANK,
    BANK_TITLE,
    DISCLAIMER,
    FERRY,
    FERRY_TITLE,
    FLOOD,
    FLOOD_TITLE,
    STORIES,
    lines,
)

CAME = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEAD = Article(
    id="a" * 32, source=Source("harbour.example"), title=FERRY_TITLE, body=FERRY, ingested_at=CAME,
)  # fmt: skip
COPY = replace(
    LEAD,
    id="b" * 32,
    source=Source("island.example"),
    title="Boats are back",
    body="\n".join(lines(FERRY)[:5]),
)
OTHER = replace(LEAD, id="c" * 32, title=BANK_TITLE, body=BANK)
STUB = STORIES["STUB"].strip()  # 30 words
HEADLINES = (
    "Fire at the paper mill in Dunmere",
    "Mayor of Ashford resigns",
    "Ferry runs aground off Tolland",
)
# 30 words, and 45.
BRIEF = (
    "A man was taken to hospital after a small boat ran aground at the north shore on Monday. Nobody else "
    "was hurt, the coastguard said, and the harbour stayed open."
)
REPORT = f"{BRIEF} Divers will look at its hull when the tide is out late on Tuesday afternoon."
FRAMED = [
    replace(LEAD, id=f"{number + 1:032x}", title=title, body="\n".join([*body, DISCLAIMER]))
    for number, (title, body) in enumerate(
        [
            ("Wages lag", lines(BANK)[:3]),
            ("Rain until Saturday", lines(FLOOD)[1:4]),
            ("Boats", lines(FERRY)[:3]),
        ]
    )
]


@dataclass(frozen=True)
class Text:
    article_id: str
    sketch: bytes
    moment: int


@dataclass
class Desk:
    """A ledger of a dict: what was decided is known to later batches."""

    fingerprints: MemoryFingerprints = field(default_factory=MemoryFingerprints)
    bands: MemoryBands = field(default_factory=MemoryBands)
    texts: dict[str, tuple[Text, ...]] = field(default_factory=dict)
    asked: list[Sequence[str]] = field(default_factory=list)

    @property
    def near(self) -> Near:
        return Near(self.bands, self.known)

    def known(self, ids: Sequence[str]) -> dict[str, tuple[Text, ...]]:
        self.asked.append(ids)
        return {one: self.texts[one] for one in ids if one in self.texts}

    def run(self, *given: Article | Arrival, keep: bool = True) -> list[Compared]:
        arrivals = [Arrival(each, at) if isinstance(each, Article) else each for at, each in enumerate(given)]
        found = dedupe_articles(arrivals, self.fingerprints, self.near)
        for arrival, one in zip(arrivals, found, strict=True):
            if keep and one.sketch is not None and one.moment is not None:
                self.texts[arrival.article.id] = (Text(arrival.article.id, one.sketch, one.moment),)
        return found

    def word(self, *given: Article | Arrival) -> list[tuple[str, str | None]]:
        return [(one.verdict.word, one.verdict.duplicate_of) for one in self.run(*given) if one.verdict]


def known_as(article: Article, sequence: int, verdict: Verdict | None = None, **fields: object) -> Current:
    made = Current(1, sequence, content_hash(article), verdict or Verdict("new", story_id=article.id))
    return replace(made, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "two batches"])
def test_a_near_copy_is_told_with_its_lead_likeness_rule_and_passage(at_once: bool) -> None:
    desk = Desk()
    found = desk.run(LEAD, COPY) if at_once else [*desk.run(LEAD), *desk.run(COPY)]
    assert found[0].verdict == Verdict("new", story_id=LEAD.id)
    passage = found[1].verdict.passage if found[1].verdict else None
    assert found[1].verdict == Verdict("duplicate", LEAD.id, 1.0, LEAD.id, "containment", passage)
    assert passage is not None
    assert passage.startswith("The ferry between Karlsvik and Norrholm sails again from Monday")
    assert passage in COPY.body


def test_a_short_text_that_tells_of_both_its_headlines_is_one_story() -> None:
    title, body = lines(STORIES["SHORT_NEWS"])[:2]
    first = replace(LEAD, title=title, body=body)
    second = replace(COPY, title="Nordbank shares slump", body=body)
    assert Desk().word(first, second) == [("new", None), ("duplicate", LEAD.id)]


def told(desk: Desk, at_once: bool, *given: Article) -> list[Verdict | None]:
    """The verdicts on some articles that come in one batch, or one after another."""
    found = desk.run(*given) if at_once else [one for each in given for one in desk.run(each)]
    return [one.verdict for one in found]


@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "a batch each"])
def test_a_stub_under_several_headlines_is_other_news_each_time(at_once: bool) -> None:
    stubs = [
        replace(LEAD, id=f"{number + 1:032x}", title=title, body=STUB, source=Source(f"s{number}.example"))
        for number, title in enumerate((*HEADLINES, *HEADLINES))
    ]
    found = told(Desk(), at_once, *stubs)
    assert found[:3] == [Verdict("new", story_id=each.id) for each in stubs[:3]]
    assert found[3:] == [Verdict("duplicate", each.id, 1.0, each.id, "same-text") for each in stubs[:3]]


@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "a batch each"])
@pytest.mark.parametrize(
    ("body", "title", "words"), [(BRIEF, LEAD.title, 30), (REPORT, "Boats are back", 45)]
)
def test_a_brief_under_its_headline_and_more_under_any_is_the_same_text(
    body: str, title: str, words: int, at_once: bool
) -> None:
    assert len(body.split()) == words
    found = told(Desk(), at_once, replace(LEAD, body=body), replace(COPY, title=title, body=body))
    assert found[1] == Verdict("duplicate", LEAD.id, 1.0, LEAD.id, "same-text")


def test_a_brief_that_an_older_release_hashed_otherwise_is_found_by_its_likeness() -> None:
    desk = Desk()
    brief = replace(LEAD, body=BRIEF)
    desk.run(brief)
    desk.fingerprints = MemoryFingerprints()  # what it claimed there is another hash
    [found] = desk.run(replace(COPY, title=LEAD.title, body=BRIEF))
    assert found.verdict == Verdict("duplicate", LEAD.id, 1.0, LEAD.id, "short-text", BRIEF[:-1])


def test_what_was_compared_is_handed_on_with_its_sketch_and_moment() -> None:
    published = replace(LEAD, published_at=CAME - timedelta(hours=5))
    [found] = Desk().run(published)
    assert found.sketch == pack_sketch(make_sketch(LEAD.title, LEAD.body))
    assert found.moment == to_ms(CAME - timedelta(hours=5))
    [again] = Desk().run(Arrival(LEAD, 5, known_as(LEAD, 1)))
    assert (again.word, again.sketch, again.moment) == ("unchanged", None, None)


def test_without_near_texts_only_the_same_text_makes_a_copy() -> None:
    found = dedupe_articles([Arrival(LEAD, 1), Arrival(COPY, 2)], MemoryFingerprints())
    assert [one.verdict.word for one in found if one.verdict] == ["new", "new"]
    assert found[0].sketch is None


def test_the_earlier_of_a_batch_leads_also_when_it_has_first_to_reject_a_candidate() -> None:
    """The lead is told of an unlike text first; its copy, told of nobody, must not overtake it."""
    desk = Desk()
    desk.run(FRAMED[0])
    lead = replace(FRAMED[1], id="d" * 32)
    copy = replace(lead, id="e" * 32, title="Rain", body="\n".join(lines(FLOOD)[1:4]))
    assert desk.word(lead, copy) == [("new", None), ("duplicate", lead.id)]
    assert desk.asked  # it was


def test_a_repeated_task_gives_the_same_answers() -> None:
    desk = Desk()
    batch = [FRAMED[0], LEAD, COPY, OTHER, FRAMED[1]]
    first = desk.run(*batch, keep=False)  # killed before its commit
    assert desk.run(*batch) == first
    assert desk.run(*batch) == first


def test_a_lead_that_never_came_into_the_ledger_is_nobodys_lead() -> None:
    desk = Desk()
    desk.run(LEAD, keep=False)
    assert desk.word(COPY) == [("new", None)]


def test_stories_above_one_disclaimer_are_candidates_of_each_other_and_no_copies() -> None:
    desk = Desk()
    assert desk.word(*FRAMED) == [("new", None)] * 3
    assert desk.word(*[replace(each, id=each.id[::-1]) for each in FRAMED]) == [
        ("duplicate", each.id) for each in FRAMED
    ]


@pytest.mark.parametrize(
    ("hours", "word"), [(71, "duplicate"), (73, "new"), (-71, "duplicate"), (-73, "new")]
)
def test_a_copy_comes_within_three_days_of_publication(hours: int, word: str) -> None:
    desk = Desk()
    desk.run(replace(LEAD, published_at=CAME))
    late = replace(COPY, published_at=CAME + timedelta(hours=hours), ingested_at=CAME + timedelta(hours=200))
    assert desk.word(late)[0][0] == word


def test_last_months_template_is_another_story() -> None:
    desk = Desk()
    desk.run(LEAD)
    month = timedelta(days=30)
    assert desk.word(replace(COPY, ingested_at=CAME + month)) == [("new", None)]


def test_the_best_of_several_leads_is_taken() -> None:
    desk = Desk()
    mixed = replace(LEAD, id="d" * 32, title="Week", body="\n".join([*lines(FERRY)[:4], *lines(FLOOD)[2:6]]))
    desk.texts[OTHER.id] = ()
    desk.run(replace(mixed, published_at=CAME - timedelta(hours=80)))
    desk.run(LEAD)
    both = replace(COPY, body="\n".join(lines(FERRY)[:6]), published_at=CAME - timedelta(hours=20))
    [found] = desk.run(both)
    assert found.verdict is not None
    assert (found.verdict.word, found.verdict.duplicate_of, found.verdict.similarity) == (
        "duplicate",
        LEAD.id,
        1.0,
    )


def test_the_lead_in_a_candidates_place_is_the_one_that_is_named() -> None:
    desk = Desk()
    desk.run(LEAD)
    heir = replace(LEAD, id="f" * 32, body=FERRY + "Updated.")
    text = Text(heir.id, pack_sketch(make_sketch(heir.title, heir.body)), moment_of(heir))
    desk.texts[LEAD.id] = (text,)
    assert desk.word(COPY) == [("duplicate", heir.id)]


def test_a_candidate_of_another_release_is_like_nothing() -> None:
    desk = Desk()
    desk.run(LEAD)
    desk.texts[LEAD.id] = (replace(desk.texts[LEAD.id][0], sketch=b"\x09later"),)
    assert desk.word(COPY) == [("new", None)]


class Endless(MemoryBands):
    """Bands in which something new and unlike is written before every answer."""

    def claim(self, claims: Sequence[BandClaim]) -> list[tuple[str, ...]]:
        return [(f"{len(claim.rejected):032x}",) for claim in claims]


def test_an_article_that_always_finds_new_candidates_leads_in_the_end() -> None:
    endless = Endless()
    assert Desk(bands=endless).word(LEAD) == [("new", None)]
    assert Desk(bands=endless).word(OTHER) == [("new", None)]
    written = NearText(LEAD).claim()
    assert MemoryBands.claim(endless, [replace(written, article_id="f" * 32)]) == [(LEAD.id,)]


def test_an_article_that_leads_in_a_candidates_place_is_no_copy_of_itself() -> None:
    desk = Desk()
    desk.run(LEAD)
    desk.texts[LEAD.id] = (replace(desk.texts[LEAD.id][0], article_id=COPY.id),)
    assert desk.word(COPY) == [("new", None)]


def test_the_best_text_of_a_candidate_counts() -> None:
    desk = Desk()
    desk.run(LEAD)
    half = pack_sketch(make_sketch("Week", "\n".join([*lines(FERRY)[:3], *lines(FLOOD)[2:6]])))
    [full] = desk.texts[LEAD.id]
    desk.texts[LEAD.id] = (replace(full, article_id="e" * 32, sketch=half), full)
    assert desk.word(COPY) == [("duplicate", LEAD.id)]


@pytest.mark.parametrize("body", ["", "Details follow.", "x"])
def test_tiny_bodies_ask_nobody_and_still_have_a_sketch(body: str) -> None:
    desk = Desk()
    tiny = replace(LEAD, body=body)
    [found] = desk.run(tiny)
    assert (found.verdict, desk.asked) == (Verdict("new", story_id=LEAD.id), [])
    assert found.sketch is not None
    assert not unpack_sketch(found.sketch).shingles


def test_a_change_of_a_copy_is_compared_again() -> None:
    desk = Desk()
    desk.run(LEAD, COPY)
    before = known_as(COPY, 1, Verdict("duplicate", LEAD.id, 1.0, LEAD.id, "containment"))
    more = replace(COPY, body=COPY.body + "\nAmended.")
    assert desk.word(Arrival(more, 8, before)) == [("duplicate", LEAD.id)]
    assert desk.word(Arrival(replace(OTHER, id=COPY.id), 9, before)) == [("new", None)]


def test_an_article_that_leads_others_keeps_leading_and_is_found_by_its_new_text() -> None:
    desk = Desk()
    desk.run(LEAD)
    current = known_as(OTHER, 1, has_copies=True)
    changed = replace(OTHER, title=FERRY_TITLE, body="\n".join(lines(FERRY)[1:]))
    assert desk.word(Arrival(changed, 8, current)) == [("new", None)]
    del desk.texts[LEAD.id]
    assert desk.word(COPY) == [("duplicate", OTHER.id)]


# What is run again

KEPT = Verdict("version", "9" * 32, 0.5, "9" * 32, "rewrite", "a passage")


@pytest.mark.parametrize("recent", [True, False])
def test_a_kept_verdict_stands_whatever_is_near(recent: bool) -> None:
    desk = Desk()
    desk.run(LEAD)
    for verdict in (KEPT, Verdict("new", story_id="8" * 32)):
        again = Arrival(COPY, 1, known_as(COPY, 1, verdict), "keep", recent)
        [found] = desk.run(again)
        assert found.verdict == verdict
        assert found.sketch is not None


@pytest.mark.parametrize(
    ("verdict", "recent", "is_found"),
    [(None, True, True), (None, False, False), (KEPT, True, False)],
    ids=["recent lead", "old lead", "copy"],
)
def test_only_a_recent_lead_is_written_down_again(
    verdict: Verdict | None, recent: bool, is_found: bool
) -> None:
    desk = Desk()
    desk.run(Arrival(LEAD, 1, known_as(LEAD, 1, verdict), "keep", recent))
    assert desk.word(COPY) == [("duplicate", LEAD.id) if is_found else ("new", None)]


def test_what_is_reset_while_copies_come_is_asked_like_an_arrival() -> None:
    desk = Desk()
    desk.run(LEAD)
    assert desk.word(Arrival(COPY, 1, known_as(COPY, 1, KEPT), "reset")) == [("duplicate", LEAD.id)]
    assert desk.word(Arrival(LEAD, 0, known_as(LEAD, 0), "reset")) == [("new", None)]


@pytest.mark.parametrize("word", ["duplicate", "new"])
def test_what_is_reset_later_is_compared_with_the_lead_it_had(word: str) -> None:
    desk = Desk()
    desk.run(LEAD)
    body = COPY.body if word == "duplicate" else FLOOD
    past = replace(COPY, body=body, title=FLOOD_TITLE)
    before = Verdict("version", LEAD.id, 0.41, LEAD.id, "rewrite")
    [(found, of)] = desk.word(Arrival(past, 1, known_as(past, 1, before), "reset", is_recent=False))
    assert (found, of) == (word, LEAD.id if word == "duplicate" else None)


def test_the_same_text_is_the_ledgers_to_decide_in_a_reset() -> None:
    desk = Desk()
    desk.run(LEAD)
    same = replace(LEAD, id="d" * 32)
    before = Verdict("duplicate", LEAD.id, 1.0, LEAD.id, "same-text")
    again = Arrival(same, 1, known_as(same, 1, before), "reset", is_recent=False)
    assert desk.word(again) == [("new", None)]
