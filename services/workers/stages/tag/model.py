"""Topics by a linear model that ``copydesk train-topics`` fitted to a newsroom's own articles.

A model is plain JSON: for each term its inverse document frequency and its weight for the topics it matters
to. So it is safe to load from anywhere, and needs no library to be used. How one is fitted is in
``services/cli/training.py``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from services.workers.stages.tag.rulefile import expanded
from services.workers.stages.tag.vocabulary import Vocabulary
from services.workers.stages.tag.wording import read_wording
from shared.article import Tag
from shared.errors import BadSettings

FORMAT = "copydesk topic model 1"
EVIDENCE_SHOWN = 8
_BEHIND = 0.0001  # the last place of a score
_TITLE_MENTIONS = 2  # a word of the title counts twice, as a reader gives it more weight too
_LARGEST = 100_000_000  # bytes
_MOST_WORDS = 2_000  # of the body: news says early what it is about, and time stays bounded

Weights = tuple[tuple[int, float], ...]  # (number of a topic, weight)
_Term = tuple[str, Weights, float]  # met in a text: the term, its weights, its value there


@dataclass(frozen=True, slots=True)
class TrainedTopic:
    """One topic a model knows; it is given when its probability reaches ``threshold``."""

    code: str
    bias: float
    threshold: float


def terms_of(title: str, body: str) -> Counter[str]:
    """How often each word and each pair of neighbouring words is met."""
    head = read_wording(title).folded.split()
    rest = read_wording(body).folded.split()[:_MOST_WORDS]
    counts = Counter(rest)
    counts.update(map(" ".join, pairwise(rest)))
    for _ in range(_TITLE_MENTIONS):
        counts.update(head)
        counts.update(map(" ".join, pairwise(head)))
    return counts


class TopicModel:
    """A linear model by topic over TF-IDF terms; safe to share between threads."""

    def __init__(
        self,
        topics: Sequence[TrainedTopic],
        terms: Mapping[str, tuple[float, Weights]],
        languages: Iterable[str],
        vocabulary: Vocabulary,
        digest: str,
    ) -> None:
        self.topics = tuple(topics)
        self.digest = digest
        self.codes = frozenset(topic.code for topic in topics)
        self._languages = frozenset(languages)
        self._terms = terms
        self._vocabulary = vocabulary

    def reads(self, language: str) -> bool:
        """Whether it was fitted to articles of this language."""
        return language.split("-")[0].lower() in self._languages

    def with_threshold(self, threshold: float) -> TopicModel:
        """The same model, giving each topic from this probability on."""
        topics = [replace(topic, threshold=threshold) for topic in self.topics]
        return TopicModel(topics, self._terms, self._languages, self._vocabulary, self.digest)

    def probabilities(self, title: str, body: str) -> list[float]:
        """How likely each topic is, in the order of ``topics``."""
        return [_probability(margin) for margin in self._margins(self._read(title, body))]

    def tags(self, title: str, body: str, likely: frozenset[str] = frozenset()) -> tuple[Tag, ...]:
        """The topics whose probability reaches their threshold, best first.

        For ``likely`` topics, which the rules give as well, half of it does. Evidence is the terms that
        weighed most; a topic without any is not given.
        """
        terms = self._read(title, body)
        found: list[Tag] = []
        for number, margin in enumerate(self._margins(terms)):
            topic, score = self.topics[number], _probability(margin)
            least = topic.threshold / 2 if topic.code in likely else topic.threshold
            evidence = self._evidence(number, terms) if score >= least else ()
            if evidence:
                code = topic.code
                name, broader = self._vocabulary.name_of(code), self._vocabulary.broader_of(code)
                found.append(Tag(code, name, round(score, 4), evidence, broader))
        return tuple(sorted(found, key=_rank))

    def over(self, ruled: Sequence[Tag], title: str, body: str) -> tuple[Tag, ...]:
        """The model's topics, and of those found by rules what the model was not taught.

        Scores of rules are no probabilities, so a top topic found by rules alone ranks behind the model's
        best one. A narrower topic found by rules stays when its top topic does, with no higher score.
        """
        trained = self.tags(title, body, frozenset(tag.code for tag in ruled))
        given = {tag.code: tag.score for tag in trained}
        best = max((tag.score for tag in trained if not tag.broader), default=1.0)
        kept: list[Tag] = []
        for tag in sorted(ruled, key=lambda tag: len(tag.broader)):
            top = tag.broader[-1] if tag.broader else tag.code
            if tag.code in self.codes or (tag.broader and top not in given):
                continue
            limit = given[top] if tag.broader else best - _BEHIND
            kept.append(replace(tag, score=round(max(min(tag.score, limit), _BEHIND), 4)))
            given[tag.code] = kept[-1].score
        return tuple(sorted((*trained, *kept), key=_rank))

    def _read(self, title: str, body: str) -> list[_Term]:
        """The known terms with their TF-IDF, of length one together."""
        known = self._terms
        met = [
            (term, row[1], (1 + math.log(count)) * row[0])
            for term, count in terms_of(title, body).items()
            if (row := known.get(term)) is not None
        ]
        length = math.sqrt(sum([value * value for _, _, value in met])) or 1.0
        return [(term, weights, value / length) for term, weights, value in met]

    def _margins(self, terms: Iterable[_Term]) -> list[float]:
        margins = [topic.bias for topic in self.topics]
        for _, weights, value in terms:
            for number, weight in weights:
                margins[number] += value * weight
        return margins

    def _evidence(self, number: int, terms: Iterable[_Term]) -> tuple[str, ...]:
        """The terms that spoke for a topic, heaviest first."""
        gains = [
            (-value * weight, term)
            for term, weights, value in terms
            for owner, weight in weights
            if owner == number and weight > 0
        ]
        return tuple(term for _, term in nsmallest(EVIDENCE_SHOWN, gains))


def _rank(tag: Tag) -> tuple[float, int, str]:
    return -tag.score, len(tag.broader), tag.code


def _probability(margin: float) -> float:
    """Between 0.0001 and 0.9999: a score is never a certainty."""
    return min(max(1 / (1 + math.exp(-max(min(margin, 30.0), -30.0))), _BEHIND), 1 - _BEHIND)


def model_bytes(
    topics: Sequence[TrainedTopic],
    terms: Mapping[str, tuple[float, Weights]],
    languages: Iterable[str],
    about: Mapping[str, Any],
) -> bytes:
    """A model as a file; ``about`` is for people: how many articles, what scores."""
    written = {
        "format": FORMAT,
        "about": about,
        "languages": sorted(languages),
        "topics": [[topic.code, topic.bias, topic.threshold] for topic in topics],
        "terms": {term: [idf, [list(pair) for pair in weights]] for term, (idf, weights) in terms.items()},
    }
    return json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode()


def load_model(path: Path, vocabulary: Vocabulary) -> TopicModel:
    """Read a model file; raises ``BadSettings`` that names it when it is no such file or does not fit."""
    path = expanded(path)
    try:
        if path.stat().st_size > _LARGEST:
            _refuse(path, f"it is larger than {_LARGEST // 1_000_000} MB")
        data = path.read_bytes()
    except OSError as error:
        raise BadSettings(f"topic model {path}: cannot be read: {error.strerror}") from error
    try:
        written = json.loads(data)
        if not isinstance(written, dict) or written.get("format") != FORMAT:
            _refuse(path, f"it is no {FORMAT!r}; make one with `copydesk train-topics`")
        topics = [_topic(*entry) for entry in written["topics"]]
        terms = {term: _term(idf, weights, len(topics)) for term, (idf, weights) in written["terms"].items()}
        languages = [str(language) for language in written["languages"]]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise BadSettings(f"topic model {path}: damaged, make it anew: {error!r}") from error
    for topic in topics:
        refusal = vocabulary.refusal(topic.code)
        if refusal:
            _refuse(path, f"{refusal}; correct the labels and make it anew")
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return TopicModel(topics, terms, languages, vocabulary, digest)


def _refuse(path: Path, why: str) -> NoReturn:
    raise BadSettings(f"topic model {path}: {why}")


def _topic(code: object, bias: object, threshold: object) -> TrainedTopic:
    if not isinstance(code, str):
        raise TypeError(f"{code!r} is no code")
    return TrainedTopic(code, _finite(bias), _finite(threshold))


def _term(idf: object, weights: Iterable[tuple[object, object]], topics: int) -> tuple[float, Weights]:
    pairs: list[tuple[int, float]] = []
    for number, weight in weights:
        if not isinstance(number, int) or not 0 <= number < topics:
            raise ValueError(f"{number!r} is the number of no topic")
        pairs.append((number, _finite(weight)))
    return _finite(idf), tuple(pairs)


def _finite(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)
