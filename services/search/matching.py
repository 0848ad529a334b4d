"""What two sequences have in common, in order, found in bounded time however long and unlike they are.

Ends that agree are set aside; then what stands exactly once on both sides divides the rest (Bram Cohen's
patience diff), first single tokens, then runs of three; where nothing does, Myers' shortest edit (1986)
decides, up to ``MOST_EDITS``. When the effort is spent, what has not been compared counts as unlike.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from typing import Final, NamedTuple

MOST_EDITS: Final = 300  # of one gap; Myers takes time and memory by its square
RUN: Final = 3
# About a second in the worst case found: two texts of 300,000 characters made of few words.
DEFAULT_EFFORT: Final = 3_000_000


class Block(NamedTuple):
    """``size`` equal members, from ``old`` in one sequence and from ``new`` in the other."""

    old: int
    new: int
    size: int


class Effort:
    """How many steps one comparison may still take; shared by all its parts."""

    def __init__(self, steps: int = DEFAULT_EFFORT) -> None:
        self._left = steps
        self.spent = False  # something was not compared for want of steps

    def take(self, steps: int) -> bool:
        """Use up some steps; False when they are no longer there."""
        if steps > self._left:
            self.spent = True
            return False
        self._left -= steps
        return True


def match(old: Sequence[Hashable], new: Sequence[Hashable], effort: Effort) -> list[Block]:
    """The common blocks of two sequences, in order, none touching the next on both sides."""
    blocks: list[Block] = []
    gaps = [(0, len(old), 0, len(new))]
    while gaps:
        gap, ends = _strip(old, new, gaps.pop())
        blocks += ends
        start, end, new_start, new_end = gap
        if start == end or new_start == new_end or not effort.take(end - start + new_end - new_start):
            continue
        found = _anchors(old, new, gap, 1) or _anchors(old, new, gap, RUN)
        if found:
            blocks += found
            gaps += reversed(list(_between(found, gap)))  # the text's beginning is compared first
        else:
            blocks += _shortest(old[start:end], new[new_start:new_end], start, new_start, effort)
    return _joined(sorted(blocks))


def _strip(
    old: Sequence[Hashable], new: Sequence[Hashable], gap: tuple[int, int, int, int]
) -> tuple[tuple[int, int, int, int], list[Block]]:
    """A gap without the ends that agree, and these."""
    start, end, new_start, new_end = gap
    size = 0
    while start + size < end and new_start + size < new_end and old[start + size] == new[new_start + size]:
        size += 1
    tail = 0
    while (
        end - tail > start + size and new_end - tail > new_start + size
        and old[end - tail - 1] == new[new_end - tail - 1]
    ):  # fmt: skip
        tail += 1
    ends = [Block(start, new_start, size), Block(end - tail, new_end - tail, tail)]
    return (start + size, end - tail, new_start + size, new_end - tail), [one for one in ends if one.size]


def _anchors(
    old: Sequence[Hashable], new: Sequence[Hashable], gap: tuple[int, int, int, int], size: int
) -> list[Block]:
    """The longest rising chain of what stands once on both sides; chains of runs may not overlap."""
    start, end, new_start, new_end = gap
    there = _once(new, new_start, new_end, size)
    here = _once(old, start, end, size)
    pairs = [(at, there[token]) for token, at in here.items() if token in there]
    chain: list[Block] = []
    for at, place in _rising(pairs):
        last = chain[-1] if chain else None
        if last is None or (at >= last.old + size and place >= last.new + size):
            chain.append(Block(at, place, size))
    return chain


def _once(tokens: Sequence[Hashable], start: int, end: int, size: int) -> dict[Hashable, int]:
    """Where each token (or run of them) stands that stands only once, in the order of the places."""
    found: dict[Hashable, int] = {}
    for at in range(start, end - size + 1):
        token = tokens[at] if size == 1 else tuple(tokens[at : at + size])
        found[token] = -1 if token in found else at
    return {token: at for token, at in found.items() if at >= 0}


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of pairs, sorted by their firsts, in which the seconds rise too."""
    tops: list[int] = []
    holders: list[int] = []  # which pair is on top of each pile
    before: list[int] = []  # the pair on top of the pile to the left, as each was laid
    for number, (_, place) in enumerate(pairs):
        pile = bisect_left(tops, place)
        before.append(holders[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [place]
        holders[pile : pile + 1] = [number]
    chain = []
    number = holders[-1] if holders else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _between(blocks: Sequence[Block], gap: tuple[int, int, int, int]) -> Iterator[tuple[int, int, int, int]]:
    start, end, new_start, new_end = gap
    for block in blocks:
        yield start, block.old, new_start, block.new
        start, new_start = block.old + block.size, block.new + block.size
    yield start, end, new_start, new_end


def _shortest(
    old: Sequence[Hashable], new: Sequence[Hashable], shift: int, new_shift: int, effort: Effort
) -> list[Block]:
    """The blocks that a shortest edit leaves; none when that takes too many edits, or too long."""
    reach = {1: 0}
    trail: list[dict[int, int]] = []
    for edits in range(min(len(old) + len(new), MOST_EDITS) + 1):
        if not effort.take(2 * edits + 1):
            return []
        trail.append(reach.copy())
        for line in range(-edits, edits + 1, 2):
            is_down = line == -edits or (line != edits and reach[line - 1] < reach[line + 1])
            x = reach[line + 1] if is_down else reach[line - 1] + 1
            y = x - line
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x, y = x + 1, y + 1
            reach[line] = x
            if x >= len(old) and y >= len(new):
                return _walk_back(trail, len(old), len(new), shift, new_shift)
    effort.spent = True
    return []


def _walk_back(trail: Sequence[dict[int, int]], x: int, y: int, shift: int, new_shift: int) -> list[Block]:
    blocks: list[Block] = []
    for edits in range(len(trail) - 1, -1, -1):
        reach, line = trail[edits], x - y
        is_down = line == -edits or (line != edits and reach[line - 1] < reach[line + 1])
        from_line = line + 1 if is_down else line - 1
        start = reach[from_line] if edits else 0
        new_start = start - from_line if edits else 0
        first = start if is_down or not edits else start + 1
        if x > first:
            blocks.append(Block(first + shift, first - line + new_shift, x - first))
        x, y = start, new_start
    return blocks


def _joined(blocks: Sequence[Block]) -> list[Block]:
    found: list[Block] = []
    for block in blocks:
        last = found[-1] if found else None
        if last is not None and (last.old + last.size, last.new + last.size) == (block.old, block.new):
            found[-1] = Block(last.old, last.new, last.size + block.size)
        else:
            found.append(block)
    return found
