"""One-word names: what was seen of each in an article, and what that makes of it once all has been read."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Protocol

from services.workers.stages.tag.gazetteer import Gazetteer
from shared.article import EntityType

# Words of sentences that name no one: plurals, abstract nouns, participles.
_COMMON_ENDING = re.compile(
    r"(?:s|ing|ed|ly|tion|ment|ness|ity|ance|ence|ism|ful|less|ous|able|ible|al|ive|ic|age)$"
)
_TOWN = 100  # thousands; in German, behind "von" and the like
_LARGE_TOWN = 300  # thousands; known to readers without "in" before it


class Reading(Protocol):
    """What has to be known of the article a word stands in."""

    @property
    def common(self) -> Set[str]:
        """The commonest words of its language."""

    @property
    def capitals(self) -> bool:
        """Whether a capital says that a word may be a name."""

    @property
    def asked(self) -> bool:
        """Whether a model reads the article as well."""


@dataclass(slots=True)
class Single:
    """What was seen of a one-word name."""

    count: int = 0
    inside: int = 0  # mentions in the middle of a sentence
    titled: bool = False
    placed: bool = False
    perhaps_placed: bool = False
    organised: bool = False
    person: bool = False
    acts: bool = False
    article: bool = False
    modelled: EntityType | None = None  # what a model calls it


def kind_of_single(word: str, single: Single, known: Gazetteer, found: Reading) -> EntityType | None:
    """One unknown word is a name only with some sign for it; a word that starts sentences may be any word."""
    if word in known.demonyms or len(word) == 1 or word in known.not_names:
        return "person" if single.titled and word not in known.demonyms else None
    if single.titled:
        return "person"
    if word in known.kinds:
        return None
    town = known.towns.get(word, 0) if word not in known.not_places or single.placed else 0
    if found.asked:
        if single.placed or (town and single.inside and word not in known.first_names):
            return "place"
        return "person" if single.modelled and word in known.first_names else single.modelled
    if not found.capitals:
        return _kind_of_german_single(word, town, single)
    if not (single.inside or single.placed) and not _may_start(word, town, single, found):
        return None
    if single.organised:
        return "organisation"
    if town and single.placed:
        return "place"
    if word.lower() in known.common_words or word.lower() in found.common:
        return None
    if town and (single.placed or word not in known.first_names):
        return "place"
    if word in known.first_names or single.person:
        return "person"
    if single.placed and not word.isupper():
        return "place"
    return "organisation"


def _kind_of_german_single(word: str, town: int, single: Single) -> EntityType | None:
    if town and (single.placed or town >= _LARGE_TOWN or (single.perhaps_placed and town >= _TOWN)):
        return "place"
    return "organisation" if word.isupper() and 2 < len(word) < 6 else None


def _may_start(word: str, town: int, single: Single, found: Reading) -> bool:
    """Whether a word met only where sentences start is a name all the same."""
    if town >= _LARGE_TOWN or word[1:] != word[1:].lower():
        return True
    if _COMMON_ENDING.search(word) or word.lower() in found.common:
        return single.organised and single.count > 1
    return single.acts
