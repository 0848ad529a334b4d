"""The query language: a user's text to a tree, by hand, so that no engine ever parses what users type.

Grammar, AND before OR: ``any := all (OR all)*``, ``all := one ((AND)? one)*``, ``one := (NOT | - | +) one |
side near/N side | ( any ) | field:( any ) | field:value | published:date | "phrase" | word | word*``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from shared.countries import check_country
from shared.errors import InvalidRequest
from shared.identity import check_source
from shared.index.analysis import UNSTEMMED, fold, forms, locate
from shared.index.keywords import KEYWORDS, check_domain
from shared.index.prefixes import MIN_LETTERS, MIN_PAIRED, is_one_word, is_paired
from shared.index.query import And, Keyword, Near, Node, Not, Or, Phrase, Prefix, TextField, Word
from shared.index.ranges import read_range
from shared.index.scanner import OPERATORS, Lexeme, LexemeKind, check_word, refuse, scan

MAX_CHARACTERS = 512
MAX_CLAUSES = 32  # words, phrases, values and ranges
MAX_DEPTH = 16  # of brackets and negations; recursion must end long before Python's own limit
MAX_CUT_BYTES = 512  # of a value; tantivy looks for it with a thousand states
MAX_PREFIXES = 8  # each looks at every article that has one of its words
MAX_DISTANCE = 50  # of near/N
MAX_PHRASE_DISTANCE = 20  # beside several words in a row, where tantivy must try every distance by itself
# Each word, phrase or so of one side of near/N makes a pair with each of the other side, which is a search of
# its own in every language. So many words in all pairs of a query are 3,200 clauses of Elasticsearch, which
# takes 8,192 with half a gigabyte of memory.
MAX_PAIRED = 80

_CUT = ("source", "domain", "author", "entity")  # the fields whose values a star may cut short
_STORY = re.compile(r"[0-9A-Fa-f]{32}")
_STARRED = re.compile(r"\w\*(?!\w)")
_TOPIC = re.compile(r"[^\s:]+:\S.*", re.DOTALL)
_NEWSCODE = re.compile(r"[0-9]{8}")


def parse_query(text: str, max_characters: int = MAX_CHARACTERS) -> Node | None:
    """Parse a query; None when it is blank. Raises ``InvalidRequest("q", sentence, position from 0)``.

    Nested ANDs and ORs come out flat. ``AND``, ``OR``, ``NOT`` are operators in capitals only.
    """
    if len(text) > max_characters:
        refuse(
            f"The query is {len(text):,} characters long; at most {max_characters} are allowed.",
            max_characters,
        )
    if not text.strip():
        return None
    lexemes = scan(text)
    if len(lexemes) == 1:
        refuse("There is no letter or digit to search for in this query.", 0)
    return _Parser(lexemes).parse()


class _Parser:
    """Recursive descent over the lexemes; one object parses one query."""

    def __init__(self, lexemes: list[Lexeme]) -> None:
        self._lexemes = lexemes
        self._at = 0
        self._depth = 0
        self._clauses = 0
        self._prefixes = 0
        self._paired = 0
        self._field: str | None = None  # of the field group that is being read

    def parse(self) -> Node:
        node = self._any()
        if self._next.kind == "close":
            refuse("This closing bracket has no opening one before it.", self._next.position)
        return node

    @property
    def _next(self) -> Lexeme:
        return self._lexemes[self._at]

    def _take(self) -> Lexeme:
        lexeme = self._next
        self._at += 1
        return lexeme

    def _take_if(self, kind: LexemeKind) -> bool:
        if self._next.kind != kind:
            return False
        self._at += 1
        return True

    def _any(self) -> Node:
        children = [self._all()]
        while self._take_if("or"):
            children.append(self._all())
        return children[0] if len(children) == 1 else Or(_flat(children, Or))

    def _all(self) -> Node:
        children = [self._one()]
        while self._take_if("and") or self._next.kind not in ("or", "close", "end"):
            children.append(self._one())
        return children[0] if len(children) == 1 else And(_flat(children, And))

    def _one(self) -> Node:
        lexeme = self._take()
        match lexeme.kind:
            case "not":
                return Not(self._nested(lexeme, self._one))
            case "plus":
                return self._nested(lexeme, self._one)
            case "open":
                node = self._nested(lexeme, lambda: self._group(lexeme))
            case "field":
                node = self._fielded(lexeme)
            case "word" | "phrase" | "prefix":
                node = self._leaf(lexeme, self._field)
            case _:
                return self._misplaced(lexeme)
        return self._near(node, lexeme) if self._next.kind == "near" else node

    def _near(self, first: Node, before: Lexeme) -> Near:
        sign = self._take()
        distance = _distance(sign)
        left = self._side(first, before, sign)
        after = self._take()
        if after.kind == "open":
            second = self._nested(after, lambda: self._group(after))
        elif after.kind in ("word", "phrase", "prefix"):
            second = self._leaf(after, self._field)
        elif after.kind in ("not", "plus", "field"):
            refuse(f"After {sign.text} comes a word, a phrase or such joined by OR in brackets; a sign or a "
                   "field stands before all of it: -title:(a near/5 b).", after.position)  # fmt: skip
        else:
            refuse(f"Something to search for is missing after {sign.text}.", sign.position)
        right = self._side(second, after, sign)
        if self._next.kind == "near":
            refuse("The sign near/N joins two sides, not three; write AND between two of them: "
                   "a near/5 b AND b near/5 c.", self._next.position)  # fmt: skip
        self._count_pairs(left, right, distance, sign)
        return Near(left, right, distance, cast("TextField | None", self._field), sign.position)

    def _side(self, node: Node, lexeme: Lexeme, sign: Lexeme) -> tuple[Word | Phrase, ...]:
        """One side of ``near/N`` without its field, which is that of the group around both."""
        if self._field in KEYWORDS:
            refuse(f"The sign {sign.text} stands between words of a text, not between values.", sign.position)
        side = []
        for one in node.children if isinstance(node, Or) else (node,):
            if not isinstance(one, Word | Phrase):
                refuse(f"Beside {sign.text} stands a word, a phrase, or such joined by OR in brackets: "
                       f'(rate OR "interest rates") {sign.text} bank.', lexeme.position)  # fmt: skip
            if one.field != self._field:
                refuse(f"The field stands before both sides of {sign.text}: {one.field}:(a {sign.text} b).",
                       lexeme.position)  # fmt: skip
            side.append(replace(one, field=None))
        return tuple(side)

    def _count_pairs(
        self, left: tuple[Word | Phrase, ...], right: tuple[Word | Phrase, ...], distance: int, sign: Lexeme
    ) -> None:
        lengths = [[len(forms(one.text)[0]) for one in side] for side in (left, right)]
        self._paired += sum(one + other for one in lengths[0] for other in lengths[1])
        if self._paired > MAX_PAIRED:
            refuse(f"Beside near/N stands too much: paired each with each, both sides may have {MAX_PAIRED} "
                   "words in a query.", sign.position)  # fmt: skip
        if distance > MAX_PHRASE_DISTANCE and max(map(max, lengths)) > 1:
            refuse(f"Beside a phrase, or a word of several parts, N goes up to {MAX_PHRASE_DISTANCE}.",
                   sign.position)  # fmt: skip

    def _misplaced(self, lexeme: Lexeme) -> Node:
        before = self._lexemes[self._at - 2] if self._at > 1 else None
        if lexeme.kind in ("and", "or", "near"):
            hint = f'for the word itself, write "{lexeme.text}"'
            sign = f"The sign {lexeme.text[:40]}" if lexeme.kind == "near" else lexeme.text
            refuse(f"{sign} needs something on both sides; {hint}.", lexeme.position)
        if before is not None and before.kind in ("and", "or", "not", "plus"):
            refuse(f"Something to search for is missing after {before.text}.", before.position)
        if before is not None and before.kind == "open":
            refuse("There is nothing in these brackets.", before.position)
        refuse("This closing bracket has no opening one before it.", lexeme.position)

    def _nested(self, lexeme: Lexeme, read: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            refuse(f"Brackets and negations are nested more than {MAX_DEPTH} deep.", lexeme.position)
        node = read()
        self._depth -= 1
        return node

    def _group(self, opening: Lexeme) -> Node:
        node = self._any()
        if not self._take_if("close"):
            refuse("This bracket is never closed; add a ) to the end of the group.", opening.position)
        return node

    def _fielded(self, lexeme: Lexeme) -> Node:
        if self._field is not None:
            refuse(
                f"There can be no {lexeme.text}: inside a group of {self._field}: values.", lexeme.position
            )
        if lexeme.text == "published":
            self._count(lexeme)
            return read_range(self._take(), lexeme.position)
        field = lexeme.text
        value = self._take()
        if value.kind in ("word", "phrase", "prefix"):
            return self._leaf(value, field)
        if value.kind != "open":
            refuse(f"After {field}: comes a word, a phrase or a group in ( ).", value.position)
        self._field = field
        node = self._nested(value, lambda: self._group(value))
        self._field = None
        return node

    def _leaf(self, lexeme: Lexeme, field: str | None) -> Node:
        self._count(lexeme)
        if lexeme.kind != "phrase":
            check_word(lexeme.text.removesuffix("*") if lexeme.kind == "prefix" else lexeme.text,
                       lexeme.position)  # fmt: skip
        if field is not None and field in KEYWORDS:
            return _keyword(lexeme, field)
        if not forms(lexeme.text):
            refuse("There is no letter or digit to search for here.", lexeme.position)
        where = cast("TextField | None", field)
        match lexeme.kind:
            case "phrase":
                return _phrase(lexeme, where)
            case "prefix":
                return _prefix(lexeme, where)
            case _:
                return _word(lexeme, where)

    def _count(self, lexeme: Lexeme) -> None:
        self._clauses += 1
        if self._clauses > MAX_CLAUSES:
            refuse(f"A query may have at most {MAX_CLAUSES} words, phrases and values.", lexeme.position)
        self._prefixes += lexeme.kind == "prefix"
        if self._prefixes > MAX_PREFIXES:
            refuse(f"A query may have at most {MAX_PREFIXES} words with a star.", lexeme.position)


def _distance(sign: Lexeme) -> int:
    digits = sign.text.partition("/")[2]
    if not digits.isascii() or not digits.isdigit() or not 0 < int(digits) <= MAX_DISTANCE:
        refuse(f"The sign {sign.text[:40]} has no usable number; write near/1 (side by side) to "
               f"near/{MAX_DISTANCE}.", sign.position)  # fmt: skip
    return int(digits)


def _keyword(lexeme: Lexeme, field: str) -> Keyword | Prefix:
    value = lexeme.text.strip()
    if not any(map(str.isalnum, value)):
        refuse(f"There is no letter or digit in this {field}.", lexeme.position)
    if lexeme.kind == "prefix":
        return _cut_value(lexeme, field)
    wrong = _wrong_value(field, value)
    if wrong:
        refuse(f"The {field} {wrong}.", lexeme.position)
    return Keyword(field, _as_filtered(lexeme, field, value), lexeme.position)


def _as_filtered(lexeme: Lexeme, field: str, value: str) -> str:
    """A source, a domain or a country as the filters of these names read it: ``www.`` left out, in ASCII."""
    read = {"source": check_source, "domain": check_domain, "country": check_country}.get(field)
    try:
        return value if read is None else read(value)
    except InvalidRequest as error:
        refuse(f"The {field} {error.message}.", lexeme.position)


def _cut_value(lexeme: Lexeme, field: str) -> Prefix:
    value = lexeme.text[:-1]
    if field not in _CUT:
        refuse(f"After {field}: comes a whole value; a star may end those of {', '.join(_CUT)}.",
               lexeme.position)  # fmt: skip
    if sum(map(str.isalnum, value)) < MIN_LETTERS or not value[0].isalnum():
        refuse(f"A value with a star begins with at least {MIN_LETTERS} letters or digits: source:news*.",
               lexeme.position)  # fmt: skip
    if len(value.encode()) > MAX_CUT_BYTES:
        refuse("A value with a star may not be that long.", lexeme.position)
    return Prefix(value, field, lexeme.position)


def _wrong_value(field: str, value: str) -> str | None:
    if field == "topic":
        return wrong_topic(value)
    if field == "story" and not _STORY.fullmatch(value):
        return f'"{value[:40]}" is no story_id, which has 32 hex digits'
    return None


def wrong_topic(value: str) -> str | None:
    """What is wrong with a topic that is no code with a prefix; None where nothing is."""
    if _TOPIC.fullmatch(value):
        return None
    meant = f"medtop:{value}" if _NEWSCODE.fullmatch(value) else "medtop:04000000"
    return f'"{value[:40]}" is no code with its prefix, such as {meant}; for a word, leave the field out'


def _word(lexeme: Lexeme, field: TextField | None) -> Word:
    """A word without the punctuation around it, unless what is left would read as an operator."""
    found = locate(lexeme.text, UNSTEMMED)
    start = found[0][1]
    text = lexeme.text[start : found[-1][2]]
    if text in OPERATORS:
        return Word(lexeme.text, field, lexeme.position)
    check_word(text, lexeme.position + start)
    return Word(text, field, lexeme.position + start)


def _phrase(lexeme: Lexeme, field: TextField | None) -> Phrase:
    star = _STARRED.search(lexeme.text)
    if star:
        refuse("A star has no meaning inside quotation marks; leave it out, or write the word without them.",
               lexeme.position + 1 + star.start() + 1)  # fmt: skip
    return Phrase(lexeme.text, field, lexeme.position)


def _prefix(lexeme: Lexeme, field: TextField | None) -> Prefix:
    """A word that goes on, without the punctuation before it."""
    text = lexeme.text[:-1]
    found = locate(text, UNSTEMMED)
    start, end = found[0][1], found[-1][2]
    if end != len(text):
        refuse("A star stands right after a letter or digit: econom*.", lexeme.position + len(text))
    word = text[start:]
    if not is_one_word(word):
        refuse(f"A star ends a single word, and {word[:40]} is several; write AND between them.",
               lexeme.position + start)  # fmt: skip
    if len(fold(word)) < (MIN_PAIRED if is_paired(word) else MIN_LETTERS):
        refuse(f"Before a star stand at least {MIN_LETTERS} letters: econom*.", lexeme.position + start)
    return Prefix(word, field, lexeme.position + start)


def _flat(children: list[Node], kind: type[And | Or]) -> tuple[Node, ...]:
    flat: list[Node] = []
    for child in children:
        flat.extend(child.children if isinstance(child, kind) else (child,))
    return tuple(flat)
