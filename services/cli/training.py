"""Fitting a topic model: labelled articles in, weights and honest scores out; scikit-learn only here.

One logistic regression for each topic over TF-IDF of words and pairs. Every score is of articles that the
model scored had not seen: each fold is judged by a model of the other folds.
"""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.workers.stages.clean.language import detect_language, given_language
from services.workers.stages.tag.model import TopicModel, TrainedTopic, Weights, terms_of
from services.workers.stages.tag.topics import TopicRules
from services.workers.stages.tag.vocabulary import Vocabulary
from shared.article import Tag
from shared.errors import CopydeskError, InvalidRequest

EXTRA = 'training needs scikit-learn, which is an extra: pip install "copydesk[train]"'
EACH_FOLD = 2  # examples of each topic in each fold, at least
# A language with less than this share of the most frequent one's articles is left to the rules: by a handful
# of articles no topic is learned, and the rules would be silenced for it.
LEAST_SHARE = 0.1
UNSURE = "und"
_MOST_TERMS = 40_000
# Chosen on generated and open sets: from 10 to 100 little changes, at 1 rare topics are not found.
_INVERSE_PENALTY = 30.0
# Of each topic, the heaviest weights; the rest adds up to nothing, and would be most of the file.
_MOST_WEIGHTS = 5_000
_DIGITS = 5
_THRESHOLDS = tuple(step / 20 for step in range(3, 16))  # 0.15 to 0.75
_MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled article; ``codes`` with those of its ancestors that are labels in the file too."""

    title: str
    body: str
    language: str
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Score:
    """How often a topic was given rightly, wrongly, and not although it was right."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def articles(self) -> int:
        """How many articles have the topic."""
        return self.right + self.missed

    @property
    def precision(self) -> float:
        """Share of the given that is right."""
        return self.right / ((self.right + self.wrong) or 1)

    @property
    def recall(self) -> float:
        """Share of the right that is given."""
        return self.right / (self.articles or 1)

    @property
    def f1(self) -> float:
        """Between 0 and 1."""
        return 2 * self.right / ((2 * self.right + self.wrong + self.missed) or 1)


@dataclass(frozen=True, slots=True)
class Scores:
    """One way of giving topics, held against the labels."""

    by_topic: Mapping[str, Score]
    best_top: float  # share of articles whose best topic lies in the right top topic

    @property
    def micro(self) -> float:
        """F1 of all topics taken together."""
        every = list(self.by_topic.values())
        parts = (sum(s.right for s in every), sum(s.wrong for s in every), sum(s.missed for s in every))
        return Score(*parts).f1

    @property
    def macro(self) -> float:
        """The mean F1 of the topics."""
        return sum(score.f1 for score in self.by_topic.values()) / len(self.by_topic)


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted model, and how good a model made like it is on articles it has not seen, beside the rules."""

    topics: tuple[TrainedTopic, ...]
    terms: Mapping[str, tuple[float, Weights]]
    languages: frozenset[str]
    scores: Scores
    rules: Scores


class TooFew(CopydeskError):  # noqa: N818 - read as a sentence
    """A topic has not enough articles to be learned; the text names it."""


def read_examples(lines: Iterable[bytes], vocabulary: Vocabulary) -> list[Example]:
    """Read NDJSON of ``{title, body, topics, language?}``; of equal texts, the last counts.

    ``topics`` is a list of codes, or of objects with ``code``; an empty one says that none of the others
    fits. Raises ``InvalidRequest`` with the number of the line.
    """
    found: dict[tuple[str, str], Example] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            example = _read_example(line, f"line {number}", vocabulary)
            found.pop((example.title, example.body), None)
            found[example.title, example.body] = example
    if not found:
        raise InvalidRequest("file", "there are no articles in it")
    labels = frozenset[str]().union(*(example.codes for example in found.values()))
    return [_with_ancestors(example, labels, vocabulary) for example in found.values()]


def _read_example(line: bytes, place: str, vocabulary: Vocabulary) -> Example:
    try:
        item = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(place, f"is no JSON: {error}") from error
    if not isinstance(item, dict):
        raise InvalidRequest(place, "is no JSON object")
    title, body, language = (item.get(name) or "" for name in ("title", "body", "language"))
    if not all(isinstance(text, str) for text in (title, body, language)) or not (title + body).strip():
        raise InvalidRequest(place, "title and body must be texts, and not both empty")
    base = (given_language(language) or detect_language(body or title)).split("-")[0]
    return Example(title, body, base, frozenset(_codes(item.get("topics"), place, vocabulary)))


def _codes(topics: object, place: str, vocabulary: Vocabulary) -> Iterator[str]:
    if not isinstance(topics, list):
        raise InvalidRequest(place, 'topics must be a list of codes, such as ["medtop:15000000"]')
    for topic in topics:
        code = topic.get("code") if isinstance(topic, dict) else topic
        refusal = vocabulary.refusal(code) if isinstance(code, str) else f"{code!r} is no code"
        if refusal:
            raise InvalidRequest(place, refusal)
        yield str(code)


def _with_ancestors(example: Example, labels: frozenset[str], vocabulary: Vocabulary) -> Example:
    above = {each for code in example.codes for each in vocabulary.broader_of(code)}
    return Example(example.title, example.body, example.language, example.codes | (above & labels))


def train(
    examples: Sequence[Example], folds: int, rules: TopicRules, tell: Callable[[str], None] = lambda _: None
) -> Trained:
    """Score by cross-validation, then fit to everything; raises ``TooFew``, or says what to install.

    Articles of languages with too few examples are not fitted to; they are scored as the rules tag them.
    """
    learn = _learner()
    _check_counts(examples, folds, rules.vocabulary)
    languages = _languages(examples, folds, tell)
    others = [e for e in examples if e.language not in languages and e.language != UNSURE]
    examples = [e for e in examples if e.language in languages or e.language == UNSURE]
    labels = _check_counts(examples, folds, rules.vocabulary)
    dealt = _deal(examples, folds)
    unseen: list[TopicModel | None] = [None] * len(examples)
    for fold in range(folds):
        tell(f"fold {fold + 1} of {folds}")
        fitted = _fit(learn, [e for e, own in zip(examples, dealt, strict=True) if own != fold], labels)
        model = TopicModel(*fitted, languages, rules.vocabulary, "")
        for place, own in enumerate(dealt):
            unseen[place] = model if own == fold else unseen[place]
    models = [model for model in unseen if model is not None]
    chances = [m.probabilities(e.title, e.body) for m, e in zip(models, examples, strict=True)]
    # A fold's threshold is chosen on the other folds, else the score would be of articles it was fitted to.
    chosen = [_threshold(examples, chances, labels, [own != fold for own in dealt]) for fold in range(folds)]
    ruled = [rules.find(e.title, e.body, e.language) for e in examples]
    given = [
        model.with_threshold(chosen[own]).over(tags, e.title, e.body) if model.reads(e.language) else tags
        for model, own, tags, e in zip(models, dealt, ruled, examples, strict=True)
    ]
    tell("fitting to everything")
    topics, terms = _fit(learn, examples, labels)
    threshold = _threshold(examples, chances, labels, [True] * len(examples))
    final = tuple(TrainedTopic(topic.code, topic.bias, threshold) for topic in topics)
    rest = [rules.find(e.title, e.body, e.language) for e in others]
    scored = [*examples, *others]
    taught = _score(scored, [*given, *rest], labels, rules.vocabulary)
    return Trained(final, terms, languages, taught, _score(scored, [*ruled, *rest], labels, rules.vocabulary))


def _languages(examples: Sequence[Example], folds: int, tell: Callable[[str], None]) -> frozenset[str]:
    """The languages with enough articles to be learned; tells of the others, raises ``TooFew`` for none.

    Articles of unsure language are fitted to with those of the others, though the model will not be asked
    about their like.
    """
    counts = Counter(example.language for example in examples)
    unsure = counts.pop(UNSURE, 0)
    wanted = max(folds * EACH_FOLD, LEAST_SHARE * max(counts.values(), default=0))
    kept = frozenset(language for language, count in counts.items() if count >= wanted)
    few = ", ".join(f"{language} ({counts[language]})" for language in sorted(counts.keys() - kept))
    if not kept:
        found = f"there are {few}" if few else f"none of {unsure} could be told"
        raise TooFew(
            f"no language has the {folds * EACH_FOLD} articles that are wanted: {found}. Add some, name "
            "their `language`, or take fewer --folds"
        )
    if few:
        tell(f"left to the rules, with too few articles to learn the language from: {few}")
    if unsure:
        main = max(kept, key=lambda language: (counts[language], language))
        tell(f"{unsure} articles of unsure language are learned from as if they were {main}")
    return kept


def _learner() -> Any:  # noqa: ANN401 - a library without types, loaded only here
    try:
        return importlib.import_module("sklearn.feature_extraction.text"), importlib.import_module(
            "sklearn.linear_model"
        )
    except ImportError as error:
        raise CopydeskError(EXTRA) from error


def _check_counts(examples: Sequence[Example], folds: int, vocabulary: Vocabulary) -> tuple[str, ...]:
    counts = Counter(code for example in examples for code in example.codes)
    wanted = folds * EACH_FOLD
    if not counts:
        raise TooFew("no article has a topic")
    short = []
    for code, count in sorted(counts.items()):
        name = f"{code} ({vocabulary.name_of(code)})"
        if count < wanted:
            short.append(f"{name} has {count}")
        elif len(examples) - count < wanted:
            short.append(f"{name} has {len(examples) - count} that are about something else")
    if short:
        raise TooFew(
            f"too few examples; {wanted} articles are wanted of each topic, and as many of others: "
            f"{'; '.join(short)}. Add some, leave that label out, or take fewer --folds"
        )
    return tuple(sorted(counts))


def _deal(examples: Sequence[Example], folds: int) -> list[int]:
    """A fold for each example: rarest topics first, so that each fold has its share of every topic."""
    counts = Counter(code for example in examples for code in example.codes)
    rarest = [
        min(((counts[code], code) for code in example.codes), default=(len(examples), ""))
        for example in examples
    ]
    order = sorted(range(len(examples)), key=lambda place: (rarest[place], examples[place].body))
    dealt = [0] * len(examples)
    for turn, place in enumerate(order):
        dealt[place] = turn % folds
    return dealt


def _fit(
    learn: Any,  # noqa: ANN401 - as above
    examples: Sequence[Example],
    labels: Sequence[str],
) -> tuple[list[TrainedTopic], dict[str, tuple[float, Weights]]]:
    texts, linear = learn
    counter = texts.TfidfVectorizer(
        analyzer=lambda example: list(terms_of(example.title, example.body).elements()),
        sublinear_tf=True,
        min_df=2 if len(examples) > EACH_FOLD * 10 else 1,
        max_features=_MOST_TERMS,
    )
    try:
        table = counter.fit_transform(examples)
    except ValueError as error:  # no words at all, or each in one article alone
        raise TooFew("the articles have no words in common to learn topics by") from error
    topics: list[TrainedTopic] = []
    weights: list[list[tuple[int, float]]] = [[] for _ in counter.idf_]
    for number, code in enumerate(labels):
        wanted = [code in example.codes for example in examples]
        fitted = linear.LogisticRegression(C=_INVERSE_PENALTY, solver="liblinear", random_state=0)
        fitted.fit(table, wanted)
        topics.append(TrainedTopic(code, round(float(fitted.intercept_[0]), _DIGITS), _MIDDLE))
        found = [float(weight) for weight in fitted.coef_[0]]
        heaviest = sorted(range(len(found)), key=lambda place: (-abs(found[place]), place))[:_MOST_WEIGHTS]
        for place in heaviest:
            weights[place].append((number, round(found[place], _DIGITS)))
    names = counter.get_feature_names_out()
    terms = {
        str(name): (round(float(idf), _DIGITS), tuple(own))
        for name, idf, own in zip(names, counter.idf_, weights, strict=True)
    }
    return topics, terms


def _threshold(
    examples: Sequence[Example],
    chances: Sequence[Sequence[float]],
    labels: Sequence[str],
    used: Sequence[bool],
) -> float:
    """The probability from which a topic is given, for the best F1 of all topics together."""
    pairs = [
        (chance, code in example.codes)
        for example, row, counts in zip(examples, chances, used, strict=True)
        if counts
        for chance, code in zip(row, labels, strict=True)
    ]

    def quality(limit: float) -> tuple[float, float]:
        right = sum(is_it for chance, is_it in pairs if chance >= limit)
        given = sum(chance >= limit for chance, _ in pairs)
        return 2 * right / ((given + sum(is_it for _, is_it in pairs)) or 1), -abs(limit - _MIDDLE)

    return max(_THRESHOLDS, key=quality)


def _score(
    examples: Sequence[Example], given: Sequence[Sequence[Tag]], labels: Sequence[str], vocabulary: Vocabulary
) -> Scores:
    by_topic = {}
    for code in labels:
        pairs = Counter(
            (code in example.codes, any(tag.code == code for tag in tags))
            for example, tags in zip(examples, given, strict=True)
        )
        by_topic[code] = Score(pairs[True, True], pairs[False, True], pairs[True, False])
    labelled = [(e.codes, tags) for e, tags in zip(examples, given, strict=True) if e.codes]
    hits = sum(_top_of_best(tags) in _tops(codes, vocabulary) for codes, tags in labelled)
    return Scores(by_topic, hits / len(labelled))


def _top_of_best(tags: Sequence[Tag]) -> str | None:
    return (tags[0].code, *tags[0].broader)[-1] if tags else None


def _tops(codes: Iterable[str], vocabulary: Vocabulary) -> set[str | None]:
    return {(code, *vocabulary.broader_of(code))[-1] for code in codes}
