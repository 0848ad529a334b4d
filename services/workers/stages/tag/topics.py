"""Topics of an article by weighted phrases, found in one pass; the phrases are in ``topics/*.yaml``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from ahocorasick_rs import AhoCorasick, MatchKind

from services.workers.stages.tag.phrases import compile_phrases
from services.workers.stages.tag.rules import ANY, TopicRule, topic_rules
from services.workers.stages.tag.vocabulary import Vocabulary, shipped_vocabulary
from services.workers.stages.tag.wording import Wording, read_wording
from shared.article import Tag

THRESHOLD = 0.35
# With less than this share of the best top topic's total, another top topic is a passing mention; likewise
# a narrower topic within its own top topic.
PASSING = 0.33
_PASSING_WITHIN = 0.2
_EVIDENCE_SHOWN = 8
# A phrase of this weight tells a topic by itself; one written with a capital (a name) is harder to mistake.
SURE = 4.0
SURE_NAME = 3.0
# Measured on the two topic sets of the evaluation: with these, weak words by themselves earn no topic, and
# of short items (40 words) 5% get none. At 0.65, or 7, half a point to a point of their accuracy is lost.
LONE = 0.6
SEVERAL = 6.0
UNSURE = "und"
_COMMON_LETTERS = 4  # "war", "but", "dell": as short as the commonest words of any language
# News is written top down: what the first paragraphs say counts half a mention more.
_LEAD_BOOST = 0.5
_LEAD_LETTERS = 900  # of normalised text, about 130 words
# How much weight makes a score of 0.5: a fixed part, and one that grows with the text, since a long
# article meets many phrases by chance.
_HALF = 3.0
_HALF_PER_WORD = 1 / 60


@dataclass(slots=True)
class _Hit:
    """How often a phrase was met, and where first: the title comes first in the text."""

    mentions: int
    start: int

    def emphasis(self, title_end: int) -> float:
        boost = _LEAD_BOOST if title_end <= self.start < title_end + _LEAD_LETTERS else 0.0
        return 1 + math.log(self.mentions) + boost


@dataclass(frozen=True, slots=True)
class Reason:
    """One phrase met in a text: its words there, its weight by the rule, and what it gave in all."""

    words: str
    weight: float
    mentions: int
    gain: float


@dataclass(frozen=True, slots=True)
class Case:
    """What speaks for one topic in a text, heaviest first, whether it is given or not."""

    score: float
    reasons: tuple[Reason, ...]


_Ground = tuple[float, float, int]  # one phrase that speaks for a topic: its gain, weight and number


class TopicMatcher:
    """The rules of one language, compiled; safe to share between threads."""

    def __init__(
        self, rules: Iterable[TopicRule], languages: Iterable[str], vocabulary: Vocabulary | None = None
    ) -> None:
        rules = tuple(rules)
        vocabulary = vocabulary or shipped_vocabulary()
        compiled = compile_phrases(rules, tuple(languages), vocabulary)
        self._name_of = vocabulary.name_of
        self._broader_of = vocabulary.broader_of
        self._ruled = frozenset(rule.code for rule in rules if rule.phrases)
        self._off = frozenset(rule.code for rule in rules) - self._ruled
        self._phrases = tuple(phrase for spellings in compiled for phrase in spellings)
        places = itertools.accumulate((len(spellings) for spellings in compiled), initial=0)
        self._spellings = tuple(range(*pair) for pair in itertools.pairwise(places))
        patterns = [spellings[0].pattern for spellings in compiled]
        self._automaton = AhoCorasick(patterns, matchkind=MatchKind.LeftmostLongest)

    def tags(self, title: str, body: str) -> tuple[Tag, ...]:
        """Every topic above the threshold that its evidence bears, best first.

        A phrase adds ``weight * emphasis * (1 + ln(mentions) + boost)`` to its topic and all ancestors, where
        boost is the topic's ``title_boost`` in the title and 0.5 in the first paragraphs; ``score = total /
        (total + half)``, where half grows with the length of the text. A top topic is given when its score
        reaches ``THRESHOLD``, its evidence bears it (``_borne``), and its total is ``PASSING`` of the best
        one; a narrower one when it has rules of its own, the same holds within its top topic, and that is
        given. So the best is a top topic.
        """
        text, grounds, hits, half = self._read(title, body)
        least = half * THRESHOLD / (1 - THRESHOLD)
        totals = {code: sum(ground[0] for ground in found) for code, found in grounds.items()}
        borne = {
            code: total
            for code, total in totals.items()
            if total >= least and self._borne(grounds[code], total / (total + half))
        }
        return tuple(
            Tag(
                code,
                self._name_of(code),
                round(total / (total + half), 4),
                self._evidence(grounds[code], hits, text.folded),
                self._broader_of(code),
            )
            for total, code in self._chosen(borne)
        )

    def explain(self, title: str, body: str) -> dict[str, Case]:
        """What speaks for each topic, given or not, best first."""
        text, grounds, hits, half = self._read(title, body)
        cases = {code: self._case(found, hits, text.folded, half) for code, found in grounds.items()}
        return dict(sorted(cases.items(), key=lambda pair: (-pair[1].score, pair[0])))

    def spoken_for(self, phrase: str) -> frozenset[str]:
        """The topics that a phrase of the rules speaks for where it is all a text says."""
        words = phrase.removeprefix("*").removesuffix("*")
        # The small letter keeps an acronym from being read as a line in capitals.
        hits = self._find(read_wording(f"{words} x"))
        return frozenset(effect.code for number in hits for effect in self._phrases[number].effects)

    def _read(
        self, title: str, body: str
    ) -> tuple[Wording, dict[str, list[_Ground]], dict[int, _Hit], float]:
        """The text, what speaks for each topic, the phrases met, and the total that makes a score of 0.5."""
        head, rest = read_wording(title), read_wording(body)
        text = Wording(f"{head.folded} | {rest.folded}", f"{head.cased} | {rest.cased}")
        hits = self._find(text)
        half = _HALF + _HALF_PER_WORD * (text.folded.count("  ") - 2)
        return text, self._grounds(hits, len(head.folded)), hits, half

    def _case(self, grounds: Iterable[_Ground], hits: Mapping[int, _Hit], text: str, half: float) -> Case:
        """Score and evidence in full."""
        reasons = tuple(
            Reason(self._words(text, hits[number], number), weight, hits[number].mentions, round(gain, 2))
            for gain, weight, number in sorted(grounds, key=lambda ground: (-ground[0], ground[2]))
        )
        total = sum(reason.gain for reason in reasons)
        return Case(round(total / (total + half), 4), reasons)

    def _find(self, text: Wording) -> dict[int, _Hit]:
        """The phrases of a text by number, in the order they were met."""
        hits: dict[int, _Hit] = {}
        for index, start, _ in self._automaton.find_matches_as_indexes(text.folded):
            spellings = self._spellings[index]
            number = spellings[0]
            if len(spellings) > 1:
                number = next(n for n in spellings if self._phrases[n].fits(text.cased, start))
            hit = hits.get(number)
            if hit is None:
                hits[number] = _Hit(1, start)
            else:
                hit.mentions += 1
        return hits

    def _grounds(self, hits: Mapping[int, _Hit], title_end: int) -> dict[str, list[_Ground]]:
        """What speaks for each topic, in the order it was met."""
        grounds: dict[str, list[_Ground]] = {}
        for number, hit in hits.items():
            in_title = hit.start < title_end
            emphasis = hit.emphasis(title_end)
            for effect in self._phrases[number].effects:
                gain = effect.scaled * (emphasis + effect.title_boost if in_title else emphasis)
                grounds.setdefault(effect.code, []).append((gain, effect.weight, number))
        return grounds

    def _borne(self, grounds: Sequence[_Ground], score: float) -> bool:
        """Whether phrases bear a topic: not a weak word alone, nor a strong one met in passing.

        Two phrases, one of them sure, do at any score. One alone must be sure, several weak ones must weigh
        ``SEVERAL`` together, and both must reach the score ``LONE``. Forms of one word count once.
        """
        roots: dict[str, float] = {}
        sure = False
        for _, weight, number in grounds:
            phrase = self._phrases[number]
            sure = sure or weight >= (SURE_NAME if phrase.capitals else SURE)
            roots[phrase.root] = max(weight, roots.get(phrase.root, 0.0))
        if sure and len(roots) > 1:
            return True
        return score >= LONE and (sure or (len(roots) > 1 and sum(roots.values()) >= SEVERAL))

    def _chosen(self, borne: Mapping[str, float]) -> list[tuple[float, str]]:
        """The topics that are given, with their totals, best first; top topics before narrower ones."""
        tops = {
            code: total
            for code, total in borne.items()
            if not self._broader_of(code) and code not in self._off
        }
        passing = PASSING * max(tops.values(), default=0.0)
        tops = {code: total for code, total in tops.items() if total >= passing}
        chosen = [(total, code) for code, total in tops.items()]
        for code, total in borne.items():
            above = self._broader_of(code)
            within = tops.get(above[-1]) if code in self._ruled and above else None
            if within is not None and total >= _PASSING_WITHIN * within:
                chosen.append((total, code))
        return sorted(chosen, key=lambda pair: (-round(pair[0], 6), len(self._broader_of(pair[1])), pair[1]))

    def _evidence(self, grounds: Iterable[_Ground], hits: Mapping[int, _Hit], text: str) -> tuple[str, ...]:
        """The words that earned a topic, heaviest first."""
        shown = sorted((-gain, self._words(text, hits[number], number)) for gain, _, number in grounds)
        return tuple(dict.fromkeys(words for _, words in shown))[:_EVIDENCE_SHOWN]

    def _words(self, text: str, hit: _Hit, number: int) -> str:
        return _whole_words(text, hit.start, len(self._phrases[number].pattern))


def _whole_words(text: str, start: int, length: int) -> str:
    """The words a match lies in, with single spaces."""
    first = start if text[start] == " " else text.rfind(" ", 0, start)
    end = text.find(" ", start + length - 1)
    return " ".join(text[first:end].split())


class TopicRules:
    """All rules with their compiled matchers, one for each language, made when first asked for."""

    def __init__(self, rules: Iterable[TopicRule], vocabulary: Vocabulary) -> None:
        self.rules = tuple(rules)
        self.vocabulary = vocabulary
        self.languages = frozenset(name for rule in self.rules for name in rule.phrases)
        self._matchers: dict[str, TopicMatcher] = {}

    def matcher(self, language: str) -> TopicMatcher:
        """The compiled rules of a language.

        A text of unsure language is read with every language's rules but for their shortest words ("war" is
        German, "but" French too); one in a language without rules of its own only with the phrases that mean
        the same everywhere.
        """
        language = language if language == UNSURE or language in self.languages else ANY
        if language not in self._matchers:  # two threads may both make one; either serves
            self._matchers[language] = self._compiled(language)
        return self._matchers[language]

    def find(self, title: str, body: str, language: str) -> tuple[Tag, ...]:
        """The topics of one article, best first."""
        return self.matcher(language.split("-")[0].lower()).tags(title, body)

    def _compiled(self, language: str) -> TopicMatcher:
        if language == UNSURE:
            rules = [_long_phrases(rule) for rule in self.rules]
            return TopicMatcher(rules, sorted(self.languages), self.vocabulary)
        return TopicMatcher(self.rules, (ANY, language), self.vocabulary)


def _long_phrases(rule: TopicRule) -> TopicRule:
    """A rule without the short words of single languages; another language means other things by them."""
    phrases = {
        language: {
            phrase: weight
            for phrase, weight in weights.items()
            if language == ANY or not phrase.isascii() or len(phrase) > _COMMON_LETTERS
        }
        for language, weights in rule.phrases.items()
    }
    return replace(rule, phrases=phrases)


@cache
def shipped_topics() -> TopicRules:
    """The rules that come with Copydesk, read once per process."""
    return TopicRules(topic_rules(), shipped_vocabulary())


def find_topics(title: str, body: str, language: str) -> tuple[Tag, ...]:
    """The topics of one article by the shipped rules, best first."""
    return shipped_topics().find(title, body, language)
