"""The web desk's search form as a value: what was filled in, and the addresses one step away from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from services.search.params import LIST_PARAMETERS, MAX_VALUES, read_pairs
from shared.errors import InvalidRequest

FILTERS = (
    "source", "-source", "topic", "-topic", "language", "-language", "story", "-story", "domain", "-domain",
    "country", "-country", "entity", "-entity", "author", "-author", "min_words", "max_words",
    "indexed_since", "has_image",
)  # fmt: skip
_API_ONLY = ("highlight", "fields", "facets", "facet_size")
MAX_SHOWN = 256  # values in all; each is a link that has all the others


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter in force, in words, and the address of the search without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Form:
    """The filled-in fields in order; lists are one pair a value, empty fields are left out."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, query: bytes) -> Form:
        """Read a query string; raises ``InvalidRequest`` when it is not UTF-8, or has too much to show."""
        given = read_pairs(query)
        pairs = [
            (name, part) for name, values in given.items() for value in values for part in _parts(name, value)
        ]
        form = cls(tuple((name, value) for name, value in pairs if value.strip() and name not in _API_ONLY))
        _check_size(form.pairs)
        return form

    def value(self, name: str) -> str:
        """The value of a field, empty when it is not filled in."""
        return next((value for key, value in self.pairs if key == name), "")

    def kept(self) -> list[tuple[str, str]]:
        """What the form has no visible field for, carried along as hidden ones."""
        return [(name, value) for name, value in _joined(self.pairs) if name in (*FILTERS, "size")]

    def filters(self) -> list[Filter]:
        """The filters in force, each with the way out of it."""
        return [
            Filter(_label(name), value, _address(pair for pair in self._start() if pair != (name, value)))
            for name, value in self.pairs
            if name in FILTERS
        ]

    def adding(self, name: str, value: str) -> str:
        """The address of this search narrowed by one more filter."""
        return _address([pair for pair in self._start() if pair != (name, value)] + [(name, value)])

    def unfolding(self, story_id: str) -> str:
        """The address of all that this search finds of one story, copies too, each by itself."""
        said = ("stories", "duplicates", "story", "-story")
        others = [pair for pair in self._start() if pair[0] not in said]
        return _address([*others, ("duplicates", "keep"), ("story", story_id)])

    def at(self, offset: int) -> str:
        """The address of another page of this search."""
        return _address(self._start() + ([("offset", str(offset))] if offset else []))

    def query(self) -> bytes:
        """The query string to search with, highlights included."""
        return urlencode([*_joined(self.pairs), ("highlight", "true")]).encode()

    def api_address(self) -> str:
        """The address of the same search in the API."""
        return f"/v1/search?{self.query().decode()}"

    def _start(self) -> list[tuple[str, str]]:
        return [pair for pair in self.pairs if pair[0] != "offset"]


def _parts(name: str, value: str) -> list[str]:
    return [part.strip() for part in value.split(",")] if name in LIST_PARAMETERS else [value]


def _label(name: str) -> str:
    return f"not {name[1:]}" if name.startswith("-") else name.replace("_", " ")


def _check_size(pairs: tuple[tuple[str, str], ...]) -> None:
    for name, count in Counter(name for name, _ in pairs if name in LIST_PARAMETERS).items():
        if count > MAX_VALUES:
            raise InvalidRequest(name, f"has {count:,} values; at most {MAX_VALUES} are allowed")
    if len(pairs) > MAX_SHOWN:
        raise InvalidRequest("query string", f"has more than {MAX_SHOWN} values, which no page can show")


def _joined(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs with each list in one, since a query string may have fewer parameters than a list values."""
    found: list[tuple[str, str]] = []
    places: dict[str, int] = {}
    for name, value in pairs:
        at = places.setdefault(name, len(found)) if name in LIST_PARAMETERS else len(found)
        if at < len(found):
            found[at] = (name, f"{found[at][1]},{value}")
        else:
            found.append((name, value))
    return found


def _address(pairs: Iterable[tuple[str, str]]) -> str:
    query = urlencode(_joined(pairs))
    return f"/?{query}" if query else "/"
