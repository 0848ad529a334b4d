"""The query language: what a text means, and where its errors point."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import InvalidRequest
from shared.index.parser import MAX_CHARACTERS, MAX_CLAUSES, MAX_DEPTH, parse_query
from shared.index.printer import print_query
from shared.index.query import And, Keyword, Node, Not, Or, Phrase, Range, Word

A, B, C = Word("a"), Word("b"), Word("c")


def bare(node: Node | None) -> Node | None:
    """The tree without its positions."""
    match node:
        case Word(text, field):
            return Word(text, field)
        case Phrase(text, field):
            return Phrase(text, field)
        case Keyword(field=field, value=value):
            return Keyword(field, value)
        case Range(start, end):
            return Range(start, end)
        case And(children):
            return And(tuple(bare(child) for child in children))
        case Or(children):
            return Or(tuple(bare(child) for child in children))
        case Not(child):
            return Not(bare(child))
    return None


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
    ("foo:bar", 0, "title:, body:, source:, topic:, language:, published:"),
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
    ("a pric*", 2, "inflected"),
    ("source:*", 7, "empty query"),
    ("/a.b/", 0, "Regular expressions"),
    ("a~2", 0, "no meaning"),
    ("a^1.5", 0, "no meaning"),
    ("!a", 0, "NOT"),
    ("a near/5 b", 2, "use a phrase"),
    ("a NEAR/12 b", 2, "near/N is not supported yet"),
    ("a topic:economy", 8, '"economy" is no code'),
    ("topic:04000000", 6, "such as medtop:04000000"),
    ("topic:20000337", 6, "such as medtop:20000337"),
    ('topic:(medtop:04000000 OR "world news")', 26, "leave the field out"),
    ("topic:medtop:", 6, "no code"),
    ("a || b", 2, "OR"),
    ("published:(2026-01-01)", 10, "a day, or a range"),
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


CHARACTERS = "ab1é東 \"“”()+-:.,*/~^![]{}&|_'’TO AND OR NOT\x00\ud800"
WORDY = ["a", "b's", "U.S.", '"a b"', "東京", "AND,", "a~", "_a.b", "[a", "c:d", "2026-01-01", "&", " ", " "]
SIGNS = ["AND", "OR", "NOT", "-", "+", "(", ")", "[2026-01-01 TO *]"]
PIECES = [*WORDY, *SIGNS, "title:", "source:", "topic:(", "x:", "published:"]
SYNTAX = st.text(CHARACTERS, max_size=40) | st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(SYNTAX)
@example("title:([a)")
@example("title:(AND, b)")
@example("_a.b")
def test_any_text_is_understood_and_printed_back_or_refused_with_a_position(text):
    tree, refused_at = None, 0
    try:
        tree = parse_query(text)
    except InvalidRequest as error:
        refused_at = error.position
    assert 0 <= refused_at <= len(text)
    if tree is not None:
        assert bare(parse_query(print_query(tree), 10_000)) == bare(tree)


WORDS = st.text("abc1é東", min_size=1, max_size=6)
TEXT_FIELDS = st.sampled_from([None, "title", "body"])
MOMENTS = st.datetimes(timezones=st.just(UTC))
VALUES = st.from_regex(r"[a-z][a-z0-9.:()&* -]{0,8}[a-z]", fullmatch=True)
LEAVES = st.one_of(
    st.builds(Word, WORDS, TEXT_FIELDS),
    st.builds(Phrase, st.lists(WORDS, min_size=1, max_size=3).map(" ".join), TEXT_FIELDS),
    st.builds(Keyword, st.sampled_from(["source", "language"]), VALUES),
    st.builds(Keyword, st.just("topic"), VALUES.map("x:".__add__)),
    st.builds(Range, MOMENTS, st.none()),
    st.builds(Range, st.none(), MOMENTS),
    st.tuples(MOMENTS, MOMENTS).map(sorted).map(lambda ends: Range(*ends)),
)  # fmt: skip


def joined(kind: type[And | Or]):
    def join(children: list[Node]) -> Node:
        return kind(tuple(children))

    return join


def flat(children: list[Node], kind: type[And | Or]) -> list[Node]:
    """Children of which none is of the same kind, since the parser makes those one."""
    return [child for child in children if not isinstance(child, kind)]


TREE = st.recursive(
    LEAVES,
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
    max_leaves=12,
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
        ("published:[2026-01-01T09:30 TO *]", "published:[2026-01-01T09:30:00Z TO *]"),
        ('source:"wire 42" topic:medtop:04000000', 'source:"wire 42" AND topic:medtop:04000000'),
    ],
)
def test_a_query_is_printed_as_it_was_understood(text, printed):
    assert print_query(parse_query(text)) == printed


def test_a_quotation_mark_inside_a_value_cannot_break_out():
    assert print_query(Phrase('a" OR "b')) == '"a  OR  b"'
