"""What a copy and its lead share, in the copy's own words, for people to see."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from shared.nearness.sketch import HIDDEN, SHINGLE_WORDS, WORD, Sketch, is_dense, shingle_hashes, tokens

LONGEST = 300  # characters
_CHUNK = re.compile(r"\S+")
_INNER = re.compile(r"\w(?:.*\w)?", re.DOTALL)

Span = tuple[int, int]


def shared_passage(body: str, lead: Sketch) -> str | None:
    """The longest run of the body's words that its lead has as well, as written; 300 characters at most."""
    placed = list(_place_plain(body) if _is_plain(body) else _place_any(body))
    low = (1 << lead.zeros) - 1
    best, first = (0, 0), None
    for at, shingle in enumerate(shingle_hashes([word for word, _ in placed])):
        # Of a long lead only a sample is known: what is no part of it neither ends a run nor begins one.
        if shingle in lead.shingles:
            first = at if first is None else first
            if at + SHINGLE_WORDS - first > best[1] - best[0]:
                best = (first, at + SHINGLE_WORDS)
        elif not shingle & low:
            first = None
    return _cut(body, [span for _, span in placed[best[0] : best[1]]])


def _is_plain(text: str) -> bool:
    """Whether each letter of a text is one letter also when words are compared."""
    if text.isascii():
        return True
    if is_dense(text) or not unicodedata.is_normalized("NFKC", text):
        return False
    return len(text.casefold()) == len(text) == len(text.translate(HIDDEN))


def _place_plain(text: str) -> Iterator[tuple[str, Span]]:
    for match in WORD.finditer(text.casefold().replace("_", " ")):
        yield match[0], match.span()


def _place_any(text: str) -> Iterator[tuple[str, Span]]:
    """The words of ``tokens``, each with its place in the text as written."""
    for chunk in _CHUNK.finditer(text):
        written, start = chunk[0], chunk.start()
        words = tokens(written)
        yield from _place_in(words, written, start)


def _place_in(words: list[str], written: str, start: int) -> Iterator[tuple[str, Span]]:
    folded = unicodedata.normalize("NFKC", written).casefold()
    inner = _INNER.search(written)
    first, last = inner.span() if inner is not None else (0, len(written))
    whole = (start + first, start + last)  # where letters do not stand for themselves
    pieces_overlap = is_dense(written)
    at = 0
    for word in words:
        found = folded.find(word, at) if len(folded) == len(written) else -1
        if found < 0:
            yield word, whole
            continue
        yield word, (start + found, start + found + len(word))
        at = found + (1 if pieces_overlap else len(word))


def _cut(text: str, spans: list[Span]) -> str | None:
    ends = [end for _, end in spans if end - spans[0][0] <= LONGEST]
    return text[spans[0][0] : max(ends)] if ends else None
