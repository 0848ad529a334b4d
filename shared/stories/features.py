"""What an article is about, in a few hundred bytes: its rarest names and words, with their weights.

The same event is told in other words by each newsroom; what stays is who and where, and a few words that are
rare elsewhere. Names are words with a capital inside a sentence; headlines that capitalise every word are
read by the text below them. Words are weighed by how rare they are in general (``background``), how often
they stand in the article, and where: title and lead say what it is about.
"""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from zlib import crc32

from shared.index.analysis import fold, terms
from shared.stories.background import RARE, UNKNOWN, guess_language, rarity_of

FORMAT = 1  # the first byte of a packed sketch
MOST_FEATURES = 64  # 258 bytes packed
LONGEST = 2_000  # characters of a body that are read: the event is told at the top
LEAD = 500  # characters that count as the lead
IN_TITLE, IN_LEAD = 2.5, 1.5  # how many mentions a word is worth there
OF_NAMES = 1.5  # a name weighs more than another word that is as rare
OF_PAIRS = 0.5  # of two words of a name together: each counts by itself already
OF_NUMBERS = 0.6
MOST_REMEMBERED = 50_000  # words of news, which come again; 10 MB at most
_SHORTEST_SENTENCE = 30  # characters; a shorter one is a place name or a greeting
_SHORTEST_TITLE = 4  # words; a shorter one may be nothing but a name

_TOKEN = re.compile(r"[^\W_]+(?:['’.\-&][^\W_]+)*")
# The same where they begin with no small letter of English: those are most, and passed over.
_NO_SMALL = re.compile(r"(?<![^\W_])(?<![^\W_]['’.\-&])[^\W_a-z][^\W_]*(?:['’.\-&][^\W_]+)*")
_FIRST_ENDS = re.compile(r"[.!?]\s|[。\n]")
_ENDS_SENTENCE = frozenset(".!?:;•…\"“”«»„‘'’([*–—-\n")
_POSSESSIVE = re.compile(r"['’]s$|['’]$")
# Scripts in which a capital says nothing about a word.
_CAPITALISES_NOUNS = frozenset(("de", "lb"))
# Japanese endings and Chinese particles: pairs with one of these are grammar.
_GRAMMAR = re.compile("[\u3040-\u309f的了是在和与為为有这那這个個们們就也都而及之其於于被把将將对對从從]")
_HEAD = struct.Struct("<BB")  # format, names


@dataclass(frozen=True, slots=True)
class StorySketch:
    """The features of one article: 24-bit hash -> weight of 1..255; names and other words apart.

    ``top`` are those of its headline and first sentence; not of one that was unpacked: nobody kept them.
    """

    names: dict[int, int]
    words: dict[int, int]
    top: frozenset[int] = field(default=frozenset(), compare=False)


@dataclass(slots=True)
class _Reading:
    """What was met of an article: words as written, with how many mentions they are worth."""

    worth: dict[str, float]
    pairs: dict[tuple[str, str], float]  # capitalised words, one right after the other
    capital: set[str]  # met with a capital inside a sentence
    plain: set[str]  # met without


def make_story_sketch(title: str, body: str, language: str = "und") -> StorySketch:
    """The sketch of an article; empty for one that says nothing that can be told from another."""
    read = body[:LONGEST]
    base = language.split("-")[0].lower()
    if base == UNKNOWN:
        base = guess_language(_TOKEN.findall(f"{title}\n{read[:LEAD]}"))
    reading = _Reading({}, {}, set(), set())
    if not _is_shouted(title):
        _read(title, IN_TITLE, reading)
    else:  # its capitals say nothing, and pair nothing
        _count(title, IN_TITLE, reading)
    _read(read[:LEAD], IN_LEAD, reading)
    _read(read[LEAD:], 1.0, reading)
    names, words = _weigh(reading, base)
    heaviest = _heaviest(names, words)
    norm = math.sqrt(sum(weight * weight for weight, _, _ in heaviest)) or 1.0
    found: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for weight, is_name, feature in heaviest:
        found[not is_name].setdefault(_hash(feature), max(1, min(255, round(255 * weight / norm))))
    return StorySketch(*found, frozenset(_top(title, read, base) & {*found[0], *found[1]}))


def _hash(feature: str) -> int:
    # The last bit tells pairs of names from single ones: two words of one name are one piece of evidence.
    return (crc32(feature.encode("utf-8", "surrogatepass")) & 0xFFFFFE) | (" " in feature)


def _top(title: str, body: str, base: str) -> set[int]:
    """What headline and first sentence say, as names and as other words: they are about nothing else."""
    end = _FIRST_ENDS.search(body, _SHORTEST_SENTENCE)
    words = [
        token if token.isalnum() else _POSSESSIVE.sub("", token)
        for token in {*_TOKEN.findall(title), *_TOKEN.findall(body[: end.start()] if end else body)}
    ]
    return {_hash(fold(word)) for word in words} | {
        _hash(term) for word in words for term, _ in _terms(word, base)
    }


def _heaviest(names: dict[str, float], words: dict[str, float]) -> list[tuple[float, bool, str]]:
    """The features of the most weight, then names before words, then from the end of the alphabet."""
    weighed = [(weight, True, name) for name, weight in names.items()]
    weighed += [(weight, False, word) for word, weight in words.items()]
    # Most words weigh the same: to sort by one key after the other takes half the time of whole tuples.
    for key in (2, 1, 0):
        weighed.sort(key=itemgetter(key), reverse=True)
    return weighed[:MOST_FEATURES]


def _is_shouted(title: str) -> bool:
    """Whether a headline capitalises more words than names."""
    words = _TOKEN.findall(title)
    return len(words) >= _SHORTEST_TITLE and sum(word[0].isupper() for word in words) > 0.6 * len(words)


def _count(text: str, worth: float, reading: _Reading) -> list[str]:
    """Add the words of a text, without the endings of possession; returns them, some more than once."""
    counted = Counter(_TOKEN.findall(text))
    words = [token if token.isalnum() else _POSSESSIVE.sub("", token) for token in counted]
    known = reading.worth
    for word, count in zip(words, counted.values(), strict=True):
        known[word] = known.get(word, 0.0) + count * worth
    return words


def _read(text: str, worth: float, reading: _Reading) -> None:
    words = _count(text, worth, reading)
    plain = [word for word in words if not word[0].isupper()]
    reading.plain.update(plain)
    if len(plain) < len(words):
        _read_capitals(text, worth, reading)


def _read_capitals(text: str, worth: float, reading: _Reading) -> None:
    last, ended = "", -9
    for match in _NO_SMALL.finditer(text):
        token = match[0]
        if not token[0].isupper():
            continue
        word, start = token if token.isalnum() else _POSSESSIVE.sub("", token), match.start()
        if not _opens(text, start):
            reading.capital.add(word)
            if start == ended + 1:
                reading.pairs[last, word] = reading.pairs.get((last, word), 0.0) + worth
        last, ended = word, match.end()


def _opens(text: str, start: int) -> bool:
    """Whether a sentence may begin there: then a capital says nothing."""
    at = start - 1
    if at > 0 and text[at] == " ":
        at -= 1
    return at < 0 or text[at] in _ENDS_SENTENCE


def _weigh(reading: _Reading, base: str) -> tuple[dict[str, float], dict[str, float]]:
    capital = reading.capital if base not in _CAPITALISES_NOUNS else ()
    # A name has a capital wherever it stands.
    known = {fold(word) for word in capital if word.lower() not in reading.plain and len(word) > 1}
    names: dict[str, float] = {}
    words: dict[str, float] = {}
    rarities: dict[str, float] = {}
    for word, worth in reading.worth.items():
        if word[0].isupper() and (name := fold(word)) in known:
            names[name] = names.get(name, 0.0) + worth
        else:
            for term, rarity in _terms(word, base):
                words[term] = words.get(term, 0.0) + worth
                rarities[term] = rarity
    weighed = {
        name: _weight(worth, rarity)
        for name, worth in names.items()
        if (rarity := _rarity_of_name(name, base))
    }
    for (one, other), worth in reading.pairs.items():
        if (pair := (fold(one), fold(other)))[0] in weighed and pair[1] in weighed:
            weighed[" ".join(pair)] = _weight(worth, OF_PAIRS * RARE)
    # Most words stand there once.
    return weighed, {
        term: rarities[term] if worth == 1.0 else _weight(worth, rarities[term])
        for term, worth in words.items()
    }


def _weight(worth: float, rarity: float) -> float:
    return (1 + math.log(worth)) * rarity


@lru_cache(maxsize=MOST_REMEMBERED)
def _terms(word: str, language: str) -> tuple[tuple[str, float], ...]:
    """The terms of a word that say anything, with how rare they are."""
    found = ((term, _rarity_of_word(term, language)) for term in terms(word, language).split())
    return tuple((term, rarity) for term, rarity in found if rarity)


@lru_cache(maxsize=MOST_REMEMBERED)
def _rarity_of_name(name: str, language: str) -> float:
    return OF_NAMES * rarity_of(terms(name, language), language)


def _rarity_of_word(term: str, language: str) -> float:
    if term[0].isdigit() and term[-1].isdigit():
        return OF_NUMBERS * RARE if len(term) > 1 else 0.0
    if _GRAMMAR.search(term):
        return 0.0
    return rarity_of(term, language)


def pack_story(sketch: StorySketch) -> bytes:
    """The bytes that a ledger keeps of a sketch, 258 at most."""
    pairs = [*sketch.names.items(), *sketch.words.items()]
    return _HEAD.pack(FORMAT, len(sketch.names)) + b"".join(
        (hashed << 8 | weight).to_bytes(4, "little") for hashed, weight in pairs
    )


def unpack_story(data: bytes) -> StorySketch:
    """Undo ``pack_story``; raises ``ValueError`` for another format."""
    if len(data) < _HEAD.size or data[0] != FORMAT:
        raise ValueError(f"a story sketch of format {data[:1].hex() or 'nothing'}")
    values = struct.unpack_from(f"<{(len(data) - _HEAD.size) // 4}I", data, _HEAD.size)
    pairs = [(value >> 8, value & 0xFF) for value in values]
    return StorySketch(dict(pairs[: data[1]]), dict(pairs[data[1] :]))
