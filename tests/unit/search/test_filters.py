"""The filters of the search API: each parameter and its negative twin, and every wrong value."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest

from services.search.params import NAME_PARAMETERS, PARAMETERS, read_search
from shared.article import Entity
from shared.index.keywords import KEYWORDS
from tests.unit.search.conftest import open_newsroom

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TEXAS = quote('"Paris, Texas"')


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with open_newsroom(tmp_path_factory.mktemp("filters")) as newsroom:
        lead = newsroom.publish(
            "Ferry",
            "The ferry left the harbour.",
            source="coast.example",
            url="https://news.coast.example/ferry",
            authors=("Zoë Smith",),
            entities=(Entity("Paris, Texas", "place"), Entity("Peña Nieto", "person")),
            image_url="https://coast.example/ferry.png",
        )
        newsroom.publish(
            "Ferry",
            "The ferry left the harbour.",
            source="wire",
            url="https://www.wire.co.uk/1",
            copy_of=lead,
        )
        newsroom.publish("Dues", "Dues rise.", source="port.example", authors=("Ann Lee", "Zoe Smith"))
        yield newsroom.client()


def titles(client, query: str) -> list[str]:
    answer = client.get(f"/v1/search?{query}")
    assert answer.status_code == 200, answer.text
    return sorted(hit["title"] for hit in answer.json["hits"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Dues", "Ferry"]),
        ("domain=coast.example", ["Ferry"]),
        ("domain=NEWS.coast.example", ["Ferry"]),
        ("domain=www.port.example,coast.example", ["Dues", "Ferry"]),
        ("domain=wire.co.uk", ["Ferry"]),  # where its copy ran
        ("domain=wire.co.uk&duplicates=only", ["Ferry"]),
        ("domain=coast.example&duplicates=only", []),
        ("-domain=coast.example", ["Dues"]),
        ("-domain=wire.co.uk", ["Dues", "Ferry"]),
        ("author=zoe+smith", ["Dues", "Ferry"]),
        ("author=ANN+LEE", ["Dues"]),
        ("author=Smith", []),
        ("-author=ann+lee", ["Ferry"]),
        ("entity=pena+nieto", ["Ferry"]),
        (f"entity={TEXAS}", ["Ferry"]),
        (f"entity=+{TEXAS}+,nobody", ["Ferry"]),
        (f"-entity={TEXAS}", ["Dues"]),
        ("entity=Paris,Texas", []),
        ("min_words=3", ["Ferry"]),
        ("max_words=2", ["Dues"]),
        ("min_words=2&max_words=5", ["Dues", "Ferry"]),
        ("has_image=true", ["Ferry"]),
        ("has_image=false", ["Dues"]),
    ],
)
def test_each_filter_lets_through_what_it_names(client, query, found):
    assert titles(client, query) == found


def test_what_was_indexed_since_a_moment_is_found(empty_newsroom):
    article_id = empty_newsroom.publish("Ferry", "The ferry left the harbour.")
    (article,) = empty_newsroom.index.get([article_id], datetime.now(UTC))
    at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    empty_newsroom.index.write([replace(article, change=article.change + 1, indexed_at=at)])
    client = empty_newsroom.client()
    assert titles(client, "indexed_since=2026-11-20") == ["Ferry"]
    assert titles(client, "indexed_since=2026-11-20T12:00:00Z") == ["Ferry"]
    assert titles(client, "indexed_since=2026-11-20T12:00:01Z") == []


@pytest.mark.parametrize(
    ("query", "name", "said"),
    [
        ("domain=not+a+host", "domain", "is no host name"),
        ("domain=http://a.com", "domain", "is no host name"),
        ("domain=", "domain", "empty value"),
        ("-domain=a..b", "-domain", "is no host name"),
        ("domain=co.uk", "domain", "belongs to no one site"),
        ("domain=com", "domain", "belongs to no one site"),
        ("entity=", "entity", "empty value"),
        ("entity=a,,b", "entity", "empty value"),
        ("entity=%22%22", "entity", "empty value"),
        ("-entity=a%07", "-entity", "control character"),
        ("author=" + "x" * 257, "author", "longer than 256"),
        ("-author=" + ",".join(map(str, range(101))), "-author", "101 values"),
        ("min_words=-1", "min_words", "whole number"),
        ("max_words=1e3", "max_words", "whole number"),
        ("min_words=10000000000", "min_words", "whole number"),
        ("min_words=2&max_words=1", "min_words", "more than max_words (2 to 1)"),
        ("min_words=1&min_words=2", "min_words", "2 times"),
        ("has_image=yes", "has_image", "true or false"),
        ("has_image=", "has_image", "true or false"),
        ("indexed_since=yesterday", "indexed_since", "is not a date"),
        ("indexed_since=2026-01-31T18:00:00", "indexed_since", "no time zone"),
        ("-has_image=true", "-has_image", "is not a parameter"),
    ],
)
def test_a_wrong_value_is_a_400_that_names_the_parameter(client, query, name, said):
    answer = client.get(f"/v1/search?{query}")
    assert answer.status_code == 400
    (error,) = answer.json["errors"]
    assert error["field"] == name
    assert said in error["message"]


@pytest.mark.parametrize("name", KEYWORDS)
def test_every_keyword_has_a_parameter_and_a_negative_twin_that_are_read(name):
    value = (
        "0123456789abcdef" * 2 if name == "story" else "medtop:04000000" if name == "topic" else "en.example"
    )
    value = {"language": "en", "country": "de"}.get(name, value)
    assert {name, f"-{name}"} <= set(PARAMETERS)
    filters = read_search(urlencode({name: value, f"-{name}": value}).encode(), NOW).request.filters
    assert getattr(filters, name) == getattr(filters, f"not_{name}") == (value,)


@pytest.mark.parametrize("name", NAME_PARAMETERS)
def test_a_quote_that_does_not_close_is_a_part_of_the_name(name):
    filters = read_search(urlencode({name: '"a, b" c, 5", d'}).encode(), NOW).request.filters
    field = name.replace("-", "not_")
    assert getattr(filters, field) == ('"a', 'b" c', '5"', "d")
