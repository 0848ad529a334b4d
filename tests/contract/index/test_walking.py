"""The contract of walking: a whole result, page by page, to its very end, while news goes on arriving."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.article import Copy
from shared.errors import InvalidRequest, Unavailable
from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.elasticsearch_walk import ElasticsearchWalks
from shared.index.embedded import EmbeddedIndex
from shared.index.embedded_walk import EmbeddedWalks
from shared.index.parser import parse_query
from shared.index.port import Filters, Mark, SearchRequest
from shared.index.walking import IDLE_SECONDS, WalkGone, mark_behind
from tests.contract.index.corpus import NOW, article, fill

SORTS = ("relevance", "newest", "oldest")
MANY = 50_000
COPY = {"is_lead": False, "verdict": "duplicate", "duplicate_of": f"{1:032x}"}


def request(sort="relevance", size=7, query="storm", **given):
    return SearchRequest(now=NOW, query=parse_query(query), sort=sort, size=size, **given)


def storm(number, **given):
    """An article that a search for storm finds; many score alike. Its key leaves room beside."""
    age = timedelta(hours=6 * (number % 200))  # to 50 days: on both sides of every step of freshness
    facts = {"sort_key": 10_000_000 + 10 * number, "published_at": NOW - age, **given}
    return article(number, body="storm " + "and calm " * (number % 3), **facts)


def walk(index, asked, mark=None, between=lambda step: None, now=NOW):
    """Every step of a walk; ``between`` is called after each but the last."""
    steps = [index.walk(asked, mark, now)]
    while steps[-1].mark is not None:
        between(steps[-1])
        steps.append(index.walk(asked, steps[-1].mark, now))
    return steps


def hits(steps):
    return [(int(hit.article.id, 16), hit.score) for step in steps for hit in step.page.hits]


def numbers(steps):
    return [number for number, _ in hits(steps)]


def pages(index, asked):
    """The same result by offset, with its totals."""
    found, size = [], 100
    while True:
        page = index.search(replace(asked, size=size, offset=len(found)))
        found += [(int(hit.article.id, 16), hit.score) for hit in page.hits]
        if len(page.hits) < size:
            return found, (page.articles, page.groups)


def write_storms(index):
    """150 articles with a storm, of which every fifth is a duplicate; 30 without one."""
    fill(
        index,
        *(storm(n, **({} if n % 5 else COPY)) for n in range(150)),
        *(article(n, sort_key=20_000_000 + n) for n in range(1_000, 1_030)),
    )  # fmt: skip
    return index


@pytest.fixture
def filled(index):
    return write_storms(index)


@pytest.fixture(scope="module")
def still(shared_index):
    """The same, for tests that neither change it nor leave a walk behind."""
    return write_storms(shared_index)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("duplicates", ["fold", "keep", "only"])
def test_a_walk_gives_the_whole_result_once_in_the_order_of_a_search(still, sort, duplicates):
    asked = request(sort, duplicates=duplicates)
    expected, totals = pages(still, asked)
    assert len(expected) == {"fold": 120, "keep": 150, "only": 30}[duplicates]
    steps = walk(still, asked)
    assert hits(steps) == expected
    assert {(step.page.articles, step.page.groups) for step in steps} == {totals}
    assert [len(step.page.hits) for step in steps[:-1]] == [7] * (len(steps) - 1)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("size", [1, 119, 120, 121, 500])
def test_a_page_of_any_size_is_filled_and_the_last_one_says_so(still, sort, size):
    expected, _ = pages(still, request(sort))
    steps = walk(still, request(sort, size=size))
    assert hits(steps) == expected
    assert len(steps) == -(-120 // size)


@pytest.mark.parametrize("sort", SORTS)
def test_a_walk_goes_on_behind_the_first_page_of_a_search(still, sort):
    asked = request(sort)
    first = still.search(asked)
    steps = walk(still, asked, mark_behind(asked, first))
    expected, totals = pages(still, asked)
    assert [(int(hit.article.id, 16), hit.score) for hit in first.hits] + hits(steps) == expected
    assert {(step.page.articles, step.page.groups) for step in steps} == {totals}


def test_nothing_follows_where_a_page_has_all_or_goes_another_way(still):
    whole = request(size=100, filters=Filters(start=NOW - timedelta(days=5)))
    none = request(query="nothere")
    for asked in (whole, none, request(size=0), request(offset=7), request(stories="fold")):
        assert mark_behind(asked, still.search(asked)) is None
    page = still.search(request())
    assert mark_behind(request(), page) is not None
    assert mark_behind(request(), replace(page, partial=True)) is None


@pytest.mark.parametrize("query", ["nothere", "storm -storm"])
def test_a_walk_through_nothing_is_one_empty_page(still, query):
    (step,) = walk(still, request(query=query))
    assert (step.page.hits, step.page.articles, step.page.groups, step.mark) == ((), 0, 0, None)


def test_without_words_a_walk_goes_through_everything(still):
    asked = request("newest", size=50, query="", duplicates="keep")
    steps = walk(still, asked)
    assert hits(steps) == [(n, None) for n in [*range(1_029, 999, -1), *range(149, -1, -1)]]


class News:
    """What comes in while others walk: new articles above, below and among, changes, and kills."""

    def __init__(self, index):
        self.index = index
        self.round = 0
        self.killed = set()

    def __call__(self, step=None):
        self.round += 1
        number = self.round
        victim, changed = 149 - 3 * number, 148 - 4 * number
        self.killed |= {victim, 3 * number}
        written = self.index.write(
            [
                storm(10_000 + number, sort_key=90_000_000 + number),
                storm(20_000 + number, sort_key=number),
                storm(30_000 + number, sort_key=10_000_005 + 100 * number, title="Storm storm storm"),
                article(40_000 + number, body="calm " * 400),  # moves the weight of every word
                storm(changed, change=number + 1, sort_key=50_000_000 + number, title="Changed storm"),
                storm(victim, change=number + 1, withdrawn=True),
                storm(3 * number, change=number + 1, withdrawn=True),
            ]
        )
        assert [one.word for one in written] == ["written"] * 7
        self.index.refresh()


@pytest.mark.parametrize("sort", SORTS)
def test_a_walk_stands_still_while_news_arrives_and_gives_nothing_that_was_withdrawn(filled, sort):
    asked = request(sort, duplicates="keep", size=10)
    expected, totals = pages(filled, asked)
    news, gone = News(filled), []

    def arrive(step):
        news(step)
        gone.append(set(news.killed))

    steps = walk(filled, asked, between=arrive)
    before = [set(), *gone]
    left = [
        [one for one in expected[at * 10 : at * 10 + 10] if one[0] not in before[at]] for at in range(15)
    ]  # fmt: skip
    assert [hits([step]) for step in steps] == left
    assert any(len(page) < 10 for page in left)
    assert {(step.page.articles, step.page.groups) for step in steps} == {totals}


@pytest.mark.parametrize("sort", SORTS)
def test_news_before_the_second_page_neither_doubles_nor_loses_anything(filled, sort):
    asked = request(sort, duplicates="keep", size=10)
    first = filled.search(asked)
    shown = [int(hit.article.id, 16) for hit in first.hits]
    news, gone = News(filled), []

    def arrive(step=None):
        news(step)
        gone.append(set(news.killed))

    arrive()
    steps = walk(filled, asked, mark_behind(asked, first), between=arrive)
    found = numbers(steps)
    assert len(found) == len(set(found))
    assert not set(shown) & set(found)
    assert set(range(150)) - news.killed <= {*shown, *found}
    for step, killed in zip(steps, gone, strict=True):
        assert not killed & set(numbers([step]))


def test_what_was_on_the_first_page_does_not_come_again_after_it_moved_down(filled):
    asked = request("newest", size=10, duplicates="keep")
    first = filled.search(asked)
    fill(filled, storm(149, change=2, sort_key=5))
    steps = walk(filled, asked, mark_behind(asked, first))
    assert [int(hit.article.id, 16) for hit in first.hits] + numbers(steps) == list(range(149, -1, -1))


HIDDEN = {
    "killed": {"withdrawn": True},
    "held": {"pub_status": "withheld"},
    "canceled": {"pub_status": "canceled"},
    "embargoed": {"embargo_until": NOW + timedelta(hours=1)},
    "expired": {"expires_at": NOW - timedelta(seconds=1)},
}


@pytest.mark.parametrize("facts", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("sort", SORTS)
def test_what_may_no_longer_be_seen_is_left_out_of_the_next_page(filled, sort, facts):
    asked = request(sort, duplicates="keep", size=75)
    expected, _ = pages(filled, asked)
    first = filled.walk(asked, None, NOW)
    victim = expected[80][0]
    fill(filled, storm(victim, change=2, **facts))
    steps = walk(filled, asked, first.mark)
    assert hits(steps) == [one for one in expected[75:] if one[0] != victim]


def test_a_correction_that_comes_in_mid_walk_is_what_is_shown(filled):
    asked = request("newest", duplicates="keep", size=75)
    first = filled.walk(asked, None, NOW)
    fill(
        filled,
        storm(70, change=2, title="Corrected", sort_key=5),
        article(60, change=2, body="It was no gale."),
    )  # fmt: skip
    steps = walk(filled, asked, first.mark)
    assert numbers(steps) == list(range(74, -1, -1))
    shown = {int(hit.article.id, 16): hit.article for step in steps for hit in step.page.hits}
    assert (shown[70].title, shown[60].body) == ("Corrected", "It was no gale.")
    assert (shown[71].title, shown[61].body) == ("A quiet day", "storm and calm ")


def test_a_lead_does_not_tell_of_a_copy_that_was_killed_in_mid_walk(index):
    copy = Copy(f"{200:032x}", "coast.example", "https://coast.example/storm")
    fill(index, *(storm(n, copies=(copy,)) for n in range(20)))
    asked = request("oldest", size=10)
    first = index.walk(asked, None, NOW)
    assert {hit.article.copies for hit in first.page.hits} == {(copy,)}
    fill(index, storm(15, change=2))
    (second,) = walk(index, asked, first.mark)
    assert {hit.article.id: hit.article.copies for hit in second.page.hits}[f"{15:032x}"] == ()


def test_what_expires_during_a_walk_is_left_out_from_then_on(index):
    fill(index, *(storm(n, expires_at=NOW + timedelta(seconds=n)) for n in range(1, 21)))
    asked = request("oldest", size=10)
    first = index.walk(asked, None, NOW)
    assert numbers([first]) == list(range(1, 11))
    assert numbers(walk(index, asked, first.mark, now=NOW + timedelta(seconds=15))) == list(range(16, 21))


def test_what_the_index_has_lost_altogether_is_left_out(filled):
    asked = request("newest", duplicates="keep", size=75)
    first = filled.walk(asked, None, NOW)
    fill(filled, storm(10, change=2, withdrawn=True, expires_at=NOW - timedelta(days=2)))
    assert filled.remove_tombstones(int(NOW.timestamp() * 1000), 10) == 1
    filled.refresh()
    found = numbers(walk(filled, asked, first.mark))
    assert found == [n for n in range(74, -1, -1) if n != 10]


def test_a_step_may_be_taken_again_with_the_same_mark(filled):
    asked = request(size=50)
    first = filled.walk(asked, None, NOW)
    assert hits([filled.walk(asked, first.mark, NOW)]) == hits([filled.walk(asked, first.mark, NOW)])


def test_a_walk_that_has_ended_is_gone(filled):
    asked = request(size=50)
    first = filled.walk(asked, None, NOW)
    steps = walk(filled, asked, first.mark)
    assert steps[-1].mark is None
    with pytest.raises(WalkGone):
        filled.walk(asked, first.mark, NOW)


def test_a_walk_that_was_given_up_is_gone_and_giving_it_up_again_does_no_harm(filled):
    asked = request(size=50)
    first = filled.walk(asked, None, NOW)
    filled.end_walk(first.mark)
    with pytest.raises(WalkGone):
        filled.walk(asked, first.mark, NOW)
    filled.end_walk(first.mark)
    filled.end_walk(Mark())


def limit(index, most, idle=IDLE_SECONDS):
    """Let an index keep no more than some walks at once."""
    if isinstance(index, ElasticsearchIndex):
        index._walks = ElasticsearchWalks(index._client, index._alias, most, idle)
    else:
        index._walks = EmbeddedWalks(index._schema, most=most, idle=idle)


def test_no_more_walks_are_kept_than_there_is_room_for(filled):
    limit(filled, 2)
    asked = request(size=50)
    kept = [filled.walk(asked, None, NOW), filled.walk(asked, None, NOW)]
    with pytest.raises(Unavailable, match="at once"):
        filled.walk(asked, None, NOW)
    for step in kept:  # who is under way may go on
        assert len(walk(filled, asked, step.mark)) == 2
    assert len(walk(filled, asked)) == 3


def test_walks_left_lying_after_their_first_step_give_way_the_longest_idle_first(filled):
    limit(filled, 3, idle=0)
    asked = request(size=30)
    first, second = filled.walk(asked, None, NOW), filled.walk(asked, None, NOW)
    going_on = filled.walk(asked, filled.walk(asked, None, NOW).mark, NOW)
    third, fourth = filled.walk(asked, None, NOW), filled.walk(asked, None, NOW)
    for given_up in (first, second):
        with pytest.raises(WalkGone):
            filled.walk(asked, given_up.mark, NOW)
    for kept in (third, fourth):
        assert len(walk(filled, asked, kept.mark)) == 3
    assert len(walk(filled, asked, going_on.mark)) == 2


def test_walks_that_go_on_or_have_only_begun_give_way_to_nobody(filled):
    limit(filled, 2, idle=0)
    asked = request(size=30)
    going_on = [filled.walk(asked, filled.walk(asked, None, NOW).mark, NOW) for _ in range(2)]
    with pytest.raises(Unavailable, match="at once"):
        filled.walk(asked, None, NOW)
    for step in going_on:
        assert len(walk(filled, asked, step.mark)) == 2


def test_a_walk_that_needs_one_page_or_fails_holds_no_room(filled):
    limit(filled, 1)
    for _ in range(3):
        assert len(walk(filled, request(size=500))) == 1
        with pytest.raises(InvalidRequest):
            filled.walk(request(size=501), None, NOW)


def test_many_walk_at_once_each_in_its_own_order(filled):
    jobs = [request(sort, size=size, duplicates="keep") for sort in SORTS for size in (9, 10, 11, 12)]
    with ThreadPoolExecutor(len(jobs)) as pool:
        found = list(pool.map(lambda asked: hits(walk(filled, asked)), jobs))
    assert found == [pages(filled, asked)[0] for asked in jobs]


def test_another_process_goes_on_or_says_that_it_cannot(make_index, filled):
    asked = request(size=50)
    first, other = filled.walk(asked, None, NOW), make_index()
    if isinstance(other, EmbeddedIndex):
        with pytest.raises(WalkGone):
            other.walk(asked, first.mark, NOW)
    else:
        assert hits([first, *walk(other, asked, first.mark)]) == pages(filled, asked)[0]


@pytest.mark.parametrize("sort", SORTS)
def test_an_index_that_is_replaced_and_dropped_ends_a_walk_or_lets_it_go_on_unharmed(filled, sort):
    asked = request(sort, size=50)
    expected, _ = pages(filled, asked)
    first = filled.walk(asked, None, NOW)
    filled.begin_build()
    fill(filled, *(storm(n, change=2) for n in range(150) if n != expected[60][0]))
    filled.switch(1_000)
    filled.drop_retired(2_000)
    if isinstance(filled, EmbeddedIndex):
        assert hits(walk(filled, asked, first.mark)) == expected[50:60] + expected[61:]
    else:
        with pytest.raises(WalkGone):
            filled.walk(asked, first.mark, NOW)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"size": 0}, "size"),
        ({"size": -1}, "size"),
        ({"size": 501}, "size"),
        ({"size": 10**9}, "size"),
        ({"offset": 1}, "offset"),
        ({"stories": "fold"}, "stories"),
    ],
)
def test_what_cannot_be_walked_is_refused_by_name(filled, given, field):
    with pytest.raises(InvalidRequest) as refused:
        filled.walk(replace(request(), **given), None, NOW)
    assert refused.value.field == field


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifty_thousand_articles_are_walked_to_the_very_end_in_every_order(index):
    for start in range(0, MANY, 2_500):
        fill(index, *(storm(n) for n in range(start, start + 2_500)))
    for sort in SORTS:
        steps = walk(index, request(sort, size=500))
        assert len(steps) == 100
        assert {step.page.groups for step in steps} == {MANY}
        found = hits(steps)
        if sort == "relevance":
            assert found == sorted(found, key=lambda one: (-one[1], -one[0]))
            assert sorted(number for number, _ in found) == list(range(MANY))
        else:
            assert [number for number, _ in found] == list(range(MANY))[:: -1 if sort == "newest" else 1]


def test_a_walk_that_rests_too_long_is_gone(embedded):
    embedded._walks = EmbeddedWalks(embedded._schema, keep=0.5)
    asked = request(size=10)
    first = embedded.walk(asked, None, NOW)
    assert len(embedded._walks._kept) == 1
    end = time.monotonic() + 10
    while embedded._walks._kept and time.monotonic() < end:  # whoever comes along clears it away
        embedded.search(asked)
        time.sleep(0.05)
    assert not embedded._walks._kept
    with pytest.raises(WalkGone):
        embedded.walk(asked, first.mark, NOW)


def test_each_step_lets_a_walk_rest_anew(embedded):
    embedded._walks = EmbeddedWalks(embedded._schema, keep=1.0)
    asked, begun = request("newest", size=10), time.monotonic()
    step = embedded.walk(asked, None, NOW)
    while step.mark is not None:
        time.sleep(0.2)
        step = embedded.walk(asked, step.mark, NOW)
    assert time.monotonic() - begun > 1.5


@pytest.fixture
def embedded(tmp_path):
    made = EmbeddedIndex(tmp_path / "index", writing=True)
    made.create()
    fill(made, *(storm(n) for n in range(100)))
    yield made
    made.close()
