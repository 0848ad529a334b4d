"""The country of a source, and the sources of a country as an index looks for them: both say the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.countries import CODES, check_country, country_of, endings_of
from shared.errors import InvalidRequest
from shared.index.countries import OfCountry, sources_of

NAMES = st.text("ab-.&", min_size=1, max_size=5)
SOURCES = st.builds(
    lambda name, end: name + end, NAMES, st.sampled_from(("", ".de", ".uk", ".gb", ".com", ".io", "xde"))
)
CODE = st.sampled_from(("de", "gb", "us", "io"))


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("bbc.co.uk", "gb"),
        ("bbc.gb", "gb"),
        ("example.de", "de"),
        ("xn--80aesfpebagmfblc0a.xn--p1ai", "ru"),
        ("example.com", ""),
        ("coin.io", ""),
        ("example.eu", ""),
        ("example.zz", ""),
        ("10.0.0.1", ""),
        ("de", ""),
        (".de", ""),
        ("the evening post", ""),
        ("", ""),
        ("paper.com", "us"),
        ("paper.de", "at"),
        ("the morning post", "gb"),
    ],
)
def test_a_source_is_of_the_country_that_is_told_else_of_its_ending(source, code):
    assert country_of(source, {"paper.com": "us", "paper.de": "at", "the morning post": "gb"}) == code


def test_every_country_has_a_code_of_two_letters_and_few_have_no_ending():
    assert len(CODES) == 249
    assert all(re.fullmatch("[a-z]{2}", code) for code in CODES)
    assert {code for code in CODES if not endings_of(code)} == {"ai", "co", "io", "me", "tv"}
    assert all(country_of(f"a{end}", {}) == code for code in CODES for end in endings_of(code))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("uk", 'did you mean "gb"?'),
        ("EN", 'did you mean "gb"?'),
        ("usa", '"usa" is no code'),
        ("zz", '"zz" is no code'),
        ("ſe", "is no code"),
        ("", "is no code"),
    ],
)
def test_what_is_no_code_is_refused_by_its_name(value, said):
    with pytest.raises(InvalidRequest) as caught:
        check_country(value)
    assert caught.value.field == "country"
    assert said in caught.value.message


def test_codes_are_read_whatever_their_case():
    assert check_country("De") == "de"


@given(st.lists(CODE, min_size=1, max_size=2), st.dictionaries(SOURCES, CODE, max_size=6), st.lists(SOURCES))
def test_an_index_finds_the_sources_that_are_of_a_country_and_no_others(codes, told, others):
    found = sources_of(codes, told)
    begun = {name[:at] + end for name in told for at in range(len(name)) for end in (".de", "xde", "&.uk")}
    for source in {*others, *told, *found.sources, *begun}:
        assert is_among(source, found) == (country_of(source, told) in codes), source


def is_among(source: str, found: OfCountry) -> bool:
    """Whether a source is looked for, by the expressions that the engines are given."""
    return source in found.sources or any(re.fullmatch(one.pattern(), source) for one in found.endings)


def test_three_hundred_sources_told_elsewhere_are_short_expressions_each():
    found = sources_of(["de"], {f"{chr(97 + at % 26)}{at}paper.de": "at" for at in range(300)})
    assert max(len(one.pattern()) for one in found.endings) < 100  # Elasticsearch takes a thousand characters
