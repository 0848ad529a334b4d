"""Marks what a query found in a text, by the analysis the index uses; the answer is safe HTML."""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from shared.index.analysis import locate, terms
from shared.index.prefixes import Beginning, beginning, is_paired
from shared.index.query import And, Near, Node, Not, Or, Phrase, Prefix, TextField, Word

MAX_FRAGMENTS = 3

_Span = tuple[int, int]
_Sequence = tuple[str, ...]
_EDGE = re.compile(r"\s")


@dataclass(slots=True)
class _Wanted:
    """What is to be marked in one field of a text of one language, in terms."""

    sequences: set[_Sequence] = field(default_factory=set)
    beginnings: list[Beginning] = field(default_factory=list)
    nears: list[tuple[set[_Sequence], set[_Sequence], int]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.sequences or self.beginnings or self.nears)


def highlight(text: str, language: str, node: Node | None, field: TextField, size: int) -> list[str]:
    """Fragments of ``text`` with every match in ``<mark>``, HTML-escaped; none where nothing matched.

    A title comes whole. A body gives up to three fragments of about ``size`` characters, the fullest ones
    in the order of the text. Words of a phrase are marked only where the phrase stands, those beside a
    ``near/N`` only where both sides are close; what the query excludes is never marked.
    """
    wanted = _Wanted()
    _collect(node, language, field, wanted)
    # Without anything to mark the text is not analysed: that would cost more than all the rest of a search.
    spans = _find(text, language, wanted) if wanted else []
    if not spans:
        return []
    if field == "title":
        return [_mark(text, (0, len(text)), spans)]
    return [_mark(text, window, spans) for window in _windows(text, spans, size)]


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


def _find(text: str, language: str, wanted: _Wanted) -> list[_Span]:
    """Where it stands, in order, spans that overlap made one."""
    found = locate(text, language)
    spans: list[_Span] = []
    for number in sorted(_numbers([term for term, _, _ in found], wanted)):
        _, start, end = found[number]
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _numbers(found: list[str], wanted: _Wanted) -> set[int]:
    """Which of the text's terms are to be marked."""
    places = list(_places(found, wanted.sequences))
    for left, right, distance in wanted.nears:
        places += _close(list(_places(found, left)), list(_places(found, right)), distance)
    numbers = {number for start, end in places for number in range(start, end)}
    if wanted.beginnings:
        numbers.update(at for at, term in enumerate(found) if any(one.has(term) for one in wanted.beginnings))
    return numbers


def _places(found: list[str], sequences: set[_Sequence]) -> Iterator[_Span]:
    """Where the sequences stand among the terms, in order of their first ones."""
    by_first: dict[str, list[_Sequence]] = {}
    for sequence in sequences:
        by_first.setdefault(sequence[0], []).append(sequence)
    for at, term in enumerate(found):
        for sequence in by_first.get(term, ()):
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
