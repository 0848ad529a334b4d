"""Text that was wrapped at a fixed width, as wires and mail send it, back into paragraphs."""

from __future__ import annotations

from itertools import pairwise

WIDTH = (40, 100)
LEAST_PAIRS = 4
WRAPPED_SHARE = 0.85
MIDDLE_SHARE = 0.4  # of the lines begin in the middle of a sentence; those of a list do not


def unwrap(text: str) -> str:
    """Join the lines of wrapped paragraphs; a text that was not wrapped comes back as it is.

    Lines were wrapped when, nearly always, the next line's first word would not have fitted on them. The
    paragraphs must be set apart by blank lines or indents, as they no longer are in a text that was joined.
    """
    lines = [line.rstrip() for line in text.splitlines()]
    width = max(map(len, lines), default=0)
    if not WIDTH[0] <= width <= WIDTH[1]:
        return text
    pairs = [(one, two) for one, two in pairwise(lines) if one and _continues(two)]
    full = sum(len(one) + 1 + len(two.split(maxsplit=1)[0]) > width for one, two in pairs)
    apart = sum(1 for line in lines[1:] if not _continues(line))
    middle = sum(two[0].islower() for _, two in pairs)
    if not apart or len(pairs) < LEAST_PAIRS or full < WRAPPED_SHARE * len(pairs):
        return text
    if middle < MIDDLE_SHARE * len(pairs):
        return text
    return "\n".join(_paragraphs(lines))


def _continues(line: str) -> bool:
    """Whether a line can go on with the paragraph of the one above it."""
    return bool(line) and not line[0].isspace()


def _paragraphs(lines: list[str]) -> list[str]:
    joined: list[str] = []
    open_above = False
    for line in lines:
        if open_above and _continues(line):
            joined[-1] += " " + line
        else:
            joined.append(line)
        open_above = bool(line)
    return joined
