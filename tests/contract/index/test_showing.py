"""The contract of what is shown: visibility over time, folding of copies, totals, order and pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.article import Copy
from shared.errors import InvalidRequest
from shared.index.port import Filters
from tests.contract.index.corpus import NOW, article, ask, fill, is_visible, matched, numbers

HOUR = timedelta(hours=1)
STEP = timedelta(milliseconds=1)


def test_visibility_follows_the_clock(index):
    articles = [
        article(1),
        article(2, pub_status="withheld"),
        article(3, pub_status="canceled"),
        article(4, embargo_until=NOW),
        article(5, embargo_until=NOW + STEP),
        article(6, expires_at=NOW),
        article(7, expires_at=NOW + STEP),
        article(8, embargo_until=NOW - HOUR, expires_at=NOW + HOUR),
        article(9, withdrawn=True),
        article(10, pub_status="withheld", embargo_until=NOW - HOUR),
    ]
    fill(index, *articles)
    everyone = [one.id for one in articles]
    for now in (NOW - 2 * HOUR, NOW - STEP, NOW, NOW + STEP, NOW + 2 * HOUR):
        expected = {int(one.id, 16) for one in articles if is_visible(one, now)}
        assert matched(index, now=now) == expected
        assert matched(index, "quiet -source:nowhere", now=now, duplicates="keep") == expected
        assert {int(one.id, 16) for one in index.get(everyone, now)} == expected
    assert matched(index) == {1, 4, 7, 8}


@pytest.fixture
def copied(index):
    """Two leads; the first ran again at b.com and c.com, the second nowhere."""
    lead, alone = article(1, "Lead story", source="a.com"), article(4, "Lead of another", source="c.com")
    copies = [
        article(2, "Lead story", source="b.com", is_lead=False, duplicate_of=lead.id, verdict="duplicate"),
        article(3, "Lead story", source="c.com", is_lead=False, duplicate_of=lead.id, verdict="duplicate"),
    ]
    ran = tuple(Copy(one.id, one.source.id, one.url) for one in copies)
    fill(index, replace(lead, copies=ran), *copies, alone)
    return index


FOLDINGS = {"fold": {1, 4}, "keep": {1, 2, 3, 4}, "only": {2, 3}}


def test_duplicates_are_folded_kept_or_shown_alone(copied):
    for duplicates, expected in FOLDINGS.items():
        page = ask(copied, "lead", duplicates=duplicates)
        assert set(numbers(page)) == expected
        assert (page.articles, page.groups) == (4 if duplicates == "fold" else len(expected), len(expected))


RAN_IN = [
    # source, duplicates, what it finds, and what is left without it
    ("a.com", "fold", {1}, {4}),
    ("b.com", "fold", {1}, {1, 4}),  # what b.com only copied stays: it ran first elsewhere
    ("c.com", "fold", {1, 4}, {1}),
    ("B.com", "keep", {2}, {1, 3, 4}),
    ("c.com", "keep", {3, 4}, {1, 2}),
    ("c.com", "only", {3}, {2}),
    ("a.com", "only", set(), {2, 3}),
]


def test_a_source_finds_a_lead_whose_copy_ran_there_only_when_folding(copied):
    for source, duplicates, expected, rest in RAN_IN:
        wanted, unwanted = Filters(source=(source,)), Filters(not_source=(source,))
        assert matched(copied, filters=wanted, duplicates=duplicates) == expected
        assert matched(copied, f"source:{source}", duplicates=duplicates) == expected
        assert matched(copied, filters=unwanted, duplicates=duplicates) == rest
        assert matched(copied, f"-source:{source}", duplicates=duplicates) == rest
        assert matched(copied, f"lead NOT (source:{source} OR nowhere)", duplicates=duplicates) == rest


def test_a_lead_carries_its_copies(copied):
    (hit,) = ask(copied, "story").hits
    assert [copy.source for copy in hit.article.copies] == ["b.com", "c.com"]


@pytest.fixture
def rewritten(index):
    """A lead, its duplicate, a rewrite with words of its own, and an excerpt; of one story."""
    lead = article(1, "Storm shuts the port", "Ships wait outside.", source="a.com")
    facts = {"story_id": lead.id, "is_lead": False, "duplicate_of": lead.id}
    copies = [
        article(2, lead.title, lead.body, source="b.com", verdict="duplicate", **facts),
        article(3, "Storm shuts the port", "Pilots went home.", source="c.com", verdict="version", **facts),
        article(4, "Storm", "Ships wait.", source="d.com", verdict="excerpt", **facts),
    ]
    ran = tuple(Copy(one.id, one.source.id, verdict=one.verdict) for one in copies)
    fill(index, replace(lead, story_id=lead.id, copies=ran), *copies)
    return index


REWRITTEN = [
    ("storm", "fold", {1, 3, 4}),
    ("storm", "keep", {1, 2, 3, 4}),
    ("storm", "only", {2}),
    ("pilots", "fold", {3}),  # the lead does not say so
    ("pilots", "only", set()),
    ("ships", "fold", {1, 4}),
    ("source:b.com", "fold", {1}),
    ("source:c.com", "fold", {3}),  # and not the lead, which did not run there
    ("source:d.com", "fold", {4}),
    ("-source:c.com", "fold", {1, 4}),
]


@pytest.mark.parametrize(("query", "duplicates", "expected"), REWRITTEN)
def test_only_what_says_the_same_is_folded(rewritten, query, duplicates, expected):
    page = ask(rewritten, query, duplicates=duplicates)
    assert set(numbers(page)) == expected
    assert page.groups == len(expected)


def test_a_rewrite_is_a_hit_that_still_names_its_lead_and_the_lead_tells_of_it(rewritten):
    (rewrite,) = ask(rewritten, "pilots").hits
    assert (rewrite.article.is_lead, rewrite.article.verdict) == (False, "version")
    assert rewrite.article.duplicate_of == f"{1:032x}"
    page = ask(rewritten, "outside")
    assert (page.articles, page.groups) == (2, 1)
    told = [(copy.source, copy.verdict) for copy in page.hits[0].article.copies]
    assert told == [("b.com", "duplicate"), ("c.com", "version"), ("d.com", "excerpt")]
    (story,) = ask(rewritten, "storm", stories="fold").hits
    assert story.story.articles == 4


def test_totals_are_exact_whatever_the_page(index):
    fill(index, *(article(number, is_lead=number % 3 == 0) for number in range(100)))
    for size, offset in ((0, 0), (1, 0), (10, 30), (100, 0), (7, 5000)):
        page = ask(index, "quiet", size=size, offset=offset)
        assert (page.articles, page.groups) == (100, 34)
        assert len(page.hits) == len(range(100)[:34][offset : offset + size])
    assert ask(index, "nowhere", size=0).articles == 0


def test_pages_put_together_are_the_whole_order(index):
    fill(index, *(article(number, "tie " * (1 + number % 2), f"word {number % 5}") for number in range(60)))
    for sort in ("relevance", "newest", "oldest"):
        whole = numbers(ask(index, "tie", sort=sort))
        paged = [
            n
            for offset in range(0, 60, 7)
            for n in numbers(ask(index, "tie", sort=sort, size=7, offset=offset))
        ]
        assert paged == whole
        assert sorted(whole) == list(range(60))


def test_newest_and_oldest_go_by_sort_key_not_by_arrival(index):
    keys = {1: 1 << 60, 2: -7, 3: (1 << 60) + 1, 4: 0, 5: 1}
    fill(index, *(article(number, sort_key=key) for number, key in keys.items()))
    assert numbers(ask(index, "quiet", sort="newest")) == [3, 1, 5, 4, 2]
    assert numbers(ask(index, "quiet", sort="oldest")) == [2, 4, 5, 1, 3]
    assert [hit.score for hit in ask(index, "quiet", sort="newest").hits] == [None] * 5


def test_relevance_puts_better_matches_first(index):
    fill(
        index,
        article(1, "Rates", "The bank raised rates again; rates matter."),
        article(
            2, "Weather", "It rained, and someone mentioned rates while " + "many other words went by " * 20
        ),
        article(3, "Sport", "Nothing of the kind."),
    )
    page = ask(index, "rates")
    assert numbers(page) == [1, 2]
    assert page.hits[0].score > page.hits[1].score > 0


def test_a_word_in_the_title_counts_for_more(index):
    fill(
        index,
        article(1, "Some other thing", "rates went up"),
        article(2, "rates went up", "Some other thing"),
    )
    assert numbers(ask(index, "rates")) == [2, 1]


def test_equal_relevance_is_ordered_newest_first(index):
    order = [5, 40, 12, 33, 1, 27, 8, 19, 50, 2]
    for number in order:
        fill(index, article(number, "The same title", "The same body."))
    assert numbers(ask(index, "same", size=3)) == [50, 40, 33]
    assert numbers(ask(index, "same", size=3, offset=3)) == [27, 19, 12]
    assert len({hit.score for hit in ask(index, "same").hits}) == 1


def test_without_a_word_to_score_relevance_means_newest_first(index):
    fill(index, *(article(number) for number in (3, 1, 2)))
    for query in ("", "-rates", "source:example.com", "published:[2020-01-01 TO *]"):
        page = ask(index, query, sort="relevance")
        assert numbers(page) == [3, 2, 1]
        assert [hit.score for hit in page.hits] == [None] * 3


def test_filters_never_change_the_score(index):
    fill(index, *(article(number, "rates " * number) for number in (1, 2, 3)))
    plain = [hit.score for hit in ask(index, "rates").hits]
    for query in ("rates source:example.com", "rates -language:de", "rates published:[2020-01-01 TO *]"):
        assert [hit.score for hit in ask(index, query).hits] == pytest.approx(plain, rel=1e-6)
    filtered = ask(
        index, "rates", filters=Filters(source=("example.com",), language=("en",)), duplicates="keep"
    )
    assert [hit.score for hit in filtered.hits] == pytest.approx(plain, rel=1e-6)


def test_a_window_out_of_bounds_is_the_callers_error(index):
    for size, offset in ((101, 0), (-1, 0), (10, -1), (100, 9_901), (1, 10_000)):
        with pytest.raises(InvalidRequest):
            ask(index, size=size, offset=offset)


def test_the_last_page_in_bounds_is_answered(index):
    fill(index, article(1))
    assert ask(index, "quiet", size=100, offset=9_900).hits == ()


def test_the_engines_time_is_told(index):
    fill(index, article(1))
    page = ask(index)
    assert page.engine_ms >= 0
    assert not page.partial
