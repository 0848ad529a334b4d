"""Money and percentages in a text, as written and as numbers; dates, weights and plain counts are left alone.

A number is found first, then what stands before and behind it decides: a currency makes it money, a
percent word a percentage, anything else nothing. So ``$70`` is never a year and ``2021`` never money.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from services.workers.stages.tag import currencies as say
from shared.article import Amount

_GAPS = re.compile(r"[\s-]")
# Both are an i where a pattern ignores case, though neither is one when folded.
_TURKISH = str.maketrans("ıİ", "ii")


@lru_cache(maxsize=1_000)
def _fold(word: str) -> str:
    """A word as the tables are asked for it: whatever a pattern takes for the same letters is the same."""
    return _GAPS.sub(" ", word.translate(_TURKISH).casefold())


def _any_of(words: Iterable[str]) -> str:
    """An alternation where a space or hyphen stands for any single gap.

    Words are grouped by their first letter, which spares most tries; in a group the longest come first.
    """
    groups: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        groups.setdefault(_fold(word[0]), []).append(re.sub(r"\\[ -]", r"[\\s-]", re.escape(word)))
    return "|".join(_group(words) for words in groups.values())


def _group(words: list[str]) -> str:
    """``m(?:illion|)`` for words that begin alike; words of other case or with a sign first stay whole."""
    first = words[0][0]
    if len(words) == 1 or not first.isalnum() or any(word[0] != first for word in words):
        return "|".join(words)
    return f"{first}(?:{'|'.join(word[1:] for word in words)})"


_LETTER_SIGNS = _any_of((*(sign for sign in say.SIGNS if sign[0].isalpha()), *say.CODES))
_OTHER_SIGNS = _any_of(sign for sign in say.SIGNS if not sign[0].isalpha())
_SIGN = rf"(?:(?<![^\W\d_])(?:{_LETTER_SIGNS})|{_OTHER_SIGNS})[ \u00a0]?"
_BEFORE = re.compile(_SIGN + "$")
_MINUS = re.compile(r"(?:^|(?<=[\s(]))[-−–]$")
_LONGEST_SIGN = 6
# Written to start with one set of letters, which is what lets the search skip text quickly.
_DIGITS = r"[0-9](?:[0-9]{0,2}(?:[\u00a0\u202f][0-9]{3})+(?![0-9])|[0-9.,]*)"
_DIGITS_SPACED = r"[0-9](?:(?<![0-9][0-9])[0-9]{0,2}(?:[\u00a0\u202f ][0-9]{3})+(?![0-9])|[0-9.,]*)"
_ENGLISH_NUMBER = re.compile(_DIGITS)
_SPACED_NUMBER = re.compile(_DIGITS_SPACED)
_PART = re.compile(rf"[\s-]?([{''.join(say.FRACTIONS)}])|[\s-]([1-9])/([2-9]|16|32|64)(?![\d/])")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})*,\d{3}")
# What may follow a number written in words; without it "a" and "one" are not numbers.
_BEHIND_WORDS = (
    r"hundred|thousand|million|billion|trillion|per\s?cent|pct|dollars?\b|euros?\b|pence|penny|cents\b|basis|percentage"
    r"|Prozent|Million|Milliarde|Euro|mil\b|mill[oó]n|por\b|pour\b|milliard"
)
_WORD_BEHIND = re.compile(rf"[ -](?:{_BEHIND_WORDS})")
_VAGUE_ENDS = ("ens of ", "eds of ", "nds of ", "ons of ")  # a quick look before the slow one
_VAGUE = re.compile(
    rf"\b(?:({_any_of(say.VAGUE)}) of )?({_any_of(say.VAGUE)}) of "
    rf"(?:(?:{_any_of((*say.UNITS, 'pound', 'pence', 'cent'))})s?)\b",
    re.IGNORECASE,
)
_VAGUE_UNIT = re.compile(rf"({_any_of((*say.UNITS, 'pound'))})s?$", re.IGNORECASE)
_JOIN = r"(?P<join> ?[-–—/] ?| (?:to|or|and|bis|und|à|a|y|et|e|o|ou|oder) )"
_RANGE = re.compile(rf"{_JOIN}(?:{_SIGN})?(?P<last>\d[\d.,]*)")
_BETWEEN = re.compile(r"\b(?:between|entre|zwischen|tra|tussen) (?:about |around )?\S{0,6}$", re.IGNORECASE)
_ANDS = frozenset(("and", "y", "et", "und", "e"))
_ROMANCE_TO = frozenset(("es", "pt", "it", "fr"))  # whose "a" and "à" join ranges
_GAP = r"(?:[ \u00a0\u202f-](?:of |de |di |d['’])?)"
# What any unit holds; where none is near, nothing else need be looked for.
_NEAR = re.compile(r"[^\W\d_]|[%٪€£$]")
_NEAR_LETTERS = 40
_SIGN_ENDS = frozenset(sign[-1] for sign in (*say.SIGNS, *say.CODES))
# All others are read as English without its words.
_LANGUAGES = (
    frozenset(
        (*say.NUMERALS_BY_LANGUAGE, *say.SCALES_BY_LANGUAGE, *say.UNITS_BY_LANGUAGE, *say.COMMA_IS_POINT)
    )
    | say.EURO_CENTS
    | _ROMANCE_TO
)
_LARGE_ENOUGH = 100_000  # "three hundred thousand pounds"; five thousand pounds may be a weight
_LONGEST_DIGITS = 24  # letters; longer ones are serial numbers, and may be past what a float holds
_RANGE_LIMIT = 1_000  # "from 2004 to 5 percent" is no range


class _Number(NamedTuple):
    """A number in its place, in digits or in words."""

    start: int
    end: int
    value: float
    spoken: bool = False


def find_amounts(text: str, language: str = "en") -> tuple[Amount, ...]:
    """Every different amount in the order of its first mention; a range gives both its ends.

    A vague amount has the value of the scale it names: ``hundreds of millions of dollars`` is 100,000,000.
    """
    base = language.split("-")[0].lower()
    if base not in _LANGUAGES:  # anything may be given for a language, and each would be remembered
        base = ""
    found = [(start, amount) for start, amount in _amounts(text, base)]
    found += _vague(text)
    first: dict[tuple[float, str], Amount] = {}
    for _, amount in sorted(found, key=lambda pair: pair[0]):
        first.setdefault((amount.value, amount.unit), amount)
    return tuple(first.values())


def _vague(text: str) -> Iterator[tuple[int, Amount]]:
    """``hundreds of billions of dollars``."""
    if not any(end in text for end in _VAGUE_ENDS):
        return
    for match in _VAGUE.finditer(text):
        named = _VAGUE_UNIT.search(match.group())
        value = say.VAGUE.get(_fold(match[2]))
        more = say.VAGUE.get(_fold(match[1])) if match[1] else 1
        if named is not None and value is not None and more is not None:
            unit = _units("").get(_fold(named[1]), "GBP")
            yield match.start(), Amount(match.group(), value * more, unit)


def _amounts(text: str, language: str) -> Iterator[tuple[int, Amount]]:
    after = _after(language)
    done = 0
    for number in _numbers(text, language):
        start = number.start
        sign = _sign_before(text, done, start) if not number.spoken else None
        if start < done or (sign is None and not number.spoken and _is_part_of_a_word(text, start)):
            continue
        if sign is None and _NEAR.search(text, number.end, number.end + _NEAR_LETTERS) is None:
            continue
        ranged = None if number.spoken else _range(text, number, sign, language)
        if ranged is not None:
            low, high, done = ranged
            yield start, low
            yield start, high
            continue
        tail = after.match(text, number.end)
        measured = _measure(sign, tail, language) if tail else None
        if measured is None or tail is None:
            continue
        begin = sign.start() if sign else start
        minus = _MINUS.search(text, max(done, begin - 2), begin)
        begin -= minus is not None
        done = tail.end()
        value = -number.value if minus else number.value
        yield start, _amount(text, begin, done, value, measured)


def _sign_before(text: str, done: int, start: int) -> re.Match[str] | None:
    """The sign or code that ends where a number starts; ``done`` is the end of what was read before."""
    before = text[max(0, start - 2) : start].rstrip(" \u00a0\n")
    if before and before[-1] not in _SIGN_ENDS:  # nearly always
        return None
    return _BEFORE.search(text, max(done, start - _LONGEST_SIGN), start)


def _amount(text: str, start: int, end: int, number: float, measured: tuple[float, str]) -> Amount:
    return Amount(text[start:end].strip(), round(number * measured[0], 6), measured[1])


def _numbers(text: str, language: str) -> list[_Number]:
    """Every number of a text, in the order of the text."""
    pattern = _SPACED_NUMBER if language in say.COMMA_IS_POINT else _ENGLISH_NUMBER
    found = [number for match in pattern.finditer(text) if (number := _in_digits(text, match, language))]
    spoken = [
        number
        for behind in _WORD_BEHIND.finditer(text)
        if (number := _in_words(text, behind.start(), language))
    ]
    return sorted(found + spoken, key=lambda number: number.start) if spoken else found


def _in_digits(text: str, match: re.Match[str], language: str) -> _Number | None:
    digits = match.group().rstrip(".,")
    if len(digits) > _LONGEST_DIGITS:
        return None
    start, end = match.start(), match.start() + len(digits)
    value = _value(digits, language)
    if text[start - 1 : start] == "." and text[start - 2 : start - 1] in "$£€":  # $.50
        return _Number(start - 1, end, value / 10 ** len(digits)) if start > 1 else None
    part = _PART.match(text, end) if digits.isdigit() else None
    if part is None:
        return _Number(start, end, value)
    share = say.FRACTIONS[part[1]] if part[1] else int(part[2]) / int(part[3])
    return _Number(start, part.end(), value + share) if share < 1 else _Number(start, end, value)


def _in_words(text: str, end: int, language: str) -> _Number | None:
    """The number word that ends where a scale, a currency or a percent word begins."""
    if not text[end - 1].isalpha() and text[end - 1] != "\n":  # most have digits there
        return None
    pattern, longest = _numeral_before(language)
    match = pattern.search(text, max(0, end - longest), end)
    value = None if match is None else _numerals(language).get(_fold(match.group()))
    return None if match is None or value is None else _Number(match.start(), end, value, spoken=True)


@cache
def _numerals(language: str) -> dict[str, float]:
    named = {**say.NUMERALS, **say.NUMERALS_BY_LANGUAGE.get(language, {})}
    return {_fold(word): value for word, value in named.items()}


@cache
def _numeral_before(language: str) -> tuple[re.Pattern[str], int]:
    words = {**say.NUMERALS, **say.NUMERALS_BY_LANGUAGE.get(language, {})}
    return re.compile(rf"(?<![\w-])(?:{_any_of(words)})$", re.IGNORECASE), max(map(len, words)) + 1


@cache
def _scales(language: str) -> Mapping[str, float]:
    named = {**say.SCALES, **say.SCALES_BY_LANGUAGE.get(language, {})}
    return {_fold(word): value for word, value in named.items()}


@cache
def _units(language: str) -> Mapping[str, str]:
    named = {**say.UNITS, **say.UNITS_BY_LANGUAGE.get(language, {})}
    return {_fold(word): unit for word, unit in named.items()}


@cache
def _after(language: str) -> re.Pattern[str]:
    scales = _any_of(_scales(language))
    plural = _any_of(
        (*_units(language), *say.UNITS_AFTER_SCALE, *say.HUNDREDTHS, *say.PERCENT.keys() - {"%", "٪"})
    )
    return re.compile(
        rf"(?P<scale>(?:[ \u00a0\u202f-]?(?:{scales})(?![\w%])){{0,3}})"
        rf"(?:[ \u00a0\u202f]?(?P<mark>[%٪€£$])"
        rf"|{_GAP}?(?:(?P<unit>{plural})(?:e?s)?|(?P<code>{_any_of(say.CODES)}))(?!\w))?",
        re.IGNORECASE,
    )


@cache
def _one_scale(language: str) -> re.Pattern[str]:
    return re.compile(_any_of(_scales(language)), re.IGNORECASE)


def _is_part_of_a_word(text: str, start: int) -> bool:
    return start > 0 and (text[start - 1].isalnum() or text[start - 1] in "$.")


def _range(
    text: str, number: _Number, sign: re.Match[str] | None, language: str
) -> tuple[Amount, Amount, int] | None:
    """Both ends of ``$3-5 million`` or ``3 to 5 percent``; the unit behind the upper end holds for both."""
    joined = _RANGE.match(text, number.end)
    if joined is None or number.value >= _RANGE_LIMIT:
        return None
    join, last = joined["join"].strip(), joined["last"].rstrip(".,")
    begin = sign.start() if sign else number.start
    if not _joins(join, language, text, begin) or len(last) > _LONGEST_DIGITS:
        return None
    tail = _after(language).match(text, joined.start("last") + len(last))
    measured = _measure(sign, tail, language) if tail else None
    high = _value(last, language)
    if tail is None or measured is None or (high < number.value and join not in ("-", "–", "/")):
        return None
    low = _amount(text, begin, tail.end(), number.value, measured)
    return low, _amount(text, begin, tail.end(), high, measured), tail.end()


def _joins(join: str, language: str, text: str, start: int) -> bool:
    if join in _ANDS:
        return _BETWEEN.search(text, max(0, start - 24), start) is not None
    return join not in ("a", "à", "o", "ou") or language in _ROMANCE_TO


def _measure(sign: re.Match[str] | None, tail: re.Match[str], language: str) -> tuple[float, str] | None:
    """The factor and unit that the signs around a number say, or None when they say nothing."""
    factor = 1.0
    for scale in _one_scale(language).findall(tail["scale"]) if tail["scale"] else ():
        value = _scales(language).get(_fold(scale))
        if value is None:
            return None
        factor *= value
    if sign is not None:
        mark = sign.group().strip()
        return factor, say.SIGNS.get(mark) or say.CODE_OF.get(mark, mark)
    if tail["code"]:
        code = _fold(tail["code"]).upper()
        return (factor, say.CODE_OF.get(code, code)) if tail["code"].isupper() or code == "RMB" else None
    return _measured_by_word(factor, tail["mark"] or _fold(tail["unit"] or ""), tail, language)


def _measured_by_word(
    factor: float, word: str, tail: re.Match[str], language: str
) -> tuple[float, str] | None:
    if word == "bp" and tail["unit"].isupper():  # the oil company
        return None
    if word in say.PERCENT:
        return factor * say.PERCENT[word], "percent"
    if word in say.HUNDREDTHS:
        return factor / 100, "EUR" if language in say.EURO_CENTS else say.HUNDREDTHS[word]
    unit = say.SIGNS.get(word) or _units(language).get(word)
    if unit is None and factor >= _LARGE_ENOUGH:
        unit = say.UNITS_AFTER_SCALE.get(word)
    return (factor, unit) if unit else None


def _value(number: str, language: str) -> float:
    """Read digits with their separators."""
    if number.isdecimal():
        return float(number)
    digits = re.sub(r"\s", "", number)
    both = "," in digits and "." in digits
    comma_last = digits.rfind(",") > digits.rfind(".")
    by_language = language in say.COMMA_IS_POINT or ("," in digits and _GROUPED.fullmatch(digits) is None)
    point = "," if (both and comma_last) or (not both and by_language) else "."
    whole, _, fraction = digits.replace("." if point == "," else ",", "").partition(point)
    return float(f"{whole}.{fraction.replace(point, '') or 0}")
