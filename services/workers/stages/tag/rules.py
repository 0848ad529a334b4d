"""Topic rules as a newsroom writes them in ``topics/*.yaml``, read and checked; matching is in ``topics``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from services.workers.stages.tag.rulefile import BadRules, Mistakes, RuleNode, read_rules, shown
from services.workers.stages.tag.vocabulary import Vocabulary, shipped_vocabulary
from services.workers.stages.tag.wording import spelling_of

FOLDER = Path(__file__).with_name("topics")
ANY = "any"  # phrases that mean the same in every language: names, brands, events
DEFAULT_TITLE_BOOST = 1.0
_LANGUAGE = re.compile(r"any|[a-z]{2,3}")


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
    place: str = field(default="", compare=False)  # file and line


def topic_rules(
    folder: Path | None = None, vocabulary: Vocabulary | None = None, mistakes: Mistakes | None = None
) -> tuple[TopicRule, ...]:
    """The shipped rules with a newsroom's ``topics/*.yaml`` laid over them, topic by topic.

    A rule of the newsroom takes the place of the shipped one of its code; ``{}`` in place of a rule, or one
    without phrases, switches the topic off, and with a top topic its branch. A shipped rule whose topic the
    newsroom's vocabulary does not know, or has retired, is left out. Raises ``BadRules`` with file and line;
    with ``mistakes`` they are gathered instead.
    """
    vocabulary = vocabulary or shipped_vocabulary()
    rules = {rule.code: rule for rule in shipped_rules() if vocabulary.in_use(rule.code)}
    own = folder / FOLDER.name if folder is not None else None
    if own is not None and own.is_dir():
        rules |= {rule.code: rule for rule in load_rules(own, vocabulary, mistakes)}
    # A topic that is no longer a top one cannot scale a branch.
    return tuple(
        replace(rule, emphasis=1.0) if vocabulary.broader_of(rule.code) else rule for rule in rules.values()
    )


@cache
def shipped_rules() -> tuple[TopicRule, ...]:
    """The rules that come with Copydesk, read once per process."""
    return load_rules()


def load_rules(
    folder: Path = FOLDER, vocabulary: Vocabulary | None = None, mistakes: Mistakes | None = None
) -> tuple[TopicRule, ...]:
    """Read every rule file of a folder, in name order; raises ``BadRules`` with file and line.

    With ``mistakes``, those are gathered, and the rules that have one are left out.
    """
    vocabulary = vocabulary or shipped_vocabulary()
    rules: dict[str, TopicRule] = {}
    paths = sorted(folder.glob("*.yaml"))
    for path in paths:
        try:
            _read_file(read_rules(path, mistakes), vocabulary, rules)
        except BadRules as error:
            if mistakes is None:
                raise
            mistakes.append(error)
    if not paths:
        _stop(BadRules(f"{shown(folder)}:1: no rule files in this folder"), mistakes)
    return tuple(rules.values())


def _stop(error: BadRules, mistakes: Mistakes | None) -> None:
    if mistakes is None:
        raise error
    mistakes.append(error)


def _read_file(file: RuleNode, vocabulary: Vocabulary, rules: dict[str, TopicRule]) -> None:
    for code, entry in file.pairs():
        with file.gathering():
            if code.text() in rules:
                raise code.error(f"{code.text()} has its rules in another file already")
            rule = _read_rule(code, entry, vocabulary)
            if vocabulary.in_use(rule.code):  # else its mistake has been gathered
                rules[rule.code] = rule


def _read_rule(code: RuleNode, entry: RuleNode, vocabulary: Vocabulary) -> TopicRule:
    if entry.is_blank():
        with code.gathering():
            _check_known(code, vocabulary)
        return TopicRule(code.text(), {}, place=code.place)
    fields = entry.fields("name", "phrases", "not", "title_boost", "emphasis")
    with code.gathering():
        _check_code(code, fields.get("name"), vocabulary)
    if "phrases" not in fields:
        raise code.error(f"{code.text()} has no phrases")
    phrases = _read_languages(fields["phrases"])
    negatives = tuple(_read_phrase(part) for part in fields["not"].parts()) if "not" in fields else ()
    boost = fields["title_boost"].number(0, 10) if "title_boost" in fields else DEFAULT_TITLE_BOOST
    emphasis = _read_emphasis(code, fields["emphasis"], vocabulary) if "emphasis" in fields else 1.0
    return TopicRule(code.text(), phrases, negatives, boost, emphasis, code.place)


def _read_languages(entry: RuleNode) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for language, weights in entry.pairs():
        with language.gathering():
            if not _LANGUAGE.fullmatch(language.text()):
                raise language.error(f"{language.text()!r} is no language; write en, es, ... or {ANY}")
            found[language.text()] = _read_weights(weights)
    return found


def _read_emphasis(code: RuleNode, entry: RuleNode, vocabulary: Vocabulary) -> float:
    concept = vocabulary.concepts.get(code.text())
    if concept is not None and concept.broader is not None:
        raise entry.error("emphasis is for top topics only; it scales the whole branch")
    return entry.number(0.1, 3)


def _check_code(code: RuleNode, name: RuleNode | None, vocabulary: Vocabulary) -> None:
    _check_known(code, vocabulary)
    wanted = vocabulary.name_of(code.text())
    if name is None:
        raise code.error(f"{code.text()} has no name; IPTC calls it {wanted!r}")
    if name.text() != wanted:
        raise name.error(f"{code.text()} is called {wanted!r}, not {name.text()!r}")


def _check_known(code: RuleNode, vocabulary: Vocabulary) -> None:
    refusal = vocabulary.refusal(code.text())
    if refusal:
        raise code.error(refusal)


def _read_weights(entry: RuleNode) -> dict[str, float]:
    found: dict[str, float] = {}
    spellings: dict[tuple[str, str], str] = {}
    for weight, phrases in entry.pairs():
        with weight.gathering():
            value = weight.number(0.1, 5)
            for part in phrases.parts():
                with part.gathering():
                    phrase = _read_new_phrase(part, spellings)
                    found[phrase] = value
    return found


def _read_new_phrase(part: RuleNode, spellings: dict[tuple[str, str], str]) -> str:
    phrase = _read_phrase(part)
    earlier = spellings.get(_comparable(phrase))
    if earlier == phrase:
        raise part.error(f"{phrase!r} is written twice for this topic and language")
    if earlier is not None:
        raise part.error(f"{phrase!r} is read as {earlier!r}, which is written already")
    spellings[_comparable(phrase)] = phrase
    return phrase


def _comparable(phrase: str) -> tuple[str, str]:
    """A phrase as it is looked for: "e-mail" and "e mail" are the same, "UN" and "un" are not."""
    spelling = spelling_of(phrase)
    return spelling.folded, spelling.cased


def _read_phrase(part: RuleNode) -> str:
    phrase = part.text()
    core = phrase.removeprefix("*").removesuffix("*")
    if "*" in core or not any(letter.isalnum() for letter in core):
        raise part.error(f"{phrase!r} is no phrase; words, with * only at its ends")
    if core != phrase and len(core) < 3:
        raise part.error(f"{phrase!r} is too short for a *; three letters are needed")
    return phrase
