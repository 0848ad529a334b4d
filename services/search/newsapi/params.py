"""NewsAPI's query strings, checked: what they ask for, in its own words and limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from services.search.newsapi.errors import (
    INCOMPATIBLE,
    INVALID,
    MISSING,
    TOO_DEEP,
    TOO_MANY_SOURCES,
    Refused,
    invalid,
)
from services.search.newsapi.values import CATEGORIES, LANGUAGES, read_country, read_language
from services.search.newsapi.words import read_words, within
from services.search.params import check_names, read_pairs
from shared.errors import InvalidRequest
from shared.identity import check_source
from shared.index.keywords import check_domain
from shared.index.plan import MAX_WINDOW
from shared.index.port import Sort
from shared.index.query import And, Node, TextField

MOST_SOURCES: Final = 20
MOST_SIZE: Final = 100
EVERYTHING: Final = (
    "q", "qInTitle", "searchIn", "sources", "domains", "excludeDomains", "from", "to", "language", "sortBy",
    "pageSize", "page",
)  # fmt: skip
HEADLINES: Final = ("q", "country", "category", "sources", "language", "pageSize", "page")
SOURCES: Final = ("category", "language", "country")
_KEY: Final = "apiKey"  # checked before, where keys are wanted
_OTHERWISE: Final = {"qintitle": "qInTitle", "apikey": _KEY}  # as the Python client writes it
# description is a summary, else the beginning of the text: what is told of both is found in the text.
_SEARCHED: Final = ("title", "description", "content")
_SORTS: Final[Mapping[str, Sort]] = {
    "relevancy": "relevance", "popularity": "relevance", "publishedAt": "newest",
}  # fmt: skip
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What both searches can ask for; ``None`` and empty tuples narrow nothing."""

    query: Node | None
    sources: tuple[str, ...]
    language: str | None
    size: int
    page: int
    domains: tuple[str, ...] = ()
    not_domains: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    sort: Sort = "newest"
    country: str | None = None
    category: str | None = None

    @property
    def offset(self) -> int:
        """The hits before this page."""
        return (self.page - 1) * self.size


@dataclass(frozen=True, slots=True)
class SourcesAsked:
    """Which sources are to be listed."""

    category: str | None
    language: str | None
    country: str | None


def read_everything(query: bytes) -> Asked:
    """Read the query string of ``/v2/everything``; raises ``Refused``."""
    given = _Given(query, EVERYTHING)
    node = _queries(given)
    sources = _sources(given)
    domains = given.each("domains", check_domain)
    if node is None and not sources and not domains:
        raise Refused(
            MISSING,
            "Required parameters are missing, the scope of your search is too broad. Please set any of the "
            "following required parameters and try again: q, qInTitle, sources, domains.",
        )
    start, end = _moment(given, "from", end=False), _moment(given, "to", end=True)
    if start and end and start > end:
        raise Refused(INVALID, "from: is after to")
    size, page = _window(given, MOST_SIZE)
    return Asked(
        query=node,
        sources=sources,
        language=_language(given),
        size=size,
        page=page,
        domains=domains,
        not_domains=given.each("excludeDomains", check_domain),
        start=start,
        end=end,
        sort=_SORTS[given.choice("sortBy", tuple(_SORTS)) or "publishedAt"],
    )


def read_headlines(query: bytes) -> Asked:
    """Read the query string of ``/v2/top-headlines``; raises ``Refused``."""
    given = _Given(query, HEADLINES)
    sources, country, category = _sources(given), _country(given), given.choice("category", CATEGORIES)
    if sources and (country or category):
        raise Refused(
            INCOMPATIBLE, "You cannot mix the sources parameter with the country or category parameters."
        )
    language, node = _language(given), _queries(given)
    if not (sources or country or category or language or node):
        raise Refused(
            MISSING,
            "Required parameters are missing. Please set any of the following parameters and try again: "
            "sources, q, language, country, category.",
        )
    size, page = _window(given, 20)
    return Asked(node, sources, language, size, page, country=country, category=category)


def read_sources(query: bytes) -> SourcesAsked:
    """Read the query string of ``/v2/sources``; raises ``Refused``."""
    given = _Given(query, SOURCES)
    return SourcesAsked(given.choice("category", CATEGORIES), _language(given), _country(given))


class _Given:
    """The parameters of a request by NewsAPI's names; an empty one counts as left out."""

    def __init__(self, query: bytes, known: Iterable[str]) -> None:
        try:
            pairs = {_OTHERWISE.get(name, name): values for name, values in read_pairs(query).items()}
            check_names(pairs, (*known, _KEY))
        except InvalidRequest as error:
            raise invalid(error) from error
        for name, values in pairs.items():
            if len(values) > 1:
                raise Refused(INVALID, f"{name}: is given {len(values)} times; give it once")
        self._values = {name: values[0] for name, values in pairs.items()}

    def one(self, name: str) -> str | None:
        return self._values.get(name, "").strip() or None

    def words(self, name: str) -> str | None:
        """The value with the spaces around it, so that the places in errors are those of what was sent."""
        return self._values[name] if self.one(name) is not None else None

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        value = self.one(name)
        if value is not None and value not in allowed:
            raise Refused(INVALID, f"{name}: must be one of {', '.join(allowed)}, not {_shown(value)}")
        return value

    def each(self, name: str, read: Callable[[str], str]) -> tuple[str, ...]:
        parts = [part.strip() for part in (self.one(name) or "").split(",")]
        try:
            return tuple(dict.fromkeys(read(part) for part in parts if part))
        except InvalidRequest as error:
            raise invalid(error, name) from error


def _queries(given: _Given) -> Node | None:
    """What ``q`` and ``qInTitle`` ask for together; ``searchIn`` narrows ``q`` alone."""
    field = _field(given)
    found = [
        within(_query(text, name), where)
        for name, where in (("q", field), ("qInTitle", "title"))
        if (text := given.words(name)) is not None
    ]
    return None if not found else found[0] if len(found) == 1 else And(tuple(found))


def _query(text: str, name: str) -> Node:
    try:
        return read_words(text, name)
    except InvalidRequest as error:
        raise invalid(error) from error


def _field(given: _Given) -> TextField | None:
    wanted = given.each("searchIn", str)
    unknown = [name for name in wanted if name not in _SEARCHED]
    if unknown:
        raise Refused(INVALID, f"searchIn: may have {', '.join(_SEARCHED)}, not {_shown(unknown[0])}")
    if not wanted or ("title" in wanted and len(wanted) > 1):
        return None
    return "title" if "title" in wanted else "body"


def _sources(given: _Given) -> tuple[str, ...]:
    found = given.each("sources", check_source)
    if len(found) > MOST_SOURCES:
        raise Refused(
            TOO_MANY_SOURCES, f"You have given {len(found)} sources; at most {MOST_SOURCES} are allowed."
        )
    return found


def _language(given: _Given) -> str | None:
    value = given.one("language")
    found = None if value is None else read_language(value)
    if value is not None and found is None:
        raise Refused(INVALID, f"language: must be one of {', '.join(LANGUAGES)}, not {_shown(value)}")
    return found


def _country(given: _Given) -> str | None:
    value = given.one("country")
    found = None if value is None else read_country(value)
    if value is not None and found is None:
        raise Refused(INVALID, f"country: must be a code of ISO 3166-1 such as us, not {_shown(value)}")
    return found


def _window(given: _Given, size: int) -> tuple[int, int]:
    size = _whole(given, "pageSize", size, MOST_SIZE)
    page = _whole(given, "page", 1, 999_999_999)
    if page * size > MAX_WINDOW:
        raise Refused(
            TOO_DEEP,
            f"You have requested too many results. They are limited to the first {MAX_WINDOW:,}; you are "
            f"trying to request results {(page - 1) * size} to {page * size}. Narrow your search, by dates "
            "for example.",
        )
    return size, page


def _whole(given: _Given, name: str, default: int, most: int) -> int:
    value = given.one(name)
    if value is None:
        return default
    if not _WHOLE.fullmatch(value) or not 1 <= int(value) <= most:
        raise Refused(INVALID, f"{name}: must be a whole number from 1 to {most:,}, not {_shown(value)}")
    return int(value)


def _moment(given: _Given, name: str, *, end: bool) -> datetime | None:
    value = given.one(name)
    if value is None:
        return None
    try:
        return _day(value, end=end) if _DATE.fullmatch(value) else _instant(value)
    except (ValueError, OverflowError) as error:
        raise Refused(
            INVALID, f"{name}: {_shown(value)} is no date such as 2026-01-31 or 2026-01-31T18:00:00"
        ) from error


def _day(value: str, *, end: bool) -> datetime:
    day = datetime.fromisoformat(value).replace(tzinfo=UTC)
    return day.replace(hour=23, minute=59, second=59, microsecond=999_000) if end else day


def _instant(value: str) -> datetime:
    # A "+" that was not written as %2B has come as a space.
    text = re.sub(r" (?=[0-9]{2}:?[0-9]{2}$)", "+", value) if "T" in value.upper() else value
    at = datetime.fromisoformat(text.upper())
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _shown(value: str) -> str:
    return f'"{value[:50]}"'
