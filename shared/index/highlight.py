"""Marks what a query found in a text, by the analysis the index uses; the answer is safe HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from shared.index.analysis import locate, terms
from shared.index.query import And, Node, Not, Or, Phrase, TextField, Word

MAX_FRAGMENTS = 3

_Span = tuple[int, int]
_EDGE = re.compile(r"\s")


def highlight(text: str, language: str, node: Node | None, field: TextField, size: int) -> list[str]:
    """Fragments of ``text`` with every match in ``<mark>``, HTML-escaped; none where nothing matched.

    A title comes whole. A body gives up to three fragments of about ``size`` characters, the fullest ones
    in the order of the text. Words of a phrase are marked only where the phrase stands; what the query
    excludes is never marked.
    """
    sequences = {sequence for sequence in _wanted(node, language, field) if sequence}
    # Without anything to mark the text is not analysed: that would cost more than all the rest of a search.
    spans = _find(text, language, sequences) if sequences else []
    if not spans:
        return []
    if field == "title":
        return [_mark(text, (0, len(text)), spans)]
    return [_mark(text, window, spans) for window in _windows(text, spans, size)]


def _wanted(
    node: Node | None, language: str, field: TextField, *, excluded: bool = False
) -> Iterator[tuple[str, ...]]:
    match node:
        case Word(text, where) | Phrase(text, where):
            if not excluded and where in (None, field):
                yield tuple(terms(text, language).split())
        case And(children) | Or(children):
            for child in children:
                yield from _wanted(child, language, field, excluded=excluded)
        case Not(child):
            yield from _wanted(child, language, field, excluded=not excluded)


def _find(text: str, language: str, sequences: set[tuple[str, ...]]) -> list[_Span]:
    """Where the sequences stand, in order, spans that overlap made one."""
    found = locate(text, language)
    spans: list[_Span] = []
    for number in sorted(_numbers([term for term, _, _ in found], sequences)):
        _, start, end = found[number]
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _numbers(found: list[str], sequences: set[tuple[str, ...]]) -> set[int]:
    """Which of the text's terms belong to one of the sequences."""
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for sequence in sequences:
        by_first.setdefault(sequence[0], []).append(sequence)
    numbers: set[int] = set()
    for at, term in enumerate(found):
        for sequence in by_first.get(term, ()):
            if tuple(found[at : at + len(sequence)]) == sequence:
                numbers.update(range(at, at + len(sequence)))
    return numbers


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
