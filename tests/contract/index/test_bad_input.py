"""Queries and values that are odd and allowed: no engine breaks on one, and all find what it says."""

from __future__ import annotations

import pytest

from shared.article import Entity
from shared.index.port import Filters
from tests.contract.index.corpus import article, ask, fill, matched

SIGNS = r'a.b+c[d]{2}|(e)^$&~#@"\x'
FACES = "\U0001f600" * 256
LONG = "x" * 512


@pytest.fixture(scope="module")
def filled(shared_index):
    fill(
        shared_index,
        article(1, "The ferry left", "A ferry of the harbour."),
        article(2, LONG, "\u00e9" * 512),
        article(3, "caf\u00e9 \U0001f600", "\u6771\u4eac\u90fd", language="ja"),
        article(4, authors=(SIGNS,), entities=(Entity(FACES, "person"),)),
        article(5, source="a.b+c", url=None),
    )
    return shared_index


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ferry\x00harbour", {1}),
        ("ferry\x07\x1b\x7f", {1}),
        ("\u202eferry\u202c \u200fharbour", {1}),
        ("\U0001f980 ferry \U0001f980", {1}),
        ("\ufeffferry", {1}),
        (LONG, {2}),
        ("\u00e9" * 512, {2}),
        ("x" * 511, {2}),  # words are told apart by their first 64 characters
        ("x" * 511 + "*", {2}),
        ("caf\u00e9", {3}),
        ("\u6771\u4eac" * 200, set()),
        (" OR ".join(["ferry"] * 32), {1}),
        (" OR ".join(f"w{number}" for number in range(31)) + " OR ferry", {1}),
        ("(" * 16 + "ferry" + ")" * 16, {1}),
        ("NOT " * 16 + "ferry", {1}),
        ('"' + "ferry " * 80 + '"', set()),
        ("fer* har* lef* nor* oar* pie* qua* riv*", set()),
        ("ferry near/50 harbour", {1}),
        ("-ferry -" + "y" * 500, {2, 3, 4, 5}),
        ('author:"a.b+c[d]{2}|(e)^$&~#@ \\x"', set()),
        ('source:"a.b+c"', {5}),
        ("source:a.b+c*", {5}),
        ("author:a.b+c[d]*", {4}),
        ("author:axb+*", set()),
        ("published:[0001-01-01 TO 9999-12-31]", {1, 2, 3, 4, 5}),
        ("published:<0001-01-02", set()),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_an_odd_query_finds_what_it_says(filled, query, found):
    page = ask(filled, query)
    assert matched(filled, query) == found
    assert (page.articles, page.groups, page.partial) == (len(found), len(found), False)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(author=(SIGNS,)), {4}),
        (Filters(author=(".*",)), set()),
        (Filters(entity=(FACES,)), {4}),
        (Filters(entity=("\U0001f601" * 256,)), set()),
        (Filters(not_author=(SIGNS,), not_entity=(FACES,)), {1, 2, 3, 5}),
        (Filters(source=tuple(f"{'s' * 240}{number}" for number in range(100))), set()),
        (Filters(not_source=tuple(f"{FACES}{number}" for number in range(100))), {1, 2, 3, 4, 5}),
        (Filters(topic=("medtop:" + "\U0001f600" * 249,)), set()),
        (Filters(language=("xx", "en\x00")), set()),
        (Filters(country=("de", "io"), source_countries={'"[^.]*\\': "de", "a.b+c": "io"}), {5}),
        (Filters(country=("de",), source_countries={'a"[^-]&&~#@.de': "at", "{2}.de": "at"}), set()),
        (Filters(min_words=0, max_words=1_000_000_000), {1, 2, 3, 4, 5}),
        (Filters(min_words=1_000_000_000), set()),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_an_odd_value_finds_what_has_it(filled, filters, found):
    assert matched(filled, filters=filters) == found
