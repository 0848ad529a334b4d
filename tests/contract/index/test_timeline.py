"""Timelines: every bucket counts what was published in it, on every adapter and by definition."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.article import Tag
from shared.errors import InvalidRequest
from shared.index.parser import parse_query
from shared.index.port import Filters, Timeline, TimelineRequest
from tests.contract.index.corpus import NOW, article, ask, fill
from tests.contract.index.facts import WORDS, generated, generated_filters, matches, values_of

ARTICLES = 200
SEARCHES = 50
INTERVALS = ("hour", "day", "week", "month", "30m", "6h", "2d", "7d", "1000h")
NO_INTERVALS = ("", "year", "0h", "h", "-1d", "1.5h", "1w", "٣h", "DAY", "1000000m", "1d ")
LEAST = timedelta(milliseconds=1)


def count(index, word: str = "", **given) -> Timeline:
    return index.timeline(TimelineRequest(**{"now": NOW, "query": parse_query(word), **given}))


def start_of(moment: datetime, interval: str) -> datetime:
    """The beginning of the interval that a moment lies in, as people say it."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match interval:
        case "hour":
            return moment.replace(minute=0, second=0, microsecond=0)
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    step = length(interval)
    return epoch + (moment - epoch) // step * step


def length(interval: str) -> timedelta:
    number, unit = re.fullmatch(r"(\d+)(.)", interval).groups()
    return int(number) * {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[unit]


def next_start(start: datetime, interval: str) -> datetime:
    match interval:
        case "hour" | "day":
            return start + timedelta(**{f"{interval}s": 1})
        case "week":
            return start + timedelta(days=7)
        case "month":
            return (start + timedelta(days=31)).replace(day=1)
    return start + length(interval)


def buckets_of(articles, interval, split, ran) -> list[tuple]:
    """The buckets by definition: begin, last millisecond, count, split and the rest."""
    dated = [one for one in articles if one.published_at]
    counts = Counter(value for one in articles for value in values_of(split, one, ran=ran)) if split else {}
    top = [value for value, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:10]]
    found = []
    start = min((start_of(one.published_at, interval) for one in dated), default=NOW)
    while dated and start <= max(one.published_at for one in dated):
        end = next_start(start, interval)
        inside = [
            values_of(split or "source", one, ran=ran) for one in dated if start <= one.published_at < end
        ]
        told = {value: sum(value in values for values in inside) for value in top} if split else None
        rest = sum(not values & set(top) for values in inside) if split else None
        found.append((start, end - LEAST, len(inside), told, rest))
        start = end
    return found


def told(timeline: Timeline) -> list[tuple]:
    return [(one.start, one.end, one.count, one.split, one.other) for one in timeline.buckets]


def test_generated_timelines_are_what_their_definition_says(index):
    chance = random.Random(19)
    many = tuple(Tag(f"medtop:2000{number:04}", "x", 0.5) for number in range(12))
    articles = []
    for number in range(ARTICLES):
        one = generated(number, chance)
        more = (
            {"source": replace(one.source, id=f"s{chance.randrange(14)}.com")}
            if chance.random() < 0.6
            else {}
        )
        topics = tuple(dict.fromkeys((*one.topics, *chance.choices(many, k=chance.choice((0, 1, 2))))))
        articles.append(replace(one, topics=topics, **more))
    fill(index, *articles)
    fill(index, *(replace(one, change=2) for one in articles[::7]))  # rewritten, with deletions underneath
    for _ in range(SEARCHES):
        filters = chance.choice((Filters(), Filters(), generated_filters(chance)))
        duplicates, word = chance.choice(("fold", "fold", "keep", "only")), chance.choice((*WORDS, "", ""))
        interval, split = chance.choice(INTERVALS), chance.choice((None, "source", "topic"))
        asked = {"filters": filters, "duplicates": duplicates}
        found = [articles[number] for number in matches(articles, filters, duplicates, word)]
        timeline = count(index, word, interval=interval, split=split, **asked)
        assert told(timeline) == buckets_of(found, interval, split, duplicates == "fold"), (
            asked,
            interval,
            word,
        )
        undated = sum(one.published_at is None for one in found)
        assert (timeline.interval, timeline.total, timeline.undated) == (interval, len(found), undated)
        assert timeline.total == ask(index, word, **asked).groups


def at(number: int, *moment: int):
    return article(number, published_at=datetime(*moment, tzinfo=UTC))


def test_weeks_begin_on_monday_and_months_on_the_first_of_the_month(index):
    fill(index, at(1, 2024, 2, 25, 23, 59, 59), at(2, 2024, 2, 26), at(3, 2024, 2, 29, 12), at(4, 2024, 3, 1))

    def counts(interval):
        return [
            (f"{one.start:%a %d.%m.}", f"{one.end:%a %d.%m.}", one.count)
            for one in count(index, interval=interval).buckets
        ]

    assert counts("week") == [("Mon 19.02.", "Sun 25.02.", 1), ("Mon 26.02.", "Sun 03.03.", 3)]
    assert counts("month") == [("Thu 01.02.", "Thu 29.02.", 3), ("Fri 01.03.", "Sun 31.03.", 1)]


def test_empty_buckets_between_are_told_and_none_around(index):
    fill(index, at(1, 2026, 1, 1, 23), at(2, 2026, 1, 4, 1))
    assert [one.count for one in count(index).buckets] == [1, 0, 0, 1]


@pytest.mark.parametrize("interval", ["day", "month"])
def test_a_bucket_is_the_search_from_its_start_to_its_end(index, interval):
    chance = random.Random(23)
    fill(index, *(generated(number, chance) for number in range(80)))
    for one in count(index, interval=interval).buckets:
        assert ask(index, filters=Filters(start=one.start, end=one.end)).groups == one.count


def test_moments_before_1970_and_at_both_ends_of_time_are_counted(index):
    fill(index, at(1, 1, 1, 1), at(2, 1, 1, 1, 0, 30), article(9))
    early = Filters(end=datetime(100, 1, 1, tzinfo=UTC))
    for interval in ("hour", "week", "month", "7h", "400d"):
        (first,) = count(index, interval=interval, filters=early).buckets
        assert (first.start, first.count) == (datetime(1, 1, 1, tzinfo=UTC), 2)
    fill(index, at(3, 9999, 12, 31, 23, 59, 59), at(4, 1969, 12, 31, 23, 59))
    late = Filters(start=datetime(9999, 1, 1, tzinfo=UTC))
    for interval in ("hour", "week", "month", "7h", "400d"):
        (last,) = count(index, interval=interval, filters=late).buckets
        assert (f"{last.end:%Y-%m-%d %H:%M:%S.%f}", last.count) == ("9999-12-31 23:59:59.999000", 1)
    before = Filters(start=datetime(1969, 1, 1, tzinfo=UTC), end=datetime(1970, 1, 1, tzinfo=UTC))
    (eve,) = count(index, interval="hour", filters=before).buckets
    assert (eve.start, eve.count) == (datetime(1969, 12, 31, 23, tzinfo=UTC), 1)


@pytest.mark.parametrize(
    ("days", "interval", "said"),
    [
        (50, "hour", "would make 1,201 buckets, of which 1,000 are allowed; day would do"),
        (1_000, "day", "1,001 buckets, of which 1,000 are allowed; week would do"),
        (8_000, "1h", "month would do"),
        (40_000, "month", "41d would do"),
    ],
)
def test_too_many_buckets_are_refused_with_an_interval_that_would_do(index, days, interval, said):
    last = datetime(2026, 1, 1, tzinfo=UTC)
    fill(index, article(1, published_at=last), article(2, published_at=last - timedelta(days=days)))
    with pytest.raises(InvalidRequest, match=said) as refused:
        count(index, interval=interval)
    assert refused.value.field == "interval"
    would_do = re.search(r"(\w+) would do", refused.value.message)[1]
    assert sum(one.count for one in count(index, interval=would_do).buckets) == 2


def test_a_thousand_buckets_are_given(index):
    last = datetime(2026, 1, 1, tzinfo=UTC)
    fill(index, article(1, published_at=last), article(2, published_at=last - timedelta(days=999)))
    assert len(count(index, interval="day").buckets) == 1_000


@pytest.mark.parametrize("interval", NO_INTERVALS)
def test_what_is_no_interval_is_refused(index, interval):
    with pytest.raises(InvalidRequest, match="is no interval") as refused:
        count(index, interval=interval)
    assert refused.value.field == "interval"


def test_where_nothing_is_dated_there_is_no_bucket(index):
    assert count(index, split="source").total == 0
    fill(index, article(1, published_at=None), article(2, published_at=None))
    timeline = count(index, split="topic")
    assert (timeline.buckets, timeline.total, timeline.undated) == ((), 2, 2)
