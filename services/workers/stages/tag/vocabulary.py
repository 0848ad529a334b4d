"""IPTC Media Topics as facts: codes, names, hierarchy, retired codes; what earns one is in ``rules``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.workers.stages.tag.rulefile import BadRules, Mistakes, RuleNode, read_rules

NAME = "vocabulary.yaml"
FILE = Path(__file__).with_name(NAME)
_DEEPEST = 10  # the real hierarchy has six levels; more is a circle


@dataclass(frozen=True, slots=True)
class Concept:
    """One Media Topic; a retired one still resolves, but is never given to an article."""

    name: str
    broader: str | None = None
    retired: bool = False
    replaced_by: str | None = None  # of a retired one, where IPTC says it


class Vocabulary:
    """Every concept by code, and the way from each to its top topic; safe to share between threads."""

    def __init__(self, concepts: Mapping[str, Concept]) -> None:
        self.concepts = concepts
        self._ancestors = {code: _ancestors(code, concepts) for code in concepts}

    def name_of(self, code: str) -> str:
        """The topic's English name; raises ``BadRules`` for a code IPTC does not know."""
        return self._concept(code).name

    def broader_of(self, code: str) -> tuple[str, ...]:
        """The topic's ancestors, nearest first, up to the top; empty for a top topic."""
        self._concept(code)
        return self._ancestors[code]

    def in_use(self, code: str) -> bool:
        """Whether the code is known and not retired."""
        concept = self.concepts.get(code)
        return concept is not None and not concept.retired

    def refusal(self, code: str) -> str | None:
        """Why no article may be given this code, and what to take instead; None when it may."""
        concept = self.concepts.get(code)
        if concept is None:
            return f"{code} is no IPTC Media Topic"
        if not concept.retired:
            return None
        followers = (concept.replaced_by, *self._ancestors[code])
        instead = [each for each in followers if each is not None and self.in_use(each)]
        if not instead:
            return f"{code} ({concept.name}) is retired; choose a topic in use"
        word = "replaced by" if instead[0] == concept.replaced_by else "the nearest broader topic in use is"
        return f"{code} ({concept.name}) is retired; {word} {instead[0]} ({self.concepts[instead[0]].name})"

    def _concept(self, code: str) -> Concept:
        concept = self.concepts.get(code)
        if concept is None:
            raise BadRules(f"{code} is no IPTC Media Topic")
        return concept


@cache
def shipped_vocabulary() -> Vocabulary:
    """The vocabulary that comes with Copydesk, read once per process."""
    return Vocabulary(read_concepts(FILE))


def load_vocabulary(folder: Path | None = None, mistakes: Mistakes | None = None) -> Vocabulary:
    """A newsroom's own vocabulary where its folder has one, else the shipped; raises ``BadRules``."""
    if folder is None or not (folder / NAME).exists():
        return shipped_vocabulary()
    return Vocabulary(read_concepts(folder / NAME, mistakes))


def concepts() -> Mapping[str, Concept]:
    """Every shipped concept by code."""
    return shipped_vocabulary().concepts


def name_of(code: str) -> str:
    """The shipped name of a topic; raises ``BadRules`` for a code IPTC does not know."""
    return shipped_vocabulary().name_of(code)


def broader_of(code: str) -> tuple[str, ...]:
    """The shipped ancestors of a topic, nearest first; raises ``BadRules`` for a code IPTC does not know."""
    return shipped_vocabulary().broader_of(code)


def read_concepts(path: Path, mistakes: Mistakes | None = None) -> Mapping[str, Concept]:
    """Read a vocabulary file; raises ``BadRules`` for an unknown key, or a broader code that cannot be one.

    With ``mistakes``, those are gathered, and the concepts that have one are left out.
    """
    found: dict[str, Concept] = {}
    places: dict[str, RuleNode] = {}
    for code, entry in read_rules(path, mistakes).pairs():
        found[code.text()] = _read_concept(entry)
        places[code.text()] = code
    for name, place in places.items():
        with place.gathering():
            _check_links(name, found, place)
    return found


def _check_links(name: str, found: dict[str, Concept], place: RuleNode) -> None:
    concept = found[name]
    if concept.broader is not None and concept.broader not in found:
        del found[name]
        raise place.error(f"broader {concept.broader} is not in the vocabulary")
    if concept.broader is not None and found[concept.broader].retired and not concept.retired:
        # Else an article would be given the retired one, as an ancestor.
        raise place.error(f"{name} is in use, but broader {concept.broader} is retired")
    if concept.replaced_by is not None and concept.replaced_by not in found:
        raise place.error(f"replaced_by {concept.replaced_by} is not in the vocabulary")
    if len(_ancestors(name, found)) > _DEEPEST:
        del found[name]
        raise place.error(f"{name} is its own ancestor")


def _read_concept(entry: RuleNode) -> Concept:
    fields = entry.fields("name", "broader", "retired", "replaced_by")
    if "name" not in fields:
        raise entry.error("a name is missing")
    broader = fields["broader"].text() if "broader" in fields else None
    retired = fields["retired"].flag() if "retired" in fields else False
    follower = fields["replaced_by"].text() if "replaced_by" in fields else None
    return Concept(fields["name"].text(), broader, retired, follower)


def _ancestors(code: str, known: Mapping[str, Concept]) -> tuple[str, ...]:
    chain: list[str] = []
    broader = known[code].broader
    while broader in known and broader is not None and len(chain) <= _DEEPEST:
        chain.append(broader)
        broader = known[broader].broader
    return tuple(chain)
