"""Query strings to search requests: what is read, and how every wrong one is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.params import MAX_PARAMETERS, PARAMETERS, Wanted, read_pairs, read_search
from shared.errors import InvalidRequest
from shared.fields import errors_of
from shared.index.query import Word

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def read(query: str | bytes) -> Wanted:
    return read_search(query.encode() if isinstance(query, str) else query, NOW)


def refused(query: str | bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read(query)
    return caught.value


def test_an_empty_query_string_asks_for_the_newest_twenty():
    wanted = read("")
    assert wanted.request.query is None
    assert (wanted.request.sort, wanted.request.size, wanted.request.offset) == ("newest", 20, 0)
    assert wanted.request.duplicates == "fold"
    assert wanted.request.now == NOW
    assert not wanted.highlight


def test_words_are_sorted_by_relevance_unless_told_otherwise():
    assert read("q=ferry").request.sort == "relevance"
    assert read("q=ferry&sort=oldest").request.sort == "oldest"
    assert isinstance(read("q=ferry").request.query, Word)
    assert read("q=ferry").text == "ferry"


def test_a_comma_and_a_repeated_filter_both_mean_or():
    filters = read("source=a.example,b.example&source=c.example&source=a.example").request.filters
    assert filters.source == ("a.example", "b.example", "c.example")


def test_a_leading_minus_names_the_negative_twin():
    filters = read("-source=a.example&-language=en&-topic=medtop:04000000").request.filters
    assert filters.not_source == ("a.example",)
    assert filters.not_language == ("en",)
    assert filters.not_topic == ("medtop:04000000",)
    assert filters.source == filters.language == filters.topic == ()


STORY = "0123456789abcdef" * 2


def test_stories_are_kept_apart_unless_they_are_to_be_folded():
    assert read("").request.stories == "keep"
    assert read("stories=keep").request.stories == "keep"
    assert read("stories=fold&duplicates=keep").request.stories == "fold"


def test_a_story_is_asked_for_and_left_out_by_its_id():
    filters = read(f"story={STORY.upper()},{'f' * 32}&-story={STORY}").request.filters
    assert filters.story == (STORY, "f" * 32)
    assert filters.not_story == (STORY,)


def test_a_source_is_read_as_it_is_stored():
    assert read("source=WWW.Harbour.Example").request.filters.source == ("harbour.example",)


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("from=2026-01-31", datetime(2026, 1, 31, tzinfo=UTC), None),
        ("to=2026-01-31", None, datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("from=2026-01-31&to=2026-01-31", datetime(2026, 1, 31, tzinfo=UTC),
         datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("from=2026-01-31T18:00:00Z", datetime(2026, 1, 31, 18, tzinfo=UTC), None),
        ("from=2026-01-31t18:00:00z", datetime(2026, 1, 31, 18, tzinfo=UTC), None),
        ("from=2026-01-31T18:00:00.123456789Z", datetime(2026, 1, 31, 18, 0, 0, 123_456, tzinfo=UTC), None),
        ("from=2026-01-31T18:00:00%2B02:00", datetime(2026, 1, 31, 16, tzinfo=UTC), None),
        # A plus sign that was not encoded arrives as a space.
        ("from=2026-01-31T18:00:00+02:00", datetime(2026, 1, 31, 16, tzinfo=UTC), None),
        ("from=2026-01-31%2018:00-05:00", datetime(2026, 1, 31, 23, tzinfo=UTC), None),
        ("to=2026-01-31T18:00:00Z", None, datetime(2026, 1, 31, 18, tzinfo=UTC)),
        ("from=2026-01&to=2026-02", datetime(2026, 1, 1, tzinfo=UTC),
         datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("from=now-7d&to=now", datetime(2026, 11, 17, 12, tzinfo=UTC), NOW),
        ("from=now-1M/M", datetime(2026, 10, 1, tzinfo=UTC), None),
        ("to=now/d", None, datetime(2026, 11, 24, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("to=now%2B1h", None, datetime(2026, 11, 24, 13, tzinfo=UTC)),
        ("to=now+1h", None, datetime(2026, 11, 24, 13, tzinfo=UTC)),  # a plus that was not written as %2B
        ("from=2026-01-31||-1M", datetime(2025, 12, 31, tzinfo=UTC), None),
        ("to=9999-12-31", None, datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_dates_bound_the_search_and_a_bare_end_means_its_whole_day(query, start, end):
    filters = read(query).request.filters
    assert (filters.start, filters.end) == (start, end)


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("size=-1", "size", "whole number from 0 to 100"),
        ("size=101", "size", "100"),
        ("size=1000000000", "size", "100"),
        ("size=1e2", "size", "whole number"),
        ("size=", "size", "whole number"),
        ("size=٣", "size", "whole number"),
        ("size=1_0", "size", "whole number"),
        ("size=" + "9" * 5000, "size", "whole number"),
        ("size=10&size=20", "size", "2 times"),
        ("offset=-1", "offset", "whole number"),
        ("offset=1000000000", "offset", "10,000"),
        ("offset=9990&size=11", "offset", "10,000"),
        ("sort=title", "sort", "relevance or newest or oldest"),
        ("sort=_score:desc", "sort", "relevance"),
        ("duplicates=all", "duplicates", "fold or keep or only"),
        ("stories=only", "stories", "keep or fold"),
        ("stories=fold&stories=fold", "stories", "2 times"),
        ("stories=fold&offset=9990&size=11", "offset", "10,000"),
        ("story=", "story", "empty value"),
        ("story=ferry", "story", "32 hex digits"),
        ("story=" + "a" * 33, "story", "32 hex digits"),
        ("-story=" + "g" * 32, "-story", "32 hex digits"),
        ("highlight=yes", "highlight", "true or false"),
        ("from=1000000000", "from", "not a date"),
        ("from=2026-02-29", "from", "not a date"),
        ("from=2026-13-01", "from", "not a date"),
        ("from=yesterday", "from", "not a date"),
        ("from=now-7", "from", "now-7d"),
        ("from=now-9999y", "from", "not a date"),
        ("indexed_since=now-7D", "indexed_since", "not a date"),
        ("from=now&to=now-1d", "from", "is after to"),
        ("from=", "from", "not a date"),
        ("from=0001-01-01T00:00:00%2B14:00", "from", "not a date"),
        ("from=2026-01-31T18:00:00", "from", "time zone"),
        ("from=2026-01-31T25:00:00Z", "from", "not a date"),
        ("to=2026-01-31T18:00:00Zulu", "to", "not a date"),
        ("to=2026-01-31T18:00:00%2B99:99", "to", "not a date"),
        ("from=2026-02-01&to=2026-01-31", "from", "is after to"),
        ("from=2026-01-01&from=2026-01-02", "from", "2 times"),
        ("source=", "source", "empty value"),
        ("source=a.example,,b.example", "source", "empty value"),
        ("source=a%00b", "source", "control character"),
        ("source=a%0d%0aX-Evil:1", "source", "control character"),
        ("-source=a%22b", "-source", "quotes"),
        ("topic=" + "x" * 300, "topic", "longer than 256"),
        ("topic=" + ",".join(f"t:{n}" for n in range(101)), "topic", "at most 100"),
        ("language=english!", "language", "not a language code"),
        ("-language=%F0%9F%98%80", "-language", "not a language code"),
        ("fields=title,_source", "fields", "no such field"),
        ("fields=removed", "fields", "no such field"),
        ("q=a&q=b", "q", "2 times"),
        ("q=%ff%fe", "query string", "UTF-8"),
        (b"q=\xff", "query string", "UTF-8"),
        ("&".join(f"source=s{n}" for n in range(MAX_PARAMETERS + 1)), "query string", "parameters"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_the_name_of_its_parameter(query, field, said):
    error = refused(query)
    assert error.field == field
    assert said in error.message


@pytest.mark.parametrize(
    ("query", "names", "said"),
    [
        ("pageSize=10", ["pageSize"], "there are q,"),
        ("sources=a.example", ["sources"], 'did you mean "source"?'),
        ("hilight=true", ["hilight"], 'did you mean "highlight"?'),
        ("cursor=forged", ["cursor"], "is not a parameter"),
        ("Q=ferry", ["Q"], "is not a parameter"),
        ("=x", ['""'], "is not a parameter"),
        ("foo=1&bar=2&q=ferry", ["foo", "bar"], "is not a parameter"),
    ],
)
def test_unknown_parameters_are_all_named(query, names, said):
    error = refused(query)
    assert [item.field for item in errors_of(error)] == names
    assert said in error.message


def test_fields_are_chosen_in_the_order_asked():
    assert read("fields=title,url").fields == ("title", "url")


def test_size_zero_asks_for_totals_only():
    assert read("size=0").request.size == 0


def test_the_last_hit_that_can_be_reached_is_the_ten_thousandth():
    assert read("offset=9980").request.offset == 9980


def test_an_error_in_the_words_points_at_its_place():
    error = refused("q=ferry%20(")
    assert error.field == "q"
    assert error.position == 6


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(query):
    try:
        read_pairs(query)
    except InvalidRequest as error:
        assert error.field == "query string"  # noqa: PT017


values = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.tuples(st.sampled_from(PARAMETERS), values), max_size=5))
def test_any_values_of_known_parameters_are_read_or_refused_by_name(pairs):
    try:
        wanted = read(urlencode(pairs))
    except InvalidRequest as error:
        assert error.field in PARAMETERS  # noqa: PT017
    else:
        assert 0 <= wanted.request.size <= 100
