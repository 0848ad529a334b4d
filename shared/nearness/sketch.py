"""What two texts are compared by: hashes of their shingles in order, and what a template would change.

*Words* are runs of letters and digits after NFKC and case folding. Chinese, Japanese, Thai and other scripts
without spaces give overlapping pieces of a few letters instead, so that a shingle is a run of letters there;
a text may mix both. *Bounds*: of a text with more than 8,192 different shingles only those are kept whose
hash ends in zeros, in as many as it takes (``zeros``). Which those are depends on the shingle alone, so that
samples of two texts agree; a packed sketch stays under 36 kB however long the text. No text can be read out
of it.
"""

from __future__ import annotations

import re
import struct
import sys
import unicodedata
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from zlib import crc32

SHINGLE_WORDS = 3
LEAD_WORDS = 50  # of the body, read together with the title: where a template has its slots
MOST_SHINGLES = 8_192  # 32 kB; a text of 8,000 words, longer than nearly all news
MOST_MARKS = 200  # numbers, names, title words or telling shingles; a title has up to 1,000 characters
FORMAT = 2  # the first byte of a packed sketch
MOST_CAPITALS = 0.6  # of the words; above it a headline is In Title Case, or in capitals
LEAD_CHARS = 2_000  # in which the lead is looked for, whatever stands there

# Format, zeros, words; how many numbers, names, title words, telling shingles, shingles.
_HEAD = struct.Struct("<BBIHHHHI")

# Scripts written without spaces: Thai, Lao, Myanmar, Khmer; then Kana and Han.
_ALPHABETS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_SIGNS = (
    "\u3005-\u3007\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
# Marks that stand inside words and are no letters to Python: accents, points, vowel signs of India.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0963\u0966-\u0dff"
)
WORD = re.compile(rf"[\w{_MARKS}{_ALPHABETS}{_SIGNS}]+")
_PARTS = re.compile(rf"([{_ALPHABETS}]+)|([{_SIGNS}]+)|([^{_ALPHABETS}{_SIGNS}]+)")
_DENSE = re.compile(f"[{_ALPHABETS}{_SIGNS}]")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_STOPS = re.compile(r"[.!?:;\n\"“”«»。]")  # after these a capital says nothing
HIDDEN = dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))  # no reader sees them


@dataclass(frozen=True, slots=True)
class Sketch:
    """One text as 32-bit hashes; ``numbers`` and ``names`` are those of its title and lead.

    ``order`` has the shingles as they first stand in the text; ``zeros`` is 0 where all of them are kept.
    ``telling`` are the first of those that hold a word of the title: where they are, the text is about it.
    """

    words: int
    shingles: frozenset[int]
    numbers: frozenset[int] = frozenset()
    names: frozenset[int] = frozenset()
    title: frozenset[int] = frozenset()  # its longer words
    order: tuple[int, ...] = ()
    zeros: int = 0
    telling: frozenset[int] = frozenset()


def make_sketch(title: str, body: str) -> Sketch:
    """The sketch of an article, of any length; about 0.4 ms for 300 words, 2 s for 5 MB."""
    words = tokens(body)
    zeros = max(0, ((len(words) - 1) // MOST_SHINGLES).bit_length() - 1)
    order = _sample(words, zeros)
    while len(order) > MOST_SHINGLES:
        zeros += 1
        order = tuple(shingle for shingle in order if not shingle & ((1 << zeros) - 1))
    lead = _lead(body)
    title_words = [*filter(_tells, tokens(title))]
    return Sketch(
        words=len(words),
        shingles=frozenset(order),
        numbers=_hashes([*_numbers(title), *_numbers(lead)]),
        names=_hashes([*_names(title, is_title=True), *_names(lead, is_title=False)]),
        title=_hashes([*title_words, *_numbers(title)]),
        order=order,
        zeros=zeros,
        telling=frozenset(islice(_telling(words, frozenset(title_words), zeros), MOST_MARKS)),
    )


def tokens(text: str) -> list[str]:
    """The words of a text as they are compared: NFKC, case folded, without punctuation."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(HIDDEN))
    words = WORD.findall(text.casefold().replace("_", " "))
    if not is_dense(text):
        return words
    return [piece for word in words for piece in _split(word)]


def is_dense(text: str) -> bool:
    """Whether a text has letters of a script without spaces."""
    return not text.isascii() and _DENSE.search(text) is not None


def _split(word: str) -> Iterator[str]:
    """The pieces by which a folded word is compared: itself, unless its script has no spaces.

    A shingle of three pieces is four signs (about two words), or six letters of an alphabet.
    """
    for letters, signs, plain in _PARTS.findall(word):
        if plain:
            yield plain
            continue
        run, width = (letters, 4) if letters else (signs, 2)
        for at in range(max(1, len(run) - width + 1)):
            yield run[at : at + width]


def _tells(word: str) -> bool:
    return (len(word) > 3 and not word.isdigit()) or is_dense(word)


def _numbers(text: str) -> list[str]:
    return _NUMBER.findall(unicodedata.normalize("NFKC", text))


def shingle_hashes(words: list[str]) -> Iterator[int]:
    """The hash of each run of three words, in order."""
    for triple in zip(words, words[1:], words[2:], strict=False):
        yield crc32(" ".join(triple).encode("utf-8", "surrogatepass"))


def _sample(words: list[str], zeros: int) -> tuple[int, ...]:
    if not zeros:
        return tuple(dict.fromkeys(shingle_hashes(words)))
    low = (1 << zeros) - 1
    return tuple(dict.fromkeys(shingle for shingle in shingle_hashes(words) if not shingle & low))


def _telling(words: list[str], wanted: frozenset[str], zeros: int) -> Iterator[int]:
    """The kept shingles with a wanted word, in order."""
    if not wanted:
        return
    low, last = (1 << zeros) - 1, len(words) - SHINGLE_WORDS
    places = (at for at, word in enumerate(words) if word in wanted)
    around = (start for at in places for start in range(at - SHINGLE_WORDS + 1, at + 1))
    for start in dict.fromkeys(start for start in around if 0 <= start <= last):
        for shingle in shingle_hashes(words[start : start + SHINGLE_WORDS]):
            if not shingle & low:
                yield shingle


def _hashes(words: Iterable[str]) -> frozenset[int]:
    different = islice(dict.fromkeys(words), MOST_MARKS)
    return frozenset(crc32(word.encode("utf-8", "surrogatepass")) for word in different)


def _lead(body: str) -> str:
    end = 0
    for found in islice(WORD.finditer(body, 0, LEAD_CHARS), LEAD_WORDS):
        end = found.end()
    return body[:end]


def _names(text: str, *, is_title: bool) -> list[str]:
    """The capitalised words of a text, but those that open a sentence; none where capitals are the rule."""
    text = unicodedata.normalize("NFKC", text)
    found, before, capitals, count = [], 0, 0, 0
    for match in WORD.finditer(text):
        word, start = match[0], match.start()
        count += 1
        if word[0].isupper():
            capitals += 1
            opens = _STOPS.search(text, before, start) is not None if before else not is_title
            if not opens:
                found.append(word.casefold())
        before = match.end()
    return found if capitals <= MOST_CAPITALS * count else []


def shared_in_order(one: Sketch, other: Sketch) -> list[bool]:
    """For each shingle of a text, as they stand in it, whether another has it; only of what both sample."""
    if one.zeros == other.zeros:
        return [shingle in other.shingles for shingle in one.order]
    low = (1 << max(one.zeros, other.zeros)) - 1
    return [shingle in other.shingles for shingle in one.order if not shingle & low]


def pack_sketch(sketch: Sketch) -> bytes:
    """The bytes that a ledger keeps of a sketch: 4 per shingle, in order, and about 300 more."""
    marks = (sketch.numbers, sketch.names, sketch.title, sketch.telling)
    order = sketch.order or tuple(sorted(sketch.shingles))
    head = _HEAD.pack(FORMAT, sketch.zeros, sketch.words, *map(len, marks), len(order))
    values = array("I", [*(value for mark in marks for value in sorted(mark)), *order])
    if sys.byteorder == "big":
        values.byteswap()
    return head + values.tobytes()


def unpack_sketch(data: bytes) -> Sketch:
    """Undo ``pack_sketch``; raises ``ValueError`` for another format, or for a part of a sketch."""
    if len(data) < _HEAD.size or data[0] != FORMAT:
        raise ValueError(f"not a sketch of format {FORMAT}")
    _, zeros, words, *counts, shingles = _HEAD.unpack_from(data)
    values = array("I")
    if len(data) != _HEAD.size + values.itemsize * (sum(counts) + shingles):
        raise ValueError("a sketch that is cut off")
    values.frombytes(data[_HEAD.size :])
    if sys.byteorder == "big":
        values.byteswap()
    rest = iter(values)
    numbers, names, title, telling = (frozenset(islice(rest, count)) for count in counts)
    order = tuple(rest)
    return Sketch(words, frozenset(order), numbers, names, title, order, zeros, telling)
