"""The contract of matching: words in their forms, languages and scripts, phrases, fields, filters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.index.port import Filters
from shared.index.query import Keyword, Not, Or, Range, Word
from tests.contract.index.corpus import ECONOMY, NOW, SPORT, article, ask, fill, matched

TEXTS = {
    1: (
        "en",
        "Central banks raised rates",
        "The bank's governors were raising interest rates. U.S.-led talks.",
    ),
    2: ("de", "Häuser in München", "Die Straße zu den Häusern. Die Regierung tagt."),
    3: ("fr", "L’économie française", "Les députées ont annoncé l'élection. Le die est jeté."),
    4: ("es", "Las canciones de la nación", "El político habló de política."),
    5: ("ja", "東京都知事が発表", "データセンターの計画、２０２６年。"),
    6: ("ko", "서울 시장은 발표", "시장 선거."),
    7: ("ru", "Министры ещё спорят", "Российский президент выступил."),
    8: ("nl", "De regering spreekt", "Banken en rente: COVID-19."),
    9: ("und", "Running", "runs"),
    10: ("en", "He runs", "running late, he ran; die in"),
    11: ("zh-Hans", "中国经济", "京都会议"),
    12: ("ar", "الرئيس يتحدث", "أعلن الرئيس"),
    13: ("tr", "İstanbul'da seçim", "ışık"),
    14: ("pt", "A eleição", "O governo nacional"),
    15: ("hi", "दिल्ली में चुनाव", ""),
    16: ("it", "La città eterna", "elezioni"),
}


@pytest.fixture
def texts(index):
    fill(index, *(article(n, title, body, language=language) for n, (language, title, body) in TEXTS.items()))
    return index


# Each row: a query and the articles it must find, by the analysis of each article's own language.
CASES = [
    ("bank", {1}),
    ("Banks", {1}),
    ("raise", {1}),
    ("BANK'S", {1}),
    ("bank’s", {1}),
    ("US", {1}),
    ("U.S.", {1}),
    ("banken", {8}),
    ("haus", {2}),
    ("Hauser", {2}),
    ("munchen", {2}),
    ("MÜNCHEN", {2}),
    ("strasse", {2}),
    ("straße", {2}),
    ("economie", {3}),
    ("économies", {3}),
    ("députés", {3}),
    ("annoncée", {3}),
    ("cancion", {4}),
    ("canción", {4}),
    ("politicos", {4}),
    ("東京", {5}),
    ("京都", {5, 11}),  # pairs know no word boundaries; this is the price of finding every pair
    ("知事", {5}),
    ("東京都知事", {5}),
    ("都東", set()),
    ("ﾃﾞｰﾀ", {5}),
    ("2026", {5}),
    ("시장", {6}),
    ("министр", {7}),
    ("еще", {7}),
    ("российская", {7}),
    ("run", {10}),  # 9 is of no known language, so its words are taken as they stand
    ("running", {9, 10}),
    ("runs", {9, 10}),
    ("runner", set()),
    ("die", {2, 3, 10}),
    ("中国", {11}),
    ("رئيس", {12}),
    ("istanbul", {13}),
    ("isik", {13}),
    ("eleicao", {14}),
    ("दिल्ली", {15}),
    ("citta", {16}),
    ("elezione", {16}),
    ("covid-19", {8}),
    ("COVID 19", {8}),
    ('"19 covid"', set()),
    ('"interest rates"', {1}),
    ('"interest rate"', {1}),
    ('"rates interest"', set()),
    ('"raised rates the bank"', set()),  # a phrase never runs from the title into the body
    ('"die regierung"', {2}),
    ('"L’élection"', {3}),
    ('"Российский президент"', {7}),
    ('"東京都"', {5}),
    ("title:bank", {1}),
    ("title:governor", set()),
    ("body:governor", {1}),
    ('title:"central bank"', {1}),
    ('body:"central bank"', set()),
    ("bank rate", {1}),
    ("bank AND rate -governor", set()),
    ("bank NOT election", {1}),
    ("bank OR haus OR 東京", {1, 2, 5}),
    ("(bank OR haus) AND (rate OR munchen)", {1, 2}),
    ("title:(bank OR haus)", {1, 2}),
    ("runs -title:he", {9}),
    ("-runs", set(TEXTS) - {9, 10}),
    ("NOT (runs OR die)", set(TEXTS) - {2, 3, 9, 10}),
    ("NOT NOT runs", {9, 10}),
    ("runs -bank", {9, 10}),
    ("run OR -run", set(TEXTS)),
    ("run AND NOT run", set()),
    ("raise near/1 rate", {1}),
    ("rates near/1 raised", {1}),
    ("governor near/2 interest", set()),
    ("governor near/4 interest", {1}),
    ("interest near/4 governors", {1}),
    ("bank near/50 talks", {1}),
    ("central near/50 talks", set()),  # one stands in the title, the other in the body
    ("title:(bank near/2 rate)", {1}),
    ("title:(governor near/5 rate)", set()),
    ("runs near/5 runs", set()),  # there is but one in a field
    ("run near/3 ran", {10}),
    ("late near/3 (ran OR bank)", {10}),
    ('"central bank" near/1 raise', {1}),
    ('raise near/1 "central bank"', {1}),
    ('"interest rates" near/3 "U.S. led"', {1}),
    ("covid-19 near/1 rente", {8}),
    ("covid-19 near/2 banken", set()),
    ("東京 near/3 知事", {5}),
    ("東京都 near/5 発表", {5}),
    ("発表 near/1 東京", set()),
    ("министр near/2 спорить", {7}),
    ("haus near/1 munchen", set()),
    ("haus near/2 munchen", {2}),
    ("die near/1 regierung -straße", set()),
    ("-(runs near/5 late)", set(TEXTS) - {10}),
    ("gover*", {1, 14}),
    ("governo*", {1, 14}),
    ("raisi*", {1}),
    ("runni*", {9, 10}),
    ("run*", {9, 10}),
    ("econ*", {3}),
    ("ÉCONOM*", {3}),
    ("économi*", {3}),
    ("häu*", {2}),
    ("reg*", {2, 8}),
    ("députée*", {3}),
    ("nacio*", {4, 14}),
    ("росси*", {7}),
    ("المتحدث*", set()),
    ("202*", {5}),
    ("cov*", {8}),
    ("東京都*", {5}),
    ("시장*", {6}),
    ("दिल्*", {15}),
    ("title:gover*", set()),
    ("body:gover*", {1, 14}),
    ("-run* -gover*", set(TEXTS) - {1, 9, 10, 14}),
    ("language:zh", {11}),
    ("language:ZH-hans", {11}),
    ("language:(ru OR ko)", {6, 7}),
    ("-language:en die", {2, 3}),
]


def test_each_query_finds_exactly_what_the_language_of_each_article_says(texts):
    found = {query: matched(texts, query) for query, _ in CASES}
    assert found == dict(CASES)


def test_an_empty_query_finds_everything_visible(texts):
    assert matched(texts) == set(TEXTS)


@pytest.fixture
def filed(index):
    fill(
        index,
        article(1, source="bbc.com", topics=(ECONOMY,), language="en-GB"),
        article(2, source="bbc.com", topics=(SPORT,), language="en"),
        article(3, source="CNN.com", topics=(ECONOMY, SPORT), language="es"),
        article(4, source="wire:42", published_at=None, language="und"),
    )
    return index


FILTERED = [
    (Filters(source=("bbc.com",)), {1, 2}),
    (Filters(source=("BBC.com", "cnn.com")), {1, 2, 3}),
    (Filters(source=("bbc",)), set()),
    (Filters(source=("wire:42",)), {4}),
    (Filters(not_source=("bbc.com",)), {3, 4}),
    (Filters(not_source=("bbc.com", "cnn.com")), {4}),
    (Filters(source=("bbc.com", "cnn.com"), not_source=("cnn.com",)), {1, 2}),
    (Filters(language=("en",)), {1, 2}),
    (Filters(language=("en-gb",)), {1}),
    (Filters(language=("es", "und")), {3, 4}),
    (Filters(not_language=("en",)), {3, 4}),
    (Filters(topic=("medtop:20000344",)), {1, 3}),
    (Filters(topic=("medtop:04000000",)), {1, 3}),
    (Filters(topic=("medtop:04000000",), not_topic=("medtop:15000000",)), {1}),
    (Filters(not_topic=("medtop:04000000",)), {2, 4}),
    (Filters(topic=("medtop:04000000", "medtop:15000000"), source=("bbc.com",)), {1, 2}),
    (Filters(), {1, 2, 3, 4}),
]


def test_values_of_a_filter_mean_or_and_filters_mean_and(filed):
    found = [(filters, matched(filed, filters=filters)) for filters, _ in FILTERED]
    assert found == FILTERED


def test_filters_in_the_query_mean_the_same(filed):
    assert matched(filed, "source:bbc.com") == {1, 2}
    assert matched(filed, "topic:medtop:04000000 -topic:medtop:15000000") == {1}
    assert matched(filed, "source:(cnn.com OR wire:42)") == {3, 4}
    assert matched(filed, 'quiet source:"bbc.com"', filters=Filters(language=("en-GB",))) == {1}
    assert matched(filed, "source:BBC*") == {1, 2}
    assert matched(filed, "source:cnn.* OR source:wire:*") == {3, 4}
    assert matched(filed, "-source:bbc*") == {3, 4}
    assert matched(filed, "source:w.re:*") == set()  # a sign stands for itself


DAY = datetime(2026, 1, 15, tzinfo=UTC)
STEP = timedelta(milliseconds=1)


@pytest.fixture
def dated(index):
    moments = (
        DAY - STEP,
        DAY,
        DAY + timedelta(hours=9),
        DAY + timedelta(days=1) - STEP,
        DAY + timedelta(days=1),
    )
    fill(
        index,
        *(article(number, published_at=moment) for number, moment in enumerate(moments, start=1)),
        article(6, published_at=None),
        article(7, published_at=datetime(1951, 5, 5, tzinfo=UTC)),
    )
    return index


def test_ranges_include_both_ends_and_a_day_means_all_of_it(dated):
    assert matched(dated, "published:[2026-01-15 TO 2026-01-15]") == {2, 3, 4}
    assert matched(dated, "published:2026-01-15") == {2, 3, 4}
    assert matched(dated, "published:[2026-01-15T09:00:00Z TO *]") == {3, 4, 5}
    assert matched(dated, "published:[* TO 2026-01-15T00:00]") == {1, 2, 7}
    assert matched(dated, "published:[2026-01-15T01:00:00+01:00 TO 2026-01-15T00:00:00Z]") == {2}
    assert matched(dated, "-published:[2026-01-15 TO *]") == {1, 6, 7}
    assert matched(dated, "published:[1900-01-01 TO 1960-01-01]") == {7}
    assert matched(dated, "published:1951-05-04") == set()  # it ends before the next day also then
    assert matched(dated, "published:2026-01") == {1, 2, 3, 4, 5}
    assert matched(dated, "published:2026") == {1, 2, 3, 4, 5}
    assert matched(dated, "published:>2026-01-14 published:<2026-01-16") == {2, 3, 4}
    assert matched(dated, "published:>2026-01-15T09:00:00Z") == {4, 5}
    assert matched(dated, "published:>=2026-01-15T09:00:00Z") == {3, 4, 5}


def test_date_math_is_told_from_the_now_of_the_search(dated):
    now = DAY + timedelta(hours=12)
    found = {text: matched(dated, f"published:{text}", now=now) for text, _ in MATH_CASES}
    assert found == dict(MATH_CASES)
    assert matched(dated, "published:now/d", now=now + timedelta(days=1)) == {5}


MATH_CASES = [
    ("now/d", {2, 3, 4}),
    ("now-1d/d", {1}),
    ("<now/d", {1, 7}),
    ("<=now/d", {1, 2, 3, 4, 7}),
    (">now/d", {5}),
    (">=now-3h", {3, 4, 5}),
    (">now-3h", {4, 5}),
    ("[now-12h TO now]", {2, 3}),
    ("[now-75y/y TO now-1y]", {7}),
    ("[2026-01-14||+1d TO 2026-01-15||/d]", {2, 3, 4}),
]


def test_start_and_end_of_the_filters_are_included(dated):
    assert matched(dated, filters=Filters(start=DAY, end=DAY + timedelta(days=1))) == {2, 3, 4, 5}
    assert matched(dated, filters=Filters(start=DAY + timedelta(hours=1))) == {3, 4, 5}
    assert matched(dated, filters=Filters(end=DAY - STEP)) == {1, 7}


def test_words_beside_themselves_must_stand_there_twice(index):
    fill(
        index,
        article(1, "oil gas x x oil gas"),
        article(2, "oil gas oil gas"),
        article(3, "oil gas oil", "gas oil gas"),
        article(4, "oil oil x oil"),
        article(5, "東京都東京都"),
    )
    assert matched(index, "title:(oil near/1 oil)") == {4}
    assert matched(index, "title:(oil near/2 oil)") == {2, 3, 4}
    assert matched(index, "title:(oil near/4 oil)") == {1, 2, 3, 4}
    assert matched(index, '"oil gas" near/1 "oil gas"') == {2}
    assert matched(index, '"oil gas" near/2 "oil gas"') == {2}
    assert matched(index, '"oil gas" near/3 "oil gas"') == {1, 2}
    assert matched(index, '"gas oil" near/20 "gas oil"') == set()
    assert matched(index, '"oil gas" near/1 "oil gas oil"') == set()
    assert matched(index, '"oil oil" near/2 oil') == {4}
    assert matched(index, "東京都 near/2 東京都") == {5}
    assert matched(index, "東京都 near/1 東京都") == set()  # 都東 stands between


def test_a_phrase_near_something_has_no_gaps_of_its_own(index):
    fill(
        index,
        article(1, "new x york bank"),
        article(2, "new york x bank x new x york"),
        article(3, "bank new x york x x bank"),
        article(4, "york new bank"),
        article(5, "new york"),
    )
    assert matched(index, '"new york" near/2 bank') == {2}
    assert matched(index, '"new york" near/5 bank') == {2}
    assert matched(index, 'bank near/3 ("new york" OR "york x x")') == {2, 3}
    assert matched(index, '"new york" near/1 bank') == set()


def test_trees_that_no_text_spells_are_understood_too(filed):
    assert matched(filed, Or((Keyword("source", "cnn.com"), Not(Word("quiet"))))) == {3}
    assert matched(filed, Range(None, None)) == {1, 2, 3}
    assert matched(filed, Not(Not(Not(Keyword("language", "en"))))) == {3, 4}


WORDS = ["in", "of", "at", "it", "he", "we", "an", "us", "or", "to", "by", "on", "so", "up", "my", "me"]
# As much as the language allows, each of a kind that costs the engines most.
LARGEST = [
    (f"({' OR '.join(WORDS[:5])}) near/50 ({' OR '.join(WORDS[5:13])})", {1}),
    (f'"{" ".join(WORDS[:4])}" near/20 "{" ".join(WORDS[:4])}" ' * 10, {1}),
    (f"(my OR me OR up) near/20 ({' OR '.join(f'{one}-{two}' for one, two in pairwise(WORDS[:9]))})", {1}),
    (f'"{"a b " * 39}" near/20 "c d"', set()),
    (f"source:{'n' * 500}*", set()),
    ("n" * 511 + "*", set()),
    ("ж" * 500 + "*", set()),
    ("क" * 500 + "*", set()),
    ("𐐀" * 500 + "*", set()),
    ("ﷺ" * 20 + "*", set()),  # eighteen letters each, when normalised
    (f"source:{'𐐀' * 128}*", set()),
    (" OR ".join(f"{word}abc*" for word in WORDS[:8]), set()),
    (" OR ".join(f'"{word} {word}"' for word in WORDS * 2), {1}),
]


def test_the_largest_queries_are_answered(index):
    fill(index, article(1, " ".join((*WORDS, *WORDS, "me"))), article(2, " ".join(WORDS[:4])))
    assert [(query, matched(index, query)) for query, _ in LARGEST] == LARGEST


def test_text_that_looks_like_an_engines_syntax_is_only_text(index):
    fill(index, article(1, 'a "b" AND c*', "en/run _exists_ body_terms:x"), article(2, "run"))
    assert matched(index, Word("body_terms:x")) == {1}
    assert matched(index, Word("en/run")) == {1}
    assert matched(index, Word('c*" OR *:*')) == set()
    assert ask(index, Word("run"), now=NOW).articles == 2
