"""Bad parameters row by row, at every address that searches: a 400 that names them, or an honest answer.

What a cursor may be is shown by ``test_cursors.py``; here only what is told apart.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from services.search.app import create_app
from services.search.cursors import Ahead, Cursors
from services.search.newsapi.params import EVERYTHING, HEADLINES, SOURCES
from shared.index.port import Mark
from shared.index.walking import KEEP_SECONDS
from shared.settings import Settings
from tests.unit.search.refusals import (
    ALL,
    ATOM,
    CSV,
    DESK,
    EVERY,
    FEED,
    HEAD,
    LISTED,
    LISTED_TOO,
    NDJSON,
    OURS,
    PAGED,
    RSS,
    SEARCH,
    SUGGEST,
    THEIRS,
    TIMELINE,
    Address,
    each,
    is_right,
    refusal,
)

# Numbers

NO_NUMBERS = (
    "1000000000",
    "9" * 5_000,
    "-1",
    "abc",
    "1.5",
    "1e2",
    "0x10",
    "",
    "\u0663",
    "1_0",
    "NaN",
    "+1",
    "null",
)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: ascii(value)[:12])
@pytest.mark.parametrize(
    ("address", "name"),
    [
        *((address, name) for address in PAGED for name in ("size", "offset")),
        (SEARCH, "facet_size"),
        (SUGGEST, "size"),
        (SEARCH, "min_words"),
        (DESK, "max_words"),
        (TIMELINE, "min_words"),
        (NDJSON, "max_words"),
    ],
    ids=str,
)
def test_what_is_no_number_or_too_high_is_refused_by_the_name_of_the_parameter(client, address, name, value):
    if (name.endswith("_words") and value == "1000000000") or (address is DESK and not value):
        is_right(client, address, f"{name}={value}")  # as high as it may be; left empty in a form
        return
    needs = "q=ferry&" if address is SUGGEST else ""
    found = refusal(client, address, f"{needs}{name}={quote(value)}")
    assert (found.field, found.position) == (name, None)
    assert "must be a whole number from" in found.words
    assert value[:50] in found.words


@pytest.mark.parametrize(
    "value", [value for value in NO_NUMBERS if value], ids=lambda value: ascii(value)[:12]
)
@pytest.mark.parametrize("name", ["pageSize", "page"])
@each(THEIRS)
def test_newsapi_refuses_what_is_no_number_too(client, address, name, value):
    if name == "page" and value == "1000000000":
        value = "999999999"
        answer = client.get(address.asked(f"q=ferry&page={value}"))
        assert (answer.status_code, answer.json["code"]) == (426, "maximumResultsReached")
        return
    found = refusal(client, address, f"q=ferry&{name}={quote(value)}")
    assert found.field == name
    assert "must be a whole number from 1" in found.words


@each(THEIRS)
def test_newsapi_takes_an_empty_number_for_none(client, address):
    assert is_right(client, address, "q=ferry&pageSize=&page=").json["totalResults"] in (1, 2)


@each(PAGED)
def test_a_page_beyond_the_last_that_can_be_reached_is_refused_and_one_beyond_the_hits_is_empty(
    client, address
):
    assert refusal(client, address, "offset=9990&size=11").field == "offset"
    answer = is_right(client, address, "offset=9990&size=10")
    if address is SEARCH:
        assert answer.json["hits"] == []


# Sorting by a field of text, and ranges that end before they begin


@pytest.mark.parametrize("value", ["title", "body", "-title", "title:asc", "_score", "published_at", ""])
@each((SEARCH, NDJSON, CSV, RSS, ATOM, FEED))
def test_sorting_by_what_is_no_order_is_refused(client, address, value):
    found = refusal(client, address, f"sort={value}")
    assert (found.field, found.words) == ("sort", f'must be relevance or newest or oldest, not "{value}"')


def test_the_desk_refuses_another_order_too_and_takes_an_empty_one_as_its_form_sends_it(client):
    assert refusal(client, DESK, "sort=title").field == "sort"
    is_right(client, DESK, "q=ferry&sort=")


@pytest.mark.parametrize("value", ["title", "newest", "publishedat"])
def test_newsapi_refuses_another_order_by_its_name(client, value):
    found = refusal(client, EVERY, f"q=ferry&sortBy={value}")
    assert found.field == "sortBy"
    assert "must be one of relevancy, popularity, publishedAt" in found.words


REVERSED = (
    ("from=2026-02-01&to=2026-01-31", "from", "is after to"),
    ("from=2026-02-01T00:00:01Z&to=2026-02-01T00:00:00Z", "from", "is after to"),
    ("from=now&to=now-7d", "from", "is after to"),
    ("from=9999-12-31&to=0001-01-01", "from", "is after to"),
    ("min_words=10&max_words=9", "min_words", "is more than max_words (10 to 9)"),
)


@pytest.mark.parametrize(("query", "field", "words"), REVERSED, ids=lambda value: str(value)[:40])
@each(OURS)
def test_a_range_that_ends_before_it_begins_is_refused_and_not_answered_with_nothing(
    client, address, query, field, words
):
    found = refusal(client, address, query)
    assert found.field == field
    assert words in found.words


def test_newsapi_refuses_a_reversed_range_too(client):
    assert refusal(client, EVERY, "q=ferry&from=2026-02-02&to=2026-02-01").words == "is after to"


LONG_LISTS = (
    ("source=" + ",".join(f"s{number}.example" for number in range(7_000)), "source", "at most 100"),
    ("-domain=" + ",".join(f"s{number}.example" for number in range(6_000)), "-domain", "at most 100"),
    ("topic=" + ",".join(f"t:{number}" for number in range(10_000)), "topic", "at most 100"),
    ("entity=" + quote('"') * 33_000, "entity", "longer than 256"),
    ("entity=" + quote('"",') * 14_000, "entity", "empty value"),
    ("-author=" + ",".join(map(str, range(20_000))), "-author", "at most 100"),
    ("author=" + quote('"a,') * 16_000 + "b" * 300, "author", "longer than 256"),
    ("language=" + "en-" * 30_000, "language", "longer than 256"),
)


@pytest.mark.parametrize(("query", "field", "words"), LONG_LISTS, ids=lambda value: str(value)[:14])
@each(OURS)
def test_a_list_of_a_hundred_kilobytes_is_refused_by_the_name_of_its_filter(
    client, address, query, field, words
):
    found = refusal(client, address, query)
    assert found.field == field
    assert words in found.words


@pytest.mark.parametrize(
    "query", ["source=" + "," * 100_000, "country=" + "de," * 30_000], ids=["none", "de"]
)
@each(OURS[:-1])  # the desk takes what is empty for left out
def test_an_endless_list_of_nothing_is_refused_as_empty(client, address, query):
    found = refusal(client, address, query)
    assert found.field == query.partition("=")[0]
    assert "empty value" in found.words


# Every parameter of every address: twice, empty, and ten thousand characters long

ADDRESSES = {one.path: one for one in (SEARCH, TIMELINE, SUGGEST, NDJSON, RSS, ATOM, FEED)}
LISTS = {
    sign + name
    for sign in ("", "-")
    for name in ("source", "language", "topic", "story", "domain", "country", "entity", "author")
} | {"facets", "fields"}
GOOD = {
    "source": "harbour.example", "language": "en", "topic": "medtop:04000000", "story": "0" * 32,
    "domain": "harbour.example", "country": "de", "entity": "Port Selby", "author": "Desk reporter",
    "facets": "source", "fields": "title",
}  # fmt: skip


def described(client: FlaskClient) -> list[tuple[Address, str]]:
    paths = client.get("/openapi.json").json["paths"]
    return [
        (address, one["name"])
        for path, address in ADDRESSES.items()
        for one in paths[path]["get"]["parameters"]
        if one["in"] == "query"
    ]


def test_every_parameter_that_is_described_is_refused_when_it_is_given_twice_unless_it_is_a_list(client):
    tried = described(client)
    assert len(tried) > 150
    for plain, name in tried:
        address = needing(plain, name)
        if name in LISTS:
            is_right(
                client,
                address,
                f"{name}={GOOD[name.removeprefix('-')]}&{name}={GOOD[name.removeprefix('-')]}",
            )
        else:
            found = refusal(client, address, f"{name}=1&{name}=1")
            assert found.field == name, (address, found)
            assert "times; give it once" in found.words or "must be given once" in found.words, (
                address,
                found,
            )


def test_every_parameter_that_is_described_is_refused_when_it_is_empty_but_for_the_words(client):
    for address, name in described(client):
        if name == "q" and address is not SUGGEST:
            is_right(client, address, "q=")
        else:
            assert refusal(client, needing(address, name), f"{name}=").field == name, address


def test_every_parameter_that_is_described_is_refused_when_it_is_ten_thousand_characters_long(client):
    for address, name in described(client):
        found = refusal(client, needing(address, name), f"{name}={'x' * 10_000}")
        assert found.field == name, (address, found)
        assert len(found.words) < 800  # it is not sent back whole


def needing(address: Address, name: str) -> Address:
    if address is SUGGEST and name != "q":
        return Address(address.path, "q=ferry")
    return Address(address.path) if address is NDJSON and name == "format" else address


@pytest.mark.parametrize(
    ("address", "names"),
    [(EVERY, EVERYTHING), (HEAD, HEADLINES), (LISTED, SOURCES), (LISTED_TOO, SOURCES)],
    ids=str,
)
def test_newsapi_refuses_every_parameter_given_twice_or_endless_and_takes_an_empty_one_for_none(
    client, address, names
):
    for name in names:
        needs = "" if name == "q" or address in (LISTED, LISTED_TOO) else "q=ferry&"
        found = refusal(client, address, f"{needs}{name}=1&{name}=1")
        assert (found.field, found.words) == (name, "is given 2 times; give it once")
        if (address, name) == (EVERY, "sources"):  # one that does not exist is told by another code
            assert refusal(client, address, f"{needs}{name}={'x' * 10_000}").words.startswith(
                "must have at most"
            )
        else:
            found = refusal(client, address, f"{needs}{name}={'x' * 10_000}")
            assert found.field == name
            assert len(found.words) < 300
        other = "qInTitle=ferry" if name == "q" and address is EVERY else "language=en" if name == "q" else ""
        is_right(client, address, "&".join(part for part in (needs.rstrip("&"), other, f"{name}=") if part))


@each(ALL)
def test_a_parameter_that_is_none_is_named(client, address):
    found = refusal(client, address, "hilight=1")
    assert found.field == "hilight"
    assert "is not a parameter of this address" in found.words


# Cursors: what is told apart


@pytest.fixture(scope="module")
def cursors(client: FlaskClient) -> tuple[str, str]:
    """The cursors of two searches."""
    one, other = (client.get(f"/v1/search?q={word}&size=1").json["next"] for word in ("harbour", "-nothing"))
    assert one
    assert other
    return one, other


def test_a_cursor_that_was_forged_cut_or_put_together_from_two_is_refused(client, cursors):
    one, other = cursors
    half = len(one) // 2
    for wrong in (
        "x" * 200,
        one[:half],
        one[half:],
        one[:half] + other[half:],
        other + one,
        one.swapcase(),
        one[::-1],
    ):
        found = refusal(client, SEARCH, f"cursor={wrong}")
        assert (found.field, found.position) == ("cursor", None)
        assert "is none of this service" in found.words
    is_right(client, SEARCH, f"cursor={one}")


def test_the_cursor_of_another_deployment_is_refused(client, newsroom, tmp_path):
    settings = Settings(data_dir=tmp_path, cursor_secret="another secret of theirs")
    theirs = create_app(settings, newsroom.index, newsroom.ledger).test_client()
    foreign = theirs.get("/v1/search?q=harbour&size=1").json["next"]
    assert "is none of this service" in refusal(client, SEARCH, f"cursor={foreign}").words


def test_a_cursor_with_other_parameters_is_refused_by_their_names(client, cursors):
    for others in ("q=ferry", "size=5", "sort=title", "from=2026-02-01&to=2026-01-01"):
        found = refusal(client, SEARCH, f"cursor={cursors[0]}&{others}")
        assert found.field == others.partition("=")[0]
        assert "may not stand beside a cursor" in found.words


def test_an_expired_cursor_is_gone_and_not_wrong(client, newsroom):
    made = datetime.now(UTC) - timedelta(seconds=KEEP_SECONDS + 1)
    old = Cursors(newsroom.settings).write(Ahead(b"q=harbour", made, Mark()), made)
    answer = client.get(f"/v1/search?cursor={old}")
    assert (answer.status_code, answer.content_type) == (410, "application/problem+json")
    assert answer.json["errors"] == [{"field": "cursor", "message": "has expired"}]


@each((TIMELINE, SUGGEST, NDJSON, RSS, ATOM, FEED, DESK, EVERY, HEAD, LISTED))
def test_a_cursor_where_there_are_none_is_an_unknown_parameter(client, cursors, address):
    found = refusal(client, address, f"cursor={cursors[0]}")
    assert found.field == "cursor"
    assert "is not a parameter of this address" in found.words
