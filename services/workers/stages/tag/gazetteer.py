"""Known names and the words that mark names, from ``gazetteer.yaml``; texts are read in ``entities``.

A newsroom's folder may hold a file of the same name and form. What it lists is added to what is shipped, and
wins over it; its ``drop`` lists shipped names, forms and words that are to be left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ahocorasick_rs import AhoCorasick, MatchKind

from services.workers.stages.tag.places import shipped_places
from services.workers.stages.tag.rulefile import BadRules, Mistakes, RuleNode, read_rules
from shared.article import EntityType

FILE = Path(__file__).with_name("gazetteer.yaml")
_TYPES: Mapping[str, EntityType] = {"persons": "person", "organisations": "organisation", "places": "place"}
_MARKS = (
    "titles", "first_names", "organisation_words", "organisation_heads", "place_words", "place_heads",
    "demonyms", "not_names", "common_words", "not_places", "other_words",
)  # fmt: skip
_DROP = "drop"


@dataclass(frozen=True, slots=True)
class KnownName:
    """A name as Copydesk writes it, whatever form the text uses."""

    name: str
    type: EntityType


class Gazetteer:
    """Names with their other forms, and sets of marking words; safe to share between threads.

    ``towns`` are many and often common words as well, so they are looked up only where capitals show a name;
    the value is the population.
    """

    def __init__(
        self,
        names: Mapping[str, KnownName],
        marks: Mapping[str, frozenset[str]],
        towns: Mapping[str, int] | None = None,
    ) -> None:
        self.names = names
        self.titles = marks["titles"]
        self.first_names = marks["first_names"]
        self.organisation_words = marks["organisation_words"]
        self.organisation_heads = marks["organisation_heads"]
        self.place_words = marks["place_words"]
        self.place_heads = marks["place_heads"]
        self.demonyms = marks["demonyms"] | {f"{word}s" for word in marks["demonyms"]}
        self.not_names = marks["not_names"]
        self.common_words = frozenset(word.lower() for word in marks["common_words"])
        self.not_places = marks["not_places"]
        self.other_words = marks["other_words"]
        self.towns = towns or {}
        heads = self.organisation_heads | self.place_heads
        self.heads = heads  # what "of" may follow in a name
        self.kinds = heads | self.organisation_words | self.place_words  # alone they name nothing
        self._forms = tuple(names)
        self._automaton = AhoCorasick(list(self._forms), matchkind=MatchKind.LeftmostLongest)

    def find(self, text: str) -> Iterator[tuple[int, int, KnownName]]:
        """Where known names stand as words of their own, in their own case; longest first, none overlap.

        "Dublin-born" and the like are adjectives.
        """
        for index, start, end in self._automaton.find_matches_as_indexes(text):
            behind = text[end : end + 2]
            if (start and text[start - 1].isalnum()) or behind[:1].isalnum():
                continue
            if not (behind[:1] == "-" and behind[1:].islower()):
                yield start, end, self.names[self._forms[index]]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one file says."""

    keys: frozenset[str]
    names: dict[str, KnownName]
    marks: dict[str, frozenset[str]]
    drop: tuple[RuleNode, ...]


@cache
def gazetteer() -> Gazetteer:
    """The shipped gazetteer, read and compiled once per process."""
    return load_gazetteer()


def load_gazetteer(folder: Path | None = None, mistakes: Mistakes | None = None) -> Gazetteer:
    """The shipped gazetteer with a newsroom's ``folder``/gazetteer.yaml, if there is one, laid over it.

    Raises ``BadRules`` with file and line; with ``mistakes`` they are gathered, and what has one is left out.
    """
    shipped = _read_whole(FILE)
    path = folder / FILE.name if folder is not None else None
    if path is None or not path.exists():
        return Gazetteer(shipped.names, shipped.marks, shipped_places())
    own = _read(path, mistakes)
    dropped = _dropped(own, shipped)
    names = {form: name for form, name in shipped.names.items() if form not in dropped}
    towns = {name: people for name, people in shipped_places().items() if name not in dropped}
    marks = {key: (shipped.marks[key] - dropped) | own.marks.get(key, frozenset()) for key in _MARKS}
    return Gazetteer(names | own.names, marks, towns)


def read_gazetteer(path: Path) -> Gazetteer:
    """Read one whole gazetteer file, without towns; raises ``BadRules`` with file and line."""
    part = _read_whole(path)
    return Gazetteer(part.names, part.marks)


def _read_whole(path: Path) -> _Part:
    part = _read(path)
    missing = [key for key in (*_TYPES, *_MARKS) if key not in part.keys]
    if missing:
        raise BadRules(f"{path.name}:1: {', '.join(missing)} is missing")
    return part


def _read(path: Path, mistakes: Mistakes | None = None) -> _Part:
    fields = read_rules(path, mistakes).fields(*_TYPES, *_MARKS, _DROP)
    names: dict[str, KnownName] = {}
    for key, kind in _TYPES.items():
        for part in _parts(fields, key):
            with part.gathering():
                _add_name(names, part, kind)
    marks = {key: frozenset(part.text() for part in _parts(fields, key)) for key in _MARKS if key in fields}
    return _Part(frozenset(fields), names, marks, tuple(_parts(fields, _DROP)))


def _parts(fields: Mapping[str, RuleNode], key: str) -> Iterator[RuleNode]:
    """The texts of a list, where there is one."""
    if key in fields:
        with fields[key].gathering():
            for part in fields[key].parts():
                with part.gathering():
                    part.text()
                    yield part


def _dropped(own: _Part, shipped: _Part) -> frozenset[str]:
    """The forms and words to leave out; one that is not shipped is a slip of the pen."""
    known = frozenset[str]().union(shipped.names, *shipped.marks.values(), shipped_places())
    for part in own.drop:
        if part.text() not in known:
            part.note(
                part.error(f"{part.text()!r} cannot be dropped: it is in no shipped list (case counts)")
            )
    return frozenset(part.text() for part in own.drop)


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
