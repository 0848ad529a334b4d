"""Bad queries row by row, at every address that searches: a 400 with their place, or an honest answer.

What a query may be is the parser's (``tests/unit/index/test_parser.py``); here the same rows are put to every
address, as people and programs send them. ``test_bad_parameters.py`` has what stands beside the query.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest

from services.search.params import MAX_PARAMETERS
from shared.errors import InvalidRequest
from shared.index.parser import parse_query
from tests.unit.search.refusals import (
    ALL,
    DESK,
    EVERY,
    OURS,
    SEARCH,
    SUGGEST,
    THEIRS,
    TIMELINE,
    each,
    is_right,
    of_newsapi,
    of_page,
    of_problem,
    refusal,
)

# Queries that cannot be read: rows 64 to 68 of the list, and what people paste

REFUSED = {
    "*": (0, "an empty query matches everything"),
    "**": (0, "an empty query matches everything"),
    "ferry AND **": (10, "an empty query matches everything"),
    "a*b*c*": (1, "A star stands at the end of a word"),
    "*erry": (0, "A star stands at the end of a word"),
    "fe*": (0, "at least 3 letters"),
    '"open harb*"': (10, "no meaning inside quotation marks"),
    "/.*/": (2, "A star stands at the end of a word"),
    "/fer+y/": (0, "Regular expressions cannot be searched for"),
    "ferry /h[ab]rbour/": (6, "Regular expressions cannot be searched for"),
    "_exists_:x": (0, "There is no field _exists_:"),
    "ferry _missing_:title": (6, "There is no field _missing_:"),
    "_id:abc": (0, "There is no field _id:"),
    "title.keyword:x": (0, "There is no field title.keyword:"),
    '"never closed': (0, "is never closed"),
    'ferry "never closed': (6, "is never closed"),
    "(": (0, "nothing in these brackets"),
    "ferry (harbour": (6, "is never closed"),
    "harbour)": (7, "has no opening one"),
    ")(": (0, "has no opening one"),
    "()": (0, "nothing in these brackets"),
    '""': (0, "nothing between these quotation marks"),
    "ferry AND": (6, "missing after AND"),
    "OR ferry": (0, "OR needs something on both sides"),
    "NOT": (0, "missing after NOT"),
    "ferry near/0 harbour": (6, "no usable number"),
    "ferry near/999999999999 harbour": (6, "no usable number"),
    "title:": (6, "A value is missing after title:"),
    "topic:economy": (6, "no code with its prefix"),
    "country:germany": (8, "no code of a country"),
    "domain:com": (7, "belongs to no one site"),
    "http://harbour.example/a": (0, "put it in quotation marks"),
    "published:[2026-02-01 TO 2026-01-01]": (10, "ends before it begins"),
    "ferry published:[now TO now-1d]": (6, "ends before it begins"),
    "published:[x TO y]": (11, "date"),
    "published:2026-02-30": (10, "date"),
    "published:[2026-01-01": (10, "range"),
    "'; DROP TABLE articles; --": (24, "missing after -"),
    "ferry~2": (0, "have no meaning here"),
    "ferry^5": (0, "have no meaning here"),
    "!ferry": (0, "NOT or - before a word"),
    " OR ".join(["ferry"] * 33): (288, "at most 32"),
    " ".join(f"fer{letter}*" for letter in "abcdefghi"): (48, "at most 8 words with a star"),
    "(" * 17 + "a" + ")" * 17: (16, "nested more than 16 deep"),
    "NOT " * 17 + "a": (64, "nested more than 16 deep"),
    " OR ".join(["ferry"] * 1_000): (512, "8,996 characters long; at most 512"),
    "x" * 513: (512, "513 characters long"),
    "\u00e9" * 513: (512, "513 characters long"),
    "\U0001f600" * 513: (512, "513 characters long"),
    "x" * 100_000: (512, "100,000 characters long"),
    "(" * 100_000: (512, "100,000 characters long"),
    "\x00": (0, "no letter or digit"),
    "\x07\x1b\x7f": (0, "no letter or digit"),
    "\U0001f600": (0, "no letter or digit"),
    "\U0001f469\u200d\U0001f680": (0, "no letter or digit"),
    "\u200f\u202e": (0, "no letter or digit"),
    "\ufffe\uffff": (0, "no letter or digit"),
    "?!&": (0, "no letter or digit"),
    'title:"\U0001f600"': (6, "no letter or digit"),
}  # fmt: skip


@each(OURS)
@pytest.mark.parametrize("query", REFUSED, ids=lambda query: ascii(query)[:40])
def test_a_query_that_cannot_be_read_is_refused_with_its_place(client, address, query):
    position, words = REFUSED[query]
    found = refusal(client, address, f"q={quote(query)}")
    assert (found.field, found.position) == ("q", position), found
    assert words in found.words


# Honest answers: what was understood is told

ODD = {
    "a\x00b": "a AND b",
    "ferry\r\nX-Evil: 1": "ferry AND X-Evil AND 1",
    "\x1bferry\x7f": "ferry",
    "\U0001f980 ferry \U0001f980": "ferry",
    "\u202eferry\u202c": "ferry",
    "\u200fferry": "ferry",
    "\ufeffferry": "ferry",
    "caf\u00e9": "caf\u00e9",
    "\u0130stanbul \u1e9e": "\u0130stanbul AND \u1e9e",
    "\u65b0\u3057\u3044": "\u65b0\u3057\u3044",
    "100%": "100",
    "AT&T": "AT&T",
    "'; DROP TABLE articles;": "DROP AND TABLE AND articles",
    "${jndi}": "jndi",
    "<script>": "script",
    "{!func}x": "func}x",
    "1e400": "1e400",
    '"/.*/ ferry"': '"/.*/ ferry"',
    "x" * 512: "x" * 512,
    "\u00e9" * 512: "\u00e9" * 512,
    " OR ".join(["ferry"] * 32): " OR ".join(["ferry"] * 32),
    "(" * 16 + "ferry" + ")" * 16: "ferry",
    "": "",
    " \t\n ": "",
}


@each(OURS)
@pytest.mark.parametrize("query", ODD, ids=lambda query: ascii(query)[:40])
def test_an_odd_query_is_answered_as_what_can_be_read_of_it(client, address, query):
    answer = is_right(client, address, f"q={quote(query)}")
    if address in (SEARCH, TIMELINE):
        assert answer.json["query"]["parsed"] == ODD[query]
    if address is SEARCH and ODD[query] == "ferry":
        assert answer.json["total"] == {"articles": 2, "groups": 1}


# Quotes and brackets in every combination

PIECES = ('"', "(", ")", "ferry")


def fault(text: str) -> int | None:
    """Where the first sign stands that has no partner, or nothing within it; None where all is in order.

    Quotes are looked at before brackets are, since within them a bracket is no sign.
    """
    tokens, at = [], 0
    while at < len(text):
        if text[at] == '"':
            end = text.find('"', at + 1)
            if end < 0 or not text[at + 1 : end].strip():
                return at
            tokens.append(("phrase", at))
            at = end + 1
        elif text[at] in "()":
            tokens.append((text[at], at))
            at += 1
        elif text[at] == " ":
            at += 1
        else:
            tokens.append(("word", at))
            at += len("ferry")
    return _unmatched(tokens)


def _unmatched(tokens: list[tuple[str, int]]) -> int | None:
    opened: list[int] = []
    before = ""
    for kind, at in tokens:
        if kind == "(":
            opened.append(at)
        elif kind == ")" and (not opened or before == "("):
            return opened[-1] if opened else at
        elif kind == ")":
            opened.pop()
        before = kind
    return opened[-1] if opened else None


def combinations(longest: int) -> list[str]:
    return [
        " ".join(pieces)
        for length in range(1, longest + 1)
        for pieces in itertools.product(PIECES, repeat=length)
    ]


def is_of_signs_alone(text: str) -> bool:
    """Whether a phrase holds nothing but brackets: it is refused too, at its beginning."""
    return any(not re.search("[a-z]", phrase) for phrase in re.findall(r'"([^"]*)"', text))


def place_of_error(text: str) -> int | None:
    try:
        parse_query(text)
    except InvalidRequest as error:
        return error.position
    return None


def test_every_combination_of_quotes_and_brackets_is_read_or_refused_at_the_sign_at_fault():
    texts = combinations(6)
    places = {text: place_of_error(text) for text in texts}
    for text in texts:
        if is_of_signs_alone(text):  # a phrase without a word is refused, too, where that is not looked at
            assert places[text] is not None, text
        else:
            assert places[text] == fault(text), text
    assert len(texts) == sum(4**length for length in range(1, 7))
    assert sum(place is None for place in places.values()) > 50  # else the comparison would say little


@each((SEARCH, DESK))
def test_short_combinations_of_quotes_and_brackets_are_refused_at_the_same_place_over_http(client, address):
    for text in combinations(3):
        if is_of_signs_alone(text):
            continue
        wrong = fault(text)
        if wrong is None:
            is_right(client, address, f"q={quote(text)}")
        else:
            assert refusal(client, address, f"q={quote(text)}").position == wrong, text


# The same queries in NewsAPI's words, which have no fields, stars and ranges

NEWSAPI_REFUSED = {
    "*": (None, "has no word"),
    "**": (None, "has no word"),
    "/.*/": (0, "no letter or digit"),
    '"open': (0, "is never closed"),
    '  "open': (2, "is never closed"),
    "((ferry)": (0, "is never closed"),
    "ferry)": (5, "has no opening one"),
    "ferry AND": (6, "missing after AND"),
    '""': (0, "nothing between"),
    " OR ".join(["ferry"] * 33): (288, "at most 32"),
    " OR ".join(["ferry"] * 1_000): (None, "8996 characters; at most 500"),
    "x" * 501: (None, "501 characters; at most 500"),
    "\u00e9" * 501: (None, "501 characters; at most 500"),
    "\U0001f600" * 501: (None, "501 characters; at most 500"),
    "x" * 100_000: (None, "100000 characters; at most 500"),
    "\x00": (0, "no letter or digit"),
    "\U0001f600": (0, "no letter or digit"),
}
NEWSAPI_ODD = {
    "a*b*c*": 0, "_exists_:x": 0, "published:[2026-02-01 TO 2026-01-01]": 0, "ferry*": 2, "title:ferry": 0,
    "\U0001f980 ferry": 2, "\u202eferry": 2, "a\x00b": 0, "x" * 500: 0, "\u00e9" * 500: 0, "ferry^5": 0,
    "/ferry/": 2,
}  # fmt: skip


@each(THEIRS)
@pytest.mark.parametrize("query", NEWSAPI_REFUSED, ids=lambda query: ascii(query)[:40])
def test_newsapi_refuses_what_it_cannot_read_with_its_place(client, address, query):
    position, words = NEWSAPI_REFUSED[query]
    found = refusal(client, address, f"q={quote(query)}")
    assert (found.field, found.position) == ("q", position), found
    assert words in found.words


@each(THEIRS)
@pytest.mark.parametrize("query", NEWSAPI_ODD, ids=lambda query: ascii(query)[:40])
def test_newsapi_takes_signs_that_it_has_not_for_spaces(client, address, query):
    told = is_right(client, address, f"q={quote(query)}").json
    expected = NEWSAPI_ODD[query]
    assert told["totalResults"] == (expected if address is EVERY else expected // 2)  # headlines fold


# Bytes that are no text, and query strings of any size

BROKEN = (b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf", b"\xe2\x82", b"\xf4\x90\x80\x80", b"fer\x80ry")


@pytest.mark.parametrize("written", ["escaped", "raw"])
@pytest.mark.parametrize("part", BROKEN, ids=repr)
@each(ALL)
def test_bytes_that_are_no_utf8_are_refused_as_such(client, address, part, written):
    if written == "escaped":
        found = [refusal(client, address, f"q={quote_from_bytes(part)}")]
        found.append(refusal(client, address, f"{quote_from_bytes(part)}=x"))
    else:
        # As a server hands over bytes that a client did not escape.
        raw = address.asked("").encode() + b"&q=" + part
        path, _, query = raw.partition(b"?")
        answer = client.get(path.decode(), environ_overrides={"QUERY_STRING": query.decode("latin-1")})
        assert answer.status_code == 400
        read = of_page if address is DESK else of_newsapi if address.path.startswith("/v2/") else of_problem
        found = [read(answer)]
    for one in found:
        assert (one.field, one.words) == ("query string", "is not valid UTF-8")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("&".join(f"source=s{number}.example" for number in range(MAX_PARAMETERS + 1)), "has more than 64"),
        ("&" * 100_000, "has more than 64"),
        ("&".join(["q=ferry"] * 14_000), "has more than 64"),
    ],
    ids=["filters", "signs", "queries"],
)
@each(ALL)
def test_a_query_string_of_too_many_parameters_is_refused(client, address, query, words):
    found = refusal(client, address, query)
    assert found.field == "query string"
    assert words in found.words


@each(ALL)
def test_a_name_of_a_hundred_kilobytes_is_refused_and_not_repeated(client, address):
    answer = client.get(address.asked("x" * 100_000 + "=1"))
    assert answer.status_code == 400
    assert len(answer.data) < (500_000 if address is DESK else 2_000)  # a page has it in its form's addresses
    assert refusal(client, address, "x" * 100_000 + "=1").field.startswith("x" * 50)


# Suggestions


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("", "q", "is empty"),
        ("q=%20%20", "q", "is empty"),
        ("q=a%00", "q", "control character"),
        ("q=%E2%80%AEa", "q", "control character"),
        ("q=" + "a" * 101, "q", "longer than 100"),
        ("q=" + quote("\u00e9" * 101), "q", "longer than 100"),
        ("q=a&size=21", "size", "from 1 to 20"),
        ("q=a&size=0", "size", "from 1 to 20"),
    ],
)
def test_a_beginning_that_cannot_be_looked_for_is_refused(client, query, field, words):
    found = refusal(client, SUGGEST, query)
    assert found.field == field
    assert words in found.words


@pytest.mark.parametrize(
    "begun", ["*", ".*", "(", '"', "\\", "/.*/", "\U0001f600", "\u00e9" * 100, "_exists_:x"]
)
def test_a_beginning_is_taken_for_what_it_is_and_never_for_a_pattern(client, begun):
    told = is_right(client, SUGGEST, f"q={quote(begun)}").json
    assert (told["sources"], told["topics"], told["entities"]) == ([], [], [])


def test_the_answers_are_json_to_the_last_byte(client):
    """A lone surrogate or a control character must not break the body that tells of it."""
    for query in ("q=%00%01%1f%7f(", "q=%F0%9F%98%80)", "%00=1", "%F0%9F%98%80=1", "sort=%00%E2%80%AE"):
        answer = client.get(f"/v1/search?{query}")
        told: dict[str, Any] = json.loads(answer.data.decode("utf-8", "strict"))
        assert told["status"] == answer.status_code == 400
