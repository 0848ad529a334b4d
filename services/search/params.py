"""Query strings to search requests: strict, so that a misspelt filter is refused and never ignored.

Knows neither Flask nor the engine; the words of ``q`` are the parser's. Pages go by ``offset``, as far as
the index port reaches; what a cursor holds is ``cursors.py``'s.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast, get_args
from urllib.parse import parse_qsl

from services.search.answers import ARTICLE_FIELDS
from services.search.facets import check_facets
from shared.countries import check_country
from shared.errors import InvalidRequest
from shared.fields import EMPTY_NAME, FieldError, InvalidFields
from shared.identity import check_source
from shared.index.facets import MAX_FACET_SIZE
from shared.index.keywords import check_domain
from shared.index.moments import is_math, read_date, resolve_math
from shared.index.parser import parse_query, wrong_topic
from shared.index.plan import MAX_WINDOW
from shared.index.port import Duplicates, Filters, SearchRequest, Sort, Stories

DEFAULT_SIZE = 20
MAX_SIZE = 100
BEGIN = "*"  # in the place of a cursor: begin a walk with this page
MAX_PARAMETERS = 64
MAX_VALUES = 100  # of one filter
MAX_VALUE_CHARS = 256
MAX_WORDS = 1_000_000_000

LIST_PARAMETERS = (
    "source", "-source", "language", "-language", "topic", "-topic", "story", "-story", "domain", "-domain",
    "country", "-country", "facets", "fields",
)  # fmt: skip
NAME_PARAMETERS = ("entity", "-entity", "author", "-author")  # lists too; a value in quotes may have commas
SINGLE_PARAMETERS = (
    "q", "from", "to", "min_words", "max_words", "indexed_since", "has_image", "duplicates", "stories",
    "sort", "size", "offset", "highlight", "facet_size",
)  # fmt: skip
PARAMETERS = SINGLE_PARAMETERS + LIST_PARAMETERS + NAME_PARAMETERS

_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(?P<zone>.*)"
)
_ZONE = re.compile(r"[Zz]|[+-][0-9]{2}:[0-9]{2}")
_WHOLE = re.compile(r"[0-9]{1,10}")  # as many as MAX_WORDS has
_STORY = re.compile(r"[0-9A-Fa-f]{32}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_NAME = re.compile(r'[ ]*+"([^"]*)"[ ]*+,|([^,]*+),')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One search as asked for: the request to the index, and how its hits are to be shown."""

    text: str
    request: SearchRequest
    fields: tuple[str, ...] = ARTICLE_FIELDS
    highlight: bool = False


Given = Mapping[str, list[str]]


def read_cursor(given: Given) -> str | None:
    """The cursor, if one is given; raises ``InvalidRequest`` when it is empty, doubled or not alone."""
    if "cursor" not in given:
        return None
    cursor = _single(given, "cursor")
    if not cursor:
        raise InvalidRequest("cursor", "is empty; leave it out to search anew")
    others = [name for name in given if name != "cursor"]
    if others and cursor != BEGIN:
        words = "may not stand beside a cursor, which carries its whole search"
        raise InvalidFields(FieldError(name, words) for name in others)
    return cursor


def read_search(query: bytes, now: datetime, most: int = MAX_SIZE) -> Wanted:
    """Read the query string of a search of up to ``most`` hits.

    Raises ``InvalidRequest`` naming the parameter at fault.
    """
    given = read_pairs(query)
    check_names(given, PARAMETERS)
    text = _single(given, "q")
    node = parse_query(text)
    size = _whole(given, "size", DEFAULT_SIZE, most)
    request = SearchRequest(
        now=now,
        query=node,
        filters=_filters(given, now),
        duplicates=cast("Duplicates", _choice(given, "duplicates", get_args(Duplicates), "fold")),
        stories=cast("Stories", _choice(given, "stories", get_args(Stories), "keep")),
        sort=cast("Sort", _choice(given, "sort", get_args(Sort), "newest" if node is None else "relevance")),
        size=size,
        offset=_offset(given, size),
        facets=check_facets(_values(given, "facets")),
        facet_size=_whole(given, "facet_size", DEFAULT_SIZE, MAX_FACET_SIZE, 1),
    )
    highlight = _choice(given, "highlight", ("true", "false"), "false") == "true"
    return Wanted(text, request, _fields(given), highlight)


def read_pairs(query: bytes) -> dict[str, list[str]]:
    """Split a query string into its parameters; raises ``InvalidRequest`` when it is not UTF-8."""
    try:
        pairs = parse_qsl(
            query.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except UnicodeDecodeError as error:
        raise InvalidRequest("query string", "is not valid UTF-8") from error
    except ValueError as error:
        raise InvalidRequest("query string", f"has more than {MAX_PARAMETERS} parameters") from error
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    return given


def check_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse parameters that are not known; raises ``InvalidFields`` naming each of them."""
    known = list(known)
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InvalidFields(
            FieldError(name[:50] or EMPTY_NAME, _unknown(name[:50], known)) for name in unknown
        )


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    hint = f'did you mean "{close[0]}"?' if close else f"there are {', '.join(known) or 'none'}"
    return f"is not a parameter of this address; {hint}"


def _filters(given: Given, now: datetime) -> Filters:
    start = _moment(given, "from", now, last=False)
    end = _moment(given, "to", now, last=True)
    if start and end and start > end:
        raise InvalidRequest("from", f"is after to ({_single(given, 'from')} to {_single(given, 'to')})")
    least, most = _words(given)
    return Filters(
        source=_values(given, "source", _source),
        not_source=_values(given, "-source", _source),
        language=_values(given, "language", _language),
        not_language=_values(given, "-language", _language),
        topic=_values(given, "topic", _topic),
        not_topic=_values(given, "-topic", _topic),
        story=_values(given, "story", _story),
        not_story=_values(given, "-story", _story),
        domain=_values(given, "domain", _domain),
        not_domain=_values(given, "-domain", _domain),
        country=_values(given, "country", _country),
        not_country=_values(given, "-country", _country),
        entity=_names(given, "entity"),
        not_entity=_names(given, "-entity"),
        author=_names(given, "author"),
        not_author=_names(given, "-author"),
        start=start,
        end=end,
        min_words=least,
        max_words=most,
        indexed_since=_moment(given, "indexed_since", now, last=False),
        has_image=_flag(given, "has_image"),
    )


def _words(given: Given) -> tuple[int | None, int | None]:
    least, most = (
        _whole(given, name, 0, MAX_WORDS) if name in given else None for name in ("min_words", "max_words")
    )
    if least is not None and most is not None and least > most:
        raise InvalidRequest("min_words", f"is more than max_words ({least:,} to {most:,})")
    return least, most


def _single(given: Given, name: str) -> str:
    values = given.get(name, [""])
    if len(values) > 1:
        raise InvalidRequest(name, f"is given {len(values)} times; give it once")
    return values[0]


def _values(given: Given, name: str, read: Callable[[str, str], str] | None = None) -> tuple[str, ...]:
    values: dict[str, None] = {}  # in order, each once
    for text in given.get(name, ()):
        for part in text.split(","):
            value = _plain(name, part.strip())
            values[read(name, value) if read else value] = None
    if len(values) > MAX_VALUES:
        raise InvalidRequest(name, f"has {len(values)} values; at most {MAX_VALUES} are allowed")
    return tuple(values)


def _names(given: Given, name: str) -> tuple[str, ...]:
    """Names, divided by commas; one with a comma in it stands in quotes: ``"Paris, Texas"``."""
    parts = [part for text in given.get(name, ()) for part in _NAME.findall(text + ",")]
    values = dict.fromkeys(_plain(name, (quoted or plain).strip()) for quoted, plain in parts)
    if len(values) > MAX_VALUES:
        raise InvalidRequest(name, f"has {len(values)} values; at most {MAX_VALUES} are allowed")
    return tuple(values)


def _plain(name: str, value: str) -> str:
    if not value:
        raise InvalidRequest(name, "has an empty value; leave the parameter out to search without it")
    if len(value) > MAX_VALUE_CHARS:
        raise InvalidRequest(name, f"has a value longer than {MAX_VALUE_CHARS} characters")
    if _CONTROL.search(value):
        raise InvalidRequest(name, "has a control character in it")
    return value


def _source(name: str, value: str) -> str:
    return _checked(name, value, check_source)


def _domain(name: str, value: str) -> str:
    return _checked(name, value, check_domain)


def _country(name: str, value: str) -> str:
    return _checked(name, value, check_country)


def _checked(name: str, value: str, check: Callable[[str], str]) -> str:
    try:
        return check(value)
    except InvalidRequest as error:
        raise InvalidRequest(name, error.message) from error


def _topic(name: str, value: str) -> str:
    wrong = wrong_topic(value)
    if wrong:
        raise InvalidRequest(name, wrong)
    return value


def _story(name: str, value: str) -> str:
    if not _STORY.fullmatch(value):
        raise InvalidRequest(name, f"{_shown(value)} is not a story_id, which has 32 hex digits")
    return value.lower()


def _language(name: str, value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise InvalidRequest(name, f'"{value}" is not a language code such as en or pt-BR')
    return value


def _choice(given: Given, name: str, allowed: tuple[str, ...], default: str) -> str:
    if name not in given:
        return default
    value = _single(given, name)
    if value not in allowed:
        raise InvalidRequest(name, f"must be {' or '.join(allowed)}, not {_shown(value)}")
    return value


def _flag(given: Given, name: str) -> bool | None:
    return _choice(given, name, ("true", "false"), "") == "true" if name in given else None


def _whole(given: Given, name: str, default: int, highest: int, lowest: int = 0) -> int:
    if name not in given:
        return default
    value = _single(given, name)
    if not (_WHOLE.fullmatch(value) and lowest <= int(value) <= highest):
        raise InvalidRequest(
            name, f"must be a whole number from {lowest} to {highest:,}, not {_shown(value)}"
        )
    return int(value)


def _offset(given: Given, size: int) -> int:
    offset = _whole(given, "offset", 0, MAX_WINDOW)
    if offset + size > MAX_WINDOW:
        raise InvalidRequest(
            "offset", f"offset + size may be at most {MAX_WINDOW:,}; narrow the search, by dates for example"
        )
    return offset


def _fields(given: Given) -> tuple[str, ...]:
    chosen = _values(given, "fields")
    unknown = [name for name in chosen if name not in ARTICLE_FIELDS]
    if unknown:
        named = ", ".join(f'"{name[:50]}"' for name in unknown)
        raise InvalidRequest("fields", f"{named}: no such field; there are {', '.join(ARTICLE_FIELDS)}")
    return chosen or ARTICLE_FIELDS


def _moment(given: Given, name: str, now: datetime, *, last: bool) -> datetime | None:
    """A moment, or the first or ``last`` one of a day, month, year, or rounded date math."""
    if name not in given:
        return None
    text = _single(given, name).strip()
    try:
        if is_math(text):
            return resolve_math(text.replace(" ", "+"), now, last=last)  # a "+" that was not written as %2B
        return read_date(text)[last] if _DATE.fullmatch(text) else _instant(name, text)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(
            name, f"{_shown(text)} is not a date such as 2026-01-31, 2026-01-31T18:00:00Z or now-7d"
        ) from error


def _instant(name: str, text: str) -> datetime:
    found = _MOMENT.fullmatch(text)
    if not found:
        raise ValueError(text)
    zone = found["zone"]
    if zone.startswith(" "):  # a "+" that was not written as %2B
        zone = "+" + zone.strip()
    if not zone:
        raise InvalidRequest(name, f'{_shown(text)} has no time zone; end it with "Z" or "+01:00"')
    if not _ZONE.fullmatch(zone):
        raise ValueError(text)
    moment = datetime.fromisoformat((text[: found.start("zone")] + zone).upper())
    return moment.astimezone(UTC)


def _shown(value: str) -> str:
    return f'"{value[:50]}"'
