"""The query language: what a text means, and where its errors point."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import InvalidRequest
from shared.index.keywords import KEYWORDS
from shared.index.parser import MAX_CHARACTERS, MAX_CLAUSES, MAX_DEPTH, MAX_PREFIXES, parse_query
from shared.index.printer import print_query
from shared.index.query import (
    And,
    DateMath,
    Keyword,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Prefix,
    Range,
    Word,
)
from shared.index.scanner import KNOWN_FIELDS

A, B, C = Word("a"), Word("b"), Word("c")


def bare(node: Node | None) -> Node | None:
    """The tree without its positions."""
    match node:
        case Near(left, right):
            sides = (tuple(bare(one) for one in side) for side in (left, right))
            return Near(*sides, node.distance, node.field)
        case Range(start, end):
            return Range(*(DateMath(one.text, one.excluded) if isinstance(one, DateMath) else one
                           for one in (start, end)))  # fmt: skip
        case Word() | Phrase() | Prefix() | Keyword():
            return replace(node, position=0)
        case And(children):
            return And(tuple(bare(child) for child in children))
        case Or(children):
            return Or(tuple(bare(child) for child in children))
        case Not(child):
            return Not(bare(child))
    return None


def math(text: str) -> DateMath:
    return DateMath(text)


def beyond(text: str) -> DateMath:
    return DateMath(text, excluded=True)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LAST = "T23:59:59.999999"
TREES = [
    ("a", A),
    ("a b", And((A, B))),
    ("a AND b", And((A, B))),
    ("a OR b c", Or((A, And((B, C))))),
    ("a b OR c", Or((And((A, B)), C))),
    ("(a OR b) c", And((Or((A, B)), C))),
    ("a (b c)", And((A, B, C))),
    ("a OR (b OR c)", Or((A, B, C))),
    ("-a", Not(A)),
    ("NOT a", Not(A)),
    ("a -b", And((A, Not(B)))),
    ("a AND NOT b", And((A, Not(B)))),
    ("a OR -b", Or((A, Not(B)))),
    ("a +b", And((A, B))),
    ("-(a OR b)", Not(Or((A, B)))),
    ("NOT NOT a", Not(Not(A))),
    ("a and b", And((A, Word("and"), B))),
    ('"a b"', Phrase("a b")),
    ("“a b” „c“", And((Phrase("a b"), Phrase("c")))),
    ("«a b»", Phrase("a b")),
    ('a"b c"', And((A, Phrase("b c")))),
    ('-"a b"', Not(Phrase("a b"))),
    ("a-b", Word("a-b")),
    ("e-mail U.S. won’t", And((Word("e-mail"), Word("U.S."), Word("won’t")))),
    ("What now?", And((Word("What"), Word("now")))),
    ("[a], (b)!", And((A, B))),
    ("a - b & c – *x".removesuffix(" – *x"), And((A, B, C))),
    ("Breaking: a", And((Word("Breaking"), A))),
    ("AND, a", And((Word("AND,"), A))),
    ("title:a", Word("a", "title")),
    ("TITLE:a", Word("a", "title")),
    ('body:"a b"', Phrase("a b", "body")),
    ("title:12:30", Word("12:30", "title")),
    ("title:AND", Word("AND", "title")),
    ("-title:a", Not(Word("a", "title"))),
    ("title:(a OR b)", Or((Word("a", "title"), Word("b", "title")))),
    ("title:(a b) c", And((Word("a", "title"), Word("b", "title"), C))),
    ("title:(a -b)", And((Word("a", "title"), Not(Word("b", "title"))))),
    ("source:bbc.co.uk", Keyword("source", "bbc.co.uk")),
    ('source:"wire 42"', Keyword("source", "wire 42")),
    ("topic:medtop:04000000", Keyword("topic", "medtop:04000000")),
    ("topic:(medtop:04000000 OR medtop:15000000) a",
     And((Or((Keyword("topic", "medtop:04000000"), Keyword("topic", "medtop:15000000"))), A))),
    ("language:en-GB", Keyword("language", "en-GB")),
    ("published:[2026-01-01 TO 2026-02-01]", Range(day("2026-01-01"), day("2026-02-01" + LAST))),
    ("published:[2026-01-01 TO *]", Range(day("2026-01-01"), None)),
    ("published:[ *  TO  2026-01-01T10:00:00Z ]", Range(None, day("2026-01-01T10:00:00"))),
    ("published:[2026-01-01T10:00+02:00 TO *]", Range(day("2026-01-01T08:00:00"), None)),
    ("published:2026-01-01", Range(day("2026-01-01"), day("2026-01-01" + LAST))),
    ("published:2026-02", Range(day("2026-02-01"), day("2026-02-28" + LAST))),
    ("published:2026", Range(day("2026-01-01"), day("2026-12-31" + LAST))),
    ("published:[2026-01 TO 2026-02]", Range(day("2026-01-01"), day("2026-02-28" + LAST))),
    ("published:>=2026-01-01", Range(day("2026-01-01"), None)),
    ("published:>2026-01-01", Range(day("2026-01-02"), None)),
    ("published:>2026", Range(day("2027-01-01"), None)),
    ("published:<=2026-01-01", Range(None, day("2026-01-01" + LAST))),
    ("published:<2026-01-01", Range(None, day("2025-12-31" + LAST))),
    ("published:>2026-01-01T10:00:00Z", Range(day("2026-01-01T10:00:00.001"), None)),
    ("published:[now-7d TO now]", Range(math("now-7d"), math("now"))),
    ("published:[2026-01-01 TO now/d]", Range(day("2026-01-01"), math("now/d"))),
    ("published:[2026-01-31||+1M-1d/w TO *]", Range(math("2026-01-31||+1M-1d/w"), None)),
    ("published:now-1d/d", Range(math("now-1d/d"), math("now-1d/d"))),
    ("published:>=now-36h", Range(math("now-36h"), None)),
    ("published:<now/d", Range(None, beyond("now/d"))),
    ("-published:>now", Not(Range(beyond("now"), None))),
    ("a near/5 b", Near((A,), (B,), 5)),
    ("a NEAR/50 b", Near((A,), (B,), 50)),
    ("c a near/05 b c", And((C, Near((A,), (B,), 5), C))),
    ("-a near/5 b", Not(Near((A,), (B,), 5))),
    ("NOT (a near/5 b)", Not(Near((A,), (B,), 5))),
    ("a OR b near/2 c", Or((A, Near((B,), (C,), 2)))),
    ('(a OR "b c") near/3 (c)', Near((A, Phrase("b c")), (C,), 3)),
    ("title:(a near/5 b)", Near((A,), (B,), 5, "title")),
    ("title:((a OR b) near/1 c a)", And((Near((A, B), (C,), 1, "title"), Word("a", "title")))),
    ("東京都 near/5 covid-19", Near((Word("東京都"),), (Word("covid-19"),), 5)),
    ("near by", And((Word("near"), Word("by")))),
    ("near/far", Word("near/far")),
    ('"near/5"', Phrase("near/5")),
    ("econom*", Prefix("econom")),
    ("-title:Éco*", Not(Prefix("Éco", "title"))),
    ("title:(econom* OR 202*)", Or((Prefix("econom", "title"), Prefix("202", "title")))),
    ("'econom* AND*", And((Prefix("econom"), Prefix("AND")))),
    ("東京*", Prefix("東京")),
    ("दिल्*", Prefix("दिल्")),
    ("source:bbc.* a", And((Prefix("bbc.", "source"), A))),
    ("author:(smi* OR \"Jo Do\")", Or((Prefix("smi", "author"), Keyword("author", "Jo Do")))),
    ("-(a b)", Not(And((A, B)))),
    ("source:(a.com OR b.com)", Or((Keyword("source", "a.com"), Keyword("source", "b.com")))),
    ("domain:example.com", Keyword("domain", "example.com")),
    ("domain:www.Example.com", Keyword("domain", "example.com")),
    ("domain:bücher.de", Keyword("domain", "xn--bcher-kva.de")),
    ("source:WWW.example.com", Keyword("source", "example.com")),
    ('entity:"European Union"', Keyword("entity", "European Union")),
    ("story:" + "aB" * 16, Keyword("story", "aB" * 16)),
    ("a\u3000b\x00\nc", And((A, B, C))),
    ("東京 OR 大阪", Or((Word("東京"), Word("大阪")))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "tree"), TREES)
def test_a_text_means_this_tree(text, tree):
    assert bare(parse_query(text)) == tree


@pytest.mark.parametrize("text", ["", "  ", "\n\t", "\u3000"])
def test_a_blank_query_is_none(text):
    assert parse_query(text) is None


def test_positions_are_those_of_the_words_in_the_text():
    tree = parse_query('  (alpha) title:beta "gamma delta" source:x published:2026-01-01 (omega)')
    assert [node.position for node in tree.children] == [3, 16, 21, 42, 44, 66]


# A text, the position its error points at, and words of the hint that must stand in it.
ERRORS = [
    ('a "b', 2, "never closed"),
    ("“a", 0, "never closed"),
    ("(a", 0, "never closed"),
    ("a (b OR (c)", 2, "never closed"),
    ("a)", 1, "no opening"),
    (")", 0, "no opening"),
    ("()", 0, "nothing in these brackets"),
    ('""', 0, "nothing between"),
    ('"  "', 0, "nothing between"),
    ('"&"', 0, "no letter or digit"),
    ("&", 0, "no letter or digit"),
    ("-", 0, "no letter or digit"),
    ("NOT", 0, "missing after NOT"),
    ("a AND", 2, "missing after AND"),
    ("a OR", 2, "missing after OR"),
    ("OR a", 0, '"OR"'),
    ("a AND OR b", 6, '"OR"'),
    ("a OR OR b", 5, '"OR"'),
    ("(AND)", 1, '"AND"'),
    ("foo:bar", 0, KNOWN_FIELDS),
    ("a _exists_:x", 2, "title:"),
    ("12:30", 0, '"12:30"'),
    ("a https://example.com/x", 2, "source:example.com"),
    ("foo-bar:x", 0, "quotation marks"),
    ("title:", 6, "missing after title:"),
    ("title: a", 6, "missing after title:"),
    ("(title:)", 7, "comes a word"),
    ("title:&", 6, "no letter or digit"),
    ("source:&", 7, "no letter or digit"),
    ("title:[a TO b]", 6, "comes a word"),
    ("title:-a", 6, "before the field"),
    ("title:(a source:b)", 9, "inside a group of title:"),
    ("title:(a published:2026-01-01)", 9, "inside a group"),
    ("*", 0, "empty query"),
    ("***", 0, "empty query"),
    ("a pr*", 2, "at least 3 letters"),
    ("a 東*", 2, "at least 3 letters"),
    ("a e\u0301c*", 2, "at least 3 letters"),
    ("a p*ric", 3, "end of a word"),
    ("*pric", 0, "end of a word"),
    ("pri**", 3, "end of a word"),
    ("price*, a", 5, "end of a word"),
    ("price.*", 6, "right after a letter"),
    ("covid-19*", 0, "several"),
    ("bank's*", 0, "several"),
    ("a_b*", 0, "several"),
    ("&*", 0, "no letter"),
    ("/pri/*", 0, "Regular expressions"),
    ('a "oil pric* rise"', 11, "inside quotation marks"),
    ("title:pr*", 6, "at least 3 letters"),
    ("source:b.*", 7, "at least 3 letters"),
    ("source:[abc*", 7, "comes a word"),
    ("source:(.abc* OR a)", 8, "at least 3 letters"),
    ("topic:medtop:040*", 6, "source, domain, author, entity"),
    ("language:eng*", 9, "whole value"),
    ("published:202*", 10, "a comparison"),
    ("abc* " * (MAX_PREFIXES + 1), MAX_PREFIXES * 5, "at most 8 words with a star"),
    ("story:1234", 6, "32 hex digits"),
    ("domain:co.uk", 7, "no one site"),
    ('domain:"not a host.com"', 7, "host name"),
    (f"source:{'𐐀' * 200}*", 7, "that long"),
    ("source:*", 7, "empty query"),
    ("/a.b/", 0, "Regular expressions"),
    ("a~2", 0, "no meaning"),
    ("a^1.5", 0, "no meaning"),
    ("!a", 0, "NOT"),
    ("a near/0 b", 2, "near/1"),
    ("a near/51 b", 2, "near/50"),
    ("a near/99 b", 2, "near/50"),
    ("a near/-5 b", 2, "no usable number"),
    ("a near/ b", 2, "no usable number"),
    ("a near/" + "9" * 400 + " b", 2, "no usable number"),
    ("a near/٥ b", 2, "no usable number"),
    ("a near/5", 2, "missing after near/5"),
    ("(a near/5)", 3, "missing after near/5"),
    ("a near/5 AND b", 2, "missing after near/5"),
    ("near/5 b", 0, "both sides"),
    ("a AND near/5 b", 6, "both sides"),
    (".near/5", 1, "stands between two words"),
    ("a near/5 b near/5 c", 11, "two sides, not three"),
    ("a near/5 -b", 9, "before all of it"),
    ("a near/5 title:b", 9, "before all of it"),
    ("title:a near/5 b", 0, "title:(a near/5 b)"),
    ("(title:a OR title:b) near/5 c", 0, "before both sides"),
    ("a near/5 (b c)", 9, "joined by OR"),
    ("(-a) near/5 b", 0, "joined by OR"),
    ("pric* near/5 b", 0, "a word, a phrase"),
    ("source:a near/5 b", 0, "a word, a phrase"),
    ("source:(a near/5 b)", 10, "not between values"),
    ("a near/21 covid-19", 2, "up to 20"),
    ('"a b" near/21 c', 6, "up to 20"),
    ("(a OR b OR c OR d OR e OR f OR g) near/5 (a OR b OR c OR d OR e OR f)", 34, "may have 80 words"),
    ("a near/5 b OR " * 10 + '"' + "a " * 60 + '" near/5 b', 263, "may have 80 words"),
    ("a near/5 (b", 9, "never closed"),
    ("a topic:economy", 8, '"economy" is no code'),
    ("topic:04000000", 6, "such as medtop:04000000"),
    ("topic:20000337", 6, "such as medtop:20000337"),
    ('topic:(medtop:04000000 OR "world news")', 26, "leave the field out"),
    ("topic:medtop:", 6, "no code"),
    ("a || b", 2, "OR"),
    ("published:(2026-01-01)", 10, "a date, a comparison"),
    ('published:"2026-01-01"', 10, "a date, a comparison"),
    ("published:>=", 12, "missing after >="),
    ("published:> 2026", 11, "missing after >"),
    ("published:>=soon", 12, "2026-01-31"),
    ("published:2026-13", 10, "2026-01-31"),
    ("published:0000", 10, "2026-01-31"),
    ("published:<0001-01-01", 11, "2026-01-31"),
    ("published:>9999", 11, "2026-01-31"),
    ("published:now-7d", 10, "published:>=now-7d"),
    ("published:now-7x", 10, "units y M w d h m s"),
    ("published:[now-7D TO now]", 11, "units y M w d h m s"),
    ("published:[now TO now+12345d]", 18, "date math looks like"),
    ("published:[2026-02-30||+1d TO *]", 11, "date math looks like"),
    ("published:[nowish TO *]", 11, "date math looks like"),
    ("published:[||+1d TO *]", 11, "date math looks like"),
    ("published:soon", 10, "2026-01-31"),
    ("published:2026-W01-1", 10, "2026-01-31"),
    ("published:２０２６-01-01", 10, "2026-01-31"),
    ("published:[2026-01-01 TO 2026-02-30]", 25, "2026-01-31"),
    ("published:[2026-13-01 TO *]", 11, "2026-01-31"),
    ("published:[2026-01-01T25:00 TO *]", 11, "2026-01-31"),
    ("published:[0001-01-01T00:00:00+14:00 TO *]", 11, "2026-01-31"),
    ("published:[2026-02-01 TO 2026-01-01]", 10, "ends before it begins"),
    ("published:[2026-02-01 2026-01-01]", 10, "TO between"),
    ("published:[2026-01-01 TO", 10, "square brackets"),
    ("published:{2026-01-01 TO *}", 10, "both ends included"),
    ("published:[* TO *]", 10, "at least one end"),
    ("(" * 100 + "a", MAX_DEPTH, "deep"),
    ("-" * 100 + "a", MAX_DEPTH, "deep"),
    ("NOT " * 100 + "a", MAX_DEPTH * 4, "deep"),
    ("a " * (MAX_CLAUSES + 1), MAX_CLAUSES * 2, "at most 32"),
    ("a OR " * 1_000 + "a", MAX_CHARACTERS, "5,001 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "position", "hint"), ERRORS)
def test_an_error_says_what_to_do_and_points_at_its_cause(text, position, hint):
    with pytest.raises(InvalidRequest) as caught:
        parse_query(text)
    assert (caught.value.field, caught.value.position) == ("q", position)
    assert hint in caught.value.message
    assert caught.value.message[0].isupper() or caught.value.message[0] == "'"
    assert caught.value.message.endswith(".")


def test_limits_are_reached_by_queries_that_may_pass():
    assert len(parse_query("a " * MAX_CLAUSES).children) == MAX_CLAUSES
    assert parse_query("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH) is not None
    assert parse_query("x" * MAX_CHARACTERS) is not None


def test_characters_are_counted_up_to_the_limit():
    assert parse_query("x" * MAX_CHARACTERS) == Word("x" * MAX_CHARACTERS)
    with pytest.raises(InvalidRequest, match="513 characters long; at most 512") as caught:
        parse_query("x" * (MAX_CHARACTERS + 1))
    assert caught.value.position == MAX_CHARACTERS


@pytest.mark.parametrize("text", ["😀", "😀 🎉", '"🎉"', "-😀", "title:😀", "\u200d", "\x00", "\ufeff!"])
def test_a_query_without_a_word_is_refused_and_not_answered_with_everything(text):
    with pytest.raises(InvalidRequest) as caught:
        parse_query(text)
    assert caught.value.position is not None
    assert "no letter or digit" in caught.value.message or "Something to search for" in caught.value.message


def test_signs_that_mean_nothing_are_passed_over_between_words():
    assert bare(parse_query("a 😀 b\x00\x1f c")) == And((A, B, C))


@pytest.mark.parametrize("field", KEYWORDS)
def test_every_keyword_field_can_be_searched_in(field):
    value = {"topic": "medtop:04000000", "story": "0" * 32, "domain": "example.com", "country": "de"}.get(
        field, "xyz"
    )
    assert bare(parse_query(f"-{field}:({value} OR {value})")) == Not(Or((Keyword(field, value),) * 2))


CHARACTERS = "ab1é東 \"“”()+-:.,*/~^![]{}&|_'’<>=TO AND OR NOT near/5 now\x00\ud800😀"
WORDY = [
    "a", "b's", "U.S.", '"a b"', "東京", "AND,", "a~", "_a.b", "[a", "c:d", "2026-01-01", "&", "abc*", "éco*",
    "covid-19", "😀", " ", " ",
]  # fmt: skip
SIGNS = ["AND", "OR", "NOT", "-", "+", "(", ")", "[2026-01-01 TO *]", " near/2 ", "near/21", ">=", "<", "*"]
FIELDED = ["title:", "source:", "topic:(", "author:", "x:", "published:", "title:("]
MOMENTS_TYPED = ["now-7d/d", "now", "2026-01", "[now-1d TO now]", "2026-01-31||-1M", "[now/d TO 2026]"]
PIECES = [*WORDY, *SIGNS, *FIELDED, *MOMENTS_TYPED]
SYNTAX = st.text(CHARACTERS, max_size=40) | st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(SYNTAX)
@example("title:([a)")
@example("title:(AND, b)")
@example("_a.b")
@example("source:(a* OR (near/5))")
@example("a near/5 b near/5")
def test_any_text_is_understood_and_printed_back_or_refused_with_a_position(text):
    check(text)


def test_ten_thousand_random_texts_are_understood_and_printed_back_or_refused():
    chance = random.Random(7)
    understood = 0
    for _ in range(10_000):
        joint = chance.choice(("", " ", " "))
        text = joint.join(chance.choices((*PIECES, *CHARACTERS), k=chance.randrange(1, 9)))
        understood += check(text)
    assert understood > 1_000  # else little was printed


def check(text: str) -> bool:
    """Parse a text; whether it was understood, and then printed and parsed into the same tree."""
    tree, refused_at = None, 0
    try:
        tree = parse_query(text)
    except InvalidRequest as error:
        refused_at = error.position
    assert 0 <= refused_at <= len(text)
    if tree is not None:
        assert bare(parse_query(print_query(tree), 10_000)) == bare(tree)
    return tree is not None


WORDS = st.text("abc1é東", min_size=1, max_size=6)
TEXT_FIELDS = st.sampled_from([None, "title", "body"])
MOMENTS = st.datetimes(timezones=st.just(UTC))
CUT = ("source", "domain", "author", "entity")
MATH_TEXTS = st.from_regex(
    r"(now|NOW|2026-01-31\|\||2026-01-31T18:00Z\|\|)([+-][0-9]{0,4}[yMwdhms]|/[yMwdhms]){0,4}", fullmatch=True
)
MATHS = st.builds(DateMath, MATH_TEXTS)
SIDES = st.lists(
    st.builds(Word, WORDS) | st.builds(Phrase, st.lists(WORDS, min_size=1, max_size=3).map(" ".join)),
    min_size=1,
    max_size=2,
).map(tuple)
VALUES = st.from_regex(r"[a-z][a-z0-9.:()&* -]{0,8}[a-z]", fullmatch=True)
LEAVES = st.one_of(
    st.builds(Word, WORDS, TEXT_FIELDS),
    st.builds(Phrase, st.lists(WORDS, min_size=1, max_size=3).map(" ".join), TEXT_FIELDS),
    st.builds(Keyword, st.sampled_from(["source", "language"]), VALUES),
    st.builds(Keyword, st.just("topic"), VALUES.map("x:".__add__)),
    st.builds(Prefix, st.text("abc1éдß", min_size=3, max_size=6), TEXT_FIELDS),
    st.builds(Prefix, st.from_regex(r"[a-z]{3}[a-z0-9.&:-]{0,4}", fullmatch=True), st.sampled_from(CUT)),
    st.builds(Near, SIDES, SIDES, st.integers(1, 20), TEXT_FIELDS),
    st.builds(Range, MOMENTS | MATHS, st.none()),
    st.builds(Range, st.none(), MOMENTS | MATHS),
    st.builds(Range, st.none(), st.builds(beyond, MATH_TEXTS)),
    st.builds(Range, st.builds(beyond, MATH_TEXTS), st.none()),
    st.builds(Range, MATHS, MOMENTS | MATHS),
    st.builds(Range, MOMENTS, MATHS),
    st.tuples(MOMENTS, MOMENTS).map(sorted).map(lambda ends: Range(*ends)),
)  # fmt: skip


def joined(kind: type[And | Or]):
    def join(children: list[Node]) -> Node:
        return kind(tuple(children))

    return join


def flat(children: list[Node], kind: type[And | Or]) -> list[Node]:
    """Children of which none is of the same kind, since the parser makes those one."""
    return [child for child in children if not isinstance(child, kind)]


@st.composite
def leaves(draw):
    return draw(LEAVES)  # by a name, since the library complains of how long it is


TREE = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        *(
            st.lists(inner, min_size=2, max_size=4)
            .map(lambda children, kind=kind: flat(children, kind))
            .filter(lambda children: len(children) > 1)
            .map(joined(kind))
            for kind in (And, Or)
        ),
    ),
    max_leaves=8,  # with more the limits on stars and near/N are reached
)


@given(TREE)
def test_a_printed_tree_is_parsed_into_the_same_tree(tree):
    assert bare(parse_query(print_query(tree), 100_000)) == tree


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a b OR -c", "(a AND b) OR NOT c"),
        ("-(a b)", "NOT (a AND b)"),
        ("title:(a OR “b c”)", 'title:a OR title:"b c"'),
        ("published:2026-01-31", "published:[2026-01-31 TO 2026-01-31]"),
        ("a NEAR/05 (b OR “c d”)", 'a near/5 (b OR "c d")'),
        ("-title:(a near/5 b)", "NOT title:(a near/5 b)"),
        ("-a near/5 b", "NOT (a near/5 b)"),
        ("a near/5 b OR c near/1 a b", "a near/5 b OR (c near/1 a AND b)"),
        ("title:(Econom* OR 202*)", "title:Econom* OR title:202*"),
        ("published:[now-7D/d TO Now]".replace("D", "d"), "published:[now-7d/d TO Now]"),
        ("published:<now/d", "published:<now/d"),
        ("published:>=now-36h", "published:[now-36h TO *]"),
        ("published:now/M", "published:[now/M TO now/M]"),
        ("published:2026-02", "published:[2026-02-01 TO 2026-02-28]"),
        ("published:<2026", "published:[* TO 2025-12-31]"),
        ("published:[2026-01-01T09:30 TO *]", "published:[2026-01-01T09:30:00Z TO *]"),
        ('source:"wire 42" topic:medtop:04000000', 'source:"wire 42" AND topic:medtop:04000000'),
    ],
)
def test_a_query_is_printed_as_it_was_understood(text, printed):
    assert print_query(parse_query(text)) == printed


def test_a_quotation_mark_inside_a_value_cannot_break_out():
    assert print_query(Phrase('a" OR "b')) == '"a  OR  b"'
