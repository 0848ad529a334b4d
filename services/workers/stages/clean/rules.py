"""Which single lines are furniture, by their words and shape; where they stand is ``text.py``'s question."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from services.workers.stages.clean.lines import ADDRESS, LETTER, Line
from services.workers.stages.clean.phrases import phrase, words

DATE_PIECES = re.compile(r"[^\W\d_]+|\d+")
DIGIT = re.compile(r"\d")
CASE_CHANGE = re.compile(r"[a-z][A-Z]")
CRUMB = re.compile(r" ?[>»›] ?| [/|·•] ")
CRUMB_CHARS = 60
DATE_OR_TIME = re.compile(r"\b(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}[:h]\d{2})\b")
YEAR = re.compile(r"\b(?:19|20)\d{2}\b")
SIGNED_NAMES, SIGNED_WORDS = 5, 18
TOKEN_CHARS = 20
MOST_CHARS = 1_000  # no furniture is longer, and no pattern may see a line of a megabyte
BIO_CHARS = 200  # a writer's trade is named at once
KEYWORD_COMMA = re.compile(r"[,;，、] ?(?!\d)")
KEYWORD_PARTS = 4
KEYWORD_WORDS = 6
NUMBER_DIGITS = 7
NOTE_WORDS = 60
NEWS_WORDS = 4  # from these on a sentence says something
ENDED_QUOTE = re.compile(r"[\"”“»']")
QUOTE_MARKS = frozenset("\"“„«‘'")
# One to three capitalised words that open a sentence.
NAME = re.compile(r"([^\W\d_a-zß-ÿ][\w.'’-]*)(?: [^\W\d_a-zß-ÿ][\w.'’-]*){0,2} ")
MOST_FUNCTION_WORDS = 0.12


@dataclass(frozen=True, slots=True)
class Rule:
    """A reason, the most words a line of it has, and the test on the line."""

    reason: str
    most_words: int
    test: Callable[[Line], object]


def reason_to_cut(line: Line) -> str | None:
    """Return why a line is furniture wherever it stands, or None."""
    if len(line.text) > MOST_CHARS:
        return None
    for rule in _rules_for(line.words):
        if rule.test(line):
            return rule.reason
    return None


def is_news(line: Line) -> bool:
    """Tell a sentence of news: words of somebody, or words that speak to no reader.

    Asked about lines that hold a site's words, such as "subscribe": those of an article tell who said or did
    what. A line that does not end as sentences do is none, nor is one under a label such as "Read more:".
    """
    if not line.ends or line.words < NEWS_WORDS:
        return False
    if phrase("label")(line.key) or phrase("reserved")(line.key):
        return False
    return is_told(line) or not phrase("reader")(line.key)


def is_told(line: Line) -> bool:
    """Tell a sentence that names who said it, or begins with somebody's words."""
    quoted = line.text[0] in QUOTE_MARKS - {"'"} and ENDED_QUOTE.search(line.text, 1) is not None
    return quoted or phrase("told")(line.key[:MOST_CHARS]) is not None


def is_credit(line: Line) -> bool:
    """Tell who made a picture; a sentence about what pictures show is none."""
    match = phrase("credit")(line.key)
    if match is None or not line.ends or line.words < NEWS_WORDS or phrase("label")(line.key):
        return match is not None
    rest = re.split(r"[\s,|/]+", line.text.strip("() ."))[1:]
    return all(word[:1].isupper() or word in words("name_joiners") for word in rest if word)


def is_labelled_keywords(line: Line) -> bool:
    """Tell keywords under a label such as "Tags:"; a sentence after one has its share of small words."""
    if not phrase("keywords_label")(line.key):
        return False
    functions = sum(word in words("function_words") for word in line.key.split())
    return not line.ends or functions <= MOST_FUNCTION_WORDS * line.words


def is_keywords(line: Line) -> bool:
    """Tell a line of keywords: many short parts between commas, few function words, no full stop."""
    if line.ends or line.bullet or line.text.count(",") + line.text.count(";") < KEYWORD_PARTS - 1:
        return False
    parts = KEYWORD_COMMA.split(line.text)
    if len(parts) < KEYWORD_PARTS or max(len(part.split()) for part in parts) > KEYWORD_WORDS:
        return False
    functions = words("function_words")
    return sum(word in functions for word in line.key.split()) <= MOST_FUNCTION_WORDS * line.words


def is_bio(line: Line, authors: tuple[str, ...]) -> bool:
    """Tell a paragraph about the writer: a writer's trade said of its first words, or of a named author."""
    if not line.ends or line.words > 120:
        return False
    verb = phrase("bio_verb")(line.key[:BIO_CHARS])
    if verb is None:
        return False
    first = line.text.split(maxsplit=1)[0].strip("\"'“”,.")
    named = any(first.casefold() == part.casefold() for name in authors for part in name.split())
    opens = verb.start() <= 60
    return opens and (named or (first[:1].isupper() and phrase("bio_more")(line.key) is not None))


def note_at_edge(line: Line, *, below: bool) -> str | None:
    """Return why a line above or below an article is no part of it: a note to readers, or on the writer."""
    if line.words > NOTE_WORDS or line.text[:1] in QUOTE_MARKS or is_told(line):
        return None
    if phrase("edge_note")(line.key) or phrase("edge_note_within")(line.key):
        return "site-note"
    name = NAME.match(line.text) if below else None
    if name is None or name[1].casefold() in words("function_words"):
        return None
    return "author-bio" if phrase("writer_works")(line.key[name.end() :]) else None


def is_byline(line: Line) -> bool:
    """Tell a line that names who wrote the article."""
    if line.ends and line.words > 6 and not line.text.startswith("("):
        return False
    match = phrase("byline_word")(line.key)
    if match is None:
        return False
    rest = re.split(r"[\s:,|/]+", line.text.strip("() "))[1:]
    joining = words("name_joiners")
    return all(
        word[:1].isupper() or word[0] in "@(" or DIGIT.search(word) or word in joining
        for word in rest
        if word
    )


def is_wordless(line: Line) -> bool:
    """Tell a line of signs or of one short number, such as a counter; a telephone number is none."""
    return not LETTER.search(line.text) and len(DIGIT.findall(line.text)) < NUMBER_DIGITS


def is_date(line: Line) -> bool:
    """Tell a line that is a date, a time, or both, and nothing else."""
    if not DIGIT.search(line.key):
        return False
    known, beside = words("date_words"), words("beside_dates")
    pieces = DATE_PIECES.findall(line.key)
    strange = [piece for piece in pieces if not piece.isdigit() and piece not in known]
    if any(piece not in beside for piece in strange):
        return False
    # A heading such as "The last 10 minutes" is made of such words too.
    told = DATE_OR_TIME.search(line.key) is not None or (bool(strange) and YEAR.search(line.key) is not None)
    return told if strange or all(map(str.isdigit, pieces)) else True


def is_signed_date(line: Line) -> bool:
    """Tell a date with names beside it, as it stands above an article: of its writer, its place, its site."""
    if line.ends or not (YEAR.search(line.key) or DATE_OR_TIME.search(line.key)):
        return False
    known = words("date_words") | words("beside_dates")
    pieces = [piece for piece in DATE_PIECES.findall(line.text) if not piece.isdigit()]
    dated = {piece.casefold() for piece in pieces} & known - words("function_words")
    names = [piece for piece in pieces if piece.casefold() not in known | words("name_joiners")]
    return bool(dated) and len(names) <= SIGNED_NAMES and all(piece[0].isupper() for piece in names)


def is_breadcrumbs(line: Line) -> bool:
    """Tell a path through a site: short parts between arrows, bars or slashes; a table's row is none."""
    if line.listed or ("|" in line.text and DIGIT.search(line.text)):
        return False
    parts = cells(line)
    return not line.ends and len(parts) > 2 and all(0 < len(part) <= CRUMB_CHARS for part in parts)


def cells(line: Line) -> list[str]:
    """Return the parts of a line between arrows, bars or slashes."""
    return CRUMB.split(line.text)


def is_token(line: Line) -> bool:
    """Tell a random token: one long word with digits or changing case that is no address."""
    text = line.text
    if " " in text or len(text) < TOKEN_CHARS or ADDRESS.match(text) or not text.isascii():
        return False
    return bool(DIGIT.search(text)) + len(CASE_CHANGE.findall(text)) >= 2 or (
        bool(DIGIT.search(text)) and len(text) >= 32
    )


def _says(name: str) -> Callable[[Line], object]:
    test = phrase(name)
    return lambda line: test(line.key)


def _asks(name: str) -> Callable[[Line], object]:
    """Test for words that sites and articles share: of sentences, only those to the reader are a site's."""
    test = phrase(name)
    return lambda line: test(line.key) and not is_news(line)


def _labels(name: str) -> Callable[[Line], object]:
    test = phrase(name)
    return lambda line: not line.ends and test(line.key)


RULES = (
    Rule("no-words", 12, is_wordless),
    Rule("token", 1, is_token),
    Rule("advert", 12, _says("advert")),
    Rule("share", 14, _says("share")),
    Rule("bookmark", 4, _says("bookmark")),
    Rule("control", 8, _says("control")),
    Rule("comments", 12, _says("comments")),
    Rule("comments", 45, _says("comment_thread")),
    Rule("wire-sign-off", 45, _says("wire_end")),
    Rule("photo-credit", 30, is_credit),
    Rule("byline", 16, is_byline),
    Rule("timestamp", 16, _labels("timestamp")),
    Rule("timestamp", 16, is_date),
    Rule("source-line", 8, _labels("source_line")),
    Rule("photo-credit", 90, _says("caption_end")),
    Rule("newsletter", 60, _asks("inbox")),
    Rule("disclosure", 60, _asks("commission")),
    Rule("copyright", 60, _asks("copyright")),
    Rule("cookie-notice", 120, _asks("cookies")),
    Rule("adblock", 45, _asks("adblock")),
    Rule("newsletter", 45, _asks("newsletter")),
    Rule("follow", 40, _asks("follow")),
    Rule("paywall", 40, _asks("paywall")),
    Rule("see-also", 35, _asks("see_also")),
    Rule("contact", 45, _asks("contact")),
    Rule("keywords", 80, is_labelled_keywords),
    Rule("disclosure", 80, _asks("disclosure")),
    Rule("breadcrumbs", 30, is_breadcrumbs),
)


@cache
def _rules_for(words: int) -> tuple[Rule, ...]:
    """Return the rules for lines of a number of words; a line within ``MOST_CHARS`` has few of them."""
    return tuple(rule for rule in RULES if words <= rule.most_words)
