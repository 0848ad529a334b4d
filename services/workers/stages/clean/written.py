"""Dates as people write them, in the usual languages: ``3 March 2026, 10:15 CET``, ``2026年3月3日``.

Only whole dates count, with a day, a month and a year; which of two a page means is ``metadata.py``'s question.
"""

# ruff: noqa: E501 - patterns and lists of words are as long as they are

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

MOST_CHARS = 400  # of a text that is searched: a date stands in a short line
# Names of months in lower case, as they begin; languages that share a beginning share its month.
_MONTHS = (
    ("jan|janv|january|januar|jänner|januari|janvier|enero|ene|gennaio|gen|janeiro|ocak|января|янв|styczeń|stycznia"
    "|leden|ledna|ianuarie|január|tammikuuta|يناير|كانون الثاني|ιανουαρίου|січня|januára|januarie"),
    ("feb|febr|february|februar|februari|février|févr|fév|fevrier|febrero|febbraio|fevereiro|fev|şubat|февраля|фев"
    "|luty|lutego|únor|února|februarie|február|helmikuuta|فبراير|شباط|φεβρουαρίου|лютого"),
    ("mar|march|märz|mrz|maart|mrt|mars|marzo|março|mart|марта|мар|marzec|marca|březen|března|martie|március"
    "|maaliskuuta|maret|مارس|آذار|μαρτίου|березня|marts"),
    ("apr|april|avril|avr|abril|abr|aprile|nisan|апреля|апр|kwiecień|kwietnia|duben|dubna|aprilie|április"
    "|huhtikuuta|أبريل|ابريل|نيسان|απριλίου|квітня|apríla"),
    ("may|mai|mei|maj|mayo|maggio|mag|maio|mayıs|мая|май|maja|květen|května|május|toukokuuta|مايو|أيار|μαΐου|травня"
    "|mája"),
    ("jun|june|juni|juin|junio|giugno|giu|junho|haziran|июня|июн|czerwiec|czerwca|červen|června|iunie|június"
    "|kesäkuuta|يونيو|حزيران|ιουνίου|червня|júna"),
    ("jul|july|juli|juillet|juil|julio|luglio|lug|julho|temmuz|июля|июл|lipiec|lipca|červenec|července|iulie|július"
    "|heinäkuuta|يوليو|تموز|ιουλίου|липня|júla"),
    ("aug|august|augustus|augusti|août|aout|agosto|ago|ağustos|августа|авг|sierpień|sierpnia|srpen|srpna|augusztus"
    "|elokuuta|agustus|أغسطس|اغسطس|آب|αυγούστου|серпня|augusta"),
    ("sep|sept|september|septembre|septiembre|setiembre|settembre|set|setembro|eylül|сентября|сен|wrzesień|września"
    "|září|septembrie|szeptember|syyskuuta|سبتمبر|أيلول|σεπτεμβρίου|вересня|septembra"),
    ("oct|october|oktober|okt|octobre|octubre|ottobre|ott|outubro|out|ekim|октября|окт|październik|października|říjen"
    "|října|octombrie|október|lokakuuta|أكتوبر|اكتوبر|تشرين الأول|οκτωβρίου|жовтня|októbra"),
    ("nov|november|novembre|noviembre|novembro|kasım|ноября|ноя|listopad|listopada|listopadu|noiembrie|marraskuuta"
    "|نوفمبر|تشرين الثاني|νοεμβρίου|листопада|novembra"),
    ("dec|december|dezember|dez|décembre|déc|decembre|diciembre|dic|dicembre|dezembro|aralık|декабря|дек|grudzień"
    "|grudnia|prosinec|prosince|decembrie|joulukuuta|desember|des|ديسمبر|كانون الأول|δεκεμβρίου|грудня|decembra"),
)  # fmt: skip
# Zones by name, as hours east; a name with two meanings has the one that news sites mean by it.
_ZONES = {
    "utc": 0, "gmt": 0, "z": 0, "wet": 0, "bst": 1, "west": 1, "cet": 1, "mez": 1, "wat": 1, "cest": 2, "mesz": 2,
    "eet": 2, "sast": 2, "cat": 2, "eest": 3, "msk": 3, "мск": 3, "eat": 3, "trt": 3, "gst": 4, "pkt": 5, "ist": 5.5,
    "wib": 7, "ict": 7, "hkt": 8, "sgt": 8, "pht": 8, "awst": 8, "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "nzst": 12,
    "nzdt": 13, "nst": -3.5, "brt": -3, "art": -3, "ast": -4, "edt": -4, "est": -5, "et": -5, "cdt": -5, "cst": -6,
    "ct": -6, "mdt": -6, "mst": -7, "pdt": -7, "pst": -8, "pt": -8,
}  # fmt: skip
_YEAR = r"((?:19|20)\d\d)"
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹０１２３４５６７８９", "0123456789" * 3)
_CLOCK = re.compile(
    r"(?<![\d.:])(\d{1,2})\s?(?:[:h.]\s?(\d{2})(?::\d{2}(?:\.\d+)?)?(?![\d.:]\d)\s*([ap])\.?m?\b\.?"
    r"|[:h]\s?(\d{2})(?::\d{2}(?:\.\d+)?)?|\.(\d{2})(?=\s*(?:uhr|gmt|bst)\b)|\s?([ap])\.?m\b\.?)"
    r"(?:\s*uhr\b)?\s*\(?(?:([a-zмск]{1,4})\b|(?:gmt|utc)?\s?([+-])(\d{1,2}):?(\d{2})?)?"
)


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date that was found in a text: the moment in UTC, where it stands, and whether it says a time of day."""

    moment: datetime
    start: int
    end: int
    timed: bool = False


def read_written(text: str, *, month_first: bool = False) -> datetime | None:
    """Return the first date in a short text, UTC where no zone is said; ``month_first`` reads 3/4/26 as March 4."""
    return next((found.moment for found in written_dates(text, month_first=month_first)), None)


def written_dates(text: str, *, month_first: bool = False) -> Iterator[WrittenDate]:
    """Find the dates of a short text in their order, each with the time of day beside it."""
    lowered = text[:MOST_CHARS].translate(_DIGITS).lower()
    found = [(match, day) for pattern, read in _patterns() for match in pattern.finditer(lowered)
             if (day := read(match, month_first)) is not None]  # fmt: skip
    place = 0
    for match, day in sorted(found, key=lambda item: (item[0].start(), -item[0].end())):
        if match.start() >= place:
            place = match.end()
            clock = _clock_beside(lowered, match.start(), match.end())
            yield WrittenDate(_at(day, clock), match.start(), match.end(), clock is not None)


Day = tuple[int, int, int]
Reader = Callable[[re.Match[str], bool], Day | None]


def _day(year: int, month: int, day: int) -> Day | None:
    try:
        datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None
    return year, month, day


@cache
def _months() -> dict[str, int]:
    return {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split("|")}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Reader], ...]:
    names = "|".join(sorted(map(re.escape, _months()), key=len, reverse=True))
    month = rf"({names})(?![^\W\d_])\.?"
    year = rf"(?:(?:de |del |of |г\. ?)?{_YEAR})(?!\d)"
    return (
        (re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|er|º|ª|\.|e)?(?: of| de| d')?[ \-/]{{0,2}}{month}"
                    rf"[ ,\-/]{{0,3}}{year}"), _named),
        (re.compile(rf"(?<![^\W\d_]){month}[ \-/]{{0,2}}(\d{{1,2}})(?:st|nd|rd|th)?[ ,\-/]{{1,3}}{year}"), _named_first),
        (re.compile(rf"(?<!\d){_YEAR}\s?[年년][\s.]?(\d{{1,2}})\s?[月월]\s?(\d{{1,2}})\s?[日일]"), _year_first),
        (re.compile(rf"(?<![\d.:/-]){_YEAR}([-/.])\s?(\d{{1,2}})\2\s?(\d{{1,2}})(?!\d)"), _signed),
        (re.compile(r"(?<![\d.:/-])(\d{1,2})([/.-])(\d{1,2})\2((?:19|20)\d\d|\d\d)(?![\d/])(?!\.\d)"), _numbers),
    )  # fmt: skip


def _named(match: re.Match[str], _: bool) -> Day | None:
    return _day(int(match[3]), _months()[match[2]], int(match[1]))


def _named_first(match: re.Match[str], _: bool) -> Day | None:
    return _day(int(match[3]), _months()[match[1]], int(match[2]))


def _year_first(match: re.Match[str], _: bool) -> Day | None:
    return _day(int(match[1]), int(match[2]), int(match[3]))


def _signed(match: re.Match[str], _: bool) -> Day | None:
    return _day(int(match[1]), int(match[3]), int(match[4]))


def _numbers(match: re.Match[str], month_first: bool) -> Day | None:
    """Read three numbers: the day first, as nearly everywhere, unless they only make sense the other way."""
    one, two, year = int(match[1]), int(match[3]), int(match[4])
    swapped = match[2] == "/" and (month_first or two > 12)
    if year < 100:
        # "12/11/25" may be anything; "11/13/19" is a month, a day and a year.
        if not swapped:
            return None
        year += 2000
    return _day(year, one, two) if swapped else _day(year, two, one)


Clock = tuple[int, int, float]


def _clock_beside(text: str, start: int, end: int) -> Clock | None:
    """Return the time of day that stands right behind a date or before it: hours, minutes, hours of the zone."""
    after = _CLOCK.search(text, end, min(len(text), end + 30))
    if after is not None and not _between(text[end : after.start()]):
        after = None
    before: re.Match[str] | None = None
    if after is None:
        before = max(_CLOCK.finditer(text, max(0, start - 30), start), key=lambda m: m.end(), default=None)
        if before is not None and not _between(text[before.end() : start]):
            before = None
    match = after or before
    return _clock(match) if match is not None else None


_JOINING = re.compile(r"[\s,.|•·@()\-–—/]*(?:(?:at|um|г\.?|г\.?,? в|à|a las|às|alle|kl|ore|saat|в|on|mon|tue|wed|thu|fri|sat|sun"
                      r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday)?[\s,.|:•·@\-–—]*)")  # fmt: skip


def _between(text: str) -> bool:
    return _JOINING.fullmatch(text) is not None


def _clock(match: re.Match[str]) -> Clock | None:
    hour = int(match[1])
    minute = int(match[2] or match[4] or match[5] or 0)
    half = match[3] or match[6]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59:
        return None
    shift = float(_ZONES.get(match[7] or "", 0))
    if match[8]:
        shift = (int(match[9]) + int(match[10] or 0) / 60) * (1 if match[8] == "+" else -1)
    return (hour, minute, shift) if abs(shift) <= 14 else (hour, minute, 0.0)


def _at(day: Day, clock: Clock | None) -> datetime:
    if clock is None:
        return datetime(*day, tzinfo=UTC)
    zone = timezone(timedelta(hours=clock[2]))
    return datetime(*day, clock[0], clock[1], tzinfo=zone).astimezone(UTC)
