"""Topics of an article by weighted phrases, found in one pass; the phrases are in ``topics/*.yaml``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from ahocorasick_rs import AhoCorasick, MatchKind

from services.workers.stages.tag.rules import ANY, TopicRule, load_rules
from services.workers.stages.tag.vocabulary import broader_of, name_of
from shared.article import Tag

THRESHOLD = 0.35
# With less than this share of the best top topic's total, another top topic is a passing mention; likewise
# a narrower topic within its own top topic.
PASSING = 0.33
_PASSING_WITHIN = 0.2
_EVIDENCE_SHOWN = 8
# News is written top down: what the first paragraphs say counts half a mention more.
_LEAD_BOOST = 0.5
_LEAD_LETTERS = 900  # of normalised text, about 130 words
# How much weight makes a score of 0.5: a fixed part, and one that grows with the text, since a long
# article meets many phrases by chance.
_HALF = 3.0
_HALF_PER_WORD = 1 / 60

_WORDS = re.compile(r"\w+")
_ARABIC = re.compile("[\u0600-\u06ff]")
_ARABIC_ARTICLE = re.compile(r"\b(?:[وفبك]?ال|لل)(?=\w{3})")


def normalise(text: str) -> str:
    """Case-folded words, two spaces between and around them, so that a space always means a boundary.

    Two, because neighbouring matches then need not share one. The English possessive goes; so does the
    Arabic article, which is written together with its noun.
    """
    folded = text.casefold().replace("’", "'").replace("'s ", " ")
    if not folded.isascii() and _ARABIC.search(folded):
        folded = _ARABIC_ARTICLE.sub("", folded)
    return "  " + "  ".join(_WORDS.findall(folded)) + "  "


def _pattern(phrase: str) -> str:
    core = normalise(phrase)[1:-1]
    if phrase.startswith("*"):
        core = core.removeprefix(" ")
    return core.removesuffix(" ") if phrase.endswith("*") else core


@dataclass(frozen=True, slots=True)
class _Effect:
    """What one phrase adds to one topic, its own or one reached through a narrower one."""

    code: str
    weight: float
    title_boost: float


@dataclass(slots=True)
class _Hit:
    """How often a phrase was met, and where first: the title comes first in the text."""

    mentions: int
    start: int

    def gain(self, effect: _Effect, title_end: int) -> float:
        boost = _LEAD_BOOST if self.start < title_end + _LEAD_LETTERS else 0.0
        if self.start < title_end:
            boost = effect.title_boost
        return effect.weight * (1 + math.log(self.mentions) + boost)


class TopicMatcher:
    """The rules of one language, compiled; safe to share between threads.

    The longest phrase at a place wins; it also carries what the shorter phrases inside it mean to other
    topics, unless those list it under ``not``.
    """

    def __init__(self, rules: Iterable[TopicRule], languages: Iterable[str]) -> None:
        rules = tuple(rules)
        weights = _weights(rules, tuple(languages))
        self._ruled = frozenset(rule.code for rule in rules)
        self._patterns = tuple(weights)
        self._effects = tuple(_with_ancestors(effects, rules) for effects in _resolve(weights))
        self._automaton = AhoCorasick(list(self._patterns), matchkind=MatchKind.LeftmostLongest)

    def tags(self, title: str, body: str) -> tuple[Tag, ...]:
        """Every topic above the threshold, best first.

        A phrase adds ``weight * emphasis * (1 + ln(mentions) + boost)`` to its topic and all ancestors, where
        boost is the topic's ``title_boost`` in the title and 0.5 in the first paragraphs; ``score = total /
        (total + half)``, where half grows with the length of the text. A top topic is given
        when its score reaches ``THRESHOLD`` and its total ``PASSING`` of the best one; a narrower one when it
        has rules of its own, reaches the threshold, and its top topic is given. So the best is a top topic.
        """
        head = normalise(title)
        text = head + " | " + normalise(body)
        hits = self._find(text)
        totals: dict[str, float] = {}
        for index, hit in hits.items():
            for effect in self._effects[index]:
                totals[effect.code] = totals.get(effect.code, 0.0) + hit.gain(effect, len(head))
        half = _HALF + _HALF_PER_WORD * (text.count("  ") - 2)
        chosen = self._chosen(totals, half)
        evidence = self._evidence({code for _, code in chosen}, hits, text, len(head))
        return tuple(
            Tag(code, name_of(code), round(total / (total + half), 4), evidence[code], broader_of(code))
            for total, code in chosen
        )

    def _find(self, text: str) -> dict[int, _Hit]:
        """The phrases of a text by pattern, in the order they were met."""
        hits: dict[int, _Hit] = {}
        for index, start, _ in self._automaton.find_matches_as_indexes(text):
            hit = hits.get(index)
            if hit is None:
                hits[index] = _Hit(1, start)
            else:
                hit.mentions += 1
        return hits

    def _chosen(self, totals: Mapping[str, float], half: float) -> list[tuple[float, str]]:
        """The topics that are given, with their totals, best first; top topics before narrower ones."""
        least = half * THRESHOLD / (1 - THRESHOLD)
        tops = {code: total for code, total in totals.items() if not broader_of(code)}
        passing = PASSING * max(tops.values(), default=0.0)
        tops = {code: total for code, total in tops.items() if total >= max(least, passing)}
        chosen = [(total, code) for code, total in tops.items()]
        for code, total in totals.items():
            within = tops.get(broader_of(code)[-1]) if code in self._ruled and broader_of(code) else None
            if within is not None and total >= max(least, _PASSING_WITHIN * within):
                chosen.append((total, code))
        return sorted(chosen, key=lambda pair: (-round(pair[0], 6), len(broader_of(pair[1])), pair[1]))

    def _evidence(
        self, codes: set[str], hits: Mapping[int, _Hit], text: str, title_end: int
    ) -> dict[str, tuple[str, ...]]:
        """The words that earned each topic, heaviest first."""
        gains: dict[str, list[tuple[float, str]]] = {code: [] for code in codes}
        for index, hit in hits.items():
            words = _whole_words(text, hit.start, len(self._patterns[index]))
            for effect in self._effects[index]:
                if effect.code in gains:
                    gains[effect.code].append((-hit.gain(effect, title_end), words))
        return {
            code: tuple(dict.fromkeys(words for _, words in sorted(pairs)))[:_EVIDENCE_SHOWN]
            for code, pairs in gains.items()
        }


def _whole_words(text: str, start: int, length: int) -> str:
    """The words a match lies in, with single spaces."""
    first = start if text[start] == " " else text.rfind(" ", 0, start)
    end = text.find(" ", start + length - 1)
    return " ".join(text[first:end].split())


def _weights(rules: tuple[TopicRule, ...], languages: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Pattern -> topic -> weight; zero where the topic says ``not``."""
    found: dict[str, dict[str, float]] = {}
    for rule in rules:
        for language in languages:
            for phrase, weight in rule.phrases.get(language, {}).items():
                topics = found.setdefault(_pattern(phrase), {})
                topics[rule.code] = max(weight, topics.get(rule.code, 0.0))
        for phrase in rule.negatives:
            found.setdefault(_pattern(phrase), {})[rule.code] = 0.0
    return found


def _resolve(weights: Mapping[str, Mapping[str, float]]) -> list[dict[str, float]]:
    """Let each phrase inherit what the phrases inside it mean to topics that do not list it themselves."""
    patterns = list(weights)
    inside = AhoCorasick(patterns, matchkind=MatchKind.Standard)
    resolved: list[dict[str, float]] = []
    for pattern in patterns:
        own = weights[pattern]
        effects = dict(own)
        for index, _, _ in inside.find_matches_as_indexes(pattern, overlapping=True):
            for code, weight in weights[patterns[index]].items():
                if code not in own:
                    effects[code] = max(weight, effects.get(code, 0.0))
        resolved.append(effects)
    return resolved


def _with_ancestors(effects: Mapping[str, float], rules: Iterable[TopicRule]) -> tuple[_Effect, ...]:
    """A phrase counts once for each ancestor, however many of its narrower topics it speaks for."""
    boosts = {rule.code: rule.title_boost for rule in rules}
    emphasis = {rule.code: rule.emphasis for rule in rules}
    best: dict[str, _Effect] = {}
    for code, weight in effects.items():
        chain = (code, *broader_of(code))
        scaled = weight * emphasis.get(chain[-1], 1.0)
        for reached in chain:
            if scaled > (best[reached].weight if reached in best else 0.0):
                best[reached] = _Effect(reached, scaled, boosts[code])
    return tuple(best.values())


@cache
def _rules() -> tuple[TopicRule, ...]:
    return load_rules()


@cache
def _matcher(languages: tuple[str, ...]) -> TopicMatcher:
    return TopicMatcher(_rules(), languages)


@cache
def _languages() -> frozenset[str]:
    return frozenset(name for rule in _rules() for name in rule.phrases)


def matcher(language: str) -> TopicMatcher:
    """The compiled rules of a language, made once per process.

    A text of unsure language is read with every language's rules; one in a language without rules of
    its own only with the phrases that mean the same everywhere.
    """
    if language == "und":
        return _matcher(tuple(sorted(_languages())))
    return _matcher((ANY, language) if language in _languages() else (ANY,))


def find_topics(title: str, body: str, language: str) -> tuple[Tag, ...]:
    """The topics of one article, best first."""
    return matcher(language.split("-")[0].lower()).tags(title, body)
