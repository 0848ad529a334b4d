"""A second look at rules before they are used: counts, every mistake, and what can hardly be meant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.workers.stages.tag.gazetteer import Gazetteer
from services.workers.stages.tag.rulefile import BadRules
from services.workers.stages.tag.rules import ANY, TopicRule, shipped_rules
from services.workers.stages.tag.tagger import load_tagger
from services.workers.stages.tag.topics import TopicMatcher, TopicRules
from services.workers.stages.tag.vocabulary import Vocabulary
from services.workers.stages.tag.wording import spelling_of

_STRONGEST = 6  # phrases of a rule that ought to earn its topic when a text has them all


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found; with a ``mistake`` Copydesk does not start, a warning is for a person to judge."""

    mistakes: tuple[str, ...]
    warnings: tuple[str, ...]
    version: str
    tops: int
    narrower: int
    retired: int
    phrases: Mapping[str, int]  # by language
    names: Mapping[str, int]  # by kind


def audit_rules(folder: Path | None = None) -> Audit:
    """Look at the shipped rules, or at a newsroom's folder laid over them.

    Warnings are about the newsroom's own rules where there is a folder, else about the shipped ones.
    """
    found: list[BadRules] = []
    tagger = load_tagger(folder, mistakes=found)
    topics, vocabulary = tagger.topics, tagger.topics.vocabulary
    judged = [rule for rule in topics.rules if folder is None or Path(rule.place).is_absolute()]
    warnings = [*_left_out(vocabulary), *_shared(topics, judged), *_vain(topics, judged)]
    tops = sum(not vocabulary.broader_of(rule.code) for rule in topics.rules)
    return Audit(
        tuple(str(error) for error in found),
        tuple(warnings),
        tagger.version,
        tops,
        len(topics.rules) - tops,
        sum(concept.retired for concept in vocabulary.concepts.values()),
        _count_phrases(topics.rules),
        _count_names(tagger.known),
    )


def _count_phrases(rules: Iterable[TopicRule]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for rule in rules:
        counts.update({language: len(weights) for language, weights in rule.phrases.items()})
    return dict(counts.most_common())


def _count_names(known: Gazetteer) -> Mapping[str, int]:
    kinds: Counter[str] = Counter(name.type for name in {*known.names.values()})
    return {**kinds, "other forms": len(known.names) - kinds.total(), "towns": len(known.towns)}


def _left_out(vocabulary: Vocabulary) -> Iterator[str]:
    """Shipped rules that the newsroom's vocabulary has no use for."""
    for rule in shipped_rules():
        refusal = vocabulary.refusal(rule.code)
        if refusal:
            yield f"{rule.place}: this shipped rule is left out: {refusal}"


def _shared(topics: TopicRules, judged: Iterable[TopicRule]) -> Iterator[str]:
    """Phrases that say two branches of the vocabulary equally: they decide nothing."""
    own = {rule.code for rule in judged}
    owners: defaultdict[tuple[str, str, str], list[tuple[float, str, str]]] = defaultdict(list)
    for rule in topics.rules:
        for language, weights in rule.phrases.items():
            for phrase, weight in weights.items():
                spelling = spelling_of(phrase)
                owners[language, spelling.folded, spelling.cased].append((weight, rule.code, phrase))
    places = {rule.code: rule.place for rule in topics.rules}
    for (language, _, _), several in owners.items():
        best = max(weight for weight, _, _ in several)
        branches: dict[str, tuple[str, str]] = {}
        for weight, code, phrase in several:
            if weight == best:
                branches.setdefault((code, *topics.vocabulary.broader_of(code))[-1], (code, phrase))
        if len(branches) > 1 and own.intersection(code for code, _ in branches.values()):
            (first, phrase), (second, _), *_ = branches.values()
            yield (
                f"{places[first]}: {phrase!r} ({language}, {best:g}) speaks as much for {first} "
                f"({topics.vocabulary.name_of(first)}) as for {second} ({topics.vocabulary.name_of(second)})"
            )


def _vain(topics: TopicRules, judged: Iterable[TopicRule]) -> Iterator[str]:
    """Phrases that can never speak for their topic, and rules that can never earn it."""
    for rule in judged:
        for language, weights in rule.phrases.items():
            matcher = topics.matcher("en" if language == ANY else language)
            for phrase in weights:
                if rule.code not in matcher.spoken_for(phrase):
                    why = "`not` or another phrase hides it"
                    yield f"{rule.place}: {phrase!r} ({language}) never counts: {why}"
        if rule.phrases and not any(earns(topics, rule, language) for language in rule.phrases):
            why = "its strongest phrases do not earn it together"
            yield f"{rule.place}: {rule.code} can hardly be given: {why}"


def earns(topics: TopicRules, rule: TopicRule, language: str) -> bool:
    """Whether the strongest phrases of a rule, put into a short text, earn its topic."""
    weights = {**rule.phrases.get(ANY, {}), **rule.phrases.get(language, {})}
    strongest = sorted(weights, key=lambda phrase: (-weights[phrase], phrase))[:_STRONGEST]
    words = [phrase.strip("*") for phrase in strongest]
    if not words:
        return False
    matcher: TopicMatcher = topics.matcher("en" if language == ANY else language)
    return rule.code in {tag.code for tag in matcher.tags(f"{words[0]} x", ". ".join(words) + " x.")}
