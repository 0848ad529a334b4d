"""Trends: what stands in more of the newest articles than chance explains, on every adapter."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log

import pytest

from shared.article import Copy, Entity, Tag
from shared.errors import IndexMissing, InvalidRequest
from shared.index import trends as trends_module
from shared.index.embedded import EmbeddedIndex
from shared.index.parser import parse_query
from shared.index.port import Filters
from shared.index.trends import Span, TrendsRequest, judge
from tests.contract.index.corpus import ECONOMY, NOW, SPORT, article, ask, fill
from tests.contract.index.facts import WORDS, generated, generated_filters, matches, values_of

DAY, WEEK, TICK = timedelta(days=1), timedelta(days=7), timedelta(milliseconds=1)


def trends(index, field: str = "entity", query: str = "", **given):
    asked = {"end": NOW, "window": DAY, "before": WEEK, "size": 50, **given}
    return index.trends(TrendsRequest(NOW, query=parse_query(query), field=field, **asked))


def told(answer) -> list[tuple[str, int, int]]:
    return [(one.value, one.now, one.before) for one in answer.trends]


def named(*names: str) -> tuple[Entity, ...]:
    return tuple(Entity(name, "person") for name in names)


def recent(number: int, *names: str, **given):
    """An article of the last day."""
    return article(number, published_at=NOW - timedelta(minutes=number), entities=named(*names), **given)


def earlier(number: int, *names: str, **given):
    """An article of the week before that."""
    moment = NOW - timedelta(days=2, minutes=number)
    return article(number, published_at=moment, entities=named(*names), **given)


def expected_and_score(now: int, before: int, articles: int, earlier_articles: int) -> tuple[float, float]:
    """By the definition: twice the sum of observed × ln(observed / expected) over the four fields."""
    before, earlier_articles = before + 0.5, earlier_articles + 0.5
    rows, every = (now + before, articles + earlier_articles - now - before), articles + earlier_articles
    table = ((now, before), (articles - now, earlier_articles - before))
    total = 0.0
    for row, fields in zip(rows, table, strict=True):
        for column, observed in zip((articles, earlier_articles), fields, strict=True):
            total += observed * log(observed * every / (row * column)) if observed else 0.0
    return before * articles / earlier_articles, 2 * total


def test_generated_questions_are_answered_as_the_definition_says(index):
    chance = random.Random(53)
    articles = [_in_fashion(generated(number, chance), chance) for number in range(400)]
    fill(index, *articles)
    fill(index, *(replace(one, change=2) for one in articles[::7]))  # rewritten, with deletions underneath
    some = 0
    for _ in range(60):
        field = chance.choice(("entity", "topic", "word"))
        filters = chance.choice((Filters(), Filters(), Filters(), generated_filters(chance)))
        filters = replace(filters, start=None, end=None)
        duplicates, word = (
            chance.choice(("fold", "fold", "keep", "only")),
            chance.choice((*WORDS, *[""] * 12)),
        )
        window, before = timedelta(hours=chance.randrange(20, 70)), timedelta(hours=chance.randrange(60, 300))
        end = NOW - timedelta(hours=chance.choice((0, 0, 0, 5, 100)))
        begin = end - window
        spans = ((begin, end), (begin - before, begin - TICK))
        found = [
            matches(articles, replace(filters, start=start, end=last), duplicates, word)
            for start, last in spans
        ]
        answer = trends(
            index, field, word, end=end, window=window, before=before, filters=filters, duplicates=duplicates
        )
        assert [(one.start, one.end, one.articles) for one in (answer.window, answer.before)] == [
            (*span, len(numbers)) for span, numbers in zip(spans, found, strict=True)
        ]
        counts = [
            Counter(v for number in numbers for v in _values(field, articles[number])) for numbers in found
        ]
        wanted = {}
        for value, now in counts[0].items():
            if now < 3 or not found[1] or (field == "word" and not _is_candidate(value, articles, found[0])):
                continue
            expected, score = expected_and_score(now, counts[1][value], len(found[0]), len(found[1]))
            if now > expected and score >= 6.63:
                wanted[value] = (now, counts[1][value], expected, score)
        assert {one.value: (one.now, one.before) for one in answer.trends} == {
            value: known[:2] for value, known in wanted.items()
        }, (field, filters, duplicates, word)
        for one in answer.trends:
            assert (one.expected, one.score) == pytest.approx(wanted[one.value][2:], abs=0.006)
        scores = [one.score for one in answer.trends]
        assert scores == sorted(scores, reverse=True)
        assert not answer.approximate
        assert not answer.partial
        some += bool(wanted)
    assert some >= 15


def _in_fashion(one, chance):
    """The same article, newer where it is of something that has come into fashion."""
    if not {"goal", "smith", "medtop:15000000"} & {
        v for field in ("word", "entity", "topic") for v in _values(field, one)
    }:
        return one
    return replace(one, published_at=NOW - timedelta(hours=chance.randrange(60)))


def _values(field: str, one) -> set[str]:
    return set(f"{one.title} {one.body}".split()) if field == "word" else values_of(field, one, ran=False)


def _is_candidate(word: str, articles, numbers) -> bool:
    """Whether two titles of one language have it: words are told apart by language."""
    titles = [articles[number] for number in numbers if word in articles[number].title.split()]
    return any(
        count >= 2 for count in Counter(one.language.split("-")[0] for one in titles).values()
    )  # fmt: skip


@pytest.fixture
def newsroom(index):
    """Smith in four of twenty articles of a day, and in one of eighty before; Jones in the same share."""
    fill(
        index,
        *(recent(number, "Zoë Smith", "Jones") for number in range(1, 5)),
        *(recent(number, "Jones") for number in range(5, 11)),
        *(recent(number) for number in range(11, 19)),
        recent(19, "Twice"),
        recent(20, "Twice"),
        earlier(100, "ZOE SMITH"),
        *(earlier(number, "Jones") for number in range(101, 141)),
        *(earlier(number) for number in range(141, 180)),
    )
    return index


def test_what_is_more_than_before_is_a_trend_and_what_is_as_much_is_none(newsroom):
    answer = trends(newsroom)
    assert told(answer) == [("zoe smith", 4, 1)]
    assert (answer.window.articles, answer.before.articles) == (20, 80)
    (one,) = answer.trends
    assert one.expected == round(1.5 * 20 / 80.5, 2)
    assert one.score == round(expected_and_score(4, 1, 20, 80)[1], 2)


def test_what_was_never_seen_is_a_trend_from_three_articles_on(newsroom):
    fill(
        newsroom,
        recent(21, "Newcomer", "Single"),
        recent(22, "Newcomer"),
        *(earlier(n) for n in range(200, 400)),
    )
    assert "newcomer" not in {value for value, _, _ in told(trends(newsroom))}
    fill(newsroom, recent(23, "Newcomer"))
    assert ("newcomer", 3, 0) in told(trends(newsroom))
    assert {"twice", "single"}.isdisjoint(value for value, _, _ in told(trends(newsroom)))


def test_what_is_less_than_before_is_no_trend(index):
    fill(
        index,
        *(recent(number, *(["Gone"] if number < 4 else [])) for number in range(1, 60)),
        *(earlier(number, "Gone") for number in range(100, 160)),
    )
    assert told(trends(index)) == []


def test_a_wire_story_that_forty_outlets_ran_counts_once(index):
    copies = tuple(Copy(f"{number:032x}", f"o{number}.example") for number in range(2, 42))
    wire = recent(1, "Smith", copies=copies)
    ran = [
        replace(
            wire, id=copy.id, sort_key=2_000_000 + at, copies=(), is_lead=False, verdict="duplicate",
            duplicate_of=wire.id,
        )
        for at, copy in enumerate(copies)
    ]  # fmt: skip
    fill(
        index,
        wire,
        *ran,
        *(recent(number) for number in range(50, 60)),
        *(earlier(n) for n in range(100, 200)),
    )
    folded, kept = trends(index), trends(index, duplicates="keep")
    assert (told(folded), folded.window.articles) == ([], 11)
    assert (told(kept), kept.window.articles) == ([("smith", 41, 0)], 51)


@pytest.mark.parametrize(("field", "value"), [("entity", "zoe smith"), ("word", "ferry")])
def test_a_count_is_the_total_of_the_search_filtered_by_the_value(newsroom, field, value):
    fill(
        newsroom,
        *(recent(n, title=f"Ferry {n}", body="It left.") for n in range(30, 33)),
        recent(33, title="At sea", body="Two ferries sank."),
        earlier(300, title="Harbour", body="A ferry's crew."),
        *(earlier(number) for number in range(400, 500)),
    )
    one = next(one for one in trends(newsroom, field).trends if one.value == value)
    answer = trends(newsroom, field)
    for span, count in ((answer.window, one.now), (answer.before, one.before)):
        filters = Filters(start=span.start, end=span.end)
        if field == "entity":
            assert ask(newsroom, filters=replace(filters, entity=(value,))).groups == count
        else:
            assert ask(newsroom, value, filters=filters).groups == count
    assert (one.now, one.before) == {"entity": (4, 1), "word": (4, 1)}[field]


def test_both_ends_of_a_window_are_in_it_and_every_moment_in_one_of_the_two(index):
    moments = {
        1: NOW, 2: NOW + TICK, 3: NOW - DAY, 4: NOW - DAY - TICK, 5: NOW - DAY - WEEK,
        6: NOW - DAY - WEEK - TICK, 7: None,
    }  # fmt: skip
    fill(index, *(article(number, published_at=moment) for number, moment in moments.items()))
    for end in (NOW, NOW + timedelta(microseconds=999)):
        answer = trends(index, end=end)
        assert (answer.window.articles, answer.before.articles) == (2, 2)
        assert (answer.window.end, answer.window.start) == (NOW, NOW - DAY)
        assert (answer.before.end, answer.before.start) == (NOW - DAY - TICK, NOW - DAY - WEEK)


def test_topics_are_counted_with_those_above_them(index):
    fill(
        index,
        *(recent(number, topics=(ECONOMY,)) for number in range(1, 6)),
        *(recent(number, topics=(SPORT,)) for number in range(6, 9)),
        *(earlier(number, topics=(SPORT,)) for number in range(100, 140)),
    )
    assert told(trends(index, "topic")) == [("medtop:04000000", 5, 0), ("medtop:20000344", 5, 0)]


def test_a_filter_on_the_counted_field_narrows_what_is_counted(newsroom):
    answer = trends(newsroom, filters=Filters(not_entity=("zoe smith",)))
    assert (answer.window.articles, told(answer)) == (16, [])
    answer = trends(newsroom, filters=Filters(entity=("zoe smith",)))
    assert (answer.window.articles, answer.before.articles) == (4, 1)


def test_words_are_told_in_the_form_that_most_titles_have(index):
    fill(
        index,
        recent(1, title="Ferries collide in fog"),
        recent(2, title="A Ferry sinks"),
        recent(3, title="The Ferry's captain is questioned"),
        recent(4, title="Quiet", body="Divers look for the ferries."),
        *(earlier(number, title="Council meets") for number in range(100, 160)),
    )
    answer = trends(index, "word")
    assert told(answer) == [("ferry", 4, 0)]
    assert answer.trends[0].name == "Ferry"


def test_words_that_say_nothing_and_numbers_are_no_trends(index):
    fill(
        index,
        *(recent(number, title="The 2026 of it, was 7 said") for number in range(1, 9)),
        *(earlier(number, title="Council meets") for number in range(100, 160)),
    )
    assert told(trends(index, "word")) == []


def test_a_word_of_one_title_alone_is_no_trend(index):
    quiet = [earlier(number, title="Council meets") for number in range(100, 160)]
    bodies = [recent(number, title="Quiet", body="The ferry sank.") for number in range(2, 9)]
    fill(index, recent(1, title="Ferry sinks"), *bodies, *quiet)
    assert "ferry" not in {value for value, _, _ in told(trends(index, "word"))}
    fill(index, recent(9, title="Ferry sinks"))
    assert ("ferry", 9, 0) in told(trends(index, "word"))


def test_words_of_a_script_without_spaces_are_pairs(index):
    fill(
        index,
        *(recent(n, title="地震 東京", body="余震が続く", language="ja") for n in range(1, 5)),
        *(earlier(n, title="天気", body="東京は晴れ", language="ja") for n in range(100, 160)),
    )
    assert told(trends(index, "word")) == [("地震", 4, 0)]


def test_what_readers_may_not_see_is_not_counted(newsroom):
    smith = [recent(number, "Zoë Smith", "Jones", change=2) for number in range(1, 5)]
    fill(newsroom, replace(smith[0], pub_status="withheld"), replace(smith[1], withdrawn=True))
    answer = trends(newsroom)
    assert (told(answer), answer.window.articles) == ([], 18)


def test_without_articles_before_nothing_is_unusual(index):
    fill(index, *(recent(number, "Smith") for number in range(1, 20)))
    answer = trends(index)
    assert (answer.trends, answer.window.articles, answer.before.articles) == ((), 19, 0)
    assert trends(index, end=NOW - WEEK).trends == ()


def test_the_size_keeps_those_with_the_highest_scores(index):
    names = [f"N{number:02}" for number in range(1, 30)]
    fill(
        index,
        *(recent(number, *names[number:]) for number in range(1, 29)),
        *(earlier(number) for number in range(100, 300)),
    )
    every = told(trends(index))
    assert len(every) == 26
    assert (
        told(trends(index, size=4))
        == every[:4]
        == [("n29", 28, 0), ("n28", 27, 0), ("n27", 26, 0), ("n26", 25, 0)]
    )


def test_where_not_all_candidates_were_looked_at_the_answer_says_so(index, monkeypatch):
    fill(
        index,
        *(recent(n, "A", "B", title="Ferry harbour", body="x") for n in range(1, 5)),
        *(earlier(n, title="Council") for n in range(100, 160)),
    )
    assert not trends(index).approximate
    assert not trends(index, "word").approximate
    monkeypatch.setattr(trends_module, "MOST_VALUES", 1)
    assert (told(trends(index)), trends(index).approximate) == ([("a", 4, 0)], True)
    monkeypatch.setattr(trends_module, "MOST_WORDS", 1)
    assert (len(trends(index, "word").trends), trends(index, "word").approximate) == (1, True)
    monkeypatch.setattr(trends_module, "MOST_WORDS", 100)
    monkeypatch.setattr(trends_module, "MOST_TITLES", 3)
    assert (len(trends(index, "word").trends), trends(index, "word").approximate) == (2, True)


def test_a_hundred_words_are_counted_at_once(index):
    names = [
        f"{first}{second}ton"
        for first in "bcdfghjklm"
        for second in ("a", "e", "i", "o", "u", "ai", "oi", "au", "ou", "ei")
    ]
    titles = [" ".join(names[at : at + 10]) for at in range(0, 100, 10)]
    fill(
        index,
        *(recent(n, title=title) for n, title in enumerate([*titles, *titles, *titles], 1)),
        *(earlier(n) for n in range(100, 300)),
    )
    answer = trends(index, "word")
    assert (len(answer.trends), answer.approximate) == (50, False)
    assert {(one.now, one.before) for one in answer.trends} == {(3, 0)}
    assert [one.value for one in answer.trends] == sorted(names)[:50]


def test_when_time_is_over_words_are_missing_and_the_answer_says_so(tmp_path):
    index = EmbeddedIndex(tmp_path / "index", writing=True, seconds=0.0)
    index.create()
    fill(
        index,
        *(recent(n, "A", title="Ferry harbour") for n in range(1, 5)),
        *(earlier(n, title="Council") for n in range(100, 160)),
    )
    assert (trends(index, "word").trends, trends(index, "word").partial) == ((), True)
    assert (told(trends(index)), trends(index).partial) == ([], True)
    index.close()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"size": 0}, "size"),
        ({"size": 51}, "size"),
        ({"window": timedelta(0)}, "window"),
        ({"before": -DAY}, "before"),
        ({"end": datetime(1, 1, 3, tzinfo=UTC)}, "to"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_its_name(index, given, field):
    with pytest.raises(InvalidRequest) as refused:
        trends(index, **given)
    assert refused.value.field == field


def test_topics_of_other_vocabularies_are_counted_too(index):
    local = Tag("local:1", "Harbour", 1.0)
    fill(
        index,
        *(recent(n, topics=(local,)) for n in range(1, 5)),
        *(earlier(n) for n in range(100, 160)),
    )
    assert told(trends(index, "topic")) == [("local:1", 4, 0)]


def test_without_an_index_there_are_no_trends(make_index):
    with pytest.raises(IndexMissing):
        trends(make_index())


def test_a_value_counted_after_more_was_written_is_no_fault():
    """As between two requests to a cluster: of five articles six have the value."""
    window, earlier = Span(NOW - timedelta(days=1), NOW, 5), Span(NOW - timedelta(days=8), NOW, 2)
    more = replace(window, articles=6), replace(earlier, articles=3)
    assert judge(6, 3, window, earlier) == judge(6, 3, *more)
