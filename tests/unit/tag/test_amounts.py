"""Money and percentages: what is written, what it is worth, and what is neither."""

from __future__ import annotations

import re
import sys

import pytest

from services.workers.stages.tag import currencies
from services.workers.stages.tag.amounts import find_amounts


def _found(text: str, language: str = "en") -> list[tuple[str, float, str]]:
    return [(amount.text, amount.value, amount.unit) for amount in find_amounts(text, language)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("holds over $70 billion in reserves", ("$70 billion", 70e9, "USD")),
        ("a fine of £1.2bn was paid", ("£1.2bn", 1.2e9, "GBP")),
        ("the €3m prize", ("€3m", 3e6, "EUR")),
        ("worth dlrs 300,000 a year", ("dlrs 300,000", 300_000, "USD")),
        ("a fee of RM50,000", ("RM50,000", 50_000, "MYR")),
        ("Rs 500 crore for roads", ("Rs 500 crore", 5e9, "INR")),
        ("US$4.5tn of debt", ("US$4.5tn", 4.5e12, "USD")),
        ("HK$20 a ticket", ("HK$20", 20, "HKD")),
        ("USD 30m in cash", ("USD 30m", 30e6, "USD")),
        ("40 EUR at the door", ("40 EUR", 40, "EUR")),
        ("a $70-million deal", ("$70-million", 70e6, "USD")),
        ("two million dollars", ("two million dollars", 2e6, "USD")),
        ("half a million pounds", ("half a million pounds", 500_000, "GBP")),
        ("3.5 billion yen", ("3.5 billion yen", 3.5e9, "JPY")),
        ("80 pence a share", ("80 pence", 0.8, "GBP")),
        ("cost 99 cents.", ("99 cents", 0.99, "USD")),
        ("$1,000-a-month flats", ("$1,000", 1000, "USD")),
        ("It rose 12.5%.", ("12.5%", 12.5, "percent")),
        ("It rose 12 per cent.", ("12 per cent", 12, "percent")),
        ("30 percent of voters", ("30 percent", 30, "percent")),
        ("one percent of it", ("one percent", 1, "percent")),
        ("cut by 25 basis points", ("25 basis points", 0.25, "percent")),
        ("up 5.5 percentage points", ("5.5 percentage points", 5.5, "percent")),
    ],
)
def test_an_amount_is_found_with_its_value_and_unit(text: str, expected: tuple[str, float, str]) -> None:
    assert _found(text) == [expected]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "1,5 Milliarden Euro", (1.5e9, "EUR")),
        ("de", "rund 1.200 Euro", (1200, "EUR")),
        ("de", "um 3,2 Prozent", (3.2, "percent")),
        ("es", "3.000 millones de euros", (3e9, "EUR")),
        ("es", "20 mil millones de dólares", (20e9, "USD")),
        ("es", "un 2,5 por ciento", (2.5, "percent")),
        ("fr", "1 200 000 euros", (1.2e6, "EUR")),
        ("fr", "2 milliards d’euros", (2e9, "EUR")),
        ("fr-CA", "3,5 %", (3.5, "percent")),
    ],
)
def test_other_languages_have_their_own_points_and_scales(
    language: str, text: str, expected: tuple[float, str]
) -> None:
    assert [(value, unit) for _, value, unit in _found(text, language)] == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "In 1970 and again in September 2021 the club moved.",
        "The A380 weighs 30 pounds more than planned.",
        "It was 5m long and 500 k runs were needed.",
        "They won 3 games; hundreds of billions of stars were seen.",
        "A man of 45 drank 10 cups at 7.30 on 12/3/2004.",
        "the sign $ alone, and % alone",
    ],
)
def test_numbers_that_are_no_amounts_are_left_alone(text: str) -> None:
    assert _found(text) == []


def test_a_price_is_never_read_as_a_year() -> None:
    assert _found("It cost $70 in 2021") == [("$70", 70.0, "USD")]


def test_a_range_gives_both_its_ends() -> None:
    assert _found("$3-5 million") == [("$3-5 million", 3e6, "USD"), ("$3-5 million", 5e6, "USD")]
    assert _found("3 to 5 percent") == [("3 to 5 percent", 3, "percent"), ("3 to 5 percent", 5, "percent")]


def test_the_same_amount_is_given_once_as_first_written() -> None:
    assert _found("$7bn, or $7 billion, and then $8bn") == [("$7bn", 7e9, "USD"), ("$8bn", 8e9, "USD")]


def test_every_amount_text_stands_in_the_article() -> None:
    text = "Sales of $1.2 billion rose 4% while costs of 30 million euros fell 2 per cent."
    assert len(_found(text)) == 4
    assert all(written in text for written, _, _ in _found(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$",
        "9" * 400,
        "$" + "9" * 400,
        "$5-" + "9" * 400,
        "$" * 200,
        "1,,,.2.3,%",
        "$٣",
        "½ percent",
        "²%",
    ],
)
def test_odd_text_is_read_without_complaint(text: str) -> None:
    for _, value, unit in _found(text):
        assert -1e40 < value < 1e40
        assert unit


@pytest.mark.parametrize(
    ("text", "language", "wanted"),
    [
        ("5 MİLYON EURO", "tr", [(5e6, "EUR")]),
        ("5 MİLYON DOLAR", "tr", []),
        ("5 mıllıon dollars", "en", [(5e6, "USD")]),
        ("sıx percent", "en", [(6, "percent")]),
        ("hundredſ of millions of dollars", "en", [(1e8, "USD")]),
        ("5 \u212aronor", "en", []),
        ("5 million SE\u212a", "en", [(5e6, "SEK")]),
        ("5 İDR", "en", [(5, "IDR")]),
        ("hundreds of d-marks", "en", [(100, "DEM")]),
    ],
)
def test_letters_that_only_ignoring_case_makes_the_same_are_the_same(
    text: str, language: str, wanted: list[tuple[float, str]]
) -> None:
    assert [(each.value, each.unit) for each in find_amounts(text, language)] == wanted


@pytest.mark.parametrize("language", ["en", *currencies.SCALES_BY_LANGUAGE])
def test_every_letter_a_pattern_takes_for_another_is_looked_up_as_that_one(language: str) -> None:
    words = {**currencies.SCALES, **currencies.SCALES_BY_LANGUAGE.get(language, {})}
    letters = "".join(sorted(set("".join(words)) - set(".")))
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    alike = re.findall(f"[{letters}]", every, re.IGNORECASE)
    tried = 0
    for word in words:
        plain = find_amounts(f"5 {word} euro", language)
        assert plain, word
        for letter in alike:
            for place, old in enumerate(word):
                if letter != old and re.fullmatch(re.escape(old), letter, re.IGNORECASE):
                    found = find_amounts(f"5 {word[:place]}{letter}{word[place + 1 :]} euro", language)
                    assert [each.value for each in found] == [each.value for each in plain]
                    tried += 1
    assert tried > 20
