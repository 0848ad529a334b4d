"""Key phrases of an article by TF-IDF.

How common words are in general is in ``background.yaml``; what the own index says of them is blended in.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from heapq import nsmallest
from pathlib import Path

from services.workers.stages.tag.rulefile import RuleNode, read_rules
from shared.frequencies import Frequencies

FILE = Path(__file__).with_name("background.yaml")
SHOWN = 10
# The rarity of a word the table does not know: it stands in about one of 250 articles.
_UNKNOWN = -math.log(0.004)
# Words in more than about a third of all articles break phrases.
_STOP = 1.03
_TITLE_MENTIONS = 2.0  # a word in the title counts as so many more mentions
# The background table counts as so many documents beside those of the own index: a small index says little.
_BACKGROUND_DOCUMENTS = 1_000
_ASKED = 300  # words whose frequencies are wanted; the phrases that could be chosen hold no more
# Candidates looked at for the shown phrases; the rest are parts of better ones or far behind.
_CANDIDATES = 40

# A longer phrase gains less than the sum of its words.
_LENGTHS = {length: 1 / math.sqrt(length) for length in (1, 2, 3)}
_REMEMBERED = 200_000  # words; some 20 MB
_REMEMBERED_LETTERS = 2_000_000  # in them
_LONGEST = 60  # letters in a word; longer ones are addresses, codes and the like

_TOKENS = re.compile(r"\w+(?:[-']\w+)*|\n|[^\w\s'-]")

Phrase = tuple[str, ...]


@cache
def rarities() -> Mapping[str, Mapping[str, float]]:
    """Language -> word -> inverse document frequency, read once per process; raises ``BadRules``."""
    return {language.text(): _read_words(shares) for language, shares in read_rules(FILE).pairs()}


def _read_words(shares: RuleNode) -> dict[str, float]:
    found: dict[str, float] = {}
    for share, words in shares.pairs():
        rarity = -math.log(share.number(0.0001, 1))
        for word in words.parts():
            if word.text() in found:
                raise word.error(f"{word.text()!r} is written twice")
            found[word.text()] = rarity
    return found


class _ContentWords(dict[str, str]):
    """Word -> itself, or nothing for stop words, numbers, signs and runs; remembers, since words repeat."""

    def __init__(self, stops: frozenset[str]) -> None:
        self._stops = stops
        self._letters = 0

    def __missing__(self, word: str) -> str:
        if len(word) > _LONGEST:
            return ""
        if len(self) > _REMEMBERED or self._letters > _REMEMBERED_LETTERS:
            self.clear()
            self._letters = 0
        self._letters += len(word)
        content = word not in self._stops and len(word) > 1 and word[0].isalpha()
        self[word] = word if content else ""
        return self[word]


@cache
def _table(language: str) -> tuple[Mapping[str, float], _ContentWords]:
    """The rarities of a language (English where there is no table) and its content words."""
    rarity = rarities().get(language, rarities()["en"])
    return rarity, _ContentWords(frozenset(word for word, value in rarity.items() if value < _STOP))


def find_keywords(
    title: str, body: str, language: str = "en", frequencies: Frequencies | None = None
) -> tuple[str, ...]:
    """The most telling phrases of one to three words, best first, as first written.

    ``frequencies`` of the own index make what is common there less telling, and what is rare there more.
    """
    read = _read(title, body, language)
    rarity = read.rarity if frequencies is None else _blended(read, frequencies)
    chosen = _best(read.mentions, rarity)
    first = dict(zip(reversed(read.words), reversed(read.written), strict=True))
    return tuple(" ".join(first[word] for word in phrase) for phrase in chosen)


def words_of(title: str, body: str, language: str = "en") -> frozenset[str]:
    """The words whose frequencies decide the keywords, case-folded; 300 at most."""
    read = _read(title, body, language)
    ranked = [(-count * _weight(phrase, read.rarity), phrase) for phrase, count in _candidates(read.mentions)]
    words: dict[str, None] = {}
    for _, phrase in nsmallest(_ASKED // 2, ranked):
        words.update(dict.fromkeys(word.casefold() for word in phrase))
    return frozenset(list(words)[:_ASKED])


@dataclass(frozen=True, slots=True)
class _Read:
    """An article in words: as written, in lower case (empty where they say nothing), and how often."""

    written: list[str]
    words: list[str]
    mentions: dict[Phrase, float]
    rarity: Mapping[str, float]


def _read(title: str, body: str, language: str) -> _Read:
    base = language.split("-")[0].lower()
    rarity, content = _table(base if base in rarities() else "en")
    head = _tokens(title)
    written = [*_tokens(body), *head]
    words = [content[word.lower()] for word in written]
    return _Read(written, words, _mentions(words, len(head)), rarity)


def _blended(read: _Read, frequencies: Frequencies) -> Mapping[str, float]:
    """The rarity of each word of an article, in the own index and in general together."""
    documents = max(0, frequencies.documents) + _BACKGROUND_DOCUMENTS
    blended = dict(read.rarity)
    for phrase in read.mentions:
        count = frequencies.counts.get(phrase[0].casefold()) if len(phrase) == 1 else None
        if count is not None:
            general = math.exp(-read.rarity.get(phrase[0], _UNKNOWN)) * _BACKGROUND_DOCUMENTS
            blended[phrase[0]] = max(0.0, -math.log((max(0, count) + general) / documents))
    return blended


def _tokens(text: str) -> list[str]:
    # The possessive ends a phrase, as punctuation does: "Pakistan's plan" is no name.
    return _TOKENS.findall(text.replace("’", "'").replace("'s ", " | ") + "\n")


def _mentions(words: list[str], titled: int) -> dict[Phrase, float]:
    """Count words, and those phrases all of whose words are met more than once.

    Stop words, numbers and punctuation are empty. The last ``titled`` words are the title's; they weigh more.
    """
    single: dict[str, float] = dict(Counter(words))
    for word in words[len(words) - titled :]:
        single[word] += _TITLE_MENTIONS - 1
    single.pop("", None)
    mentions: dict[Phrase, float] = {(word,): count for word, count in single.items()}
    before = last = ""
    for place, word in enumerate(words):
        if single.get(word, 0.0) < 2:  # a phrase is never met more often than its words
            before = last = ""
            continue
        weight = 1.0 if place < len(words) - titled else _TITLE_MENTIONS
        if last:
            mentions[last, word] = mentions.get((last, word), 0.0) + weight
        if before:
            mentions[before, last, word] = mentions.get((before, last, word), 0.0) + weight
        before, last = last, word
    return mentions


def _best(mentions: Mapping[Phrase, float], rarity: Mapping[str, float]) -> list[Phrase]:
    """Rank, and leave out what a better phrase says already."""
    ranked = [(-count * _weight(phrase, rarity), phrase) for phrase, count in _candidates(mentions)]
    chosen: list[Phrase] = []
    used: set[str] = set()
    for _, phrase in nsmallest(_CANDIDATES, ranked):
        if used.isdisjoint(phrase) or not (used.issuperset(phrase) or _holds_any(phrase, chosen)):
            chosen.append(phrase)
            used.update(phrase)
        if len(chosen) == SHOWN:
            break
    return chosen


def _candidates(mentions: Mapping[Phrase, float]) -> list[tuple[Phrase, float]]:
    # Met once, words may stand together by chance; single words met once matter in short texts only.
    repeated = [(phrase, count) for phrase, count in mentions.items() if count > 1]
    if len(repeated) < _CANDIDATES:
        repeated += [(phrase, count) for phrase, count in mentions.items() if count <= 1 == len(phrase)]
    return repeated


def _weight(phrase: Phrase, rarity: Mapping[str, float]) -> float:
    if len(phrase) == 1:
        return rarity.get(phrase[0], _UNKNOWN)
    return sum([rarity.get(word, _UNKNOWN) for word in phrase]) * _LENGTHS[len(phrase)]


def _holds_any(phrase: Phrase, chosen: list[Phrase]) -> bool:
    return any(set(other) <= set(phrase) for other in chosen)
