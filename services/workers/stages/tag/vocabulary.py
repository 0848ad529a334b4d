"""IPTC Media Topics as facts: codes, names, hierarchy, retired codes; what earns one is in ``rules``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.workers.stages.tag.rulefile import BadRules, RuleNode, read_rules

FILE = Path(__file__).with_name("vocabulary.yaml")


@dataclass(frozen=True, slots=True)
class Concept:
    """One Media Topic; a retired one still resolves, but is never given to an article."""

    name: str
    broader: str | None = None
    retired: bool = False


@cache
def concepts() -> Mapping[str, Concept]:
    """Every concept by code, read once per process."""
    return read_concepts(FILE)


def read_concepts(path: Path) -> Mapping[str, Concept]:
    """Read a vocabulary file; raises ``BadRules`` for an unknown key or a broader code that is not there."""
    found: dict[str, Concept] = {}
    places: dict[str, RuleNode] = {}
    for code, entry in read_rules(path).pairs():
        found[code.text()] = _read_concept(entry)
        places[code.text()] = code
    for name, concept in found.items():
        if concept.broader is not None and concept.broader not in found:
            raise places[name].error(f"broader {concept.broader} is not in the vocabulary")
        if len(_ancestors(name, found)) > _DEEPEST:
            raise places[name].error(f"{name} is its own ancestor")
    return found


_DEEPEST = 10  # the real hierarchy has six levels; more is a circle


def _read_concept(entry: RuleNode) -> Concept:
    fields = entry.fields("name", "broader", "retired")
    if "name" not in fields:
        raise entry.error("a name is missing")
    broader = fields["broader"].text() if "broader" in fields else None
    retired = fields["retired"].flag() if "retired" in fields else False
    return Concept(fields["name"].text(), broader, retired)


def _ancestors(code: str, known: Mapping[str, Concept]) -> tuple[str, ...]:
    chain: list[str] = []
    broader = known[code].broader
    while broader is not None and len(chain) <= _DEEPEST:
        chain.append(broader)
        broader = known[broader].broader
    return tuple(chain)


def name_of(code: str) -> str:
    """The topic's English name; raises ``BadRules`` for a code IPTC does not know."""
    return _concept(code).name


@cache
def broader_of(code: str) -> tuple[str, ...]:
    """The topic's ancestors, nearest first, up to the top; empty for a top topic."""
    _concept(code)
    return _ancestors(code, concepts())


def _concept(code: str) -> Concept:
    concept = concepts().get(code)
    if concept is None:
        raise BadRules(f"{code} is no IPTC Media Topic")
    return concept
