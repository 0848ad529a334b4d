"""Topic rules as a newsroom writes them in ``topics/*.yaml``, read and checked; matching is in ``topics``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.workers.stages.tag.rulefile import BadRules, RuleNode, read_rules
from services.workers.stages.tag.vocabulary import concepts

FOLDER = Path(__file__).with_name("topics")
ANY = "any"  # phrases that mean the same in every language: names, brands, events
DEFAULT_TITLE_BOOST = 1.0


@dataclass(frozen=True, slots=True)
class TopicRule:
    """What earns one topic.

    ``phrases`` is language (or ``any``) -> phrase -> weight, from 0.1 (a hint) to 5 (nearly certain).
    A phrase may begin or end with ``*``, which stands for the rest of that word. Small letters match any
    case; a capital in a phrase must be a capital in the text, so that ``UN`` is not the French "un", nor
    ``Nato`` the Italian "nato" (write ``Nato`` to match "NATO" too, ``NATO`` to match only that). A line
    wholly in capitals has no acronyms. A topic is not earned by one phrase below 4 (a name: 3), however
    often it is met; by several such phrases it is when they weigh 6 together. ``negatives`` are longer
    phrases in which the topic's own phrases do not count. A phrase in the title counts ``title_boost``
    times on top of its mentions. ``emphasis``, for top topics only, scales a whole branch: below 1 for
    matters that articles about other things also speak of (courts, schools), above 1 where few words tell.
    """

    code: str
    phrases: Mapping[str, Mapping[str, float]]
    negatives: tuple[str, ...] = ()
    title_boost: float = DEFAULT_TITLE_BOOST
    emphasis: float = 1.0


def load_rules(folder: Path = FOLDER) -> tuple[TopicRule, ...]:
    """Read every rule file of a folder, in name order; raises ``BadRules`` with file and line."""
    rules: dict[str, TopicRule] = {}
    for path in sorted(folder.glob("*.yaml")):
        for code, entry in read_rules(path).pairs():
            if code.text() in rules:
                raise code.error(f"{code.text()} has its rules in another file already")
            rules[code.text()] = _read_rule(code, entry)
    if not rules:
        raise BadRules(f"{folder.name}:1: no rule files in this folder")
    return tuple(rules.values())


def _read_rule(code: RuleNode, entry: RuleNode) -> TopicRule:
    fields = entry.fields("name", "phrases", "not", "title_boost", "emphasis")
    _check_code(code, fields.get("name"))
    if "phrases" not in fields:
        raise code.error(f"{code.text()} has no phrases")
    phrases = {language.text(): _read_weights(weights) for language, weights in fields["phrases"].pairs()}
    negatives = tuple(_read_phrase(part) for part in fields["not"].parts()) if "not" in fields else ()
    boost = fields["title_boost"].number(0, 10) if "title_boost" in fields else DEFAULT_TITLE_BOOST
    emphasis = _read_emphasis(code, fields["emphasis"]) if "emphasis" in fields else 1.0
    return TopicRule(code.text(), phrases, negatives, boost, emphasis)


def _read_emphasis(code: RuleNode, entry: RuleNode) -> float:
    if concepts()[code.text()].broader is not None:
        raise entry.error("emphasis is for top topics only; it scales the whole branch")
    return entry.number(0.1, 3)


def _check_code(code: RuleNode, name: RuleNode | None) -> None:
    concept = concepts().get(code.text())
    if concept is None:
        raise code.error(f"{code.text()} is no IPTC Media Topic")
    if concept.retired:
        raise code.error(f"{code.text()} ({concept.name}) is retired; choose a topic in use")
    if name is None:
        raise code.error(f"{code.text()} has no name; IPTC calls it {concept.name!r}")
    if name.text() != concept.name:
        raise name.error(f"{code.text()} is called {concept.name!r}, not {name.text()!r}")


def _read_weights(entry: RuleNode) -> dict[str, float]:
    found: dict[str, float] = {}
    for weight, phrases in entry.pairs():
        value = weight.number(0.1, 5)
        for part in phrases.parts():
            phrase = _read_phrase(part)
            if phrase in found:
                raise part.error(f"{phrase!r} is written twice for this topic and language")
            found[phrase] = value
    return found


def _read_phrase(part: RuleNode) -> str:
    phrase = part.text()
    core = phrase.removeprefix("*").removesuffix("*")
    if "*" in core or not any(letter.isalnum() for letter in core):
        raise part.error(f"{phrase!r} is no phrase; words, with * only at its ends")
    if core != phrase and len(core) < 3:
        raise part.error(f"{phrase!r} is too short for a *; three letters are needed")
    return phrase
