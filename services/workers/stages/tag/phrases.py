"""Rules turned into phrases to look for, with what each means to which topic; looking is in ``topics``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ahocorasick_rs import AhoCorasick, MatchKind

from services.workers.stages.tag.rules import TopicRule
from services.workers.stages.tag.vocabulary import Vocabulary
from services.workers.stages.tag.wording import spelling_of

_ROOT_LETTERS = 5  # "govern", "governs", "government": one piece of evidence, not three

Weights = dict[str, float]  # by topic; zero where the topic says ``not``


@dataclass(frozen=True, slots=True)
class Effect:
    """What one phrase adds to one topic, its own or one reached through a narrower one."""

    code: str
    weight: float  # as the rule says
    scaled: float  # by the emphasis of the top topic
    title_boost: float

    def outdoes(self, other: Effect) -> bool:
        """Whether it says more, or as much and more of it in a title."""
        return (self.scaled, self.title_boost) > (other.scaled, other.title_boost)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A folded pattern where the text has capitals at certain places, and what it earns there."""

    pattern: str
    capitals: tuple[int, ...]
    effects: tuple[Effect, ...]
    root: str

    def fits(self, cased: str, start: int) -> bool:
        """Whether the text, found to hold the pattern at ``start``, has the capitals too."""
        return all(cased[start + place].isupper() for place in self.capitals)


@dataclass(frozen=True, slots=True)
class _Spelling:
    pattern: str
    capitals: frozenset[int]

    def covers(self, other: _Spelling, offset: int = 0) -> bool:
        """Whether a text with this spelling has all the capitals of one that lies in it."""
        return all(place + offset in self.capitals for place in other.capitals)


def compile_phrases(
    rules: tuple[TopicRule, ...], languages: tuple[str, ...], vocabulary: Vocabulary
) -> list[tuple[Phrase, ...]]:
    """The phrases of each pattern; where several fit, the first counts. The last fits any case.

    The longest phrase at a place wins; it also carries what the shorter phrases inside it mean to other
    topics, unless those list it under ``not``.
    """
    weights = _weights(rules, languages)
    scales = {rule.code: rule for rule in rules}
    grouped: dict[str, list[_Spelling]] = {}
    for spelling in weights:
        grouped.setdefault(spelling.pattern, [_Spelling(spelling.pattern, frozenset())])
        if spelling.capitals:
            grouped[spelling.pattern].append(spelling)
    patterns = list(grouped)
    inside = AhoCorasick(patterns, matchkind=MatchKind.Standard)
    compiled: list[tuple[Phrase, ...]] = []
    for pattern, spellings in grouped.items():
        found = [
            (patterns[index], start)
            for index, start, _ in inside.find_matches_as_indexes(pattern, overlapping=True)
        ]
        inner = [(part, start) for name, start in found for part in grouped[name]]
        spellings.sort(key=lambda spelling: (-len(spelling.capitals), sorted(spelling.capitals)))
        compiled.append(
            tuple(_phrase(spelling, inner, weights, scales, vocabulary) for spelling in spellings)
        )
    return compiled


def _phrase(
    spelling: _Spelling,
    inner: Iterable[tuple[_Spelling, int]],
    weights: Mapping[_Spelling, Weights],
    rules: Mapping[str, TopicRule],
    vocabulary: Vocabulary,
) -> Phrase:
    own = _heaviest(
        weights.get(part, {})
        for part, _ in inner
        if part.pattern == spelling.pattern and spelling.covers(part)
    )
    # A rule's phrase in small letters ("bush administration") means the name inside it all the same.
    trusted = not spelling.capitals and spelling in weights
    inherited = _heaviest(
        weights.get(part, {})
        for part, start in inner
        if part.pattern != spelling.pattern and (trusted or spelling.covers(part, start))
    )
    effects = _with_ancestors(inherited | own, rules, vocabulary)
    first = spelling.pattern.split()[0]
    return Phrase(
        spelling.pattern, tuple(sorted(spelling.capitals)), effects, first.rstrip("s")[:_ROOT_LETTERS]
    )


def _heaviest(several: Iterable[Weights]) -> Weights:
    heaviest: Weights = {}
    for weights in several:
        for code, weight in weights.items():
            heaviest[code] = max(weight, heaviest.get(code, 0.0))
    return heaviest


def _weights(rules: tuple[TopicRule, ...], languages: tuple[str, ...]) -> dict[_Spelling, Weights]:
    found: dict[_Spelling, Weights] = {}
    for rule in rules:
        for language in languages:
            for phrase, weight in rule.phrases.get(language, {}).items():
                topics = found.setdefault(_spelling(phrase), {})
                topics[rule.code] = max(weight, topics.get(rule.code, 0.0))
        for phrase in rule.negatives:
            found.setdefault(_spelling(phrase), {})[rule.code] = 0.0
    return found


@lru_cache(maxsize=30_000)  # most phrases are compiled again for the next language
def _spelling(phrase: str) -> _Spelling:
    """How a phrase of the rules is looked for; its capitals must be capitals in the text."""
    found = spelling_of(phrase)
    return _Spelling(found.folded, frozenset(i for i, letter in enumerate(found.cased) if letter.isupper()))


def _with_ancestors(
    weights: Weights, rules: Mapping[str, TopicRule], vocabulary: Vocabulary
) -> tuple[Effect, ...]:
    """A phrase counts once for each ancestor, however many of its narrower topics it speaks for.

    Of two that say as much, the one that counts more in a title stays, whichever file it stands in.
    """
    best: dict[str, Effect] = {}
    for code, weight in weights.items():
        chain = (code, *vocabulary.broader_of(code))
        top = rules.get(chain[-1])
        scaled = weight * (top.emphasis if top else 1.0)
        for reached in chain:
            effect = Effect(reached, weight, scaled, rules[code].title_boost)
            if scaled > 0 and (reached not in best or effect.outdoes(best[reached])):
                best[reached] = effect
    return tuple(best.values())
