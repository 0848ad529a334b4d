"""What differs between two revisions of an article, word by word, as values and as safe HTML.

Paragraphs are matched first, then the words of those that changed. A paragraph that shares too little with
its successor is told as one that went and one that came: a patchwork of small words cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal

from markupsafe import Markup, escape

from services.search.matching import Block, Effort, match
from services.search.words import is_word, split_words
from shared.article import Article

RunOp = Literal["equal", "insert", "delete"]
ParagraphOp = Literal["equal", "insert", "delete", "change"]
LEAST_SHARED: Final = 0.3  # of the words of the longer of two paragraphs; below that they are two
# What else a revision may change, beside its text.
FIELDS: Final = (
    "authors", "language", "url", "canonical_url", "image_url", "published_at", "modified_at", "version",
    "pub_status", "embargo_until", "expires_at", "source_keywords",
)  # fmt: skip
# A word or sign, and the same with the spaces that follow it; only the word is compared.
_Unit = tuple[str, str]
_Value = str | int | datetime | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Run:
    """Words that both have, or only the older (``delete``), or only the newer (``insert``)."""

    op: RunOp
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of either body; only in one that changed do the runs differ in kind."""

    op: ParagraphOp
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field beside the text that has another value now."""

    field: str
    before: _Value
    after: _Value


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs; ``inserted`` and ``deleted`` count words.

    ``complete`` is False where the texts are so long and unlike that a part was not compared word by word:
    it is told as deleted and inserted whole.
    """

    title: tuple[Run, ...]
    summary: tuple[Run, ...]
    body: tuple[Paragraph, ...]
    fields: tuple[FieldChange, ...]
    inserted: int
    deleted: int
    complete: bool


def compare_revisions(old: Article, new: Article) -> Difference:
    """What differs between two revisions, in bounded time (about a second for 300,000 characters each)."""
    effort = Effort()
    title, summary = (
        tuple(_compare(_units(before), _units(after), effort))
        for before, after in ((old.title, new.title), (old.summary or "", new.summary or ""))
    )
    body = tuple(_paragraphs(_split(old.body), _split(new.body), effort))
    runs = [*title, *summary, *(run for paragraph in body for run in paragraph.runs)]
    return Difference(
        title, summary, body, tuple(_fields(old, new)), _count(runs, "insert"), _count(runs, "delete"),
        complete=not effort.spent,
    )  # fmt: skip


def difference_html(difference: Difference, language: str = "und") -> Markup:
    """The texts with ``<ins>`` and ``<del>``, everything else escaped; a fragment, not a whole page."""
    code = f' lang="{escape(language)}"' if language != "und" else ""
    title = f"<h1>{runs_html(difference.title)}</h1>\n"
    summary = f'<p class="summary">{runs_html(difference.summary)}</p>\n' if difference.summary else ""
    body = "".join(f'<p class="{one.op}">{runs_html(one.runs)}</p>\n' for one in difference.body)
    whole = f'<article class="diff"{code} dir="auto">\n{title}{summary}{body}</article>\n'
    return Markup(whole)  # noqa: S704 - every text in it was escaped


def runs_html(runs: Iterable[Run]) -> Markup:
    """Runs as HTML: what is only in one of the texts stands in ``<ins>`` or ``<del>``."""
    frames = {"equal": ("", ""), "insert": ("<ins>", "</ins>"), "delete": ("<del>", "</del>")}
    parts = (f"{frames[run.op][0]}{escape(run.text)}{frames[run.op][1]}" for run in runs)
    return Markup("".join(parts))  # noqa: S704 - the texts were escaped


def _units(text: str) -> list[_Unit]:
    found: list[_Unit] = []
    for token in split_words(text):
        if token.isspace() and found:
            word, before = found[-1]
            found[-1] = (word, before + token)
        else:
            found.append((token, token))
    return found


def _split(body: str) -> list[str]:
    return [line.strip() for line in body.split("\n") if line.strip()]


def _paragraphs(old: Sequence[str], new: Sequence[str], effort: Effort) -> Iterator[Paragraph]:
    at = place = 0
    for block in [*match(old, new, effort), Block(len(old), len(new), 0)]:
        yield from _changed(old[at : block.old], new[place : block.new], effort)
        for text in new[block.new : block.new + block.size]:
            yield Paragraph("equal", (Run("equal", text),))
        at, place = block.old + block.size, block.new + block.size


def _changed(old: Sequence[str], new: Sequence[str], effort: Effort) -> Iterator[Paragraph]:
    """Paragraphs none of which is the same as before: each beside its successor, where it has one."""
    before, after = [_units(text) for text in old], [_units(text) for text in new]
    at = place = 0
    pairs = _pairs(before, after, effort) if old and new else []
    for one, other in [*pairs, (len(old), len(new))]:
        yield from (Paragraph("delete", (Run("delete", text),)) for text in old[at:one])
        yield from (Paragraph("insert", (Run("insert", text),)) for text in new[place:other])
        if one < len(old):
            yield from _pair(before[one], after[other], effort)
        at, place = one + 1, other + 1


def _pair(old: Sequence[_Unit], new: Sequence[_Unit], effort: Effort) -> Iterator[Paragraph]:
    runs = tuple(_compare(old, new, effort))
    shared = _count(runs, "equal")
    longer = shared + max(_count(runs, "insert"), _count(runs, "delete"))
    if shared < LEAST_SHARED * longer:
        yield Paragraph("delete", (Run("delete", _text(old)),))
        yield Paragraph("insert", (Run("insert", _text(new)),))
    else:
        yield Paragraph("change", runs)


def _pairs(
    old: Sequence[Sequence[_Unit]], new: Sequence[Sequence[_Unit]], effort: Effort
) -> list[tuple[int, int]]:
    """Which paragraph became which: those that have most pairs of words in common, none crossing another."""
    if len(old) == len(new) == 1:
        return [(0, 0)]
    here, there = list(_word_pairs(old)), list(_word_pairs(new))
    votes: dict[tuple[int, int], int] = {}
    for block in match([pair for _, pair in here], [pair for _, pair in there], effort):
        for step in range(block.size):
            key = (here[block.old + step][0], there[block.new + step][0])
            votes[key] = votes.get(key, 0) + 1
    taken: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for one, other in sorted(votes, key=lambda key: (-votes[key], key)):
        if one not in taken[0] and other not in taken[1]:
            taken[0][one], taken[1][other] = other, one
    return _with_lone(sorted(taken[0].items()), len(old), len(new))


def _word_pairs(paragraphs: Sequence[Sequence[_Unit]]) -> Iterator[tuple[int, tuple[str, str]]]:
    for number, units in enumerate(paragraphs):
        words = [word.casefold() for word, _ in units if is_word(word)]
        yield from ((number, pair) for pair in pairwise(words))


def _with_lone(pairs: Sequence[tuple[int, int]], old: int, new: int) -> list[tuple[int, int]]:
    """Put a single paragraph that is left between two pairs beside the single one across from it."""
    found: list[tuple[int, int]] = []
    at = place = 0
    for one, other in [*pairs, (old, new)]:
        if one - at == other - place == 1:
            found.append((at, place))
        if one < old:
            found.append((one, other))
        at, place = one + 1, other + 1
    return found


def _compare(old: Sequence[_Unit], new: Sequence[_Unit], effort: Effort) -> list[Run]:
    blocks = match([word for word, _ in old], [word for word, _ in new], effort)
    return _runs(old, new, _readable(old, new, blocks))


def _readable(old: Sequence[_Unit], new: Sequence[_Unit], blocks: list[Block]) -> list[Block]:
    """Without common words that are fewer than what changes on both of their sides."""
    while True:
        kept: list[Block] = []
        for number, block in enumerate(blocks):
            last = kept[-1] if kept else Block(0, 0, 0)
            following = blocks[number + 1] if number + 1 < len(blocks) else Block(len(old), len(new), 0)
            before = max(
                _length(old, last.old + last.size, block.old), _length(new, last.new + last.size, block.new)
            )
            after = max(
                _length(old, block.old + block.size, following.old),
                _length(new, block.new + block.size, following.new),
            )
            if _length(new, block.new, block.new + block.size) > min(before, after):
                kept.append(block)
        if len(kept) == len(blocks):
            return kept
        blocks = kept


def _length(units: Sequence[_Unit], start: int, end: int) -> int:
    return sum(len(word) for word, _ in units[start:end])


def _runs(old: Sequence[_Unit], new: Sequence[_Unit], blocks: Sequence[Block]) -> list[Run]:
    runs: list[Run] = []
    at = place = 0
    for block in [*blocks, Block(len(old), len(new), 0)]:
        gone, come = _text(old[at : block.old]), _text(new[place : block.new])
        common = _text(new[block.new : block.new + block.size])
        space = come[len(come.rstrip()) :]
        if gone and at and old[at - 1][1] != old[at - 1][0] and new[place - 1][1] == new[place - 1][0]:
            gone = old[at - 1][1].removeprefix(old[at - 1][0]) + gone  # the space before it went with it
        if gone and come and space and gone.endswith(space) and common:
            gone, come, common = gone.removesuffix(space), come.removesuffix(space), space + common
        runs += [Run("delete", gone)] if gone else []
        runs += [Run("insert", come)] if come else []
        runs += [Run("equal", common)] if common else []
        at, place = block.old + block.size, block.new + block.size
    return runs


def _text(units: Iterable[_Unit]) -> str:
    return "".join(text for _, text in units)


def _count(runs: Iterable[Run], op: RunOp) -> int:
    return sum(is_word(token) for run in runs if run.op == op for token in split_words(run.text))


def _fields(old: Article, new: Article) -> Iterator[FieldChange]:
    for name in FIELDS:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield FieldChange(name, before, after)
