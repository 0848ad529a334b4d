"""Money and percentages in a text, as written and as numbers; dates, weights and plain counts are left alone.

A number is found first, then what stands before and behind it decides: a currency makes it money, a
percent word a percentage, anything else nothing. So ``$70`` is never a year and ``2021`` never money.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from shared.article import Amount

# Longer signs first, since the alternation takes the first that fits.
_SIGNS = {
    "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "HK$": "HKD", "NZ$": "NZD",
    "S$": "SGD", "NT$": "TWD", "R$": "BRL", "Mex$": "MXN", "$": "USD", "£": "GBP", "€": "EUR", "¥": "JPY",
    "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₪": "ILS", "₦": "NGN", "₫": "VND", "฿": "THB",
    "₱": "PHP", "₴": "UAH", "RM": "MYR", "Rs.": "INR", "Rs": "INR", "Rp": "IDR", "Dlrs": "USD",
    "dlrs": "USD", "stg": "GBP",
}  # fmt: skip
_CODES = (
    "USD", "EUR", "GBP", "JPY", "CNY", "CHF", "AUD", "CAD", "NZD", "HKD", "SGD", "SEK", "NOK", "DKK", "PLN",
    "CZK", "HUF", "RUB", "TRY", "INR", "PKR", "BRL", "MXN", "ARS", "ZAR", "KRW", "THB", "MYR", "IDR", "PHP",
    "ILS", "AED", "SAR", "EGP", "NGN", "KES", "TWD", "UAH", "VND", "BDT", "QAR", "KWD", "COP", "CLP", "PEN",
)  # fmt: skip
_UNITS = {
    "us dollar": "USD", "australian dollar": "AUD", "canadian dollar": "CAD", "hong kong dollar": "HKD",
    "new zealand dollar": "NZD", "singapore dollar": "SGD", "taiwan dollar": "TWD", "dollar": "USD",
    "dólar": "USD", "dólare": "USD", "dlr": "USD", "buck": "USD", "pound sterling": "GBP",
    "british pound": "GBP", "sterling": "GBP", "quid": "GBP", "euro": "EUR", "yen": "JPY", "yuan": "CNY",
    "renminbi": "CNY", "rmb": "CNY", "indian rupee": "INR", "pakistani rupee": "PKR", "rupee": "INR",
    "rouble": "RUB", "ruble": "RUB", "rubel": "RUB", "rublo": "RUB", "swiss franc": "CHF", "franken": "CHF",
    "swedish crown": "SEK", "swedish kronor": "SEK", "danish crown": "DKK", "danish kroner": "DKK",
    "norwegian crown": "NOK", "norwegian kroner": "NOK", "rand": "ZAR", "reai": "BRL", "ringgit": "MYR",
    "turkish lira": "TRY", "baht": "THB", "uae dirham": "AED", "dirham": "AED", "saudi riyal": "SAR",
    "riyal": "SAR", "shekel": "ILS", "zloty": "PLN", "złoty": "PLN", "naira": "NGN", "hryvnia": "UAH",
    "mexican peso": "MXN", "philippine peso": "PHP", "argentine peso": "ARS", "chilean peso": "CLP",
    "colombian peso": "COP", "kenyan shilling": "KES", "deutsche mark": "DEM", "rupiah": "IDR",
}  # fmt: skip
# Words that are money only behind a million or more: pounds also weigh, and won is a verb.
_UNITS_AFTER_SCALE = {"pound": "GBP", "won": "KRW", "franc": "CHF", "mark": "DEM"}
_HUNDREDTHS = {"cent": "USD", "pence": "GBP", "penny": "GBP", "euro cent": "EUR", "céntimo": "EUR"}
_PERCENT = {
    "%": 1.0, "٪": 1.0, "percent": 1.0, "per cent": 1.0, "pct": 1.0, "percentage point": 1.0,
    "basis point": 0.01, "por ciento": 1.0, "prozent": 1.0, "prozentpunkte": 1.0, "pour cent": 1.0,
}  # fmt: skip

_SCALES = {
    "hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "mln": 1e6, "mn": 1e6, "m": 1e6,
    "billion": 1e9, "bln": 1e9, "bn": 1e9, "b": 1e9, "trillion": 1e12, "trn": 1e12, "tn": 1e12,
    "lakh": 1e5, "crore": 1e7,
}  # fmt: skip
_SCALES_BY_LANGUAGE = {
    "es": {"mil": 1e3, "millón": 1e6, "millones": 1e6, "mil millones": 1e9, "billones": 1e12, "billón": 1e12},
    "fr": {"mille": 1e3, "million": 1e6, "millions": 1e6, "milliard": 1e9, "milliards": 1e9},
    "de": {"tausend": 1e3, "millionen": 1e6, "mio": 1e6, "mio.": 1e6, "milliarde": 1e9, "milliarden": 1e9,
           "mrd": 1e9, "mrd.": 1e9, "billionen": 1e12},
}  # fmt: skip
_NUMERALS = {
    "half a": 0.5, "a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_COMMA_IS_POINT = frozenset(
    ("de", "es", "fr", "it", "pt", "nl", "da", "sv", "nb", "no", "fi", "pl", "ru", "tr")
)


def _any_of(words: Iterable[str]) -> str:
    """An alternation, longest first, where a space stands for any single gap."""
    ordered = sorted(words, key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\ ", r"[\s-]") for word in ordered)


_LETTER_SIGNS = _any_of((*(sign for sign in _SIGNS if sign[0].isalpha()), *_CODES))
_OTHER_SIGNS = _any_of(sign for sign in _SIGNS if not sign[0].isalpha())
_SIGN = rf"(?:(?<![^\W\d_])(?:{_LETTER_SIGNS})|{_OTHER_SIGNS})\s?"
_BEFORE = re.compile(_SIGN + "$")
# Written to start with one set of letters, which is what lets the search skip text quickly.
_DIGITS = r"[0-9](?:[0-9]{0,2}(?:[\u00a0\u202f][0-9]{3})+(?![0-9])|[0-9.,]*)"
_DIGITS_SPACED = r"[0-9](?:(?<![0-9][0-9])[0-9]{0,2}(?:[\u00a0\u202f ][0-9]{3})+(?![0-9])|[0-9.,]*)"
# What may follow a number written in words; without it "a" and "one" are not numbers.
_BEHIND_WORDS = (
    r"hundred|thousand|(?:m|b|tr)illion|per\s?cent|dollars?\b|euros?\b|pounds?\b|pence|cents\b|basis"
    r"|percentage"
)
_IN_WORDS = re.compile(rf"\b(?:{_any_of(_NUMERALS)})(?=[\s-](?:{_BEHIND_WORDS}))", re.IGNORECASE)
_WORD_BEHIND = re.compile(rf" (?:{_BEHIND_WORDS})")
_LONGEST_NUMERAL = max(map(len, _NUMERALS)) + 1
_RANGE = re.compile(rf"(?P<join>\s?[-–]\s?|\s(?:to|or|bis|à)\s)(?:{_SIGN})?(?P<last>\d[\d.,]*)")
_GAP = r"(?:[\s\u00a0-](?:of\s|de\s|d['’])?)"
_LARGE = 1_000_000
_LONGEST_DIGITS = 24  # letters; longer ones are serial numbers, and may be past what a float holds
_RANGE_LIMIT = 1_000  # "from 2004 to 5 percent" is no range


_ENGLISH_NUMBER = re.compile(_DIGITS)
_SPACED_NUMBER = re.compile(_DIGITS_SPACED)


def _numbers(text: str, language: str) -> list[re.Match[str]]:
    """Every number in its place, in digits or in words."""
    digits = _SPACED_NUMBER if language in _COMMA_IS_POINT else _ENGLISH_NUMBER
    found = list(digits.finditer(text))
    words: list[re.Match[str]] = []
    for behind in _WORD_BEHIND.finditer(text):
        words.extend(_IN_WORDS.finditer(text, max(0, behind.start() - _LONGEST_NUMERAL), behind.end()))
    return sorted(found + words, key=lambda match: match.start()) if words else found


@cache
def _scales(language: str) -> dict[str, float]:
    return {**_SCALES, **_SCALES_BY_LANGUAGE.get(language, {})}


@cache
def _after(language: str) -> re.Pattern[str]:
    scales = _any_of(_scales(language))
    units = _any_of((*_UNITS, *_UNITS_AFTER_SCALE, *_HUNDREDTHS, *_PERCENT.keys() - {"%", "٪"}))
    return re.compile(
        rf"(?:[\s\u00a0-]?(?P<scale>{scales})(?![\w%]))?"
        rf"(?:\s?(?P<mark>[%٪€£$])|{_GAP}?(?:(?P<unit>{units})(?:e?s)?|(?P<code>{_any_of(_CODES)}))(?!\w))?",
        re.IGNORECASE,
    )


def find_amounts(text: str, language: str = "en") -> tuple[Amount, ...]:
    """Every different amount in the order of its first mention; a range gives both its ends."""
    base = language.split("-")[0].lower()
    first: dict[tuple[float, str], Amount] = {}
    for amount in _amounts(text, base if base in _COMMA_IS_POINT else "en"):
        first.setdefault((amount.value, amount.unit), amount)
    return tuple(first.values())


def _amounts(text: str, language: str) -> Iterator[Amount]:
    after = _after(language)
    done = 0
    for number in _numbers(text, language):
        start, digits = number.start(), number.group().rstrip(".,")
        end = start + len(digits)
        sign = _BEFORE.search(text, max(done, start - 6), start)
        if (
            start < done
            or len(digits) > _LONGEST_DIGITS
            or (sign is None and _is_part_of_a_word(text, start))
        ):
            continue
        ranged = _range(text, digits, sign, end, language)
        if ranged is not None:
            low, high, done = ranged
            yield from (low, high)
            continue
        tail = after.match(text, end)
        measured = _measure(sign, tail, language) if tail else None
        if measured is not None and tail is not None:
            done = tail.end()
            yield _amount(text, sign.start() if sign else start, done, digits, measured, language)


def _amount(
    text: str, start: int, end: int, digits: str, measured: tuple[float, str], language: str
) -> Amount:
    return Amount(text[start:end].strip(), round(_value(digits, language) * measured[0], 6), measured[1])


def _is_part_of_a_word(text: str, start: int) -> bool:
    return start > 0 and (text[start - 1].isalnum() or text[start - 1] in "$.")


def _range(
    text: str, digits: str, sign: re.Match[str] | None, end: int, language: str
) -> tuple[Amount, Amount, int] | None:
    """Both ends of ``$3-5 million`` or ``3 to 5 percent``; the unit behind the upper end holds for both."""
    joined = _RANGE.match(text, end)
    if joined is None or not digits[0].isdigit() or _value(digits, language) >= _RANGE_LIMIT:
        return None
    last = joined["last"].rstrip(".,")
    tail = _after(language).match(text, joined.start("last") + len(last))
    measured = _measure(sign, tail, language) if tail else None
    if tail is None or measured is None or len(last) > _LONGEST_DIGITS:
        return None
    if measured[1] != "percent" and joined["join"].strip() not in ("-", "–"):
        return None
    place = (sign.start() if sign else end - len(digits), tail.end())
    low, high = (_amount(text, *place, number, measured, language) for number in (digits, last))
    return low, high, tail.end()


def _measure(sign: re.Match[str] | None, tail: re.Match[str], language: str) -> tuple[float, str] | None:
    """The factor and unit that the signs around a number say, or None when they say nothing."""
    scale = tail["scale"]
    factor = _scales(language)[_plain(scale)] if scale else 1.0
    if sign is not None:
        mark = sign.group().strip()
        return factor, _SIGNS.get(mark, mark)
    word = tail["mark"] or tail["code"] or _plain(tail["unit"] or "")
    if word in _PERCENT:
        return factor * _PERCENT[word], "percent"
    if word in _HUNDREDTHS:
        return factor / 100, _HUNDREDTHS[word]
    if word in _UNITS_AFTER_SCALE:
        return (factor, _UNITS_AFTER_SCALE[word]) if factor >= _LARGE else None
    unit = _SIGNS.get(word) or _UNITS.get(word) or (word.upper() if tail["code"] else None)
    return (factor, unit) if unit else None


def _plain(word: str) -> str:
    return re.sub(r"[\s-]", " ", word.lower())


def _value(number: str, language: str) -> float:
    """Read digits with their separators, or a number word."""
    if not number[0].isdigit():
        return float(_NUMERALS[_plain(number)])
    digits = re.sub(r"\s", "", number)
    both = "," in digits and "." in digits
    comma_last = digits.rfind(",") > digits.rfind(".")
    point = "," if (both and comma_last) or (not both and language in _COMMA_IS_POINT) else "."
    whole, _, fraction = digits.replace("." if point == "," else ",", "").partition(point)
    return float(f"{whole}.{fraction.replace(point, '') or 0}")
