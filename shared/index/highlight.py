"""Marks what a query found in a text, by the analysis the index uses; the answer is safe HTML."""

from __future__ import annotations

import html
import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, chain, compress, count

from shared.index.analysis import STEMMED, UNSTEMMED, analysis_language, locate, terms
from shared.index.prefixes import Beginning, beginning, is_paired
from shared.index.query import And, Near, Node, Not, Or, Phrase, Prefix, TextField, Word

MAX_FRAGMENTS = 3

_Span = tuple[int, int]
_Sequence = tuple[str, ...]
_EDGE = re.compile(r"\s")
_PIECE = re.compile(r"\S+")
_MAX_CACHED_PIECE = 40  # characters
_MAX_CACHED_PIECES = 20_000  # of each language; all ten full took 56 MB
_MAX_KEPT_QUERIES, _MAX_KEPT_PIECES = 64, 4_000  # of each of them; all full took 28 MB


class _Pieces(dict[str, tuple[str, ...]]):
    """What stands between spaces to its terms in one language; bounded, and safe between threads.

    No term reaches over a space. So a text is split at spaces and looked up, piece by piece, and analysed
    again only where something is to be marked: a fifth of the work of ``locate``.
    """

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language

    def __missing__(self, piece: str) -> tuple[str, ...]:
        # Most terms come in several pieces, with a comma and without.
        made = tuple(map(sys.intern, terms(piece, self._language).split()))
        if len(piece) <= _MAX_CACHED_PIECE:
            if len(self) >= _MAX_CACHED_PIECES:
                self.clear()
            self[piece] = made
        return made


_PIECES = {language: _Pieces(language) for language in (UNSTEMMED, *STEMMED)}


@dataclass(slots=True)
class _Wanted:
    """What is to be marked in one field of a text of one language, in terms."""

    sequences: set[_Sequence] = field(default_factory=set)
    beginnings: list[Beginning] = field(default_factory=list)
    nears: list[tuple[set[_Sequence], set[_Sequence], int]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.sequences or self.beginnings or self.nears)

    def is_single(self) -> bool:
        """Whether a term is marked wherever it stands, whatever stands beside it."""
        return not self.nears and all(len(sequence) == 1 for sequence in self.sequences)

    def firsts(self) -> set[str]:
        """The terms that something to be marked may begin with, but for prefixes."""
        sides = (side for left, right, _ in self.nears for side in (left, right))
        return {sequence[0] for every in (self.sequences, *sides) for sequence in every}


class _Promising(dict[str, tuple[_Span, ...]]):
    """Where in a piece the terms stand that what is to be marked may begin with; bounded, as ``_Pieces``."""

    def __init__(self, wanted: _Wanted, language: str) -> None:
        super().__init__()
        self._firsts = wanted.firsts()
        self._beginnings = wanted.beginnings
        self._language = language

    def __missing__(self, piece: str) -> tuple[_Span, ...]:
        found: tuple[_Span, ...] = ()
        if any(map(self._has, _PIECES[self._language][piece])):  # few, and to locate them costs more
            located = locate(piece, self._language)
            found = tuple((start, end) for term, start, end in located if self._has(term))
        if len(piece) <= _MAX_CACHED_PIECE:
            if len(self) >= _MAX_KEPT_PIECES:
                self.clear()
            self[piece] = found
        return found

    def _has(self, term: str) -> bool:
        return term in self._firsts or any(one.has(term) for one in self._beginnings)


def highlight(text: str, language: str, node: Node | None, field: TextField, size: int) -> list[str]:
    """Fragments of ``text`` with every match in ``<mark>``, HTML-escaped; none where nothing matched.

    A title comes whole. A body gives up to three fragments of about ``size`` characters, the fullest ones
    in the order of the text. Words of a phrase are marked only where the phrase stands, those beside a
    ``near/N`` only where both sides are close; what the query excludes is never marked.
    """
    language = analysis_language(language)
    wanted, promising = _want(node, language, field)
    # Without anything to mark the text is not analysed: that would cost more than all the rest of a search.
    spans = _find(text, language, wanted, promising) if wanted else []
    if not spans:
        return []
    if field == "title":
        return [_mark(text, (0, len(text)), spans)]
    return [_mark(text, window, spans) for window in _windows(text, spans, size)]


@lru_cache(_MAX_KEPT_QUERIES)
def _want(node: Node | None, language: str, field: TextField) -> tuple[_Wanted, _Promising]:
    """What a query wants marked, the same for all hits of a page; nobody changes the first of the two."""
    wanted = _Wanted()
    _collect(node, language, field, wanted)
    return wanted, _Promising(wanted, language)


def _collect(
    node: Node | None, language: str, field: TextField, wanted: _Wanted, *, excluded: bool = False
) -> None:
    match node:
        case And(children) | Or(children):
            for child in children:
                _collect(child, language, field, wanted, excluded=excluded)
        case Not(child):
            _collect(child, language, field, wanted, excluded=not excluded)
        case Word(field=where) | Phrase(field=where) | Prefix(field=where) | Near(field=where):
            if not excluded and where in (None, field):
                _add(node, language, wanted)


def _add(node: Word | Phrase | Prefix | Near, language: str, wanted: _Wanted) -> None:
    match node:
        case Near(left, right, distance):
            wanted.nears.append((_sequences(left, language), _sequences(right, language), distance))
        case Prefix(text) if text and not is_paired(text):
            wanted.beginnings.append(beginning(text, language))
        case _:
            wanted.sequences |= _sequences((node,), language)


def _sequences(nodes: Iterable[Word | Phrase | Prefix], language: str) -> set[_Sequence]:
    return {sequence for node in nodes if (sequence := tuple(terms(node.text, language).split()))}


def _find(text: str, language: str, wanted: _Wanted, promising: _Promising) -> list[_Span]:
    """Where it stands, in order, spans that overlap made one."""
    pieces = text.split()
    places = list(compress(count(), map(promising.__getitem__, pieces)))
    if not places:
        return []
    if wanted.is_single():
        found = _place(text, pieces, places, promising)
    else:
        made = list(map(_PIECES[language].__getitem__, pieces))
        numbers = sorted(_numbers(list(chain.from_iterable(made)), wanted))
        found = _locate(text, language, pieces, list(accumulate(map(len, made))), numbers)
    return _united(found)


def _united(found: Iterable[_Span]) -> list[_Span]:
    spans: list[_Span] = []
    for start, end in found:
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _place(text: str, pieces: list[str], places: Iterable[int], promising: _Promising) -> Iterator[_Span]:
    """Where what stands in some of the pieces stands in the text."""
    start_of = _starts(text, pieces)
    for at in places:
        begin = start_of(at)
        for start, end in promising[pieces[at]]:
            yield begin + start, begin + end


def _locate(
    text: str, language: str, pieces: list[str], ends: list[int], numbers: Iterable[int]
) -> Iterator[_Span]:
    """Where the terms of some numbers begin and end in the text; ``ends`` counts those up to each piece."""
    start_of = _starts(text, pieces)
    at, begin, located = -1, 0, locate("", language)
    for number in numbers:
        if at < 0 or number >= ends[at]:
            at = bisect_right(ends, number)
            begin, located = start_of(at), locate(pieces[at], language)
        _, start, end = located[number - ends[at] + len(located)]
        yield begin + start, begin + end


def _starts(text: str, pieces: list[str]) -> Callable[[int], int]:
    """What tells where the piece of a number begins; mostly one space or newline stands between any two."""
    lengths = list(accumulate(map(len, pieces), initial=0))
    if lengths[-1] + len(pieces) - 1 == len(text):
        return lambda at: lengths[at] + at
    return [found.start() for found in _PIECE.finditer(text)].__getitem__


def _numbers(found: list[str], wanted: _Wanted) -> set[int]:
    """Which of the text's terms are to be marked."""
    places = list(_places(found, wanted.sequences))
    for left, right, distance in wanted.nears:
        places += _close(list(_places(found, left)), list(_places(found, right)), distance)
    numbers = {number for start, end in places for number in range(start, end)}
    if wanted.beginnings:
        begun = {term for term in set(found) if any(one.has(term) for one in wanted.beginnings)}
        numbers.update(at for at, term in enumerate(found) if term in begun)
    return numbers


def _places(found: list[str], sequences: set[_Sequence]) -> Iterator[_Span]:
    """Where the sequences stand among the terms, in order of their first ones."""
    by_first: dict[str, list[_Sequence]] = {}
    for sequence in sequences:
        by_first.setdefault(sequence[0], []).append(sequence)
    for at in [at for at, term in enumerate(found) if term in by_first]:
        for sequence in by_first[found[at]]:
            if tuple(found[at : at + len(sequence)]) == sequence:
                yield at, at + len(sequence)


def _close(lefts: list[_Span], rights: list[_Span], distance: int) -> Iterator[_Span]:
    """Those of both sides that have one of the other side near them, some of them more than once."""
    longest = max((end - start for start, end in rights), default=0)
    for start, end in lefts:
        first = bisect_left(rights, (start - distance - longest, 0))
        for other in rights[first : bisect_left(rights, (end + distance, 0))]:
            if 0 <= max(other[0] - end, start - other[1]) < distance:
                yield start, end
                yield other


def _windows(text: str, spans: Sequence[_Span], size: int) -> list[_Span]:
    """The up to three windows that hold most matches, in the order of the text, never overlapping."""
    groups: list[list[_Span]] = []
    for span in spans:
        if groups and span[1] - groups[-1][0][0] <= size:
            groups[-1].append(span)
        else:
            groups.append([span])
    fullest = sorted(sorted(groups, key=len, reverse=True)[:MAX_FRAGMENTS])
    windows: list[_Span] = []
    for group in fullest:
        lowest = windows[-1][1] if windows else 0
        windows.append(_window(text, (group[0][0], group[-1][1]), size, lowest))
    return windows


def _window(text: str, core: _Span, size: int, lowest: int) -> _Span:
    """About ``size`` characters around ``core``, cut between words, from ``lowest`` on."""
    spare = max(0, size - (core[1] - core[0])) // 2
    start, end = max(lowest, core[0] - spare), min(len(text), core[1] + spare)
    if start > lowest and start < core[0]:
        edge = _EDGE.search(text, start - 1, core[0])
        start = edge.end() if edge else start
    if end < len(text):
        cut = max(text.rfind(" ", core[1], end + 1), text.rfind("\n", core[1], end + 1))
        end = cut if cut >= 0 else end
    return start, max(end, core[1])


def _mark(text: str, window: _Span, spans: Sequence[_Span]) -> str:
    parts: list[str] = []
    at, stop = window
    for start, end in spans:
        if start >= at and end <= stop:
            parts += (html.escape(text[at:start]), "<mark>", html.escape(text[start:end]), "</mark>")
            at = end
    parts.append(html.escape(text[at:stop]))
    return "".join(parts).strip()
