"""The version of a vocabulary: one short hash over everything that decides what tags an article gets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from services.workers.stages.tag.gazetteer import Gazetteer
from services.workers.stages.tag.model import TopicModel
from services.workers.stages.tag.topics import TopicRules

# Raised whenever the code, not the rules, comes to give other tags for the same article.
TAG_VERSION = 1
DIGITS = 12


def version_of(
    topics: TopicRules,
    known: Gazetteer,
    rarities: Mapping[str, Mapping[str, float]],
    model: TopicModel | None,
    entity_model: str,
) -> str:
    """The version as ``DIGITS`` hexadecimal digits; ``entity_model`` is name and version of its pipeline.

    It is made of what the files mean: a comment, another order or another file for a rule leaves it alone.
    """
    parts = (
        _digest([str(TAG_VERSION)]),
        _digest(_of_topics(topics)),
        _digest(f"{code} {concept}" for code, concept in topics.vocabulary.concepts.items()),
        _digest(_of_gazetteer(known)),
        _digest(_of_rarities(rarities)),
        _digest([model.digest if model is not None else ""]),
        _digest([entity_model]),
    )
    return _digest(parts, in_order=True)[:DIGITS]


def _of_topics(topics: TopicRules) -> Iterator[str]:
    for rule in topics.rules:
        yield f"{rule.code} {rule.title_boost:.12g} {rule.emphasis:.12g}"
        for language, weights in rule.phrases.items():
            for phrase, weight in weights.items():
                yield f"{rule.code} {language} {phrase!r} {weight:.12g}"
        for phrase in rule.negatives:
            yield f"{rule.code} not {phrase!r}"


def _of_gazetteer(known: Gazetteer) -> Iterator[str]:
    """Everything it lets others read; what is compiled from that is its own."""
    for part, values in vars(known).items():
        if part.startswith("_"):
            continue
        for value in values:
            yield f"{part} {value!r} {values[value] if isinstance(values, Mapping) else ''}"


def _of_rarities(rarities: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    for language, words in rarities.items():
        for word, rarity in words.items():
            yield f"{language} {word} {rarity:.9g}"


def _digest(lines: Iterable[str], *, in_order: bool = False) -> str:
    written = list(lines) if in_order else sorted(lines)
    return hashlib.blake2b("\n".join(written).encode(errors="surrogatepass"), digest_size=16).hexdigest()
