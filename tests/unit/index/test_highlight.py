"""Marks in titles and bodies: what was found, nothing else, and never the text's own HTML."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.index.highlight import highlight
from shared.index.parser import parse_query


def marked(text: str, query: str, language: str = "en", field: str = "title") -> list[str]:
    fragments = highlight(text, language, parse_query(query), field, 200)
    return [html.unescape(found) for found in re.findall("<mark>(.*?)</mark>", " ".join(fragments))]


@pytest.mark.parametrize(
    ("text", "language", "query", "expected"),
    [
        ("Banks raised rates; a bank's rate", "en", "bank rate", ["Banks", "rates", "bank's", "rate"]),
        ("interest rates and interest", "en", '"interest rate"', ["interest", "rates"]),
        ("COVID-19 and 19 others", "en", "covid-19", ["COVID", "19"]),
        ("Häuser und Haus", "de", "hauser", ["Häuser", "Haus"]),
        ("東京都知事", "ja", "東京都", ["東京都"]),
        ("東京都知事", "ja", "東京 知事", ["東京", "知事"]),
        ("oil and gas", "en", "oil -gas", ["oil"]),
        ("oil and gas", "en", "NOT NOT gas", ["gas"]),
        ("oil and gas", "en", "body:oil OR title:gas", ["gas"]),
        ("oil and gas", "en", "source:oil", []),
        ("oil and gas", "en", "published:[2026-01-01 TO *]", []),
        ("U.S. and us", "en", "US", ["U.S.", "us"]),
        ("Economies, an economist, ecology", "en", "econom*", ["Economies", "economist"]),
        ("he ran, a runner runs", "en", "runni*", ["runs"]),
        ("Économie et économistes", "fr", "title:econom*", ["Économie", "économistes"]),
        ("oil economy", "en", "body:econom* OR oil", ["oil"]),
        ("2026 and 2027", "en", "202*", ["2026", "2027"]),
        ("東京都知事", "ja", "東京都*", ["東京都"]),
        ("oil and gas", "en", "oil -gas*", ["oil"]),
        ("oil and gas", "en", "source:oil*", []),
        ("oil of gas, and then much more oil", "en", "oil near/2 gas", ["oil", "gas"]),
        ("gas before oil", "en", "oil near/2 gas", ["gas", "oil"]),
        ("oil or much other gas", "en", "oil near/2 gas", []),
        ("oil oil gas", "en", "oil near/1 gas", ["oil", "gas"]),
        ("oil oil, oil", "en", "oil near/1 oil", ["oil", "oil", "oil"]),
        ("oil", "en", "oil near/5 oil", []),
        ("crude oil prices, gas; oil", "en", '"crude oil" near/2 (gas OR coal)', ["crude", "oil", "gas"]),
        ("oil near gas", "en", "body:(oil near/2 gas)", []),
        ("東京都から大阪府", "ja", "東京都 near/5 大阪府", ["東京都", "大阪府"]),
    ],
)
def test_exactly_the_words_that_were_found_are_marked(text, language, query, expected):
    assert marked(text, query, language) == expected


def test_html_in_the_text_is_escaped():
    fragments = highlight('<script>"bank"</script> & bank', "en", parse_query("bank"), "title", 200)
    assert fragments == ["&lt;script&gt;&quot;<mark>bank</mark>&quot;&lt;/script&gt; &amp; <mark>bank</mark>"]


def test_nothing_found_gives_no_fragment():
    assert highlight("A title", "en", parse_query("other"), "title", 200) == []
    assert highlight("A title", "en", None, "title", 200) == []
    assert highlight("", "en", parse_query("other"), "body", 200) == []


def test_a_body_gives_up_to_three_short_fragments_cut_between_words():
    body = " ".join(f"filler{n}" if n % 50 else "bank" for n in range(400))
    fragments = highlight(body, "en", parse_query("bank"), "body", 100)
    assert len(fragments) == 3
    for fragment in fragments:
        plain = re.sub("</?mark>", "", fragment)
        assert len(plain) <= 110
        assert "bank" in plain
        assert set(plain.split()) <= set(body.split())


def test_the_fullest_part_of_a_body_is_shown_first_in_the_order_of_the_text():
    filler = "nothing here " * 30
    body = f"bank {filler} bank {filler} bank rates and bank rates {filler} bank {filler}"
    fragments = highlight(body, "en", parse_query("bank rates"), "body", 80)
    assert any(fragment.count("<mark>") == 4 for fragment in fragments)


@given(
    st.text(st.sampled_from("ab <&>\"'\n東京.é\u0301"), max_size=200),
    st.sampled_from(["a", "b OR a", '"a b"', "東京", "a -b", "é", "a near/2 b", '"a b" near/1 a', "aab*"]),
    st.sampled_from(["en", "und", "ja"]),
    st.sampled_from(["title", "body"]),
    st.integers(1, 80),
)
def test_fragments_are_pieces_of_the_text_with_balanced_marks(text, query, language, field, size):
    for fragment in highlight(text, language, parse_query(query), field, size):
        assert fragment.count("<mark>") == fragment.count("</mark>") > 0
        plain = re.sub("</?mark>", "", fragment)
        assert html.unescape(plain) in text
        assert not re.search("[<>\"']", plain)
