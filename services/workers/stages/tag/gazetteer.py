"""Known names and the words that mark names, from ``gazetteer.yaml``; texts are read in ``entities``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ahocorasick_rs import AhoCorasick, MatchKind

from services.workers.stages.tag.rulefile import BadRules, RuleNode, read_rules
from shared.article import EntityType

FILE = Path(__file__).with_name("gazetteer.yaml")
_TYPES: Mapping[str, EntityType] = {"persons": "person", "organisations": "organisation", "places": "place"}
_MARKS = (
    "titles", "first_names", "organisation_words", "organisation_heads", "place_words", "place_heads",
    "demonyms", "not_names", "other_words",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KnownName:
    """A name as Copydesk writes it, whatever form the text uses."""

    name: str
    type: EntityType


class Gazetteer:
    """Names with their other forms, and sets of marking words; safe to share between threads."""

    def __init__(self, names: Mapping[str, KnownName], marks: Mapping[str, frozenset[str]]) -> None:
        self.names = names
        self.titles = marks["titles"]
        self.first_names = marks["first_names"]
        self.organisation_words = marks["organisation_words"]
        self.organisation_heads = marks["organisation_heads"]
        self.place_words = marks["place_words"]
        self.place_heads = marks["place_heads"]
        self.demonyms = marks["demonyms"] | {f"{word}s" for word in marks["demonyms"]}
        self.not_names = marks["not_names"]
        self.other_words = marks["other_words"]
        self._forms = tuple(names)
        self._automaton = AhoCorasick(list(self._forms), matchkind=MatchKind.LeftmostLongest)

    def find(self, text: str) -> Iterator[tuple[int, int, KnownName]]:
        """Where known names stand as words of their own, in their own case; longest first, none overlap."""
        for index, start, end in self._automaton.find_matches_as_indexes(text):
            if not (start and text[start - 1].isalnum()) and not text[end : end + 1].isalnum():
                yield start, end, self.names[self._forms[index]]


@cache
def gazetteer() -> Gazetteer:
    """The shipped gazetteer, read and compiled once per process."""
    return read_gazetteer(FILE)


def read_gazetteer(path: Path) -> Gazetteer:
    """Read a gazetteer file; raises ``BadRules`` with file and line."""
    fields = read_rules(path).fields(*_TYPES, *_MARKS)
    missing = [key for key in (*_TYPES, *_MARKS) if key not in fields]
    if missing:
        raise BadRules(f"{path.name}:1: {', '.join(missing)} is missing")
    names: dict[str, KnownName] = {}
    for key, kind in _TYPES.items():
        for part in fields[key].parts():
            _add_name(names, part, kind)
    return Gazetteer(names, {key: frozenset(part.text() for part in fields[key].parts()) for key in _MARKS})


def _add_name(names: dict[str, KnownName], part: RuleNode, kind: EntityType) -> None:
    """``Name | other form | other form``: every form stands for the first."""
    forms = [form.strip() for form in part.text().split("|")]
    for form in forms:
        if not form:
            raise part.error("an empty name between two |")
        if form in names:
            raise part.error(
                f"{form!r} is in the gazetteer already, as {names[form].name} ({names[form].type})"
            )
        names[form] = KnownName(forms[0], kind)
