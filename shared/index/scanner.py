"""Cuts a query's text into lexemes with their places; what they mean together is the parser's business."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from shared.errors import InvalidRequest
from shared.index.analysis import forms
from shared.index.keywords import KEYWORDS

LexemeKind = Literal[
    "word", "prefix", "phrase", "field", "range", "and", "or", "not", "plus", "near", "open", "close", "end"
]

FIELDS = ("title", "body", *KEYWORDS, "published")
EXACT_FIELDS = tuple(KEYWORDS)
KNOWN_FIELDS = ", ".join(f"{name}:" for name in FIELDS)

_QUOTES = '"“”„‟«»＂'
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")
_PHRASE = re.compile(rf"[{_QUOTES}]([^{_QUOTES}]*)(.?)", re.DOTALL)
_CHUNK = re.compile(rf"[^\s\x00-\x1f\x7f(){_QUOTES}]+")
_FIELD = re.compile(r"([^\W\d][\w.]*):")
_RANGE = re.compile(r"[\[{][^\]}]*[\]}]?")
OPERATORS: dict[str, LexemeKind] = {"AND": "and", "OR": "or", "NOT": "not"}
NEAR_SIGN = re.compile(r"near/[+-]?\d*", re.IGNORECASE)
_PREFIX = re.compile(r"[^*]+\*")
_MODIFIER = re.compile(r"[~^]\d*(?:\.\d+)?$")


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A piece of a query: its kind, its text without signs, and where it begins."""

    kind: LexemeKind
    text: str
    position: int


def refuse(message: str, position: int) -> NoReturn:
    """Raise the error of a query that cannot be understood."""
    raise InvalidRequest("q", message, position)


def scan(text: str) -> list[Lexeme]:
    """Cut a text into lexemes, the last of kind ``end``; raises ``InvalidRequest`` with the position.

    Words without a letter or digit (a lone dash, an ampersand in a pasted headline) are left out.
    """
    scanner = _Scanner(text)
    scanner.run()
    return [*scanner.lexemes, Lexeme("end", "", len(text))]


class _Scanner:
    """Walks through one text; knows whether it stands in a group of exact values (``topic:( )``)."""

    def __init__(self, text: str) -> None:
        self.lexemes: list[Lexeme] = []
        self._text = text
        self._depth = 0
        self._group: int | None = None  # how deep the brackets of a group of exact values lie

    def run(self) -> None:
        at = 0
        while at < len(self._text):
            space = _SPACE.match(self._text, at)
            at = space.end() if space else self._scan_one(at)

    def _scan_one(self, at: int) -> int:
        first = self._text[at]
        after_field = bool(self.lexemes) and self.lexemes[-1].kind == "field"
        if first in "()":
            found, end = self._scan_bracket(at, after_field=after_field), at + 1
        elif first in _QUOTES:
            found, end = _scan_phrase(self._text, at)
        elif after_field:
            found, end = _scan_value(self._text, at)
        elif first in "+-" and _binds(self._text, at):
            found, end = Lexeme("plus" if first == "+" else "not", first, at), at + 1
        else:
            return self._scan_chunk(at)
        self.lexemes.append(found)
        return end

    def _scan_bracket(self, at: int, *, after_field: bool) -> Lexeme:
        if self._text[at] == "(":
            if after_field and self.lexemes[-1].text in EXACT_FIELDS:
                self._group = self._depth
            self._depth += 1
            return Lexeme("open", "(", at)
        self._depth -= 1
        if self._depth == self._group:
            self._group = None
        return Lexeme("close", ")", at)

    def _scan_chunk(self, at: int) -> int:
        match = _CHUNK.match(self._text, at)
        if match is None:
            refuse("This character cannot be searched for.", at)
        chunk, end = match[0], match.end()
        if chunk in OPERATORS:
            self.lexemes.append(Lexeme(OPERATORS[chunk], chunk, at))
            return end
        field = None if self._group is not None else _scan_field(self._text, chunk, at)
        if field is not None:
            self.lexemes.append(field)
            return at + len(field.text) + 1
        if NEAR_SIGN.fullmatch(chunk):
            self.lexemes.append(Lexeme("near", chunk, at))
            return end
        kind = _kind(chunk)
        check_word(chunk.removesuffix("*") if kind == "prefix" else chunk, at)
        if self._group is not None or kind == "prefix" or forms(chunk):
            self.lexemes.append(Lexeme(kind, chunk, at))
        return end


def _kind(chunk: str) -> LexemeKind:
    return "prefix" if _PREFIX.fullmatch(chunk) else "word"


def _binds(text: str, at: int) -> bool:
    """Tell a sign before something ("-word") from a dash that stands alone."""
    return at + 1 < len(text) and not _SPACE.match(text, at + 1) and text[at + 1] != ")"


def _scan_phrase(text: str, at: int) -> tuple[Lexeme, int]:
    match = _PHRASE.match(text, at)
    if match is None or not match[2]:
        refuse('This quotation mark is never closed; add a second " at the end of the phrase.', at)
    if not match[1].strip():
        refuse("There is nothing between these quotation marks; write words in them, or leave them out.", at)
    return Lexeme("phrase", match[1], at), match.end()


def _scan_value(text: str, at: int) -> tuple[Lexeme, int]:
    """What follows ``field:`` directly; its colons are its own (``topic:medtop:04000000``)."""
    if text[at] in "+-!":
        refuse("A sign stands before the field, not before its value: -source:example.com.", at)
    match = _RANGE.match(text, at) or _CHUNK.match(text, at)
    if match is None:
        refuse("A value is missing here.", at)
    kind: LexemeKind = "range" if text[at] in "[{" else _kind(match[0])
    return Lexeme(kind, match[0], at), match.end()


def _scan_field(text: str, chunk: str, at: int) -> Lexeme | None:
    if ":" not in chunk.rstrip(":"):  # a colon that ends a word is punctuation, but not after a known name
        name = chunk[:-1].lower() if chunk.endswith(":") else ""
        end = at + len(chunk)
        if name not in FIELDS:
            return None
        if end == len(text) or _SPACE.match(text, end):
            refuse(f"A value is missing after {name}: (no space may follow the colon).", end)
        return Lexeme("field", name, at)
    if "://" in chunk:
        refuse(
            "To search for the text of an address, put it in quotation marks; for what a site published, "
            "write source:example.com.",
            at,
        )
    match = _FIELD.match(chunk)
    if match is None:
        refuse(f'To search for text with a colon in it, put it in quotation marks: "{chunk}".', at)
    name = match[1].lower()
    if name not in FIELDS:
        refuse(
            f"There is no field {match[1]}:; fields are {KNOWN_FIELDS}. "
            "To search for text with a colon in it, put it in quotation marks.",
            at,
        )
    return Lexeme("field", name, at)


def check_word(chunk: str, at: int) -> None:
    """Refuse signs that mean something elsewhere, rather than search for something else than was meant."""
    if chunk and not chunk.strip("*"):
        refuse("A lone * is not needed: an empty query matches everything.", at)
    if NEAR_SIGN.fullmatch(chunk):
        refuse(f'The sign {chunk[:40]} stands between two words; for the text itself, write "{chunk}".', at)
    if "*" in chunk:
        refuse("A star stands at the end of a word, after at least 3 letters: econom*.",
               at + chunk.index("*"))  # fmt: skip
    if len(chunk) > 2 and chunk[0] == chunk[-1] == "/":
        refuse("Regular expressions cannot be searched for; write words, or put the text in quotes.", at)
    if chunk == "||" or (chunk[0] == "!" and forms(chunk)):
        refuse("Write OR between words for either, and NOT or - before a word to exclude it.", at)
    if _MODIFIER.search(chunk) and forms(chunk):
        refuse("Signs like ~ and ^ after a word have no meaning here; leave them out. For words that stand "
               "close together, write near/5 between them.", at)  # fmt: skip
